"""Many runs at once: rows equal single runs, a killed sweep resumes, failures keep their row."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest
import torch

import algan_lite as al
from algan_lite.core.rng import draw, stream

module = import_module("algan_lite.studies.sweep")  # the name in the package is the function
RING = al.data.ring()
SHORT = al.TrainConfig(num_steps=6, batch_size=16, regularizers={"r1": 0.1})
SIZES = {"width": 8, "depth": 1}


def rows(configs: object, seeds: range = range(2), **options: object) -> pd.DataFrame:
    return al.sweep(RING, configs, seeds, sizes=SIZES, num_samples=40, progress=False, **options)


def test_a_row_equals_the_same_run_alone() -> None:
    arms = {
        "weak": SHORT,
        "strong": replace(SHORT, regularizers={"r1": 3.0}),
        "picky": replace(SHORT, strategy="top_k", pool_factor=2),
    }
    table = rows(arms, range(3))
    assert list(zip(table["arm"], table["seed"], strict=True)) == [(arm, seed) for arm in arms for seed in range(3)]
    G, D = al.models.mlp_pair(seed=2, **SIZES)
    history = al.train(G, D, RING, arms["strong"], seed=2, progress=False)
    z = draw(stream(0, "sweep"), (40, 2), "cpu")
    row = table.query("arm == 'strong' and seed == 2").iloc[0]
    with torch.no_grad():
        assert row["reverse_kl"] == pytest.approx(al.METRICS["reverse_kl"](G(z), RING).item(), abs=1e-9)
        assert row["ema_reverse_kl"] == pytest.approx(al.METRICS["reverse_kl"](history.G_ema(z), RING).item(), abs=1e-9)
    assert table.query("arm == 'picky'")["num_calls"].tolist() == [6 * 32] * 3


def test_runs_train_in_groups_and_in_processes_alike() -> None:
    together, apart = rows(SHORT, range(4)), rows(SHORT, range(4), runs_at_once=1, jobs=2)
    names = ["mode_coverage", "quality_4sigma", "reverse_kl"]
    pd.testing.assert_frame_equal(together[names], apart[names], atol=1e-6)


def test_a_schedule_of_lambda_stays_one() -> None:
    fading = replace(SHORT, regularizers={"r1": lambda step: 1.0 / (1 + step)})
    assert len(rows({"fading": fading, "constant": SHORT})) == 4


def test_a_killed_sweep_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "runs.csv"
    first = rows({"a": SHORT}, path=path)
    trained: list[list] = []
    real = module.train_group
    monkeypatch.setattr(module, "train_group", lambda *args: trained.append(list(args[2].runs)) or real(*args))
    both = rows({"a": SHORT, "b": replace(SHORT, loss="hinge")}, path=path)
    assert trained == [[("b", 0), ("b", 1)]]
    pd.testing.assert_frame_equal(both.iloc[:2], first)
    assert [file.name for file in tmp_path.iterdir()] == ["runs.csv"]
    with pytest.raises(ValueError, match=r"path must hold runs of the same settings; .*arm 'a'"):
        rows({"a": replace(SHORT, lr=0.5)}, path=path)


def test_diverged_runs_keep_their_row() -> None:
    table = rows(replace(SHORT, num_steps=30, lr=1e12), range(2))
    assert len(table) == 2
    assert (table["diverged_at"] > 0).all()
    assert table["mode_coverage"].isna().all()


def test_data_without_modes_get_distances() -> None:
    table = al.sweep(al.data.two_moons(), SHORT, range(2), sizes=SIZES, num_samples=60, progress=False)
    assert {"frechet_distance", "kid", "ema_recall"} <= set(table)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"runs_at_once": 0}, r"runs_at_once must be in \[1, inf\); got 0"),
        ({"num_samples": 1}, r"num_samples must be in \[2, inf\); got 1"),
        ({"metrics": ["fid"]}, r"metric must be one of .*got 'fid'"),
    ],
)
def test_bad_values_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        al.sweep(RING, SHORT, range(2), **options)

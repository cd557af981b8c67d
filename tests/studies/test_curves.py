"""Measures at several times of a run: they disturb nothing, resume, and end where a run without them ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import RING
from joblib import parallel_config
from studies.crew import pair, same
from studies.crew import sweep as crew_sweep

import algan_lite as al
from algan_lite.core.rng import draw, stream
from algan_lite.studies.curves import look_steps
from algan_lite.studies.tables import read_table
from algan_lite.training.callbacks import Snapshots

SHORT = al.TrainConfig(num_steps=40, batch_size=16, regularizers={"r1": 0.1})
ARMS = {
    "weak": SHORT,
    "strong": replace(SHORT, regularizers={"r1": 3.0}),
    "picky": replace(SHORT, num_steps=18, strategy="top_k", pool_factor=2),
}
SIZES = {"width": 8, "depth": 1}


def rows(configs: object = ARMS, seeds: range = range(2), **options: object) -> pd.DataFrame:
    return al.sweep(RING, configs, seeds, sizes=SIZES, num_samples=40, progress=False, **options)


def last(table: pd.DataFrame) -> pd.DataFrame:
    return table.groupby(["arm", "seed"], sort=False).tail(1).reset_index(drop=True)


@pytest.mark.parametrize("engine", ["eager", "graph"])
@pytest.mark.parametrize("seeds", [range(2), range(1)])
def test_the_last_look_is_the_row_without_looks(engine: str, seeds: range) -> None:
    curves, ends = rows(looks=5, seeds=seeds, engine=engine), rows(seeds=seeds, engine=engine)
    assert list(curves)[:4] == ["arm", "seed", "step", "passes"]
    assert "step" not in ends
    same(last(curves)[list(ends)], ends)
    assert last(curves)["step"].tolist() == [ARMS[arm].num_steps for arm in ends["arm"]]


@pytest.mark.parametrize("engine", ["eager", "graph"])
def test_a_look_is_what_the_networks_are_then(engine: str) -> None:
    config = replace(SHORT, ema_decay=0.5)
    table, seen = rows({"a": config}, looks=[3, 17], engine=engine), Snapshots([3, 17, 40])
    Gs, Ds = al.models.ensemble(al.models.mlp_pair, seed=[0, 1], **SIZES)
    history = al.train(Gs, Ds, RING, config, seed=[0, 1], callbacks=[seen], engine=engine, progress=False)
    z = draw(stream(0, "sweep"), (40, 2), "cpu")
    assert table["step"].tolist() == [3, 17, 40] * 2
    with torch.no_grad():
        values = {step: al.METRICS["reverse_kl"](G(z), RING) for step, (G, _) in seen.pairs.items()}
        average = al.METRICS["reverse_kl"](history.G_ema(z), RING)
    for seed in (0, 1):
        run = table[table["seed"] == seed].set_index("step")
        assert run["reverse_kl"].tolist() == [values[step][seed].item() for step in (3, 17, 40)]
        assert run.loc[40, "ema_reverse_kl"] == average[seed].item()
        assert run["ema_reverse_kl"].nunique() == run["reverse_kl"].nunique() == 3


def test_what_a_run_has_cost_until_a_look() -> None:
    table = rows(looks=4)
    cost = {"weak": 4, "strong": 4, "picky": 9}
    assert table["passes"].tolist() == [step * cost[arm] * 16 for arm, step in zip(table.arm, table.step, strict=True)]
    assert table["passes"].dtype == table["step"].dtype == int
    picky = table[table["arm"] == "picky"]
    assert (picky["num_calls"] == picky["step"] * 32).all()
    assert all(np.diff(run["seconds"]).min() > 0 for _, run in table.groupby(["arm", "seed"]))


def test_steps_are_evenly_spaced_on_a_log_scale() -> None:
    assert look_steps(3, 10_000) == (100, 1000, 10_000)
    assert look_steps(8, 2000) == (20, 39, 75, 144, 278, 537, 1036, 2000)
    shares = [[step / n for step in look_steps(8, n)] for n in (2000, 889)]
    np.testing.assert_allclose(*shares, atol=1 / 889)  # look j after the same share of every run
    assert look_steps(5, 3) == (1, 2, 3)
    assert look_steps((30, 10, 99), 50) == (10, 30, 50)
    assert look_steps((50,), 50) == look_steps((), 50) == (50,)


def test_a_killed_sweep_resumes(tmp_path: Path) -> None:
    whole, path = rows(looks=4, path=tmp_path / "whole.csv"), tmp_path / "runs.csv"
    rows({"weak": SHORT}, range(1), looks=4, path=path)  # as far as the first one came
    same(rows(looks=4, path=path), whole)
    before = path.read_bytes()
    same(rows(looks=4, path=path), whole)
    assert path.read_bytes() == before
    for other in (5, [3], ()):
        with pytest.raises(ValueError, match=r"path must hold runs of the same settings; .*arm 'weak'"):
            rows(looks=other, path=path)
    same(rows({"picky": ARMS["picky"]}, looks=4, path=path), whole.iloc[16:].reset_index(drop=True))


def test_workers_measure_what_one_process_measures(tmp_path: Path) -> None:
    options = {"looks": 3, "runs_at_once": 2, "engine": "eager"}
    with parallel_config(backend="threading"):
        same(rows(jobs=2, path=tmp_path / "a.csv", **options), rows(**options))


def test_a_diverged_run_has_no_values_from_there_on() -> None:
    table = rows(replace(SHORT, lr=1e12), looks=[1, 2, 20], engine="eager")
    for _, run in table.groupby("seed"):
        at = run["diverged_at"].max()
        assert 1 < at <= 20
        known = run.set_index("step")["reverse_kl"].notna()
        assert known.tolist() == (known.index < at).tolist()
        assert run["diverged_at"].tolist() == [at if step >= at else -1 for step in run["step"]]
        assert run["step"].tolist() == [1, 2, 20, 40]


def test_one_that_stops_early_ends_there() -> None:
    stopped = replace(SHORT, equilibrium=al.Equilibrium(tolerance=0.5, patience=1, every=7, num_samples=4))
    table = rows(stopped, looks=[3, 7, 30], engine="eager")
    assert table["step"].tolist() == [3, 7] * 2
    same(last(table)[list(rows(stopped, engine="eager"))], rows(stopped, engine="eager"))


def test_a_failed_run_has_a_row_a_look_and_is_tried_again(tmp_path: Path) -> None:
    path, options = tmp_path / "runs.csv", {"configs": {"a": FEWER}, "looks": [2, 4]}
    with pytest.warns(RuntimeWarning, match="1 of 4 runs failed"):
        table = crew_sweep(sizes={"bad": (2,)}, **options)
    assert table["step"].tolist() == [2, 4, 6] * 4
    failed = table["seed"] == 2
    assert table.loc[failed, "reverse_kl"].isna().all()
    assert table.loc[~failed, "reverse_kl"].notna().all()
    with pytest.raises(ValueError, match="seed must be another; got 2"):
        crew_sweep(sizes={"bad": (2,)}, seeds=[2], path=path, **options)
    assert len(read_table("path", path)) == 3
    same(crew_sweep(path=path, **options), crew_sweep(**options))
    assert len(read_table("path", path)) == 12


def test_rows_of_a_failure_go_where_the_run_then_stops_early(tmp_path: Path) -> None:
    rule = al.Equilibrium(tolerance=0.5, patience=1, every=4, num_samples=4)
    path, options = tmp_path / "runs.csv", {"configs": {"a": replace(FEWER, equilibrium=rule)}, "looks": [2]}
    with pytest.raises(ValueError, match="seed must be another; got 2"):
        crew_sweep(sizes={"bad": (2,)}, seeds=[2], path=path, **options)
    assert read_table("path", path)["step"].tolist() == [2, 6]
    assert crew_sweep(seeds=[2], path=path, **options)["step"].tolist() == [2, 4]
    assert read_table("path", path)["step"].tolist() == [2, 4]


FEWER = al.TrainConfig(num_steps=6, batch_size=8)


@pytest.mark.parametrize(
    ("looks", "error", "message"),
    [
        (1, ValueError, r"looks must be in \[2, inf\); got 1"),
        (True, TypeError, r"looks must be an integer in \[2, inf\); got True"),
        ([0], ValueError, r"looks must be in \[1, 40\]; got 0"),
        ([41], ValueError, r"looks must be in \[1, 40\]; got 41"),
        ([3, 3], ValueError, r"looks must be different steps; got \[3, 3\]"),
        ("3", TypeError, "looks must be a number of looks, or a sequence of steps; got '3'"),
        (2.5, TypeError, "looks must be a number of looks, or a sequence of steps; got 2.5"),
    ],
)
def test_bad_looks_are_refused(looks: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        rows(looks=looks)


def test_a_pair_of_ones_own_has_curves() -> None:
    table = al.sweep(RING, FEWER, range(2), pair=pair, looks=2, num_samples=20, progress=False)
    assert table["step"].tolist() == [1, 6] * 2

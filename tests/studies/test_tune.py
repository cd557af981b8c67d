"""Tuning: the same luck for every arm, the best by the mean, failures count, a killed one resumes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import RING
from studies.crew import pair

import algan_lite as al
from algan_lite.studies import Tuning
from algan_lite.studies.tune import SPACE

PLAIN = al.TrainConfig(num_steps=5, batch_size=8, betas=(0.9, 0.99), lr=1e-3, lr_D=4e-3)
ARMS = {"plain": PLAIN, "picky": replace(PLAIN, strategy="top_k", lr_D=None, regularizers={"r1": 1.0, "r2": 2.0})}


def tune(arms: object = ARMS, **changes: object) -> Tuning:
    given = {"measure": "quality_3sigma", "trials": 3, "seeds": range(2), "sizes": {"width": 4, "depth": 1}}
    given |= {"num_samples": 30, "progress": False, "engine": "eager"}
    return al.tune(RING, arms, **{**given, **changes})


def test_every_arm_has_the_same_trials() -> None:
    found = tune()
    assert len(found.runs) == 2 * 3 * 2
    plain, picky = (found.runs[found.runs["arm"] == arm].reset_index() for arm in ARMS)
    for name in ("trial", "seed", "lr", "beta1"):
        assert plain[name].tolist() == picky[name].tolist()
    assert plain["lam"].isna().all()
    assert picky["lam"].between(*SPACE["lam"]).all()
    rows = found.runs.set_index(["arm", "trial", "seed"]).xs(0, level="seed")
    for (arm, trial), config in found.configs.items():
        row = rows.loc[(arm, trial)]
        lams = {} if arm == "plain" else dict.fromkeys(("r1", "r2"), row["lam"])
        lr_D = pytest.approx(4 * row["lr"]) if arm == "plain" else None
        assert (config.lr, config.lr_D, config.betas) == (row["lr"], lr_D, (row["beta1"], 0.99))
        assert config == replace(ARMS[arm], lr=config.lr, lr_D=config.lr_D, betas=config.betas, regularizers=lams)


def test_the_runs_are_those_of_a_sweep_with_the_settings() -> None:
    found = tune()
    best = found.best["picky"]
    again = al.sweep(
        RING, best, range(2), sizes={"width": 4, "depth": 1}, num_samples=30, engine="eager", progress=False
    )
    trial = found.trials.query("arm == 'picky'").iloc[0]
    assert again["quality_3sigma"].mean() == pytest.approx(trial["quality_3sigma"], abs=1e-9)


def test_draws_are_log_uniform_and_of_the_seed() -> None:
    space = {"lr": (1e-4, 1e-2), "beta1": (0.0, 0.5, 0.9)}
    found = tune(PLAIN, space=space, trials=60, seeds=[0], metrics=[])
    logs = np.log10(found.trials["lr"])
    assert found.trials["lr"].between(1e-4, 1e-2).all()
    assert abs(logs.mean() + 3) < 4 * math.sqrt(4 / 12 / 60)
    assert set(found.trials["beta1"]) == {0.0, 0.5, 0.9}
    assert "lam" not in found.runs
    fewer = tune(PLAIN, space=space, trials=2, seeds=[0], metrics=[])
    first = found.runs[found.runs["trial"] < 2]
    assert fewer.runs[["lr", "beta1"]].to_numpy().tolist() == first[["lr", "beta1"]].to_numpy().tolist()
    other = tune(PLAIN, space=space, trials=2, seeds=[0], metrics=[], seed=1)
    assert set(other.runs["lr"]).isdisjoint(fewer.runs["lr"])


def made_up(values: dict[str, list[float]], measure: str) -> Tuning:
    rows = [
        {"arm": arm, "trial": k, "lr": 0.1 * (k + 1), "seed": seed, measure: value}
        for arm, column in values.items()
        for k in range(2)
        for seed, value in enumerate(column[2 * k : 2 * k + 2])
    ]
    configs = {(arm, k): replace(PLAIN, lr=0.1 * (k + 1)) for arm in values for k in range(2)}
    return Tuning(pd.DataFrame(rows), configs, measure)


@pytest.mark.parametrize(
    ("measure", "values", "best"),
    [
        ("quality_3sigma", [0.2, 0.4, 0.5, 0.3], 1),
        ("ema_quality_3sigma", [0.2, 0.4, 0.1, 0.3], 0),
        ("quality_3sigma", [math.nan, 0.7, 0.4, 0.4], 1),  # a run that failed counts as 0
        ("reverse_kl", [0.2, 0.4, 0.5, 0.3], 0),
        ("reverse_kl", [math.nan, 0.1, 9.0, 9.0], 1),  # ... or as infinitely bad
        ("spread_ratio", [0.5, 0.5, 1.4, 1.4], 1),
        ("spread_ratio", [0.5, 1.5, 0.7, 0.7], 1),  # each run's own distance counts
    ],
)
def test_the_best_trial_is_known(measure: str, values: list[float], best: int) -> None:
    found = made_up({"b": values, "a": values[::-1]}, measure)
    assert found.trials["arm"].tolist() == ["b", "b", "a", "a"]
    assert found.trials.groupby("arm", sort=False)["trial"].first().tolist() == [best, 1 - best]
    assert {arm: round(config.lr * 10) - 1 for arm, config in found.best.items()} == {"b": best, "a": 1 - best}
    assert found.trials["n"].tolist() == [2] * 4
    assert found.trials["failed"].sum() == 2 * np.isnan(values).sum()


def test_an_arm_without_a_value_has_no_best() -> None:
    found = made_up({"good": [1.0, 1.0, 0.0, 0.0], "lost": [math.nan] * 4}, "quality_3sigma")
    assert len(found.trials) == 4
    with pytest.raises(
        ValueError, match=r"arms must have a run with a value .*; got none of 'lost', of which every one"
    ):
        _ = found.best


def test_rates_that_diverge_lose() -> None:
    found = tune(PLAIN, space={"lr": (1e-3, 1e20)}, trials=4, measure="reverse_kl")
    assert found.trials["failed"].iloc[0] == 0
    assert found.trials["failed"].iloc[-1] == 2
    assert np.isinf(found.trials["reverse_kl"].iloc[-1])
    assert found.best["plain"].lr == found.trials["lr"].iloc[0]


def test_a_killed_tuning_resumes(tmp_path: Path) -> None:
    path = tmp_path / "tuning.csv"
    first = tune({"plain": PLAIN}, path=path, trials=2)
    assert '"' not in path.read_text()
    assert {line.split(",")[0] for line in path.read_text().splitlines()[1:]} == {"plain/0", "plain/1"}
    both = tune(path=path)
    pd.testing.assert_frame_equal(both.runs.iloc[:4], first.runs, check_exact=True)  # their seconds, too


def test_networks_of_ones_own_and_other_data() -> None:
    found = tune(PLAIN, pair=pair, sizes={}, trials=2, measure="ema_reverse_kl")
    assert found.trials["ema_reverse_kl"].notna().all()
    x = al.data.array(RING.sample(80, seed=0))
    found = al.tune(x, PLAIN, measure="kid", trials=1, seeds=[0], num_samples=30, progress=False)
    assert {"kid", "precision"} <= set(found.runs)


REFUSED: dict[str, tuple[dict, type[Exception], str]] = {
    "measure": ({"measure": "beauty"}, ValueError, r"metric must be one of .*; got 'beauty'"),
    "no name": ({"measure": 3}, TypeError, "measure must be a name in METRICS, perhaps with ema_ before it; got 3"),
    "trials": ({"trials": 0}, ValueError, r"trials must be in \[1, inf\); got 0"),
    "space": ({"space": {"width": (1, 2)}}, ValueError, "space must be one of lr, beta1, lam; got 'width'"),
    "nothing": ({"space": {}}, ValueError, r"space must hold 1 or more of lr, beta1, lam; got \{\}"),
    "one end": ({"space": {"lr": [1e-3]}}, ValueError, r"space\['lr'\] must be two numbers, 0 < low <= high; got"),
    "ends": ({"space": {"lam": (2.0, 1.0)}}, ValueError, r"space\['lam'\] must be two numbers, 0 < low <= high; got"),
    "zero": ({"space": {"lam": (0, 1.0)}}, ValueError, r"space\['lam'\] must be in \(0, inf\); got 0"),
    "no choice": ({"space": {"beta1": []}}, ValueError, r"space\['beta1'\] must be 1 or more choices in \[0, 1\); got"),
    "beta1": ({"space": {"beta1": [1.0]}}, ValueError, r"space\['beta1'\] must be 1 or more choices in \[0, 1\); got"),
    "looks": ({"looks": 3}, ValueError, "looks must be left out: a trial is measured at its end; got 3"),
    "a schedule": (
        {"arms": {"a": replace(PLAIN, regularizers={"r1": lambda step: 0.1})}},
        ValueError,
        "space must leave out lam where a lambda is no number; got it with arm 'a'",
    ),
    "an option": ({"colour": 1}, TypeError, "unexpected keyword argument 'colour'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_tuned_is_refused(case: str) -> None:
    changes, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        tune(**changes)


def test_a_schedule_stays_where_lambda_is_left_out() -> None:
    fading: Callable[[int], float] = lambda step: 0.1  # noqa: E731
    found = tune(replace(PLAIN, regularizers={"r1": fading}), space={"lr": (1e-3, 1e-2)}, trials=1)
    assert found.best["plain"].regularizers["r1"] is fading

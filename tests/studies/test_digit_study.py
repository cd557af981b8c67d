"""The studies on digits: arms that differ in one thing each, as many trials for all, and every planned run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import algan_lite as al
from algan_lite.studies import digit_study
from algan_lite.studies.digit_study import AVERAGED, COLUMNS, SPACE, as_stored, digit_arms, trials_and_runs
from algan_lite.studies.plan import Plan
from algan_lite.studies.study import studies

ARMS = ["plain", "plain + R1", "top_k + R1"]
MADE = [name for name in ("digits_long", "digits_conv") if name in studies()]


def differing(one: al.TrainConfig, other: al.TrainConfig) -> set[str]:
    """Return the settings in which two arms differ."""
    a, b = one.describe(), other.describe()
    return {name for name in a.keys() | b.keys() if a.get(name) != b.get(name)}


def test_the_arms_differ_in_R_and_in_the_choice() -> None:
    arms = digit_arms(1200)
    assert list(arms) == ARMS
    plain, with_R, al_gan = arms.values()
    assert differing(plain, with_R) == {"regularizers"}
    assert differing(with_R, al_gan) == {
        "strategy",
        "keep_decay",
        "steps_per_epoch",
    }  # two make one choice


@pytest.mark.parametrize("steps", [300, 1200])
def test_all_noise_counts_at_first_and_half_of_it_at_the_end(steps: int) -> None:
    al_gan = digit_arms(steps)["top_k + R1"]
    assert (al_gan.keep(0), al_gan.keep(steps - 1)) == (64, 32)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Plan:
    few = al.data.array(al.data.mnist().train[:200], al.data.mnist().train_labels[:200])
    monkeypatch.setattr(digit_study, "mnist", lambda: few)
    return replace(al.show_plan("digits_long").plan, n=20, seeds=(20, 21), tuning_seeds=(0, 1))


def test_every_arm_has_the_same_trials_and_the_planned_runs(small: Plan, tmp_path: Path) -> None:
    sizes = {"sample_shape": (1, 28, 28), "output": "tanh", "latent_dim": 2, "width": 4, "depth": 1}
    table = as_stored(trials_and_runs(small, 2, trials=2, folder=tmp_path, sizes=sizes))
    assert list(table) == COLUMNS
    tried = table[table["stage"] == "tuning"]
    assert tried.groupby(["arm", "trial"]).size().tolist() == [2] * 6
    assert tried.groupby("trial")[["lr", "beta1"]].nunique().max(axis=None) == 1  # one draw for all arms
    assert tried[tried["arm"] == "plain"]["lam"].isna().all()
    verdict = small.verdict(table[table["stage"] != "tuning"])  # refuses a table that lacks a run
    assert verdict.index.tolist() == ARMS[1:]
    best = tried.groupby(["arm", "trial"])["ema_digit_kid"].mean().unstack().idxmin(axis=1)
    last = table[table["stage"] == "confirmation"].groupby("arm")["trial"].unique()
    assert {arm: trials.tolist() for arm, trials in last.items()} == {arm: [k] for arm, k in best.items()}


@pytest.mark.parametrize("name", MADE)
def test_the_shipped_studies_keep_to_their_plans(name: str) -> None:
    plan, table = al.show_plan(name).plan, al.load_study(name).table
    tried, last = table[table["stage"] == "tuning"], table[table["stage"] == "confirmation"]
    assert set(tried["seed"]) == set(plan.tuning_seeds)
    assert tried.groupby("arm").size().nunique() == 1
    assert tried.groupby("trial")[["lr", "beta1"]].nunique().max(axis=None) == 1
    assert tried["lr"].between(*SPACE["lr"]).all()
    assert tried["lam"].dropna().between(*SPACE["lam"]).all()
    plan.verdict(table[table["stage"].isin(["confirmation", "sentinel"])])  # every planned run, and no other
    assert last[AVERAGED].notna().all(axis=None)

"""The study of reach: settings that differ in one thing, a share of successes, and few reals of a seed's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from algan_lite.data import few
from algan_lite.metrics.table import METRICS
from algan_lite.studies import passes_a_step
from algan_lite.studies.bed import BED
from algan_lite.studies.reach import (
    BEDS,
    CONTROL,
    PAIRS,
    PLAIN,
    REALS,
    _pool,
    few_runs,
    reach,
    reach_arms,
    reach_runs,
    succeeds,
    tuning_runs,
    unequal_pair,
    with_control,
    with_zeros,
)

SHORT = replace(PLAIN, num_steps=2, batch_size=8)


def runs_of(success: dict[str, list[float]]) -> pd.DataFrame:
    """Rows of two arms: each setting's share of seeds 0 and 1 that succeed."""
    rows = [
        {"setting": name, "arm": arm, "seed": seed, "fair_mode_coverage": 8.0, "quality_3sigma": wins[seed]}
        for name in (*PAIRS, *REALS)
        for arm, wins in success.items()
        for seed in (0, 1)
    ]
    return pd.DataFrame(rows)


def test_depths_are_those_asked_for_and_weights_stay() -> None:
    G, D = unequal_pair(depth_D=1, depth_G=3, seed=4)
    layers = [sum(isinstance(part, torch.nn.Linear) for part in net.modules()) for net in (G, D)]
    assert layers == [4, 2]
    other, _ = unequal_pair(depth_D=3, depth_G=3, seed=4)
    torch.testing.assert_close(list(G.parameters()), list(other.parameters()))


def test_the_control_costs_what_a_choice_from_a_pool_costs() -> None:
    arms = with_control(reach_arms())
    cost = {name: passes_a_step(config) * config.num_steps for name, config in arms.items()}
    assert cost[CONTROL] == cost["top_k"] == cost["softmax, reweighted"] == 2.25 * cost["plain"]
    assert cost["top_k of the paper"] == cost["plain"] == cost["r1"]
    of_the_paper = arms["top_k of the paper"]
    assert of_the_paper.keep(0) == 128
    assert of_the_paper.keep(of_the_paper.num_steps - 1) == 64


def test_success_takes_seven_modes_and_two_good_fakes_of_five() -> None:
    rows = [(7, 0.4, 1), (8, 0.39, 0), (6, 0.9, 0), (np.nan, np.nan, 0)]
    table = pd.DataFrame(rows, columns=["fair_mode_coverage", "quality_3sigma", "expected"])
    assert succeeds(table).tolist() == table["expected"].tolist()
    with pytest.raises(ValueError, match=r"table's columns must be one of quality_3sigma, expected"):
        succeeds(table.drop(columns="fair_mode_coverage"))


def test_reach_is_the_share_of_a_beds_settings() -> None:
    table = runs_of({"plain": [0.5, 0.1], "r1": [0.5, 0.5]})
    easy = table["setting"].isin(["D1 G2", "D2 G2", "16 reals"]) & (table["arm"] == "plain") & (table["seed"] == 1)
    table.loc[easy, "quality_3sigma"] = 0.9
    found = reach(table).set_index(["bed", "arm", "seed"])["reach"]
    assert found["depths", "plain", 1] == pytest.approx(2 / 6)
    assert found["seeds", "plain", 1] == 1
    assert found["few data", "plain", 1] == 1
    assert (found.drop([(bed, "plain", 1) for bed in BEDS]) == 1).all()
    zeros = with_zeros(reach(table), range(2)).query("arm in ('uniform_box', 'shapeless')")
    assert len(zeros) == 2 * 2 * len(BEDS)
    assert (zeros["reach"] == 0).all()
    for wrong in (table.iloc[1:], pd.concat([table, table.iloc[:1]])):
        with pytest.raises(ValueError, match="every setting of the bed depths once, 6 in all"):
            reach(wrong)


def test_few_reals_are_of_all_modes_and_of_a_seed() -> None:
    both, alone = few_runs(SHORT, 16, [3, 4], 50), few_runs(SHORT, 16, [4, 5], 50)
    for name in ("quality_3sigma", "data_copying"):
        assert both[name][1] == pytest.approx(alone[name][0], rel=1e-4)
    one, other = (few(_pool(), 16, seed) for seed in (3, 4))
    assert len(one.train) == 16
    assert torch.bincount(one.train_labels, minlength=8).min() >= 1
    assert not torch.equal(one.train, other.train)
    counts = torch.bincount(_pool().train_labels, minlength=8)
    assert counts.min() > 1100
    x = _pool().train
    assert METRICS["quality_3sigma"](x, BED) > 0.98


def test_every_arm_has_the_same_trials_and_every_setting_is_run(tmp_path: Path) -> None:
    arms = {name: replace(config, num_steps=2, batch_size=8) for name, config in reach_arms().items()}
    arms = {name: arms[name] for name in ("plain", "top_k", "r1")}
    tried, best = tuning_runs(arms, [0], trials=2, folder=tmp_path)
    assert tried.groupby(["arm", "trial"]).size().eq(4).all()
    drawn = tried.groupby(["trial", "setting"])["lr"].nunique()
    assert (drawn == 1).all()
    assert set(best) == set(arms)
    table = reach_runs(with_control(best), [5], folder=tmp_path, num_samples=20)
    assert table.groupby(["setting", "arm"]).size().eq(1).all()
    assert len(table) == (len(PAIRS) + len(REALS)) * 4
    assert reach(table)["reach"].eq(0).all()

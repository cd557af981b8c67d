"""Tables of runs compared with a baseline, on one bed and on several."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from metrics.shared import numbers

from algan_lite.metrics.arms import compare_arms
from algan_lite.metrics.intervals import bootstrap_interval, iqm
from algan_lite.metrics.paired import holm


def runs(num_seeds: int = 20) -> pd.DataFrame:
    shared = numbers(0, num_seeds)
    arms = {"random": shared, "top_k": shared + 1 + 0.1 * numbers(1, num_seeds), "same": shared + numbers(2, num_seeds)}
    rows = [{"arm": a, "seed": s, "modes": v} for a, values in arms.items() for s, v in enumerate(values)]
    return pd.DataFrame(rows)


def test_compare_arms() -> None:
    table = runs()
    found = compare_arms(table, "modes", "random")
    assert found.index.tolist() == ["random", "top_k", "same"]
    assert found["n"].tolist() == [20, 20, 20]
    assert found["failed"].tolist() == [0, 0, 0]
    row, base = found.loc["top_k"], table[table.arm == "random"].modes.to_numpy()
    x = table[table.arm == "top_k"].modes.to_numpy()
    assert row["mean"] == pytest.approx(x.mean())
    assert row["iqm"] == pytest.approx(iqm(x))
    assert row["difference"] == pytest.approx((x - base).mean())
    interval = bootstrap_interval(x - base)
    assert (row["low"], row["high"]) == (interval.low, interval.high)
    assert row["high"] - row["low"] < 0.2  # paired: the spread of the seeds themselves, about 1, drops out
    assert row["p"] < 0.01
    p = found.loc[["top_k", "same"], "p"]
    assert found.loc[["top_k", "same"], "p_holm"].tolist() == holm(p).tolist()
    assert found.loc["random", ["difference", "low", "high", "p", "p_holm"]].isna().all()
    shuffled = table.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(compare_arms(shuffled, "modes", "random").loc[found.index], found)


def test_compare_arms_keeps_failed_runs() -> None:
    table = runs()
    table.loc[25, "modes"] = math.nan  # top_k, seed 5
    with pytest.raises(ValueError, match=r"modes of top_k must be finite; got 1 of 20.*fill="):
        compare_arms(table, "modes", "random")
    found = compare_arms(table, "modes", "random", fill=-3.0)
    assert found.loc["top_k", ["n", "failed"]].tolist() == [20, 1]
    assert found.loc["top_k", "mean"] == pytest.approx(table[table.arm == "top_k"].modes.fillna(-3).mean())


def test_compare_arms_refuses_what_is_not_paired() -> None:
    table = runs()
    for arguments, message in (
        ((table.drop(index=25), "modes", "random"), r"every seed, so that runs are paired.*\['top_k'\]"),
        ((pd.concat([table, table.iloc[[3]]]), "modes", "random"), "every seed once; got arm random, seed 3 twice"),
        ((table, "modes", "plain"), "baseline must be one of random, top_k, same; got 'plain'"),
        ((table, "kl", "random"), "value must be one of arm, seed, modes; got 'kl'"),
    ):
        with pytest.raises(ValueError, match=message):
            compare_arms(*arguments)


def test_the_global_generator_is_left_alone() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    bootstrap_interval(numbers(0, 20))
    compare_arms(runs(), "modes", "random")
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def two_beds() -> pd.DataFrame:
    """The same arms on two beds; on the second "same" is clearly behind."""
    other = runs(12)
    other.loc[other["arm"] == "same", "modes"] -= 3
    return pd.concat([runs().assign(data="ring"), other.assign(data="grid")], ignore_index=True)


def test_compare_arms_on_several_beds_is_each_bed_alone_but_for_holm() -> None:
    table = two_beds()
    found = compare_arms(table, "modes", "random", bed="data")
    assert found.index.tolist() == [(bed, arm) for bed in ("ring", "grid") for arm in ("random", "top_k", "same")]
    assert found.index.names == ["data", "arm"]
    alone = {bed: compare_arms(table[table["data"] == bed], "modes", "random") for bed in ("ring", "grid")}
    for bed, its in alone.items():
        pd.testing.assert_frame_equal(found.loc[bed].drop(columns="p_holm"), its.drop(columns="p_holm"))
    tested = found["p"].dropna()
    assert len(tested) == 4
    assert found.loc[tested.index, "p_holm"].tolist() == holm(tested).tolist()
    assert found.loc[("ring", "top_k"), "p_holm"] > alone["ring"].loc["top_k", "p_holm"]  # a larger family
    own = compare_arms(table, "modes", "random", bed="data", family="bed")
    for bed, its in alone.items():
        pd.testing.assert_frame_equal(own.loc[bed], its)


def test_compare_arms_refuses_odd_beds() -> None:
    table = two_beds()
    for arguments, message in (
        ({"bed": "room"}, "bed must be one of arm, seed, modes, data; got 'room'"),
        ({"bed": "data", "family": "arms"}, "family must be one of table, bed; got 'arms'"),
        ({}, "every arm must have every seed once; got arm random, seed 0 twice"),
    ):
        with pytest.raises(ValueError, match=message):
            compare_arms(table, "modes", "random", **arguments)
    with pytest.raises(ValueError, match="baseline must be one of top_k, same; got 'random'"):
        compare_arms(table[(table["arm"] != "random") | (table["data"] == "ring")], "modes", "random", bed="data")
    with pytest.raises(ValueError, match="table must hold a row a run; got none"):
        compare_arms(table[:0], "modes", "random", bed="data")

"""Sentinels in the table of the arms, and means with intervals."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from metrics.shared import normal

import algan_lite as al
from algan_lite.metrics import SENTINELS
from algan_lite.metrics.intervals import bootstrap_interval
from algan_lite.metrics.yardstick import sentinel_runs, summarize, with_sentinels

RING, GRID = al.data.ring(std=0.1), al.data.grid()


def arms(seeds: int = 3) -> pd.DataFrame:
    rows = [{"arm": arm, "seed": k, "quality_3sigma": 0.5 + k / 10, "ema_quality_3sigma": 0.6, "num_calls": 7}
            for arm in ("a", "b") for k in range(seeds)]  # fmt: skip
    return pd.DataFrame(rows)


def test_rows_are_the_measures_of_the_sentinels() -> None:
    runs = sentinel_runs(RING, ["quality_3sigma", "mode_coverage"], n=300, seeds=[5, 6])
    assert runs.columns.tolist() == ["arm", "seed", "quality_3sigma", "mode_coverage"]
    assert runs["arm"].unique().tolist() == list(SENTINELS)
    assert runs["seed"].tolist() == [5, 6] * len(SENTINELS)
    x = SENTINELS["shapeless"](RING, 300, seed=6)
    row = runs[(runs["arm"] == "shapeless") & (runs["seed"] == 6)].iloc[0]
    assert row["quality_3sigma"] == pytest.approx(al.METRICS["quality_3sigma"](x, RING).item(), abs=1e-12)
    few = sentinel_runs(RING, ["quality_3sigma"], n=300, seeds=[5], sentinels=["one_mode"])
    assert few["arm"].tolist() == ["one_mode"]


def test_finite_data_have_sentinels_too() -> None:
    source = al.data.array(normal(0, 400, 2).float(), validation=0.25, test=0.25)
    runs = sentinel_runs(source, ["data_copying", "coverage"], n=80, seeds=range(4)).groupby("arm").mean()
    assert runs.loc["copycat", "data_copying"] < -5
    assert abs(runs.loc["perfect", "data_copying"]) < 2
    assert runs["coverage"].idxmin() == "one_mode"
    with pytest.raises(ValueError, match=r"n must be in \[1, 100\]; got 101"):
        sentinel_runs(source, ["coverage"], n=101)


def test_a_table_gets_its_sentinels() -> None:
    table = with_sentinels(arms(), RING, n=200, seeds=range(2), sentinels=["uniform_box", "perfect"])
    assert table["arm"].tolist() == ["a"] * 3 + ["b"] * 3 + ["uniform_box"] * 2 + ["perfect"] * 2
    pd.testing.assert_frame_equal(table[:6].astype({"num_calls": int}), arms())
    added = table[6:]
    assert added["num_calls"].isna().all()
    assert added["quality_3sigma"].tolist() == added["ema_quality_3sigma"].tolist()
    assert added["quality_3sigma"].iloc[2:].min() > 0.9 > 0.2 > added["quality_3sigma"].iloc[:2].max()


def test_each_bed_gets_its_own_sentinels() -> None:
    both = pd.concat([arms().assign(bed="ring"), arms().assign(bed="grid")], ignore_index=True)
    table = with_sentinels(both, {"grid": GRID, "ring": RING}, n=200, seeds=[0], bed="bed")
    added = table[len(both) :].set_index(["bed", "arm"])["quality_3sigma"]
    assert added.index.tolist() == [(bed, name) for bed in ("ring", "grid") for name in SENTINELS]
    alone = sentinel_runs(GRID, ["quality_3sigma"], n=200, seeds=[0])
    assert added["grid"].tolist() == alone["quality_3sigma"].tolist()


def test_summary_is_mean_and_interval_of_each_arm() -> None:
    table = arms(6)
    found = summarize(table, ["quality_3sigma"])
    assert found.index.tolist() == ["a", "b"]
    interval = bootstrap_interval(table["quality_3sigma"][:6])
    row = found.loc["a", "quality_3sigma"]
    assert row.tolist() == [interval.estimate, interval.low, interval.high]
    assert found["n"].tolist() == [6, 6]
    both = pd.concat([table.assign(bed="x"), table.assign(bed="y")])
    assert summarize(both, ["quality_3sigma"], by=["bed", "arm"]).index.tolist() == [
        (bed, arm) for bed in "xy" for arm in "ab"
    ]
    table.loc[2, "quality_3sigma"] = math.nan
    with pytest.raises(ValueError, match=r"quality_3sigma of a must be finite; got 1 of 6.*fill="):
        summarize(table, ["quality_3sigma"])
    assert summarize(table, ["quality_3sigma"], fill=0).loc["a", ("quality_3sigma", "mean")] == pytest.approx(
        (0.5 + 0.6 + 0 + 0.8 + 0.9 + 1.0) / 6
    )


def test_what_cannot_be_is_refused() -> None:
    for call, error, message in (
        (lambda: with_sentinels(arms(), {"ring": RING}), TypeError, "source must be a source"),
        (lambda: with_sentinels(arms().assign(bed="b"), RING, bed="bed"), TypeError, "source must be a mapping"),
        (lambda: with_sentinels(arms().assign(bed="b"), {"a": RING}, bed="bed"), ValueError, "one of a; got 'b'"),
        (lambda: with_sentinels(arms()[["arm", "seed"]], RING), ValueError, "named in METRICS; got arm, seed"),
        (lambda: with_sentinels(arms().replace("a", "perfect"), RING), ValueError, "name of a sentinel; got perfect"),
        (lambda: with_sentinels(arms().drop(columns="seed"), RING), ValueError, "seed must be one of arm,"),
        (lambda: sentinel_runs(RING, ["fid"]), ValueError, "metric must be one of .*; got 'fid'"),
        (lambda: sentinel_runs(RING, ["kid"], sentinels=["x"]), ValueError, "sentinel must be one of .*; got 'x'"),
        (lambda: sentinel_runs(RING, ["kid"], seeds=[]), ValueError, "seeds must hold 1 seed or more; got none"),
        (lambda: sentinel_runs(RING, ["kid"], sentinels=[]), ValueError, "sentinels must hold 1 name or more"),
        (lambda: summarize(arms(), ["num_calls"], by=[]), ValueError, "1 column or more each; got 0 and 1"),
        (lambda: sentinel_runs(GRID, "kid"), TypeError, "measures must be a list of names"),
        (lambda: summarize(arms(), ["kid"]), ValueError, "measures must be one of arm, seed,.*; got 'kid'"),
        (lambda: summarize(arms()[:0], ["num_calls"]), ValueError, "table must hold a row a run; got none"),
    ):
        with pytest.raises(error, match=message):
            call()


def test_the_global_generators_are_left_alone() -> None:
    before, state = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    summarize(with_sentinels(arms(), RING, n=50), ["quality_3sigma"])
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), state)

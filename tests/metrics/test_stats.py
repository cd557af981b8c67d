"""Statistics: known answers, coverage of the intervals, and clear refusals."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from algan_lite.metrics.stats import (
    Interval,
    bootstrap_interval,
    compare_arms,
    holm,
    iqm,
    paired_permutation_test,
    wilson_interval,
)


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_iqm_is_the_mean_of_the_middle_half() -> None:
    assert iqm([100, 1, 2, 3, 4, 5, 6, -50]) == pytest.approx((2 + 3 + 4 + 5) / 4)
    assert iqm([1, 2, 9]) == pytest.approx(4.0)  # too few to leave any out
    assert iqm([[0, 1, 2, 90], [4, 4, 4, 4]]).tolist() == [1.5, 4.0]
    assert iqm([[0, 5], [1, 5], [2, 5], [90, 5]], axis=0).tolist() == [1.5, 5.0]
    assert math.isnan(iqm([1, 2, 3, math.nan]))


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(0, 10, 0.0, 0.277533), (10, 10, 0.722467, 1.0), (93, 200, 0.397186, 0.534134), (5, 10, 0.236593, 0.763407)],
)
def test_wilson_interval(successes: int, n: int, low: float, high: float) -> None:
    found = wilson_interval(successes, n)
    assert (found.low, found.high) == (pytest.approx(low, abs=2e-6), pytest.approx(high, abs=2e-6))
    assert (found.estimate, found.n, found.method) == (successes / n, n, "wilson")
    z, p = 1.959963984540054, successes / n
    middle, half = (p + z * z / (2 * n)) / (1 + z * z / n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert found.low == pytest.approx(max(middle - half / (1 + z * z / n), 0), abs=1e-9)
    assert found.high == pytest.approx(min(middle + half / (1 + z * z / n), 1), abs=1e-9)


def test_wilson_narrows_and_refuses() -> None:
    assert wilson_interval(5, 10, 0.5).low > wilson_interval(5, 10).low
    assert str(wilson_interval(93, 200)) == "0.465 [0.397, 0.534] (95 %, n = 200)"
    with pytest.raises(ValueError, match=r"successes must be in \[0, 10\]; got 11"):
        wilson_interval(11, 10)
    with pytest.raises(TypeError, match="successes must be an integer"):
        wilson_interval(0.5, 10)
    for confidence in (0, 1, 95):
        with pytest.raises(ValueError, match="confidence must be in"):
            wilson_interval(1, 10, confidence)


def test_bootstrap_is_near_the_normal_interval_and_repeatable() -> None:
    x = normal(0, 200)
    found = bootstrap_interval(x, seed=1)
    half = 1.96 * x.std(ddof=1) / math.sqrt(200)
    assert found.estimate == pytest.approx(x.mean())
    assert found.low == pytest.approx(x.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(x.mean() + half, abs=0.1 * half)
    assert (found.n, found.confidence, found.method) == (200, 0.95, "BCa")
    assert bootstrap_interval(x, seed=1) == found
    assert bootstrap_interval(x, seed=2) != found
    wide = bootstrap_interval(x, confidence=0.99)
    assert wide.low < found.low < found.high < wide.high


@pytest.mark.parametrize(("statistic", "truth"), [(np.mean, 1.0), (iqm, 0.7384)])
def test_bootstrap_coverage_is_near_nominal(statistic: object, truth: float) -> None:
    """On skewed data (exponential), where plain symmetric intervals fail first."""
    experiments = np.random.default_rng(0).exponential(size=(300, 40))
    found = [bootstrap_interval(x, statistic, 0.9, seed=i, num_resamples=499) for i, x in enumerate(experiments)]
    rate = np.mean([f.low <= truth <= f.high for f in found])
    error = math.sqrt(0.9 * 0.1 / 300)
    assert 0.9 - 4 * error < rate < 0.9 + 3 * error


def test_iqm_of_the_exponential_is_what_the_coverage_test_says() -> None:
    # the integral of -log(1 - u) over the middle half of u, times 2
    value = 2 * ((0.25 * math.log(0.25) - 0.25) - (0.75 * math.log(0.75) - 0.75))
    assert value == pytest.approx(0.7384, abs=1e-4)
    assert iqm(np.random.default_rng(0).exponential(size=200_000)) == pytest.approx(value, abs=0.01)


def test_bootstrap_of_constant_and_nearly_constant_values() -> None:
    assert bootstrap_interval([8, 8, 8, 8, 8]) == Interval(8.0, 8.0, 8.0, 5, 0.95, "constant")
    nearly = bootstrap_interval([0, 7] + [8] * 18, iqm)  # leaving one out never moves the IQM: BCa has no answer
    assert nearly.method == "percentile"
    assert nearly.low <= nearly.estimate == nearly.high == 8


def test_stratified_bootstrap_resamples_within_strata() -> None:
    near, far = normal(0, 30), 100 + normal(1, 30)
    x, strata = np.concatenate([near, far]), ["near"] * 30 + ["far"] * 30
    plain, within = bootstrap_interval(x), bootstrap_interval(x, strata=strata)
    assert within.estimate == pytest.approx(plain.estimate)
    spread = math.sqrt(near.var(ddof=1) / 30 + far.var(ddof=1) / 30) / 2
    assert within.high - within.low == pytest.approx(2 * 1.96 * spread, rel=0.1)
    assert plain.high - plain.low > 20
    assert bootstrap_interval([1, 1, 5, 5], strata=[0, 0, 1, 1]).method == "constant"
    with pytest.raises(ValueError, match=r"sizes \[3, 1\]"):
        bootstrap_interval([1, 2, 3, 4], strata=[0, 0, 0, 1])
    with pytest.raises(ValueError, match="one label a value"):
        bootstrap_interval([1, 2, 3, 4], strata=[0, 0])


def test_failed_runs_are_neither_dropped_nor_hidden() -> None:
    x = [8, math.nan, 7, 6, math.inf]
    with pytest.raises(ValueError, match=r"values must be finite; got 2 of 5.*fill="):
        bootstrap_interval(x)
    with pytest.raises(ValueError, match="b must be finite"):
        paired_permutation_test([1, 2, 3, 4, 5], x)
    found = bootstrap_interval(x, fill=0)
    assert found == bootstrap_interval([8, 0, 7, 6, 0])
    assert found.n == 5
    with pytest.raises(ValueError, match="fill must be in"):
        bootstrap_interval(x, fill=math.nan)


@pytest.mark.parametrize("bad", [[], [1.0], [[1.0, 2.0]]])
def test_too_few_values_are_refused(bad: list) -> None:
    with pytest.raises(ValueError, match="values must be one axis of 2 values or more; got shape"):
        bootstrap_interval(bad)


def test_exact_permutation_p_values() -> None:
    a, b = normal(0, 8) + 0.7, normal(1, 8)
    d = a - b
    flips = [abs(np.mean(d * signs)) for signs in itertools.product([1, -1], repeat=8)]
    expected = np.mean([flip >= abs(d.mean()) - 1e-12 for flip in flips])
    found = paired_permutation_test(a, b)
    assert found.p_value == pytest.approx(expected, abs=1e-12)
    assert found.difference == pytest.approx(d.mean())
    assert (found.n, found.exact) == (8, True)
    assert paired_permutation_test(b, a).p_value == pytest.approx(expected, abs=1e-12)
    assert paired_permutation_test(np.arange(5) + 9, np.arange(5)).p_value == pytest.approx(2 / 2**5)
    assert paired_permutation_test([1, 2, 3], [1, 2, 3]).p_value == 1


def test_drawn_permutations_agree_with_exact_ones() -> None:
    a, b = normal(2, 12) + 0.5, normal(3, 12)
    exact = paired_permutation_test(a, b)
    drawn = paired_permutation_test(a, b, seed=5, num_resamples=3000)
    assert exact.exact
    assert not drawn.exact
    assert drawn.p_value == pytest.approx(exact.p_value, abs=4 * math.sqrt(exact.p_value / 3000) + 1 / 3000)
    assert drawn == paired_permutation_test(a, b, seed=5, num_resamples=3000)


def test_permutation_p_is_uniform_without_a_difference() -> None:
    values = [paired_permutation_test(normal(i, 7), normal(10_000 + i, 7)).p_value for i in range(300)]
    rate = np.mean(np.array(values) <= 0.125 + 1e-12)
    assert abs(rate - 0.125) < 4 * math.sqrt(0.125 * 0.875 / 300)


def test_pairs_must_match() -> None:
    with pytest.raises(ValueError, match="one value a pair; got 3 and 2"):
        paired_permutation_test([1, 2, 3], [1, 2])


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]).tolist() == [1.0, 1.0]
    assert holm([0.2]).tolist() == [0.2]
    assert holm([]).tolist() == []
    with pytest.raises(ValueError, match=r"p_values must be in \[0, 1\]; got -0.1 to 0.5"):
        holm([-0.1, 0.5])
    with pytest.raises(ValueError, match="p_values must be finite"):
        holm([0.1, math.nan])


def runs(num_seeds: int = 20) -> pd.DataFrame:
    shared = normal(0, num_seeds)
    arms = {"random": shared, "top_k": shared + 1 + 0.1 * normal(1, num_seeds), "same": shared + normal(2, num_seeds)}
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
    bootstrap_interval(normal(0, 20))
    compare_arms(runs(), "modes", "random")
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002

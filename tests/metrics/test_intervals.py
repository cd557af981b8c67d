"""Intervals: known answers, coverage, and clear refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from metrics.shared import numbers

from algan_lite.metrics.intervals import Interval, bootstrap_interval, iqm, wilson_interval
from algan_lite.metrics.paired import paired_permutation_test


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
    x = numbers(0, 200)
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
    near, far = numbers(0, 30), 100 + numbers(1, 30)
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

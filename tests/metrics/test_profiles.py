"""Probability of improvement and performance profiles: twins, known answers, coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from metrics.shared import numbers
from scipy.stats import mannwhitneyu

from algan_lite.metrics.profiles import performance_profile, probability_of_improvement


def test_probability_of_improvement_equals_its_twin_and_scipy() -> None:
    a, b = numbers(0, 12).round(1) + 0.5, numbers(1, 9).round(1)  # with ties
    twin = np.mean([1.0 if x > y else 0.5 if x == y else 0.0 for x in a for y in b])
    found = probability_of_improvement(a, b)
    assert found.estimate == pytest.approx(twin, abs=1e-12)
    assert found.estimate == pytest.approx(mannwhitneyu(a, b).statistic / 108, abs=1e-12)
    assert found.low < found.estimate < found.high
    assert (found.n, found.confidence, found.method) == (9, 0.95, "percentile")
    assert probability_of_improvement(b, a).estimate == pytest.approx(1 - twin)
    assert probability_of_improvement(a, b, better="lower").estimate == pytest.approx(1 - twin)
    assert probability_of_improvement(a, a).estimate == 0.5
    assert found == probability_of_improvement(a, b, seed=0) != probability_of_improvement(a, b, seed=1)


def test_strata_weigh_the_same_and_are_never_mixed() -> None:
    a, b = [1, 1, 1, 1, 100, 100], [2, 2, 2, 2, 50, 50]  # always behind on one bed, always ahead on the other
    found = probability_of_improvement(a, b, strata=list("ggggrr"))
    assert (found.low, found.estimate, found.high) == (0.5, 0.5, 0.5)
    assert probability_of_improvement(a, b).estimate == pytest.approx((4 * 0 + 2 * 6) / 36)
    profile = performance_profile(a, [0, 2, 60], strata=list("ggggrr"))
    assert profile["share"].tolist() == [1, 0.5, 0.5]
    with pytest.raises(ValueError, match="a and b must be equally long where there are strata; got 6 and 5"):
        probability_of_improvement(a, b[:5], strata=list("ggggrr"))


def test_the_interval_of_the_probability_covers_it() -> None:
    truth = 0.5 * (1 + math.erf(0.5))  # of N(1, 1) against N(0, 1): the normal law at 1 / sqrt 2
    found = [
        probability_of_improvement(numbers(2 * i, 25) + 1, numbers(2 * i + 1, 25), confidence=0.9, num_resamples=299)
        for i in range(200)
    ]
    rate = np.mean([f.low <= truth <= f.high for f in found])
    assert abs(rate - 0.9) < 4 * math.sqrt(0.09 / 200)
    assert np.mean([f.estimate for f in found]) == pytest.approx(truth, abs=0.02)


def test_performance_profile_is_the_share_above() -> None:
    values = numbers(3, 200)
    profile = performance_profile(values, [-1.0, 0.0, 1.0])
    assert profile.index.tolist() == [-1, 0, 1]
    assert profile["share"].tolist() == [np.mean(values > level) for level in (-1, 0, 1)]
    half = 1.96 * math.sqrt(profile.loc[0, "share"] * (1 - profile.loc[0, "share"]) / 200)
    assert profile.loc[0, "high"] - profile.loc[0, "low"] == pytest.approx(2 * half, rel=0.12)
    below = performance_profile(values, [-1.0, 0.0, 1.0], better="lower")
    np.testing.assert_allclose(below["share"], 1 - profile["share"])
    assert performance_profile([1, 1, 2], [1])["share"].tolist() == pytest.approx([1 / 3])  # strictly better


def test_failed_runs_and_odd_words_are_refused() -> None:
    for call, message in (
        (lambda: probability_of_improvement([1, math.nan], [1, 2]), "a must be finite; got 1 of 2.*fill="),
        (lambda: performance_profile([1, math.nan], [1]), "values must be finite.*fill="),
        (lambda: performance_profile([1, 2], [math.nan]), "thresholds must be finite"),
        (lambda: performance_profile([1, 2], [1], better="more"), "better must be one of higher, lower; got 'more'"),
        (lambda: performance_profile([1, 2], [1], confidence=1), r"confidence must be in \(0, 1\); got 1"),
        (lambda: probability_of_improvement([1, 2], [1, 2], num_resamples=9), r"num_resamples must be in \[99, inf\)"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert performance_profile([1, math.nan], [0.5], fill=0)["share"].tolist() == [0.5]

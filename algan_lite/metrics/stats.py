"""What may be concluded from a handful of seeds: arms compared on the same seeds.

Tests stand on SciPy; the intervals are in ``intervals`` and can be had from here. A run that failed stays in: NaN is
refused with the advice to give ``fill``, the value that it deserves. Randomness comes from ``seed`` alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from algan_lite.core.checks import check_choice, check_integer, check_kind, check_list, check_number, shown
from algan_lite.core.rng import derive_seed

__all__ = [
    "Interval", "PairedTest", "bootstrap_interval", "compare_arms", "holm", "iqm", "paired_permutation_test",
    "wilson_interval",
]  # fmt: skip


@dataclass(frozen=True)
class PairedTest:
    """A two-sided paired permutation test.

    Attributes:
        difference: Mean of a - b.
        p_value: Share of sign flips whose mean difference is at least as far from 0.
        n: Number of pairs.
        exact: True if every flip was counted, False if some were drawn.
    """

    difference: float
    p_value: float
    n: int
    exact: bool


def paired_permutation_test(
    a: ArrayLike, b: ArrayLike, seed: int = 0, *, fill: float | None = None, num_resamples: int = 9999
) -> PairedTest:
    """Two-sided permutation test of the mean difference of pairs, such as two arms on the same seeds.

    Under the null hypothesis a and b of a pair can be swapped. All 2^n swaps are counted where there are at most
    ``num_resamples`` of them (n <= 13 by default), otherwise that many are drawn. The smallest p with n pairs is
    2 / 2^n: with 5 seeds no difference, however large, is below 0.05.

    Args:
        a: (n,), n >= 2.
        b: (n,), the partner of each value of a.
        seed: Of the swaps that are drawn.
        fill: Replaces values that are not finite.
        num_resamples: In [99, inf).

    Raises:
        ValueError: If the lengths differ, or a value is not finite and there is no ``fill``.
    """
    first, second = check_values("a", a, fill, 2), check_values("b", b, fill, 2)
    if len(first) != len(second):
        raise ValueError(f"a and b must hold one value a pair; got {len(first)} and {len(second)}")
    check_integer("num_resamples", num_resamples, 99)
    found = stats.permutation_test(
        (first, second),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=num_resamples,
        rng=numpy_generator(seed, "permutation"),
    )
    return PairedTest(float(found.statistic), float(found.pvalue), len(first), 2 ** len(first) <= num_resamples)


def holm(p_values: ArrayLike) -> np.ndarray:
    """Holm's adjusted p-values: compare each with the level, and the chance of any false alarm stays below it.

    Args:
        p_values: (m,), each in [0, 1].

    Returns:
        (m,), in the order given.

    Raises:
        ValueError: If a value is not in [0, 1].

    Reference:
        Holm 1979.

    Examples:
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]
    """
    p = check_values("p_values", p_values, None, 0)
    if ((p < 0) | (p > 1)).any():
        raise ValueError(f"p_values must be in [0, 1]; got {p.min():g} to {p.max():g}")
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted


def compare_arms(
    table: pd.DataFrame,
    value: str,
    baseline: Hashable,
    *,
    arm: str = "arm",
    seed: str = "seed",
    fill: float | None = None,
    confidence: float = 0.95,
    test_seed: int = 0,
) -> pd.DataFrame:
    """Compare every arm with a baseline on the same seeds.

    Args:
        table: One row a run, for instance from ``sweep``.
        value: Column that is compared.
        baseline: The arm that the others are compared with.
        arm: Column with the arm.
        seed: Column with the seed that pairs the runs; every arm has every seed once.
        fill: Replaces values that are not finite: what a failed run deserves.
        confidence: Of the intervals.
        test_seed: Of resamples and swaps.

    Returns:
        One row an arm, in order of appearance: ``n``, ``failed``, ``mean``, ``iqm``; and against the baseline
        (NaN in its own row) ``difference`` of means with its bootstrap interval ``low``, ``high``; ``p``, and
        ``p_holm``, adjusted over all the arms.

    Raises:
        ValueError: If a column or the baseline is missing, an arm lacks a seed or has it twice, or a value is not
            finite and there is no ``fill``.
    """
    check_kind("table", table, pd.DataFrame, "a pandas.DataFrame with a row a run")
    for name, column in (("value", value), ("arm", arm), ("seed", seed)):
        check_choice(name, column, list(map(str, table.columns)))
    values = _by_seed(table, value, arm, seed)
    if not isinstance(baseline, str | int | float | np.generic) or baseline not in values.columns:
        raise ValueError(f"baseline must be one of {', '.join(map(str, values.columns))}; got {shown(baseline)}")
    failed = (~np.isfinite(values)).sum()
    filled = {name: check_values(f"{value} of {name}", values[name], fill, 2) for name in values.columns}
    rows = {
        name: _arm_row(filled[name], filled[baseline], confidence, test_seed) for name in filled if name != baseline
    }
    result = pd.DataFrame(
        {name: {"n": len(x), "failed": failed[name], "mean": x.mean(), "iqm": iqm(x)} for name, x in filled.items()}
    ).T.astype({"n": int, "failed": int})
    result = result.join(pd.DataFrame(rows, index=["difference", "low", "high", "p"]).T)
    others = list(rows)
    result["p_holm"] = np.nan
    result.loc[others, "p_holm"] = holm(result.loc[others, "p"])
    result.index.name = arm
    return result


def _by_seed(table: pd.DataFrame, value: str, arm: str, seed: str) -> pd.DataFrame:
    """Return a table with a row a seed and a column an arm; refuse what is not paired."""
    twice = table[table.duplicated([arm, seed])]
    if len(twice):
        got = f"{arm} {twice[arm].iloc[0]}, {seed} {twice[seed].iloc[0]}"
        raise ValueError(f"every arm must have every seed once; got {got} twice")
    wide = table.set_index([seed, arm])[value].unstack(arm)[table[arm].unique()]
    present = table.assign(one=True).set_index([seed, arm])["one"].unstack(arm)[wide.columns].notna()
    if not present.all(axis=None):
        lacking = present.columns[~present.all()].tolist()
        raise ValueError(f"every arm must have every seed, so that runs are paired; got seeds missing in {lacking}")
    return wide.astype(float)


def _arm_row(x: np.ndarray, base: np.ndarray, confidence: float, seed: int) -> list[float]:
    interval = bootstrap_interval(x - base, confidence=confidence, seed=seed)
    return [interval.estimate, interval.low, interval.high, paired_permutation_test(x, base, seed).p_value]


Statistic: TypeAlias = Callable[..., Any]


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval.

    Attributes:
        estimate: The statistic of the values, or the rate.
        low: Lower end.
        high: Upper end.
        n: Number of values (or of trials).
        confidence: Nominal share of such intervals that hold the true value.
        method: How it was made: ``BCa``, ``percentile``, ``constant`` or ``wilson``.
    """

    estimate: float
    low: float
    high: float
    n: int
    confidence: float
    method: str

    def __str__(self) -> str:
        """Return for instance ``0.465 [0.397, 0.534] (95 %, n = 200)``."""
        return f"{self.estimate:.3g} [{self.low:.3g}, {self.high:.3g}] ({100 * self.confidence:g} %, n = {self.n})"


def check_values(name: str, values: ArrayLike, fill: float | None, least: int) -> np.ndarray:
    """Return values as float64 (n,), with ``fill`` for those that are not finite; refuse NaN without it."""
    array = _numbers(name, values)
    if array.ndim != 1 or len(array) < least:
        raise ValueError(f"{name} must be one axis of {least} values or more; got shape {array.shape}")
    failed = ~np.isfinite(array)
    if failed.any() and fill is None:
        raise ValueError(
            f"{name} must be finite; got {failed.sum()} of {len(array)} NaN or infinite. A failed run stays in: "
            "give fill= the value that it deserves (its worst value, such as 0 modes)"
        )
    return array if fill is None else np.where(failed, check_number("fill", fill), array)


def _numbers(name: str, values: ArrayLike) -> np.ndarray:
    """Return values, a tensor's too, as float64."""
    try:
        return np.array(values.tolist() if hasattr(values, "tolist") else values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"{name} must be numbers on one axis; got {shown(values)}") from error


def numpy_generator(seed: int, purpose: str) -> np.random.Generator:
    """Return NumPy's generator of one purpose."""
    return np.random.default_rng(derive_seed(seed, purpose))


def check_confidence(confidence: float) -> float:
    """Return ``confidence`` if it is in (0, 1)."""
    check_number("confidence", confidence, 0, 1, open_low=True)
    if confidence == 1:
        raise ValueError(f"confidence must be in (0, 1); got {confidence!r}")
    return float(confidence)


def iqm(values: ArrayLike, axis: int | None = -1) -> Any:  # noqa: ANN401 (a number, or an array of them)
    """Interquartile mean: the mean of the middle half, between mean and median in robustness.

    A quarter of the n values, rounded down, is left out at each end; with n < 4 it is the mean.

    Args:
        values: Numbers (..., n); NaN gives NaN.
        axis: The axis that is averaged away.

    Returns:
        A number, or an array (...) for more than one axis.

    Reference:
        Agarwal et al. 2021, section 4.2.

    Examples:
        >>> float(iqm([0, 5, 6, 100]))
        5.5
    """
    array = _numbers("values", values)
    if array.ndim < 1 or array.size < 1:
        raise ValueError(f"values must be (..., n) with n >= 1; got shape {array.shape}")
    if axis is not None:
        check_integer("axis", axis, -array.ndim, array.ndim - 1)
    return np.where(np.isnan(array).any(axis), np.nan, stats.trim_mean(array, 0.25, axis=axis))[()]


def bootstrap_interval(
    values: ArrayLike,
    statistic: Statistic = np.mean,
    confidence: float = 0.95,
    seed: int = 0,
    *,
    strata: ArrayLike | None = None,
    fill: float | None = None,
    num_resamples: int = 9999,
) -> Interval:
    """Bootstrap interval of a statistic of independent values, one a seed.

    Bias-corrected and accelerated (BCa); plain percentiles where BCa is undefined (the statistic does not move when
    any one value is left out). Constant values give an interval of width 0, with the method ``constant``: it says
    that no seed differed, not that none would. Below about 10 values every bootstrap interval is too narrow.

    Args:
        values: (n,), n >= 2.
        statistic: ``np.mean``, ``iqm``, or any function of (array, axis=).
        confidence: Nominal coverage, in (0, 1).
        seed: Of the resamples.
        strata: (n,) labels, such as the data set: resampling stays within each (stratified bootstrap).
        fill: Replaces values that are not finite.
        num_resamples: Number of resamples, in [99, inf).

    Raises:
        ValueError: If a value is not finite and there is no ``fill``, or a stratum has fewer than 2 values.

    Reference:
        Efron 1987; stratified: Agarwal et al. 2021, section 4.1.
    """
    array = check_values("values", values, fill, 2)
    if not callable(statistic):
        raise TypeError(f"statistic must be a function of (array, axis=), such as numpy.mean; got {shown(statistic)}")
    check_confidence(confidence)
    check_integer("num_resamples", num_resamples, 99)
    parts = _split(array, strata)
    try:
        estimate = statistic(array, axis=-1)
    except Exception as error:
        raise TypeError(f"statistic must be a function of (array, axis=); {shown(statistic)} raised {error}") from error
    if np.ndim(estimate) or not isinstance(estimate, int | float | np.number):
        raise TypeError(f"statistic must return one number for (n,) values; got {shown(estimate)}")
    estimate = float(estimate)
    if all(np.ptp(part) == 0 for part in parts):
        return Interval(estimate, estimate, estimate, len(array), confidence, "constant")
    for method in ("BCa", "percentile"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SciPy warns where BCa is undefined; that case is handled below
            found = stats.bootstrap(
                parts,
                lambda *drawn, axis: statistic(np.concatenate(drawn, axis=axis), axis=axis),
                n_resamples=num_resamples,
                confidence_level=confidence,
                method=method,
                vectorized=True,
                rng=numpy_generator(seed, "bootstrap"),
            ).confidence_interval
        if np.isfinite(found).all():
            break
    return Interval(estimate, float(found.low), float(found.high), len(array), confidence, method)


def _split(array: np.ndarray, strata: ArrayLike | None) -> tuple[np.ndarray, ...]:
    if strata is None:
        return (array,)
    labels = np.asarray(
        strata.tolist() if hasattr(strata, "tolist") else check_list("strata", strata, "a list of labels")
    )
    if labels.shape != array.shape:
        raise ValueError(f"strata must have one label a value, {array.shape}; got {labels.shape}")
    parts = tuple(array[labels == label] for label in pd.unique(labels))
    if min(map(len, parts)) < 2:
        raise ValueError(f"strata must hold 2 values or more each; got sizes {[len(part) for part in parts]}")
    return parts


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a rate: honest for few trials, and at 0 and n successes.

    Args:
        successes: Number of successes, in [0, n].
        n: Number of trials, in [1, inf).
        confidence: Nominal coverage, in (0, 1).

    Reference:
        Wilson 1927.

    Examples:
        >>> print(wilson_interval(93, 200))
        0.465 [0.397, 0.534] (95 %, n = 200)
    """
    n = check_integer("n", n, 1)
    successes = check_integer("successes", successes, 0, n)
    check_confidence(confidence)
    found = stats.binomtest(successes, n).proportion_ci(confidence_level=confidence, method="wilson")
    return Interval(successes / n, float(found.low), float(found.high), n, confidence, "wilson")

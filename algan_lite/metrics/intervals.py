"""Intervals: what one statistic of a handful of seeds may be.

A run that failed stays in: NaN is refused with the advice to give ``fill``, the value that it deserves. Randomness
comes from ``seed`` alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from algan_lite.core.checks import check_integer, check_list, check_number, shown
from algan_lite.core.rng import derive_seed

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
        Agarwal et al. 2021, section 4.

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
        Efron 1987; stratified: Agarwal et al. 2021, section 4.
    """
    array = check_values("values", values, fill, 2)
    if not callable(statistic):
        raise TypeError(f"statistic must be a function of (array, axis=), such as numpy.mean; got {shown(statistic)}")
    check_confidence(confidence)
    check_integer("num_resamples", num_resamples, 99)
    parts = split_strata(array, strata)
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


def split_strata(array: np.ndarray, strata: ArrayLike | None) -> tuple[np.ndarray, ...]:
    """Return the values (n,) of each stratum; all of them where there are none."""
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

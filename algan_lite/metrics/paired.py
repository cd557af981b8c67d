"""Is a difference more than chance? A paired permutation test, and Holm's correction for a family of tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from algan_lite.core.checks import check_integer
from algan_lite.metrics.intervals import check_values, numpy_generator


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

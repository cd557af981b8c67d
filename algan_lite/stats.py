"""Floor 0: what may be concluded from a handful of seeds: arms compared on the same seeds.

Tests stand on SciPy; the intervals are in ``intervals`` and can be had from here. A run that failed stays in: NaN is
refused with the advice to give ``fill``, the value that it deserves. Randomness comes from ``seed`` alone.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from algan_lite.checks import check_choice, check_integer
from algan_lite.intervals import Interval, bootstrap_interval, check_values, iqm, numpy_generator, wilson_interval

__all__ = [
    "Interval",
    "PairedTest",
    "bootstrap_interval",
    "compare_arms",
    "holm",
    "iqm",
    "paired_permutation_test",
    "wilson_interval",
]


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
    for name, column in (("value", value), ("arm", arm), ("seed", seed)):
        check_choice(name, column, list(map(str, table.columns)))
    values = _by_seed(table, value, arm, seed)
    if baseline not in values.columns:
        raise ValueError(f"baseline must be one of {', '.join(map(str, values.columns))}; got {baseline!r}")
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

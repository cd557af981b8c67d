"""Whole distributions of runs, where a mean says too little: who is better how often, and how many are how good.

Both are of Agarwal et al. 2021, with percentile intervals of a bootstrap that stays within each stratum (a bed, say).
Strata weigh the same, however many runs they hold.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from algan_lite.core.checks import check_choice, check_integer
from algan_lite.metrics.intervals import Interval, check_confidence, check_values, numpy_generator, split_strata

BETTER = {"higher": 1.0, "lower": -1.0}


def probability_of_improvement(
    a: ArrayLike,
    b: ArrayLike,
    *,
    better: str = "higher",
    strata: ArrayLike | None = None,
    fill: float | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    num_resamples: int = 1999,
) -> Interval:
    """Probability that a run of a is better than a run of b; ties count half.

    Mann-Whitney's U over the number of pairs: all runs of a against all of b, not only those of the same seed. It tells
    how often a reader who trains once is better off, and nothing of how much.

    Args:
        a: (n,), n >= 2, a value a run.
        b: (m,), m >= 2, of the other arm.
        better: ``higher`` or ``lower`` values.
        strata: (n,) labels of the beds, for a and b alike, which then hold equally many runs in the same order.
        fill: Replaces values that are not finite.
        confidence: Of the interval.
        seed: Of the resamples.
        num_resamples: In [99, inf).

    Returns:
        The estimate, in [0, 1], with its interval; 0.5 for two equal arms.

    Raises:
        ValueError: If a value is not finite and there is no ``fill``, or a and b differ in length and there are strata.

    Reference:
        Agarwal et al. 2021, section 4.

    Examples:
        >>> probability_of_improvement([3, 4, 5], [1, 2, 4]).estimate.__round__(3)
        0.833
    """
    sign = BETTER[check_choice("better", better, BETTER)]
    first, second = sign * check_values("a", a, fill, 2), sign * check_values("b", b, fill, 2)
    if strata is not None and len(first) != len(second):
        raise ValueError(f"a and b must be equally long where there are strata; got {len(first)} and {len(second)}")
    beds = list(zip(split_strata(first, strata), split_strata(second, strata), strict=True))
    wins = [(x[:, None] > y) + 0.5 * (x[:, None] == y) for x, y in beds]  # (n, m) each
    generator = numpy_generator(seed, "probability of improvement")
    drawn = [
        np.einsum(
            "bn,nm,bm->b", _shares(generator, len(x), num_resamples), win, _shares(generator, len(y), num_resamples)
        )
        for (x, y), win in zip(beds, wins, strict=True)
    ]
    low, high = _ends(np.mean(drawn, axis=0), confidence)
    estimate = float(np.mean([win.mean() for win in wins]))
    return Interval(estimate, float(low), float(high), min(len(first), len(second)), confidence, "percentile")


def performance_profile(
    values: ArrayLike,
    thresholds: ArrayLike,
    *,
    better: str = "higher",
    strata: ArrayLike | None = None,
    fill: float | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    num_resamples: int = 1999,
) -> pd.DataFrame:
    """Share of runs that are better than each threshold: a whole distribution on one curve.

    Where the curve of one arm lies above another's everywhere, it is better at every standard; where they cross, the
    standard decides. The median is where the curve falls through 1/2.

    Args:
        values: (n,), n >= 2, a value a run.
        thresholds: (t,), t >= 1, on the scale of the values.
        better: ``higher`` or ``lower`` values.
        strata: (n,) labels of the beds.
        fill: Replaces values that are not finite.
        confidence: Of the intervals, one threshold at a time.
        seed: Of the resamples.
        num_resamples: In [99, inf).

    Returns:
        A row a threshold, indexed by it: ``share`` in [0, 1], ``low``, ``high``.

    Raises:
        ValueError: If a value is not finite and there is no ``fill``, or a threshold is not finite.

    Reference:
        Agarwal et al. 2021, section 4.

    Examples:
        >>> performance_profile([0.2, 0.4, 0.4, 0.9], [0.1, 0.4, 0.8])["share"].tolist()
        [1.0, 0.25, 0.25]
    """
    sign = BETTER[check_choice("better", better, BETTER)]
    array, levels = check_values("values", values, fill, 2), check_values("thresholds", thresholds, None, 1)
    beds = [sign * part[:, None] > sign * levels for part in split_strata(array, strata)]  # (n, t) each
    generator = numpy_generator(seed, "performance profile")
    drawn = [_shares(generator, len(above), num_resamples) @ above for above in beds]
    low, high = _ends(np.mean(drawn, axis=0), confidence)
    share = np.mean([above.mean(0) for above in beds], axis=0)
    return pd.DataFrame({"share": share, "low": low, "high": high}, index=pd.Index(levels, name="threshold"))


def _shares(generator: np.random.Generator, n: int, num_resamples: int) -> np.ndarray:
    """Return how often each of n runs is in each resample, over n: (num_resamples, n)."""
    check_integer("num_resamples", num_resamples, 99)
    return generator.multinomial(n, np.full(n, 1 / n), size=num_resamples) / n


def _ends(drawn: np.ndarray, confidence: float) -> np.ndarray:
    """Return low and high of resampled statistics (num_resamples, ...)."""
    tail = (1 - check_confidence(confidence)) / 2
    return np.quantile(drawn, [tail, 1 - tail], axis=0)

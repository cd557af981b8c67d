"""How a verdict is computed: the closed set of rules that a plan may name.

A rule reads a table with a row a comparison: the arm's ``mean`` with ``mean_low`` and ``mean_high``; the ``difference``
to the baseline with ``low``, ``high`` and ``p_holm``; and ``bar``, the best mean of the sentinels. ``sign`` is 1 where
higher is better, -1 where lower is. So nobody looks at the numbers first and then decides what they mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from algan_lite.core.checks import Entry, Table


@dataclass(frozen=True, kw_only=True)
class Rule(Entry):
    """One rule.

    Attributes:
        fn: ``fn(compared, sign, level=..., **options)`` gives one verdict a row.
        verdicts: What it may say; the last is for data that do not decide.
    """

    fn: Callable[..., np.ndarray]
    verdicts: tuple[str, ...]


RULES: Table[Rule] = Table("rule", Rule)
rule = RULES.enter


@rule(source="this book", verdicts=("ahead", "behind", "null"))
def ahead(compared: pd.DataFrame, sign: int, *, level: float, least: float = 0.0) -> np.ndarray:
    """Ahead of the baseline: Holm-adjusted p < level, difference >= least, and better than the sentinels.

    Behind: as clearly worse. An arm that is ahead of the baseline and not of the sentinels (its interval reaches the
    best of them) has a null: so does noise that has learned nothing.
    """
    clear = compared["p_holm"] < level
    gain = sign * compared["difference"]
    worst = sign * compared["mean_low" if sign > 0 else "mean_high"]
    beats = (worst > sign * compared["bar"]) | compared["bar"].isna()
    return np.select(
        [clear & (gain >= least) & (gain > 0) & beats, clear & (gain <= -least)], ["ahead", "behind"], "null"
    )


@rule(source="Schuirmann 1987, two one-sided tests", verdicts=("equal", "null"))
def equal(compared: pd.DataFrame, sign: int, *, level: float, least: float) -> np.ndarray:
    """Equal to the baseline: the whole interval of the difference is nearer to 0 than least.

    Not the absence of a significant difference, which few seeds would give to anything.
    """
    return np.where((compared["low"] > -least) & (compared["high"] < least), "equal", "null")


@rule(source="this book", verdicts=("reached", "missed", "null"))
def reaches(compared: pd.DataFrame, sign: int, *, level: float, value: float) -> np.ndarray:
    """Reaches a value: the whole interval of the arm's mean is at least as good.

    Missed: the interval falls short of it. The baseline plays no part.
    """
    ends = sign * compared[["mean_low", "mean_high"]]
    beyond, short = ends.min(axis=1) >= sign * value, ends.max(axis=1) < sign * value
    return np.select([beyond, short], ["reached", "missed"], "null")

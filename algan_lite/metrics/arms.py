"""Tables of runs: every arm against a baseline on the same seeds, on one bed or several."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd

from algan_lite.core.checks import check_choice, check_kind, shown
from algan_lite.metrics.intervals import bootstrap_interval, check_values, iqm
from algan_lite.metrics.paired import holm, paired_permutation_test

FAMILIES = ("table", "bed")


def compare_arms(
    table: pd.DataFrame,
    value: str,
    baseline: Hashable,
    *,
    arm: str = "arm",
    seed: str = "seed",
    bed: str | None = None,
    family: str = "table",
    fill: float | None = None,
    confidence: float = 0.95,
    test_seed: int = 0,
) -> pd.DataFrame:
    """Compare every arm with a baseline on the same seeds, on one bed or on each of several.

    Args:
        table: One row a run, for instance from ``sweep``.
        value: Column that is compared.
        baseline: The arm that the others are compared with; every bed has it.
        arm: Column with the arm.
        seed: Column with the seed that pairs the runs; on a bed every arm has every seed once.
        bed: Column with the bed (the data, say) that a run belongs to; None where there is one only.
        family: Which tests Holm's correction counts: ``table``, all arms on all beds, or ``bed``, the arms of one bed.
        fill: Replaces values that are not finite: what a failed run deserves.
        confidence: Of the intervals.
        test_seed: Of resamples and swaps.

    Returns:
        One row an arm, in order of appearance; with ``bed`` one a bed and arm, indexed by both. Columns ``n``,
        ``failed``, ``mean``, ``iqm``; and against the baseline (NaN in its own row) ``difference`` of means with its
        bootstrap interval ``low``, ``high``; ``p``, and ``p_holm``, adjusted over the family.

    Raises:
        ValueError: If a column or the baseline is missing, an arm lacks a seed or has it twice, or a value is not
            finite and there is no ``fill``.
    """
    check_kind("table", table, pd.DataFrame, "a pandas.DataFrame with a row a run")
    named = {"value": value, "arm": arm, "seed": seed} | ({} if bed is None else {"bed": bed})
    for name, column in named.items():
        check_choice(name, column, list(map(str, table.columns)))
    check_choice("family", family, FAMILIES)
    columns, how = (value, arm, seed), (fill, confidence, test_seed)
    if bed is None:
        result = _compare(table, baseline, columns, how)
    else:
        parts = {name: _compare(part, baseline, columns, how) for name, part in table.groupby(bed, sort=False)}
        if not parts:
            raise ValueError(f"table must hold a row a run; got none with a {bed}")
        result = pd.concat(parts, names=[bed, arm])
    alone = bed is not None and family == "bed"
    result["p_holm"] = result.groupby(level=0, sort=False)["p"].transform(_holm) if alone else _holm(result["p"])
    return result


def _compare(
    table: pd.DataFrame, baseline: Hashable, columns: tuple[str, str, str], how: tuple[float | None, float, int]
) -> pd.DataFrame:
    """Compare the arms of one bed; the columns are value, arm and seed, and how is fill, confidence and seed."""
    (value, arm, seed), (fill, confidence, test_seed) = columns, how
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
    result.index.name = arm
    return result


def _holm(p: pd.Series) -> pd.Series:
    """Adjust the p-values of a family; the baseline's row has none."""
    known = p.dropna()
    return pd.Series(holm(known), known.index, dtype=float).reindex(p.index)


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

"""The zero and the end of a measure beside the arms: sentinels as rows of a table of runs, and means with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from algan_lite.core.checks import check_choice, check_integer, check_kind, check_list
from algan_lite.data.sources import Source
from algan_lite.metrics.intervals import bootstrap_interval, check_values
from algan_lite.metrics.sentinels import SENTINELS
from algan_lite.metrics.table import METRICS

_AVERAGED = "ema_"  # the same measure of the averaged G, as ``sweep`` calls it


def sentinel_runs(
    source: Source,
    measures: Sequence[str],
    *,
    n: int = 2500,
    seeds: Iterable[int] = range(10),
    sentinels: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Measure every sentinel as if it were an arm.

    Args:
        source: The data of the arms.
        measures: Names in ``METRICS``, or those with ``ema_`` before them, which have the same values: nothing here is
            averaged.
        n: Fakes behind each number, >= 2: as many as behind the arms'; of finite data at most the validation part.
        seeds: One independent draw each.
        sentinels: Names in ``SENTINELS``; by default all.

    Returns:
        A row a sentinel and draw: ``arm``, ``seed`` and the measures, as ``sweep`` has them.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If a name is unknown, a number out of range, or the source does not fit a measure.

    Examples:
        >>> from algan_lite import data
        >>> runs = sentinel_runs(data.grid(), ["mode_coverage", "fair_mode_coverage"], seeds=range(3))
        >>> runs.groupby("arm", sort=False)[["mode_coverage", "fair_mode_coverage"]].mean().loc["uniform_box"].tolist()
        [25.0, 0.0]
    """
    check_kind("source", source, Source, "a source such as al.data.ring()")
    names = check_list("measures", measures, "a list of names in METRICS")
    metrics = {name: METRICS[name.removeprefix(_AVERAGED) if isinstance(name, str) else name] for name in names}
    drawn = [check_integer("seeds", seed, 0) for seed in check_list("seeds", seeds, "integers, such as range(10)")]
    if not drawn:
        raise ValueError("seeds must hold 1 seed or more; got none")
    n = check_integer("n", n, 2)
    chosen = SENTINELS if sentinels is None else check_list("sentinels", sentinels, "a list of names in SENTINELS")
    if not chosen:
        raise ValueError(f"sentinels must hold 1 name or more, of {', '.join(SENTINELS)}; got none")
    parts = []
    for name in chosen:
        x = SENTINELS[name](source, n, seed=drawn)  # (draws, n, *sample)
        columns = {measure: metric(x, source).tolist() for measure, metric in metrics.items()}
        parts.append(pd.DataFrame({"arm": name, "seed": drawn, **columns}))
    return pd.concat(parts, ignore_index=True)


def with_sentinels(
    table: pd.DataFrame,
    source: Source | Mapping[str, Source],
    *,
    n: int = 2500,
    seeds: Iterable[int] = range(10),
    sentinels: Sequence[str] | None = None,
    bed: str | None = None,
) -> pd.DataFrame:
    """Add the sentinels to a table of runs, in the measures that it has.

    Args:
        table: One row a run, for instance from ``sweep``: ``arm``, ``seed`` and columns named as in ``METRICS``.
        source: The data of the runs; with ``bed`` a mapping, bed -> source.
        n: As for ``sentinel_runs``: what the table's own numbers stand on.
        seeds: As for ``sentinel_runs``.
        sentinels: As for ``sentinel_runs``.
        bed: Column with the bed that a run belongs to; None where there is one only.

    Returns:
        The table, and below it a row a sentinel and draw (on each bed); columns that are no measures are missing there.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If the table has no measure, or has an arm with the name of a sentinel already.
    """
    check_kind("table", table, pd.DataFrame, "a pandas.DataFrame with a row a run")
    for column in ("arm", "seed"):
        check_choice(column, column, list(map(str, table.columns)))
    measures = [name for name in table.columns if str(name).removeprefix(_AVERAGED) in METRICS]
    if not measures:
        raise ValueError(f"table must have a column that is named in METRICS; got {', '.join(map(str, table.columns))}")
    if twice := sorted(set(table["arm"]) & set(SENTINELS)):
        raise ValueError(f"table must have no arm with the name of a sentinel; got {', '.join(twice)}")
    settings = {"n": n, "seeds": check_list("seeds", seeds, "integers, such as range(10)"), "sentinels": sentinels}
    if bed is None:
        return pd.concat([table, sentinel_runs(source, measures, **settings)], ignore_index=True)
    check_choice("bed", bed, list(map(str, table.columns)))
    check_kind("source", source, Mapping, "a mapping, bed -> source, where bed is given")
    rows = [
        sentinel_runs(source[check_choice("source", name, source)], measures, **settings).assign(**{bed: name})
        for name in table[bed].unique()
    ]
    return pd.concat([table, *rows], ignore_index=True)


def summarize(
    table: pd.DataFrame,
    measures: Sequence[str],
    *,
    by: str | Sequence[str] = "arm",
    fill: float | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Mean and bootstrap interval of measures of each arm, sentinels or not.

    Args:
        table: One row a run.
        measures: Columns that are averaged.
        by: Column with the arm, or columns, such as those of bed and arm.
        fill: Replaces values that are not finite: what a failed run deserves.
        confidence: Of the intervals.
        seed: Of the resamples.

    Returns:
        One row an arm, in order of appearance: ``n`` runs, and ``mean``, ``low``, ``high`` below each measure.

    Raises:
        ValueError: If a column is missing, an arm has fewer than 2 runs, or a value is not finite and there is no
            ``fill``.
    """
    check_kind("table", table, pd.DataFrame, "a pandas.DataFrame with a row a run")
    groups = [by] if isinstance(by, str) else check_list("by", by, "a column or a list of columns")
    names = check_list("measures", measures, "a list of columns")
    if not groups or not names:
        raise ValueError(f"by and measures must hold 1 column or more each; got {len(groups)} and {len(names)}")
    for argument, column in [*(("by", name) for name in groups), *(("measures", name) for name in names)]:
        check_choice(argument, column, list(map(str, table.columns)))
    rows = {}
    for arm, part in table.groupby(groups if len(groups) > 1 else groups[0], sort=False):
        row: dict[tuple[str, str], float] = {("n", ""): len(part)}
        for name in names:
            values = check_values(f"{name} of {arm}", part[name], fill, 2)
            found = bootstrap_interval(values, confidence=confidence, seed=seed)
            row |= {(name, "mean"): found.estimate, (name, "low"): found.low, (name, "high"): found.high}
        rows[arm] = row
    if not rows:
        raise ValueError("table must hold a row a run; got none")
    result = pd.DataFrame(rows).T.astype({("n", ""): int})
    result.index.names = groups
    return result

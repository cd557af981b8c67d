"""The figures that compare runs: curves over training, and one row an arm."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from algan_lite.core.checks import check_kind, check_list, check_number, shown
from algan_lite.plots.style import COLORS, INK, LINES, MARKERS, WIDTH, axes_or_new

_USUAL = {
    "loss_D": (COLORS["D"], LINES["D"]),
    "loss_G": (COLORS["G"], LINES["G"]),
    "logit_real": (COLORS["real"], LINES["real"]),
    "logit_fake": (COLORS["fake"], LINES["fake"]),
}
_OTHERS = [
    (COLORS[name], LINES[name]) for name in ("core_set", "top_k", "uncertain", "softmax", "disagreement", "plain")
]


def curves(
    frame: pd.DataFrame,
    columns: str | Sequence[str],
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | Sequence[str] | None = None,
    ylabel: str | None = None,
) -> Axes:
    """Draw recorded values over the steps of G: the mean over the runs, and a band of their middle 80 %.

    The legend says how many runs there are and what the band is. Values that are not finite are left out of both, and
    the legend counts the runs that end with one.

    Args:
        frame: ``history.frame()``: columns ``run``, ``step`` and the recorded ones.
        columns: Which to draw.
        ax: Where to draw; a new figure by default.
        labels: What the legend calls them: column -> words, or words in the order of ``columns``.
        ylabel: Of the axes, with its unit.

    Raises:
        ValueError: If the frame lacks a column, or ``labels`` do not fit ``columns``.
    """
    check_kind("frame", frame, pd.DataFrame, "a pandas.DataFrame, such as history.frame()")
    columns = [columns] if isinstance(columns, str) else check_list("columns", columns, "a name or a list of names")
    if not all(isinstance(name, Hashable) for name in columns):
        raise TypeError(f"columns must be a name or a list of names; got {shown(columns)}")
    if lacking := [name for name in ["run", "step", *columns] if name not in frame]:
        raise ValueError(f"columns must be among {', '.join(map(str, frame))}; got {', '.join(map(str, lacking))}")
    if labels is not None and not isinstance(labels, Mapping):
        labels = check_list("labels", labels, "a mapping, column -> words, or a list of words")
        if len(labels) != len(columns):
            raise ValueError(f"labels must be {len(columns)} words, one a column; got {len(labels)}")
        labels = dict(zip(columns, labels, strict=True))
    ax, runs = axes_or_new(ax), frame["run"].nunique()
    finite = frame[columns].where(np.isfinite(frame[columns]))
    groups = finite.groupby(frame["step"])
    for k, name in enumerate(columns):
        color, line = _USUAL.get(name, _OTHERS[k % len(_OTHERS)])
        mean = groups[name].mean()
        ax.plot(mean.index, mean, color=color, linestyle=line, label=(labels or {}).get(name, name))
        if runs > 1:
            low, high = groups[name].quantile(0.1), groups[name].quantile(0.9)
            ax.fill_between(mean.index, low, high, color=color, alpha=0.25, linewidth=0)
    ax.set(xlabel="step of G", ylabel=", ".join(columns) if ylabel is None else ylabel)
    failed = finite[frame["step"] == frame["step"].max()].isna().any(axis=1)  # before the end NaN may mean "not yet"
    ax.legend(title=_band(runs, int(failed.sum())))
    return ax


def _band(runs: int, failed: int) -> str:
    text = "1 run" if runs == 1 else f"mean of {runs} runs; band: middle 80 %"
    return text + (f"\n({failed} end with a value that is not finite)" if failed else "")


def _ends(interval: object) -> tuple[float, float]:
    ends = (interval.low, interval.high) if hasattr(interval, "low") else interval
    ends = check_list("intervals", ends, "stats.Interval or pairs (low, high)")
    if len(ends) != 2:
        raise ValueError(f"intervals must be stats.Interval or pairs (low, high); got {shown(interval)}")
    return tuple(end if isinstance(end, float) else check_number("intervals", end) for end in ends)


def dots_with_intervals(
    labels: Sequence[str],
    values: Sequence[float],
    intervals: Sequence[Any],
    ax: Axes | None = None,
    *,
    xlabel: str | None = None,
    reference: float | None = None,
) -> Axes:
    """Draw one row a label: a dot at the value and a line over its interval.

    Strategies keep their color and mark; what follows a comma ("plain, twice the steps") does not change them.

    Args:
        labels: Names, from top to bottom.
        values: One a label.
        intervals: One a label: ``stats.Interval`` or (low, high).
        ax: Where to draw; a new figure by default.
        xlabel: What is measured, its unit, the number of seeds and what the interval is.
        reference: A floor or a ceiling, drawn as a dotted upright line.

    Raises:
        ValueError: If the lengths differ, or an interval is not low <= value <= high.
    """
    labels = check_list("labels", labels, "a list of words")
    values = check_list("values", values, "a list of numbers, one a label")
    intervals = check_list("intervals", intervals, "a list of intervals, one a label")
    if not len(labels) == len(values) == len(intervals):
        counts = f"{len(labels)}, {len(values)} and {len(intervals)}"
        raise ValueError(f"labels, values and intervals must be equally many; got {counts}")
    ends = [_ends(interval) for interval in intervals]
    values = [check_number("values", value) for value in values]
    for label, value, (low, high) in zip(labels, values, ends, strict=True):
        if not low <= value <= high:
            raise ValueError(f"intervals must hold the value; got {low}, {high} around {value} for {label!r}")
    if reference is not None:
        check_number("reference", reference)
    ax = axes_or_new(ax, (WIDTH, 0.8 + 0.45 * len(labels)))
    for row, (label, value, (low, high)) in enumerate(zip(labels, values, ends, strict=True)):
        kind = str(label).split(",")[0]
        color = COLORS.get(kind, COLORS["real"])
        ax.hlines(row, low, high, color=color, linewidth=2.5)
        ax.plot(value, row, MARKERS.get(kind, "o"), color=color, markersize=9)
    if reference is not None:
        ax.axvline(reference, color=INK, linestyle=":", linewidth=1.5)
    ax.set(yticks=range(len(labels)), yticklabels=labels, ylim=(len(labels) - 0.5, -0.5))
    if xlabel is not None:
        ax.set_xlabel(xlabel)
    return ax

"""The figures that compare runs: curves over training, one row an arm, and what the sentinels score beside them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from algan_lite.core.checks import check_choice, check_kind, check_list, check_number, shown
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


def mark_sentinels(ax: Axes, marks: Mapping[str, float], *, axis: str = "y") -> Axes:
    """Draw what the sentinels score across a figure: a thin line each, with its name beside the axes.

    The axis is stretched where a mark lies outside; do it once all else is drawn. Names of marks that are too near to
    each other for labels of their own share one, in the order of their values.

    Args:
        ax: The axes of the figure.
        marks: Sentinel -> value of the measure, for instance
            ``sentinel_runs(source, ["quality_3sigma"]).groupby("arm")["quality_3sigma"].mean()``.
        axis: Which axis shows the measure: ``y`` for level lines, ``x`` for upright ones.

    Returns:
        The axes.

    Raises:
        TypeError: If ``ax`` is no axes or ``marks`` no mapping.
        ValueError: If ``marks`` is empty, or a value is not finite.
    """
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be one matplotlib Axes; got {type(ax).__name__}")
    check_kind("marks", marks, (Mapping, pd.Series), "a mapping, sentinel -> value")
    level = check_choice("axis", axis, ("y", "x")) == "y"
    values = {str(name): check_number(f"marks[{name!r}]", value) for name, value in marks.items()}
    if not values:
        raise ValueError("marks must hold 1 value or more; got none")
    _stretch(ax, values.values(), level)
    for value in values.values():
        (ax.axhline if level else ax.axvline)(value, color=INK, linestyle=(0, (1, 2)), linewidth=1.2, zorder=0.5)
    way = {"transform": ax.transAxes, "color": INK}
    for place, names in _labels(ax, values, level):
        if level:
            ax.text(1.01, place, "\n".join(reversed(names)), ha="left", va="center", **way)
        else:
            ax.text(place, 1.01, "\n".join(names), ha="center", va="bottom", **way)
    return ax


def _stretch(ax: Axes, values: Iterable[float], level: bool) -> None:
    """Move the ends of the axis so that it holds the values, with a little room beyond; whichever way it runs."""
    start, end = ax.get_ylim() if level else ax.get_xlim()
    low, high = min(start, end, *values), max(start, end, *values)
    room = 0.03 * (high - low) if "linear" in (ax.get_yscale() if level else ax.get_xscale()) else 0.0
    low, high = low - room * (low < min(start, end)), high + room * (high > max(start, end))
    (ax.set_ylim if level else ax.set_xlim)(*((low, high) if start <= end else (high, low)))


def _labels(ax: Axes, values: Mapping[str, float], level: bool) -> list[tuple[float, list[str]]]:
    """Return where labels stand, in shares of the axis, and the names that share each."""
    size = ax.get_window_extent().height if level else ax.get_window_extent().width  # pixels
    ems = 1.3 if level else 0.65 * max(map(len, values))  # height of a line, or width of the longest name
    gap = ems * mpl.rcParams["font.size"] * ax.figure.dpi / 72 / size
    groups: list[tuple[float, list[str]]] = []
    for name, value in sorted(values.items(), key=lambda item: item[1]):
        point = ax.transData.transform((0.0, value) if level else (value, 0.0))
        place = float(ax.transAxes.inverted().transform(point)[1 if level else 0])
        lines = (
            (len(groups[-1][1]) + 1) / 2 if groups and level else 1
        )  # labels of several lines stand around their place
        if groups and abs(place - groups[-1][0]) < gap * lines:
            groups[-1][1].append(name)
        else:
            groups.append((place, [name]))
    return groups

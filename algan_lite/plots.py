"""Floor 4: the figures of the book. Every function draws on one Axes and returns it.

Tensors may lie on any device. Nothing is trained here, no network changes its mode, and no random number is drawn:
where only some of the points or pictures fit, they are the first, never the best.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from torch import Tensor, nn

from algan_lite.checks import check_integer, check_number
from algan_lite.diagrams import draw_network, six_steps_diagram
from algan_lite.losses import Loss, resolve_loss
from algan_lite.style import COLORS, INK, LINES, MARKERS, VERDICT, WIDTH, use_style

__all__ = [
    "COLORS",
    "INK",
    "LINES",
    "MARKERS",
    "VERDICT",
    "WIDTH",
    "curves",
    "decision_map",
    "dots_with_intervals",
    "draw_network",
    "image_grid",
    "scatter",
    "six_steps_diagram",
    "use_style",
]


def _axes(ax: Axes | None, figsize: tuple[float, float] | None = None) -> Axes:
    if ax is not None and not isinstance(ax, Axes):
        raise TypeError(f"ax must be one matplotlib Axes or None; got {type(ax).__name__}")
    return plt.subplots(figsize=figsize)[1] if ax is None else ax


def _points(name: str, x: Tensor, most: int) -> np.ndarray:
    if not isinstance(x, Tensor) or x.ndim != 2 or x.shape[-1] != 2:
        got = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"{name} must be a tensor of points (N, 2), of one run; got {got}")
    return x[:most].detach().float().cpu().numpy()


def scatter(
    x_real: Tensor | None,
    x_fake: Tensor | None = None,
    *,
    chosen: Tensor | None = None,
    ax: Axes | None = None,
    limit: float | None = None,
    title: str | None = None,
    most: int = 500,
    legend: bool | None = None,
) -> Axes:
    """Draw points in the plane: reals as dots, fakes as triangles, chosen fakes as diamonds.

    Args:
        x_real: (N, 2), or None.
        x_fake: (N, 2), or None.
        chosen: Those fakes that G trains on, (n, 2), or None.
        ax: Where to draw; a new square figure by default.
        limit: Half the width of the axes, > 0, in data units; by default all that is drawn fits.
        title: Of the axes.
        most: Points of each kind that are drawn, the first ones, at least 1.
        legend: Name the kinds below the axes; by default only on a figure of our own.

    Raises:
        ValueError: If a tensor is not (N, 2) or a number is out of range.
    """
    check_integer("most", most, 1)
    kinds = {"real": x_real, "fake": x_fake, "chosen": chosen}
    groups = {kind: _points(f"x_{kind}" if kind != "chosen" else kind, x, most) for kind, x in kinds.items() if x is not None}
    own = ax is None
    ax = _axes(ax, (4.6, 4.9))
    for order, (kind, xy) in enumerate(groups.items()):
        look = {"c": COLORS[kind], "marker": MARKERS[kind], "s": 22 if kind != "chosen" else 34, "label": kind}
        # A thin pale edge keeps marks apart where they lie on each other or on a map.
        ax.scatter(xy[:, 0], xy[:, 1], **look, edgecolors="white", linewidths=0.4, alpha=0.85, zorder=2 + order)
    if limit is not None:
        check_number("limit", limit, 0, open_low=True)
        ax.set(xlim=(-limit, limit), ylim=(-limit, limit))
    ax.set_aspect("equal")
    ax.set(xlabel="$x_1$ (data units)", ylabel="$x_2$ (data units)")
    if title is not None:
        ax.set_title(title)
    if own if legend is None else legend:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, handletextpad=0.1, columnspacing=1.0)
    return ax


def decision_map(
    D: Callable[[Tensor], Tensor],
    ax: Axes | None = None,
    *,
    extent: Sequence[float] | None = None,
    loss: str | Loss = "non_saturating",
    resolution: int = 100,
    colorbar: bool = True,
) -> Axes:
    """Draw D's verdict over the plane: blue where it says real, orange where it says fake, pale where it cannot tell.

    A loss whose logits give a log density ratio shows D's probability of "real". Any other shows how far the realness
    lies from the boundary that the loss declares; without one, from the median over the map.

    Args:
        D: One discriminator (not an ensemble: take ``Ds.member(k)``) of points (N, 2).
        ax: Where to draw, below what is there; a new figure by default.
        extent: (left, right, bottom, top) in data units; the limits of ``ax`` if something is drawn there,
            else (-3, 3, -3, 3).
        loss: The loss that D was trained with: it says how to read the logits.
        resolution: Points along each side, at least 2.
        colorbar: Add the key beside the axes.

    Raises:
        ValueError: If D does not give one logit a point, or ``extent`` is not an area.
    """
    check_integer("resolution", resolution, 2)
    ax = _axes(ax, (5.8, 4.6))
    x0, x1, y0, y1 = extent = _extent(extent, ax)
    parameter = next(D.parameters(), None) if isinstance(D, nn.Module) else None
    side = torch.linspace(0, 1, resolution, device=None if parameter is None else parameter.device)
    points = torch.cartesian_prod(y0 + (y1 - y0) * side, x0 + (x1 - x0) * side).flip(-1)  # row by row: y slow, x fast
    with torch.no_grad():
        logits = D(points)
    if logits.shape != points.shape[:1]:
        raise ValueError(f"D must return one logit a point, ({len(points)},); got {tuple(logits.shape)}")
    values, low, high, ticks = _verdict(logits, resolve_loss(loss))
    image = ax.imshow(
        values.reshape(resolution, resolution).cpu().numpy(),
        **{"extent": extent, "origin": "lower", "cmap": VERDICT, "vmin": low, "vmax": high},
        **{"interpolation": "bilinear", "aspect": "equal", "zorder": 0},
    )
    ax.set(xlim=(x0, x1), ylim=(y0, y1), xlabel="$x_1$ (data units)", ylabel="$x_2$ (data units)")
    if colorbar:
        verdict_bar(image, ticks, ax)
    return ax


def verdict_bar(image: Any, ticks: Mapping[float, str], ax: Axes | Sequence[Axes]) -> None:  # noqa: ANN401 (an image)
    """Add the key of a decision map beside its axes."""
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8, ticks=list(ticks))
    bar.ax.set_yticklabels(list(ticks.values()))
    bar.outline.set_edgecolor(INK)
    bar.set_label("D's verdict")


def _extent(extent: Sequence[float] | None, ax: Axes) -> tuple[float, float, float, float]:
    if extent is None:
        return (*ax.get_xlim(), *ax.get_ylim()) if ax.has_data() else (-3.0, 3.0, -3.0, 3.0)
    if len(extent) != 4 or not (extent[0] < extent[1] and extent[2] < extent[3]):
        raise ValueError(f"extent must be (left, right, bottom, top) with left < right, bottom < top; got {extent!r}")
    return tuple(float(value) for value in extent)


def _verdict(logits: Tensor, loss: Loss) -> tuple[Tensor, float, float, dict[float, str]]:
    """Return what to color, its range (the middle is "cannot tell") and the names of three values."""
    if loss.log_ratio is not None and loss.boundary is not None:
        return torch.sigmoid(loss.log_ratio(logits)), 0.0, 1.0, {0.0: "0 fake", 0.5: "½ cannot\ntell", 1.0: "1 real"}
    realness = loss.realness(logits)
    values = realness - (realness.median() if loss.boundary is None else loss.boundary)
    reach = max(float(values.abs().quantile(0.98)), 1e-6)  # a few extreme corners shall not pale the rest
    return values, -reach, reach, {-reach: f"{-reach:.2g} fake", 0.0: "0 cannot\ntell", reach: f"+{reach:.2g} real"}


def image_grid(images: Tensor, columns: int = 8, *, ax: Axes | None = None, title: str | None = None, most: int = 64) -> Axes:
    """Draw the first images as a grid, row by row.

    Args:
        images: (N, 1, height, width), values in [-1, 1]; what lies outside is clipped.
        columns: Images in a row, at least 1.
        ax: Where to draw; a new figure by default.
        title: Of the axes.
        most: Images that are drawn, the first ones, at least 1.

    Raises:
        ValueError: If ``images`` is not (N, 1, height, width) with N >= 1, or a number is out of range.
    """
    check_integer("columns", columns, 1)
    if not isinstance(images, Tensor) or images.ndim != 4 or images.shape[1] != 1 or len(images) < 1:
        got = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"images must be a tensor (N, 1, height, width), N >= 1, of one run; got {got}")
    shown = images[: check_integer("most", most, 1), 0].detach().float().cpu().clamp(-1, 1)  # (n, height, width)
    n, height, width = shown.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    # NaN is transparent: the gaps, and the end of the last row, show the page.
    sheet = torch.full((rows * (height + 1) - 1, columns * (width + 1) - 1), torch.nan)
    for k, image in enumerate(shown):
        top, left = (k // columns) * (height + 1), (k % columns) * (width + 1)
        sheet[top : top + height, left : left + width] = image
    side = min(0.6, WIDTH / columns)
    ax = _axes(ax, (side * columns, side * rows + 0.35 * (title is not None)))
    ax.imshow(sheet.numpy(), cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    if title is not None:
        ax.set_title(title)
    return ax


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
    the legend counts the runs that have any.

    Args:
        frame: ``history.frame()``: columns ``run``, ``step`` and the recorded ones.
        columns: Which to draw.
        ax: Where to draw; a new figure by default.
        labels: What the legend calls them: column -> words, or words in the order of ``columns``.
        ylabel: Of the axes, with its unit.

    Raises:
        ValueError: If the frame lacks a column, or ``labels`` do not fit ``columns``.
    """
    columns = [columns] if isinstance(columns, str) else list(columns)
    if lacking := [name for name in ["run", "step", *columns] if name not in frame]:
        raise ValueError(f"columns must be among {', '.join(map(str, frame))}; got {', '.join(lacking)}")
    if labels is not None and not isinstance(labels, Mapping):
        if len(labels) != len(columns):
            raise ValueError(f"labels must be {len(columns)} words, one a column; got {len(labels)}")
        labels = dict(zip(columns, labels, strict=True))
    ax, runs = _axes(ax), frame["run"].nunique()
    finite = frame[columns].where(np.isfinite(frame[columns]))
    groups = finite.groupby(frame["step"])
    hues = ("#0072B2", "#D55E00", "#009E73", "#C46A9C", "#BC8200", INK)
    for k, name in enumerate(columns):
        place = k if name not in _USUAL else None
        color, line = (hues[k % 6], ("-", "--", "-.", ":")[k % 4]) if place is not None else _USUAL[name]
        mean = groups[name].mean()
        ax.plot(mean.index, mean, color=color, linestyle=line, label=(labels or {}).get(name, name))
        if runs > 1:
            low, high = groups[name].quantile(0.1), groups[name].quantile(0.9)
            ax.fill_between(mean.index, low, high, color=color, alpha=0.25, linewidth=0)
    ax.set(xlabel="step of G", ylabel=", ".join(columns) if ylabel is None else ylabel)
    ax.legend(title=_band(runs, int(finite.isna().any(axis=1).groupby(frame["run"]).any().sum())))
    return ax


_USUAL = {
    "loss_D": (COLORS["D"], LINES["D"]),
    "loss_G": (COLORS["G"], LINES["G"]),
    "logit_real": (COLORS["real"], LINES["real"]),
    "logit_fake": (COLORS["fake"], LINES["fake"]),
}


def _band(runs: int, failed: int) -> str:
    text = "1 run" if runs == 1 else f"mean of {runs} runs; band: middle 80 %"
    return text + (f"\n({failed} with values that are not finite)" if failed else "")


def dots_with_intervals(
    labels: Sequence[str],
    values: Sequence[float],
    intervals: Sequence[Any],
    ax: Axes | None = None,
    *,
    xlabel: str | None = None,
    reference: float | None = None,
) -> Axes:
    """Draw one row a label: a dot at the value and a line over its interval; strategies keep their color and mark.

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
    if not len(labels) == len(values) == len(intervals):
        counts = f"{len(labels)}, {len(values)} and {len(intervals)}"
        raise ValueError(f"labels, values and intervals must be equally many; got {counts}")
    ends = [(i.low, i.high) if hasattr(i, "low") else tuple(i) for i in intervals]
    for label, value, (low, high) in zip(labels, values, ends, strict=True):
        if not low <= value <= high:
            raise ValueError(f"intervals must be (low, high) around the value; got {value} and {low}, {high} for {label}")
    ax = _axes(ax, (WIDTH, 0.8 + 0.45 * len(labels)))
    for row, (label, value, (low, high)) in enumerate(zip(labels, values, ends, strict=True)):
        color = COLORS.get(label, COLORS["real"])
        ax.hlines(row, low, high, color=color, linewidth=2.5)
        ax.plot(value, row, MARKERS.get(label, "o"), color=color, markersize=9)
    if reference is not None:
        ax.axvline(reference, color=INK, linestyle=":", linewidth=1.5)
    ax.set(yticks=range(len(labels)), yticklabels=labels, ylim=(len(labels) - 0.5, -0.5))
    if xlabel is not None:
        ax.set_xlabel(xlabel)
    return ax

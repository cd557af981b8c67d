"""Figures in the plane: reals, fakes and chosen fakes as points, and D's verdict as a map below them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from torch import Tensor, nn

from algan_lite.core.checks import (
    ask,
    check_flag,
    check_integer,
    check_kind,
    check_list,
    check_number,
    check_tensor,
    shown,
)
from algan_lite.models.doors import weights_like
from algan_lite.models.networks import evaluating, layers_of
from algan_lite.objective.losses import Loss, resolve_loss
from algan_lite.plots.style import COLORS, INK, MARKERS, VERDICT, WIDTH, axes_or_new

PROBABILITY = {0.0: "0 fake", 0.5: "½ cannot\ntell", 1.0: "1 real"}  # value -> its name beside the key


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
    size: float = 22,
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
        size: Area of a mark, > 0, in square points (a chosen one is half as large again).
        legend: Name the kinds below the axes; by default only on a figure of our own.

    Raises:
        ValueError: If a tensor is not (N, 2) or a number is out of range.
    """
    check_integer("most", most, 1)
    check_number("size", size, 0, open_low=True)
    if legend is not None:
        check_flag("legend", legend)
    kinds = {"x_real": x_real, "x_fake": x_fake, "chosen": chosen}
    groups = {kind: _points(kind, x, most) for kind, x in kinds.items() if x is not None}
    own = ax is None
    ax = axes_or_new(ax, (4.6, 4.9))
    for order, (name, xy) in enumerate(groups.items()):
        kind = name.removeprefix("x_")
        look = {
            "c": COLORS[kind],
            "marker": MARKERS[kind],
            "s": size if kind != "chosen" else 1.5 * size,
            "label": kind,
        }
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
        D: One discriminator (not an ensemble: take ``Ds.member(k)``) of points (N, 2). It is asked in evaluation mode;
            of a function, such as ``lambda x: D(x, y)``, the networks that it names are (one that it keeps in a list is
            not seen, and keeps its mode).
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
    check_flag("colorbar", colorbar)
    entry = resolve_loss(loss)
    if not callable(D):
        raise TypeError(f"D must be a network or another function of points (N, 2); got {shown(D)}")
    ax = axes_or_new(ax, (5.8, 4.6))
    x0, x1, y0, y1 = extent = _extent(extent, ax)
    like = weights_like(D)
    side = torch.linspace(0, 1, resolution, dtype=like.dtype, device=like.device)
    points = torch.cartesian_prod(y0 + (y1 - y0) * side, x0 + (x1 - x0) * side).flip(-1)  # row by row: y slow, x fast
    with torch.no_grad(), evaluating(layers_of(D)):
        logits = ask("D", D, points, "points (N, 2)")
    if logits.shape != points.shape[:1]:
        raise ValueError(f"D must return one logit a point, ({len(points)},); got {tuple(logits.shape)}")
    values, low, high, ticks = _verdict(logits, entry)
    image = ax.imshow(
        values.reshape(resolution, resolution).double().cpu().numpy(),
        **{"extent": extent, "origin": "lower", "cmap": VERDICT, "vmin": low, "vmax": high},
        **{"interpolation": "bilinear", "aspect": "equal", "zorder": 0},
    )
    ax.set(xlim=(x0, x1), ylim=(y0, y1), xlabel="$x_1$ (data units)", ylabel="$x_2$ (data units)")
    if colorbar:
        _verdict_bar(image, ticks, [ax])
    return ax


def _verdict_bar(image: AxesImage, ticks: Mapping[float, str], axes: Sequence[Axes], location: str = "right") -> None:
    shape = {"shrink": 0.8, "aspect": 20 if location == "right" else 35, "location": location}
    bar = axes[0].figure.colorbar(image, ax=axes, ticks=list(ticks), label="D's verdict", **shape)
    names = [text if location == "right" else text.replace("\n", " ") for text in ticks.values()]
    bar.set_ticks(list(ticks), labels=names)
    bar.outline.set_edgecolor(INK)


def training_strip(
    moments: Mapping[int, tuple[nn.Module, nn.Module]],
    x_real: Tensor,
    z: Tensor,
    *,
    limit: float = 3.0,
    loss: str | Loss = "non_saturating",
) -> np.ndarray:
    """Draw one GAN at several moments of its training: the same reals, the fakes of the same noise, D's verdict.

    Args:
        moments: Step -> (G, D) as they were then, such as ``notebook.Snapshots`` keeps.
        x_real: (N, 2).
        z: The noise of the fakes, (N, latent_dim), on G's device.
        limit: Half the width of the axes, > 0, in data units.
        loss: As for ``decision_map``; one whose logits give a log density ratio, so that the panels share a scale.

    Returns:
        The Axes, one a moment, (len(moments),).

    Raises:
        ValueError: If there is no moment, or the loss gives no probability.
    """
    entry = resolve_loss(loss)
    if entry.log_ratio is None or entry.boundary is None:
        raise ValueError(f"loss must give a probability, so that the panels share a scale; got {entry.name!r}")
    check_kind("moments", moments, Mapping, "a mapping of steps to pairs (G, D)")
    limit = check_number("limit", limit, 0, open_low=True)
    for step, pair in moments.items():
        check_integer("moments", step, 0)
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(f"moments must be a mapping of steps to pairs (G, D); got {shown(pair)} at step {step}")
    if not moments:
        raise ValueError("moments must hold at least 1 pair (G, D); got none")
    # Two rows of text in the key and one of marks below the panels.
    fig, axes = plt.subplots(1, len(moments), figsize=(WIDTH, WIDTH / len(moments) + 1.6), squeeze=False)
    for ax, (step, (G, D)) in zip(axes[0], moments.items(), strict=True):
        with torch.no_grad(), evaluating(layers_of(G)):
            x_fake = ask("G", G, check_tensor("z", z, "(N, latent_dim)"), "latents (N, latent_dim)")
            scatter(x_real, x_fake, ax=ax, limit=limit, title=f"step {step:,}", size=12)
        decision_map(D, ax, extent=(-limit, limit, -limit, limit), loss=entry, colorbar=False)
        ax.set(xlabel="", ylabel="", xticks=[-2, 0, 2], yticks=[-2, 0, 2])
        ax.label_outer()
    axes[0, 0].set_ylabel("$x_2$ (data units)")
    axes[0, len(moments) // 2].set_xlabel("$x_1$ (data units)")
    _verdict_bar(axes[0, 0].images[0], PROBABILITY, list(axes[0]), "bottom")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper center", ncols=2, markerscale=1.5)
    return axes[0]


def _extent(extent: Sequence[float] | None, ax: Axes) -> tuple[float, float, float, float]:
    if extent is None:
        return (*ax.get_xlim(), *ax.get_ylim()) if ax.has_data() else (-3.0, 3.0, -3.0, 3.0)
    takes = "(left, right, bottom, top) with left < right, bottom < top"
    extent = [check_number(f"extent[{k}]", end) for k, end in enumerate(check_list("extent", extent, takes))]
    if len(extent) != 4 or not (extent[0] < extent[1] and extent[2] < extent[3]):
        raise ValueError(f"extent must be {takes}; got {extent!r}")
    return tuple(float(value) for value in extent)


def _verdict(logits: Tensor, loss: Loss) -> tuple[Tensor, float, float, dict[float, str]]:
    """Return what to color, its range (the middle is "cannot tell") and the names of three values."""
    if loss.log_ratio is not None and loss.boundary is not None:
        return torch.sigmoid(loss.log_ratio(logits)), 0.0, 1.0, PROBABILITY
    realness = loss.realness(logits)
    values = realness - (realness.median() if loss.boundary is None else loss.boundary)
    reach = max(float(values.abs().quantile(0.98)), 1e-6)  # a few extreme corners shall not pale the rest
    return values, -reach, reach, {-reach: f"{-reach:.2g} fake", 0.0: "0 cannot\ntell", reach: f"+{reach:.2g} real"}

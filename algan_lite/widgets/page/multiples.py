"""The explorer on paper: one picture for each of six values of lambda."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from algan_lite.plots.style import COLORS, INK, MARKERS, STYLE, VERDICT, WIDTH
from algan_lite.widgets.page.page import png_of
from algan_lite.widgets.page.words import measure, short

PANELS = 6


class Paper(Figure):
    """A figure that shows itself in a notebook, once, whether or not pyplot draws there."""

    def _repr_png_(self) -> bytes:
        return png_of(self)


def panels(count: int, default: int) -> list[int]:
    """Return up to six of ``count`` indices, evenly spread; the first, the last and the default are among them."""
    last = count - 1
    below = round((PANELS - 1) * default / max(1, last))  # how many of them lie below the default
    below = min(max(below, int(default > 0)), PANELS - 1 - int(default < last))
    parts = np.linspace(0, default, below + 1), np.linspace(default, last, PANELS - below)
    return np.unique(np.rint(np.concatenate(parts)).astype(int)).tolist()


def draw_multiples(
    title: str, lams: np.ndarray, marked: int, frames: dict[str, np.ndarray], num_modes: int, names: list[str]
) -> Figure:
    """Draw the panels.

    Args:
        title: Above them all.
        lams: (L,), one a panel that could be drawn.
        marked: The default's index.
        frames: ``heat`` (L, H, H), ``fakes`` (L, P, 2), ``chosen`` (L, P), ``values`` (L, S, measures), ``reals``
            (N, 2) and ``box`` (4,).
        num_modes: Of the data set; 0 where it has none.
        names: Of the measures.
    """
    shown = panels(len(lams), marked)
    with mpl.rc_context(STYLE):
        figure = Paper(figsize=(WIDTH, 3.1 * -(-len(shown) // 3) + 0.6), layout="constrained")
        grid = figure.subplots(-(-len(shown) // 3), min(3, len(shown)), squeeze=False).ravel()
        for ax in grid[len(shown) :]:
            ax.remove()
        for ax, k in zip(grid, shown, strict=False):
            draw_panel(ax, k, frames)
            ax.set_title(f"λ = {short(lams[k])}", fontweight="bold" if k == marked else "normal")
            ax.set_xlabel(verdict_in_words(frames["values"][k], num_modes, names))
        figure.suptitle(title, color=INK, parse_math=False)  # a name may hold a dollar
        handles = grid[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncols=len(handles[0]), handletextpad=0.1)
    return figure


def verdict_in_words(values: np.ndarray, num_modes: int, names: list[str]) -> str:
    """Return the mean over the seeds of modes and quality, as a panel's label.

    Args:
        values: (S, measures).
        num_modes: Of the data set.
        names: Of the measures.
    """
    lines = []
    for name, column in zip(names, values.T, strict=True):
        finite = column[np.isfinite(column)]
        if not finite.size or name not in ("modes", "quality"):
            continue
        mean = finite.mean()
        lines.append(f"{mean:.1f} of {num_modes} modes" if name == "modes" else f"{mean:.0%} {measure(name)['label']}")
    return "\n".join(lines).replace("Quality", "good") or "diverged"


def draw_panel(ax: Axes, k: int, frames: dict[str, np.ndarray]) -> None:
    """Draw picture number k of the frames; they are those of ``draw_multiples``, and ``values`` plays no part."""
    left, right, low, high = box = frames["box"].astype(float)
    ax.imshow(
        frames["heat"][k], cmap=VERDICT, vmin=0, vmax=255, origin="lower", extent=box.tolist(), interpolation="bicubic"
    )
    corner, size = np.array([left, low]), np.array([right - left, high - low])
    chosen = frames["chosen"][k] & ~frames["chosen"][k].all()  # where all are chosen, nothing is marked
    groups = {"real": frames["reals"], "fake": frames["fakes"][k][~chosen], "chosen": frames["fakes"][k][chosen]}
    for kind, points in groups.items():
        if not len(points):
            continue
        x, y = (corner + points / 255 * size).T
        look = {"c": COLORS[kind], "marker": MARKERS[kind], "s": 8 if kind == "real" else 20, "label": kind}
        ax.scatter(x, y, **look, edgecolors="white", linewidths=0.4, alpha=0.45 if kind == "real" else 0.9)
    ax.set(xticks=[], yticks=[], xlim=(left, right), ylim=(low, high))
    ax.set_aspect("equal")

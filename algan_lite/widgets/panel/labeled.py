"""How the labeling panel draws: the digit that is asked about, and the test error against the labels."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from algan_lite.plots.style import COLORS, INK, MARKERS


def picture(asked: np.ndarray | None, errors: np.ndarray, random: np.ndarray) -> bytes:
    """Return a PNG, 6.6 x 3 inches at 150 dots an inch.

    Args:
        asked: The image that is asked about, (height, width) in [-1, 1], or None where there is none.
        errors: Test error after 1, 2 ... answers, (n, 2): with the person's labels, with the file's; in [0, 1].
        random: The same for random questions with the file's labels, (orders, budget).
    """
    figure = Figure(figsize=(6.6, 3.0), dpi=150, layout="none", facecolor="none")
    digit, curve = figure.add_axes((0.01, 0.1, 0.34, 0.75)), figure.add_axes((0.46, 0.19, 0.53, 0.75))
    digit.set_axis_off()
    if asked is None:
        digit.text(0.5, 0.5, "no question left", color=INK, size=12, ha="center", transform=digit.transAxes)
    else:
        digit.imshow(asked, cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
        digit.set_title("Which digit is this?", color=INK, size=12)
    _draw(curve, errors, random)
    png = BytesIO()
    figure.savefig(png, format="png", facecolor="none", pil_kwargs={"compress_level": 1})
    return png.getvalue()


def _draw(ax: Axes, errors: np.ndarray, random: np.ndarray) -> None:
    budget, color = random.shape[1], COLORS["chosen"]
    steps = np.arange(1, budget + 1)
    ax.fill_between(steps, random.min(0), random.max(0), color=INK, alpha=0.2, linewidth=0)
    told = f"random questions, true labels:\nmean and range of {len(random)} orders"
    ax.plot(steps, random.mean(0), color=COLORS["random"], label=told, linewidth=1.5)
    mine = np.arange(1, len(errors) + 1)
    if len(errors):
        if (errors[:, 0] != errors[:, 1]).any():
            ax.plot(mine, errors[:, 1], "--", color=color, label="your questions, true labels", linewidth=1.5)
        ax.plot(mine, errors[:, 0], color=color, marker=MARKERS["chosen"], markersize=4, label="your labels")
    ax.set(xlim=(0.5, budget + 0.5), ylim=(0, 1), xlabel="labels", ylabel="test error (share)")
    ax.set_facecolor("none")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[:].set_color(INK)
    ax.tick_params(colors=INK, labelsize=10)
    for label in (ax.xaxis.label, ax.yaxis.label):
        label.set(color=INK, size=10)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(loc="lower left", fontsize=9, frameon=False, labelcolor=INK)

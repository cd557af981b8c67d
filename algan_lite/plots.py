"""Floor 4: the figures of the book. Every function draws on Axes and returns them.

Tensors may lie on any device. Nothing is trained here, no network changes its mode, and no random number is drawn:
where only some of the points or pictures fit, they are the first, never the best.
"""

from __future__ import annotations

import torch
from matplotlib.axes import Axes
from torch import Tensor

from algan_lite.charts import curves, dots_with_intervals
from algan_lite.checks import check_integer
from algan_lite.diagrams import draw_network, six_steps_diagram
from algan_lite.planes import decision_map, scatter, training_strip
from algan_lite.style import COLORS, INK, LINES, MARKERS, VERDICT, WIDTH, axes_or_new, use_style

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
    "training_strip",
    "use_style",
]


def image_grid(
    images: Tensor, columns: int = 8, *, ax: Axes | None = None, title: str | None = None, most: int = 64
) -> Axes:
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
    ax = axes_or_new(ax, (side * columns, side * rows + 0.35 * (title is not None)))
    ax.imshow(sheet.numpy(), cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    if title is not None:
        ax.set_title(title)
    return ax

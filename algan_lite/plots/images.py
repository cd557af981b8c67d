"""Pictures of images: a grid of the first ones."""

from __future__ import annotations

import torch
from matplotlib.axes import Axes
from torch import Tensor

from algan_lite.core.checks import check_integer
from algan_lite.plots.style import WIDTH, axes_or_new


def image_grid(
    images: Tensor, columns: int = 8, *, ax: Axes | None = None, title: str | None = None, most: int = 64
) -> Axes:
    """Draw the first images as a grid, row by row.

    Args:
        images: (N, 1, height, width), floating point in [-1, 1]; what lies outside is clipped.
        columns: Images in a row, at least 1.
        ax: Where to draw; a new figure by default.
        title: Of the axes.
        most: Images that are drawn, the first ones, at least 1.

    Raises:
        TypeError: If the images are not floating point.
        ValueError: If ``images`` is not (N, 1, height, width) with N >= 1, or a number is out of range.
    """
    check_integer("columns", columns, 1)
    if not isinstance(images, Tensor) or images.ndim != 4 or images.shape[1] != 1 or len(images) < 1:
        got = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"images must be a tensor (N, 1, height, width), N >= 1, of one run; got {got}")
    if not images.is_floating_point():
        raise TypeError(f"images must be floating point in [-1, 1] (bytes: x / 127.5 - 1); got {images.dtype}")
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

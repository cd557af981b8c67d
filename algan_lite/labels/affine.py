"""Small turns, sizes and shifts of images: the oldest way to make more of few labels."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from algan_lite.core.checks import check_kind, check_number, check_tensor
from algan_lite.core.rng import fresh


def affine(
    x: Tensor, generator: torch.Generator, *, degrees: float = 10.0, scale: float = 0.1, shift: float = 1.0
) -> Tensor:
    """Turn, resize and shift each image by its own uniform draws; what comes in from outside is 0.

    Args:
        x: Images (N, 1, height, width) on a ground of 0.
        generator: Source of the draws, four an image, whatever the strength.
        degrees: Largest angle, to either side, in [0, 180].
        scale: Largest relative change of size, to either side, in [0, 0.9].
        shift: Largest shift in pixels, to either side, on each axis, >= 0.

    Returns:
        Images of the same shape; the same images where all three strengths are 0.

    Raises:
        TypeError: If ``x`` is no floating tensor.
        ValueError: If it is not (N, 1, height, width), or a strength is out of range.
    """
    if check_tensor("x", x, "(N, 1, height, width)").ndim != 4 or x.shape[1] != 1:
        raise ValueError(f"x must be (N, 1, height, width); got {tuple(x.shape)}")
    check_kind("generator", generator, torch.Generator, "a torch.Generator")
    degrees, scale = check_number("degrees", degrees, 0, 180), check_number("scale", scale, 0, 0.9)
    shift = check_number("shift", shift, 0)
    turn, size, right, down = (2 * fresh(generator, (len(x), 4), x.device, "uniform") - 1).unbind(1)
    angle, size = turn * math.radians(degrees), 1 + size * scale
    cos, sin = angle.cos() / size, angle.sin() / size
    height, width = x.shape[2:]
    # rows map the target's coordinates, from -1 to 1 over the whole side, to the source's
    rows = [torch.stack([cos, -sin * height / width, right * 2 * shift / width], 1)]
    rows += [torch.stack([sin * width / height, cos, down * 2 * shift / height], 1)]
    grid = affine_grid(torch.stack(rows, 1), list(x.shape), align_corners=False)
    return grid_sample(x, grid, align_corners=False)

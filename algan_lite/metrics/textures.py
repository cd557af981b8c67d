"""Images through random filters, for data that nobody has trained a classifier on: edges, corners, how sharp they are.

Pixels ask whether the light lies in the right place, and a blur of the right average passes. The responses of filters
that were never trained, averaged over the image, forget the place and see edges. Neither knows what the image shows.
Naeem et al. (2020) measure with an untrained network where ImageNet's features fit the data badly; this one is smaller.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, relu

from algan_lite.core.checks import check_tensor
from algan_lite.core.rng import draw, stream
from algan_lite.metrics.features import add_on_features, in_chunks

WIDTHS = (16, 32, 64)  # filters of 3 x 3 at full, half and a quarter of the size


def texture_features(x: Tensor) -> Tensor:
    """Return mean and spread over the image of the responses of random filters at three scales.

    Args:
        x: Images (..., N, channels, height, width), such as those of ``data.folder``, in [-1, 1].

    Returns:
        (..., N, 224) float32, on the device of ``x``, without gradient.

    Raises:
        TypeError: If ``x`` is not a floating tensor.
        ValueError: If ``x`` has too few axes.

    Reference:
        Naeem et al. 2020, who also measure with an untrained network.

    Example:
        >>> texture_features(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 224])
    """
    check_tensor("x_fake", x, "of images (..., N, channels, height, width)")
    if x.ndim < 4 or x.numel() == 0:
        raise ValueError(f"x_fake must be images (..., N, channels, height, width), N >= 1; got shape {tuple(x.shape)}")
    filters = [one.to(x.device) for one in _filters(x.shape[-3])]
    return in_chunks(lambda images: _responses(images, filters), x)


def _responses(images: Tensor, filters: list[Tensor]) -> Tensor:
    """Return (n, 224) of images (n, C, H, W)."""
    found, seen = [], images
    for one in filters:
        seen = relu(conv2d(seen, one, padding=1))
        found += [seen.mean((2, 3)), seen.std((2, 3), correction=0)]
        seen = avg_pool2d(seen, 2, ceil_mode=True)
    return torch.cat(found, 1)


@lru_cache(maxsize=4)
def _filters(channels: int) -> tuple[Tensor, ...]:
    """Return the filters of each scale, (out, in, 3, 3), always the same; responses keep the scale of the input."""
    draws = stream(0, "metrics.textures")
    shapes = zip(WIDTHS, (channels, *WIDTHS[:-1]), strict=True)
    return tuple(draw(draws, (out, into, 3, 3), "cpu") * (2 / (9 * into)) ** 0.5 for out, into in shapes)


add_on_features(("precision", "recall", "coverage"), "texture", texture_features, "images", "Of random filters.")

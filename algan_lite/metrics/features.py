"""Measures of images through somebody's eyes: the same distances, between features instead of pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps

import torch
from torch import Tensor

from algan_lite.data.sources import Source
from algan_lite.metrics import distances  # noqa: F401 (its measures are entered before they are looked up)
from algan_lite.metrics.table import METRICS, Metric, held_out

CHUNK = 256  # images a forward pass: about 25 MB of activations


def finite_images(x: Tensor) -> Tensor:
    """Return (..., N, 1): has every pixel of the image (..., N, C, H, W) a finite value?"""
    return x.isfinite().flatten(-3).all(-1, keepdim=True)


@torch.no_grad()
def in_chunks(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a function of images (n, C, H, W), -> (n, F), to images (..., N, C, H, W), -> (..., N, F)."""
    images = x.detach().float().reshape(-1, *x.shape[-3:])
    rows = torch.cat([function(chunk) for chunk in images.split(CHUNK)])
    return rows.view(*x.shape[:-3], rows.shape[-1])


def add_on_features(
    names: tuple[str, ...], prefix: str, features: Callable[[Tensor], Tensor], needs: str, doc: str
) -> None:
    """Enter measures that are in the table once more, of the features of images; a word before each name says whose."""
    for name in names:
        METRICS.add(_on_features(METRICS[name], prefix, features, needs, doc))


def _on_features(entry: Metric, prefix: str, features: Callable[[Tensor], Tensor], needs: str, doc: str) -> Metric:
    @wraps(entry.fn)
    def measure(x_fake: Tensor, reference: Source | Tensor, **options: object) -> Tensor:
        real = held_out(reference, x_fake)
        # Features have one length whatever the size of the images: their distances would not see another one.
        if isinstance(x_fake, Tensor) and (real.ndim != 4 or x_fake.ndim < 4 or x_fake.shape[-3:] != real.shape[1:]):
            shapes = f"{tuple(x_fake.shape)} and {tuple(real.shape)}"
            takes = "images (..., N, channels, height, width), and the reference of the same size"
            raise ValueError(f"x_fake must be {takes}; got {shapes}")
        real = real.to(x_fake.device)
        # A layer of max(0, .) may turn an infinite pixel into a finite feature.
        seen = torch.where(finite_images(x_fake), features(x_fake), torch.nan)  # (..., N, F)
        return entry.fn(seen, features(real), **options)

    return replace(entry, name=f"{prefix}_{entry.name}", doc=f"{doc} {entry.doc}", fn=measure, needs=needs)

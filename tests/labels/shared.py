"""A pool that every query can answer, and what it needs for that."""

from __future__ import annotations

import torch
from helpers import normal
from torch import Tensor

import algan_lite as al
from algan_lite.labels import Pool

CENTERS = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
Y = torch.arange(30) % 3
X = CENTERS[Y] + 0.5 * normal(30, 2)


class Nearest:
    """A model that knows the centers: probabilities fall with the squared distance."""

    def predict_proba(self, x: Tensor) -> Tensor:
        return (-torch.cdist(x, CENTERS).square() / 20).softmax(-1)


def pool(labeled: tuple[int, ...] = (0, 1), **options: object) -> Pool:
    return Pool(X, Y.__getitem__, labeled=labeled, **options)


def pair(runs: int | None = None) -> tuple[torch.nn.Module, torch.nn.Module]:
    sizes = {"latent_dim": 2, "sample_shape": (2,), "width": 8}
    return al.models.mlp_pair(**sizes) if runs is None else al.models.ensemble(al.models.mlp_pair, runs=runs, **sizes)


def needs(name: str) -> dict[str, object]:
    """What a query of the table is given besides the pool."""
    G, D = pair(2 if name == "g_disagreement" else None)
    return {"model": Nearest(), "G": G, "D": D}

"""Small images of three classes that a learner can tell apart, and small settings."""

from __future__ import annotations

import torch
from torch import Tensor

SIDE, CLASSES = 8, 3
FEW = {"num_steps": 12, "num_labeled": 6, "num_unlabeled": 8, "latent_dim": 4}


def blobs(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return n images (n, 1, 8, 8) in [0, 1] and their classes: a bright bar at the top, in the middle, below."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % CLASSES
    x = 0.3 * torch.rand(n, 1, SIDE, SIDE, generator=generator)
    for k in range(CLASSES):
        x[y == k, :, 3 * k : 3 * k + 2] += 0.6
    return x, y

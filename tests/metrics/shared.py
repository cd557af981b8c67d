"""What the tests of metrics share."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from algan_lite import data

RING = data.ring(modes=8, radius=2.0, std=0.02)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def assert_mean(values: Tensor, expected: float, standard_errors: float = 4.0) -> None:
    """Two-sided: the mean of independent values lies within so many standard errors."""
    error = float(values.std() / math.sqrt(len(values)))
    assert abs(float(values.mean()) - expected) < standard_errors * error, (float(values.mean()), expected, error)


def numbers(seed: int, *shape: int) -> np.ndarray:
    """Standard normal numbers of NumPy."""
    return np.random.default_rng(seed).normal(size=shape)

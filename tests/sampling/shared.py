"""What the tests of sampling share: a pair whose law is known, and a distance to a law."""

from __future__ import annotations

import math

import torch
from scipy import stats
from torch import Tensor, nn

from algan_lite.core.rng import draw, stream
from algan_lite.sampling.table import SAMPLERS

TARGET = stats.norm(0.5, 0.8)
BOUND = 0.570366  # max over x of log p_data(x) - log p_G(x), at x = 0.5 / 0.36
RATIO_SAMPLERS = [name for name in SAMPLERS if name != "plain"]
EXACT = {
    "rejection": {"gamma_percentile": None},
    "metropolis_hastings": {"steps": 40},
    "importance": {"pool_factor": 64},
}


class Linear(nn.Module):
    """G(z) = scale * z, one number a sample unless ``shape`` says otherwise."""

    def __init__(self, scale: float = 1.0, shape: tuple[int, ...] = (1,)) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))
        self.sample_shape, self.latent_dim = shape, math.prod(shape)

    def forward(self, z: Tensor) -> Tensor:
        return (self.scale * z).reshape(*z.shape[:-1], *self.sample_shape)


class TrueRatio(nn.Module):
    """D whose logit is ``factor`` times the true log ratio, plus ``offset``."""

    sample_shape = (1,)

    def __init__(self, factor: float = 1.0, offset: float = 0.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.offset = offset

    def forward(self, x: Tensor) -> Tensor:
        x = x.squeeze(-1)
        return self.factor * (x.square() / 2 - (x - 0.5).square() / (2 * 0.64) - math.log(0.8)) + self.offset


class Slope(nn.Module):
    """D(x) = <slope, x> + 3."""

    def __init__(self, *slope: float) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope))
        self.sample_shape = (len(slope),)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.slope + 3


def reals(m: int, seed: int = 5) -> Tensor:
    return 0.5 + 0.8 * draw(stream(seed, "reals"), (m, 1), "cpu")


def ks(x: Tensor, law: stats.rv_continuous = TARGET) -> float:
    return stats.kstest(x.double().numpy().ravel(), law.cdf).pvalue


def run(name: str, n: int = 4000, D: nn.Module | None = None, seed: int = 0, **options: object) -> Tensor:
    return SAMPLERS[name](Linear(), D or TrueRatio(), n, seed=seed, **options)

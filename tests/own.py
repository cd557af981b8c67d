"""Networks of somebody's own, as users write them, and short runs with them."""

from __future__ import annotations

import torch
from helpers import RING, normal, tiny
from torch import Tensor, nn

import algan_lite as al

FEW = al.TrainConfig(num_steps=3, batch_size=8, log_every=1)
EMPTY = al.data.array(normal(40, 2), validation=0, test=0)
X = normal(40, 2)


def train(
    G: nn.Module | None = None,
    D: nn.Module | None = None,
    source: object = RING,
    config: object = FEW,
    **options: object,
) -> al.History:
    one, other = tiny()
    G, D = one if G is None else G, other if D is None else D
    return al.train(G, D, source, config, **{"progress": False, **options})


def few(**changes: object) -> al.TrainConfig:
    return al.TrainConfig(**{"num_steps": 3, "batch_size": 8, "log_every": 1, **changes})


class OwnG(nn.Module):
    """A generator of somebody's own, with layers of PyTorch's."""

    latent_dim = 3

    def __init__(self, *more: nn.Module, end: int = 2) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 8), *more, nn.ReLU(), nn.Linear(8, end))

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class OwnD(nn.Module):
    sample_shape = (2,)

    def __init__(self, *more: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 8), *more, nn.LeakyReLU(0.2), nn.Linear(8, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).squeeze(-1)


class Attention(OwnD):
    """Its heads are those of its attention."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.num_heads = 4
        if kind == "a list of modules":
            self.heads = nn.ModuleList([nn.Linear(2, 2)])


class TupleD(OwnD):
    def forward(self, x: Tensor) -> tuple:
        return super().forward(x), x


class Conditional(nn.Module):
    latent_dim = 3

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Linear(5, 2)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return self.layers(torch.cat([z, y], -1))


class WithLabel(nn.Module):
    """The wrapper of a conditional G: it gives every latent its label."""

    latent_dim = 3

    def __init__(self, G: nn.Module) -> None:
        super().__init__()
        self.G = G

    def forward(self, z: Tensor) -> Tensor:
        return self.G(z, torch.eye(2)[(z[..., 0] > 0).long()])

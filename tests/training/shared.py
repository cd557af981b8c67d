"""What the tests of training share: short runs, and what two of them have in common."""

from __future__ import annotations

import torch
from helpers import RING, tiny
from torch import nn

import algan_lite as al


def run(config: al.TrainConfig, runs: int | None = None, seed: int = 0, num_heads: int = 1, **options: object) -> tuple:
    G, D = tiny(runs=runs, seed=seed, num_heads=num_heads)
    return G, D, al.train(G, D, RING, config, seed=seed, progress=False, **options)


def config(**changes: object) -> al.TrainConfig:
    return al.TrainConfig(**{"num_steps": 10, "batch_size": 8, "log_every": 5, **changes})


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(p, q) for p, q in zip(one.parameters(), other.parameters(), strict=True))

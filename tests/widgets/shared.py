"""What the tests of the panel share: small settings, and waiting."""

from __future__ import annotations

import torch

import algan_lite as al
from algan_lite.widgets.panel.panel import LivePanel

PNG = b"\x89PNG"


SMALL = {"width": 8, "depth": 1, "batch_size": 16}


def weights(live: LivePanel) -> torch.Tensor:
    nets = (live.G, live.D)
    return torch.cat([p.detach().flatten().clone() for net in nets for p in net.parameters()])


def trained(steps: int, seed: int = 0, **settings: object) -> torch.Tensor:
    """What `train()` makes of the panel's start, without a panel."""
    G, D = al.models.mlp_pair(width=8, depth=1, seed=seed)
    rules = {"regularizers": {"r1": 0.1}, "betas": (0, 0.99), **settings}
    config = al.TrainConfig(num_steps=steps, batch_size=16, **rules)
    al.train(G, D, al.data.ring(std=0.1), config, seed=seed, progress=False)
    return torch.cat([p.detach().flatten() for net in (G, D) for p in net.parameters()])

"""Latents found by descent: which z has a sample that costs little?"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from algan_lite.models.networks import evaluating, layers_of

Cost = Callable[[Tensor, Tensor], Tensor]


def descend(
    G: nn.Module,
    z: Tensor,
    cost: Cost,
    *,
    steps: int,
    lr: float,
    watch: Callable[[Tensor], None] | None = None,
) -> Tensor:
    """Move latents down a cost by Adam; each moves alone, whatever else is in the batch.

    Neither weights nor modes of G change. A minimum that is found so is a local one.

    Args:
        G: Maps latents (..., latent_dim) to samples.
        z: Where to start, (..., latent_dim).
        cost: ``cost(z, samples)`` gives the cost of each latent, (...).
        steps: Of Adam, >= 0.
        lr: Its step, > 0.
        watch: Called with the latents before each step and after the last.

    Returns:
        Like ``z``, detached.
    """
    z = z.detach().clone().requires_grad_(True)
    adam = torch.optim.Adam([z], lr)
    watch = watch or (lambda z: None)
    with evaluating(layers_of(G)), torch.enable_grad():
        for _ in range(steps):
            watch(z.detach().clone())
            (z.grad,) = torch.autograd.grad(cost(z, G(z)).sum(), z)
            adam.step()
    watch(z.detach().clone())
    return z.detach()

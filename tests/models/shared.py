"""What the tests of models share: small pairs of every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from algan_lite import models


class Case(NamedTuple):
    factory: Callable[..., tuple[nn.Module, nn.Module]]
    options: dict[str, object]
    shape: tuple[int, ...] = (1, 28, 28)
    latent_dim: int = 3

    def pair(self, seed: int) -> tuple[nn.Module, nn.Module]:
        return self.factory(seed=seed, latent_dim=self.latent_dim, **self.options)

    def ensemble(self, runs: int) -> tuple[models.Ensemble, models.Ensemble]:
        """Return runs with the seeds 4, 5 ..."""
        return models.ensemble(self.factory, runs=runs, seed=4, latent_dim=self.latent_dim, **self.options)


CASES = {
    "mlp": Case(models.mlp_pair, {"width": 6, "depth": 2}, (2,)),
    "mlp on images": Case(models.mlp_pair, {"width": 6, "sample_shape": (1, 4, 4)}, (1, 4, 4)),
    "mlp, 3 heads": Case(models.mlp_pair, {"width": 6, "depth": 1, "num_heads": 3}, (2,)),
    "conv": Case(models.conv_pair, {"channels": 2}),
    "conv, spectral norm": Case(models.conv_pair, {"channels": 2, "spectral_norm": True}),
    "conv, 2 heads": Case(models.conv_pair, {"channels": 2, "num_heads": 2}),
    "article": Case(models.article_pair, {}, latent_dim=5),
}
every_pair = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def slope_penalty(D: nn.Module, x: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    logits = D(x)
    (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    # the mean logit, so that the last bias takes part too
    return slope.flatten(logits.ndim).square().sum(-1).mean(-1) + logits.square().mean(-1)


def spectral_weights(D: nn.Module) -> list[Tensor]:
    return [m.weight.flatten(1) for m in D.modules() if isinstance(m, nn.Linear | nn.Conv2d)]

"""Where fakes move freely, half data and half garbage is a place that top-k never leaves."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

import algan_lite as al

SOURCE = al.data.ring(modes=8, radius=2.0, std=0.1)
HALF, STEPS, RATE = 128, 3000, 0.03


def play(rule: str, seed: int) -> tuple[Tensor, nn.Module]:
    """Return 256 particles, half of them garbage at the start, after 3,000 steps, and their D."""
    stream = al.rng.stream(seed, "particles")
    x = torch.cat([SOURCE.sample(HALF, generator=stream), 0.3 * torch.randn(HALF, 2, generator=stream)])
    _, D = al.models.mlp_pair(sample_shape=(2,), width=64, depth=3, seed=seed)
    adam = torch.optim.Adam(D.parameters(), 2e-3, (0.0, 0.99))
    for _ in range(STEPS):
        x = x.detach().requires_grad_()
        told = x
        if rule != "plain":  # each particle is its own G
            told = x[al.select_noise(nn.Identity(), D, x.detach(), HALF, strategy="top_k").indices]
        seen = told if rule == "selected" else x
        loss = softplus(-D(SOURCE.sample(256, generator=stream))).mean() + softplus(D(seen.detach())).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        (slope,) = torch.autograd.grad(softplus(-D(told)).sum(), x)
        x = x - RATE * slope
    return x.detach(), D


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("rule", "least", "most", "on_data"),
    [("plain", 0.0, 0.02, 1 / 2), ("top_k", 0.45, 0.55, 2 / 3), ("selected", 0.45, 0.55, 1 / 2)],
)
def test_garbage_leaves_with_plain_training_only(
    rule: str, least: float, most: float, on_data: float, seed: int
) -> None:
    x, D = play(rule, seed)
    off = torch.cdist(x, SOURCE.modes).amin(1) > 0.4  # beyond four standard deviations
    assert least <= off.float().mean() <= most
    says = D(x).sigmoid().detach()
    assert abs(says[~off].mean() - on_data) < 0.03
    if rule == "top_k":
        assert says[off].mean() < 0.03
    if rule == "selected":
        assert 0.1 < says[off].mean() < 0.49  # it is never shown: no verdict, but no choice either

"""Parts of networks: pixel norm, spectral norm, heads."""

from __future__ import annotations

import pytest
import torch
from helpers import normal
from models.shared import spectral_weights
from torch import nn

from algan_lite import models
from algan_lite.objective.batch import judge


def test_pixel_norm_leaves_channels_with_mean_square_one() -> None:
    x = normal(5, 4, 2, 2)
    y = models.PixelNorm()(x)
    torch.testing.assert_close(y.square().mean(1), torch.ones_like(y[:, 0]), rtol=0, atol=0.01)
    torch.testing.assert_close(y[1, :, 0, 1], x[1, :, 0, 1] / x[1, :, 0, 1].square().mean().sqrt(), rtol=0.01, atol=0)
    assert models.PixelNorm()(torch.zeros(1, 4, 2, 2)).abs().max() == 0
    assert sum(isinstance(layer, models.PixelNorm) for layer in models.conv_pair()[0].body) == 3


def test_spectral_norm_holds_the_largest_singular_value_at_one() -> None:
    _, D = models.conv_pair(latent_dim=3, channels=2, spectral_norm=True, num_heads=2)
    weights = spectral_weights(D)
    assert len(weights) == 8
    for weight in weights:
        assert torch.linalg.svdvals(weight.detach())[0].item() == pytest.approx(1, abs=1e-5)
    _, plain = models.conv_pair(latent_dim=3, channels=2, num_heads=2)
    assert all(abs(torch.linalg.svdvals(w.detach())[0].item() - 1) > 1e-2 for w in spectral_weights(plain))


def test_heads_of_one_network_differ_and_are_counted() -> None:
    _, D = models.mlp_pair(num_heads=3, width=6)
    heads = D.heads(normal(5, 2))
    assert all(not torch.allclose(heads[i], heads[j]) for i in range(3) for j in range(i))
    plain = nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))
    assert judge(plain, normal(5, 2), (5,)).heads is None
    view = judge(D, normal(5, 2), (5,))
    assert view.heads.shape == (3, 5)
    torch.testing.assert_close(view.logits, view.heads.mean(0))

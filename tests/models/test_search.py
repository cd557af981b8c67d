"""Descent in the latents: known answers, and what must not change."""

from __future__ import annotations

import torch
from helpers import normal, tiny, untouched
from torch import nn

from algan_lite.models import Generator
from algan_lite.models.search import descend


def test_a_plain_G_finds_the_nearest_latent() -> None:
    G = Generator(nn.Identity(), 3, (3,))
    target = normal(4, 3, seed=1)
    z = descend(G, normal(4, 3), lambda z, made: (made - target).square(), steps=400, lr=0.05)
    torch.testing.assert_close(z, target, rtol=0, atol=1e-3)


def test_each_latent_moves_alone_and_the_path_is_watched() -> None:
    G, _ = tiny()
    path = []
    cost = lambda z, made: made.square().sum(-1)  # noqa: E731
    with untouched(G):
        both = descend(G, normal(2, 3), cost, steps=5, lr=0.1, watch=path.append)
    alone = descend(G, normal(2, 3)[1:], cost, steps=5, lr=0.1)
    torch.testing.assert_close(both[1:], alone)
    assert len(path) == 6
    assert torch.equal(path[0], normal(2, 3))
    assert torch.equal(path[-1], both)
    assert torch.equal(descend(G, normal(2, 3), cost, steps=0, lr=0.1), normal(2, 3))

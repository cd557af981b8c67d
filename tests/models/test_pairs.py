"""Pairs: shapes, seeds, sizes, ranges, refusals."""

from __future__ import annotations

import pytest
import torch
from helpers import normal
from models.shared import Case, every_pair
from torch import nn

from algan_lite import models


def linears(net: nn.Module) -> list[tuple[int, int]]:
    return [(m.in_features, m.out_features) for m in net.modules() if isinstance(m, nn.Linear)]


def size(*nets: nn.Module) -> int:
    return sum(p.numel() for net in nets for p in net.parameters())


@every_pair
class TestEveryPair:
    def test_shapes_with_any_leading_axes(self, case: Case) -> None:
        G, D = case.pair(1)
        for lead in ((4,), (2, 4)):
            x = G(normal(*lead, case.latent_dim))
            assert x.shape == (*lead, *case.shape)
            assert D(x).shape == lead
            assert D.features(x).shape[:-1] == lead
            assert D.features(x).ndim == len(lead) + 1
            assert D.heads(x).shape == (D.num_heads, *lead)
            torch.testing.assert_close(D.heads(x).mean(0), D(x))
        flat = normal(2, 4, case.latent_dim)
        torch.testing.assert_close(G(flat)[1], G(flat[1]))

    def test_samples_do_not_meet(self, case: Case) -> None:
        G, D = case.pair(1)
        z = normal(5, case.latent_dim)
        torch.testing.assert_close(G(z)[:2], G(z[:2]))
        torch.testing.assert_close(D(G(z))[3:], D(G(z[3:])))

    def test_a_seed_fixes_the_weights_and_the_global_stream_is_left(self, case: Case) -> None:
        before = torch.get_rng_state()
        nets, again, other = case.pair(1), case.pair(1), case.pair(2)
        assert torch.equal(before, torch.get_rng_state())
        for net, same, different in zip(nets, again, other, strict=True):
            assert all(torch.equal(p, q) for p, q in zip(net.parameters(), same.parameters(), strict=True))
            assert not any(torch.equal(p, q) for p, q in zip(net.parameters(), different.parameters(), strict=True))

    def test_there_are_no_buffers(self, case: Case) -> None:
        assert [name for net in case.pair(1) for name, _ in net.named_buffers()] == []

    def test_bad_shapes_are_named(self, case: Case) -> None:
        G, D = case.pair(1)
        for z in (torch.zeros(case.latent_dim), torch.zeros(4, case.latent_dim + 1)):
            with pytest.raises(ValueError, match=rf"z must be \(\.\.\., N, {case.latent_dim}\); got \("):
                G(z)
        for x in (torch.zeros(case.shape), torch.zeros(4, *case.shape[:-1], case.shape[-1] + 1)):
            with pytest.raises(ValueError, match=r"x must be \(\.\.\., N, .*\); got \("):
                D(x)


def test_sizes_of_the_article() -> None:
    G, D = models.article_pair(seed=0)
    assert linears(G) == [(100, 128), (128, 128), (128, 1024), (1024, 784)]
    assert linears(D) == [(784, 128), (128, 128), (128, 1)]
    assert size(G) == 100 * 128 + 128 + 128 * 128 + 128 + 128 * 1024 + 1024 + 1024 * 784 + 784
    assert size(D) == 784 * 128 + 128 + 128 * 128 + 128 + 128 + 1


def test_sizes_of_the_others() -> None:
    G, D = models.mlp_pair(latent_dim=2, sample_shape=(2,), width=5, depth=3)
    assert linears(G) == [(2, 5), (5, 5), (5, 5), (5, 2)]
    assert linears(D) == [(2, 5), (5, 5), (5, 5), (5, 1)]
    assert not torch.equal(G.body[0].weight, D.trunk[0].weight), "each has a stream of its own"
    torch.testing.assert_close(D.trunk[1](torch.tensor([-1.0, 1.0])), torch.tensor([-0.2, 1.0]))
    assert 100_000 < size(*models.conv_pair()) <= 500_000


@pytest.mark.parametrize(("output", "low", "high"), [("tanh", -1, 1), ("sigmoid", 0, 1), ("linear", -1e9, 1e9)])
def test_output_range(output: str, low: float, high: float) -> None:
    for factory in (models.mlp_pair, models.article_pair):
        G, _ = factory(latent_dim=4, seed=0, output=output)
        x = G(100 * normal(200, 4))
        assert low <= x.min() < x.max() <= high
        assert bool(x.max() > 1.5) is (output == "linear")
    G, _ = models.conv_pair(latent_dim=4, channels=2)
    assert G(100 * normal(20, 4)).abs().max() <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, r"width must be in \[1, inf\); got 0"),
        ({"depth": 0}, r"depth must be in \[1, inf\); got 0"),
        ({"latent_dim": 0}, r"latent_dim must be in \[1, inf\); got 0"),
        ({"num_heads": 0}, r"num_heads must be in \[1, inf\); got 0"),
        ({"seed": -1}, r"seed must be in \[0, inf\); got -1"),
        ({"output": "relu"}, r"output must be one of linear, tanh, sigmoid; got 'relu'"),
    ],
)
def test_bad_sizes_are_named(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        models.mlp_pair(**options)

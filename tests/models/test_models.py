"""Networks: shapes, seeds, heads, spectral norm, and ensembles whose runs never meet."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from helpers import assert_near, normal, slices, untouched
from torch import Tensor, nn

from algan_lite import models
from algan_lite.objective.batch import judge

SMALL: dict[str, tuple[Callable, dict, tuple[int, ...], int]] = {  # factory, options, sample shape, latent_dim
    "mlp": (models.mlp_pair, {"width": 6, "depth": 2, "latent_dim": 3}, (2,), 3),
    "mlp on images": (models.mlp_pair, {"width": 6, "latent_dim": 3, "sample_shape": (1, 4, 4)}, (1, 4, 4), 3),
    "mlp, 3 heads": (models.mlp_pair, {"width": 6, "depth": 1, "latent_dim": 3, "num_heads": 3}, (2,), 3),
    "conv": (models.conv_pair, {"latent_dim": 3, "channels": 2}, (1, 28, 28), 3),
    "conv, spectral norm": (models.conv_pair, {"latent_dim": 3, "channels": 2, "spectral_norm": True}, (1, 28, 28), 3),
    "conv, 2 heads": (models.conv_pair, {"latent_dim": 3, "channels": 2, "num_heads": 2}, (1, 28, 28), 3),
    "article": (models.article_pair, {"latent_dim": 5}, (1, 28, 28), 5),
}  # fmt: skip
every_pair = pytest.mark.parametrize(("factory", "options", "shape", "latent_dim"), SMALL.values(), ids=SMALL.keys())


def linears(net: nn.Module) -> list[tuple[int, int]]:
    return [(m.in_features, m.out_features) for m in net.modules() if isinstance(m, nn.Linear)]


def size(*nets: nn.Module) -> int:
    return sum(p.numel() for net in nets for p in net.parameters())


@every_pair
class TestEveryPair:
    def test_shapes_with_any_leading_axes(
        self, factory: Callable, options: dict, shape: tuple, latent_dim: int
    ) -> None:
        G, D = factory(seed=1, **options)
        for lead in ((4,), (2, 4)):
            x = G(normal(*lead, latent_dim))
            assert x.shape == (*lead, *shape)
            assert D(x).shape == lead
            assert D.features(x).shape[:-1] == lead
            assert D.features(x).ndim == len(lead) + 1
            assert D.heads(x).shape == (D.num_heads, *lead)
            torch.testing.assert_close(D.heads(x).mean(0), D(x))
        flat = normal(2, 4, latent_dim)
        torch.testing.assert_close(G(flat)[1], G(flat[1]))

    def test_samples_do_not_meet(self, factory: Callable, options: dict, shape: tuple, latent_dim: int) -> None:
        G, D = factory(seed=1, **options)
        z = normal(5, latent_dim)
        torch.testing.assert_close(G(z)[:2], G(z[:2]))
        torch.testing.assert_close(D(G(z))[3:], D(G(z[3:])))

    def test_a_seed_fixes_the_weights_and_the_global_stream_is_left(
        self, factory: Callable, options: dict, shape: tuple, latent_dim: int
    ) -> None:
        before = torch.get_rng_state()
        nets, again, other = factory(seed=1, **options), factory(seed=1, **options), factory(seed=2, **options)
        assert torch.equal(before, torch.get_rng_state())
        for net, same, different in zip(nets, again, other, strict=True):
            assert all(torch.equal(p, q) for p, q in zip(net.parameters(), same.parameters(), strict=True))
            assert not any(torch.equal(p, q) for p, q in zip(net.parameters(), different.parameters(), strict=True))

    def test_there_are_no_buffers(self, factory: Callable, options: dict, shape: tuple, latent_dim: int) -> None:
        assert [name for net in factory(seed=1, **options) for name, _ in net.named_buffers()] == []

    def test_bad_shapes_are_named(self, factory: Callable, options: dict, shape: tuple, latent_dim: int) -> None:
        G, D = factory(seed=1, **options)
        for z in (torch.zeros(latent_dim), torch.zeros(4, latent_dim + 1)):
            with pytest.raises(ValueError, match=rf"z must be \(\.\.\., N, {latent_dim}\); got \("):
                G(z)
        for x in (torch.zeros(shape), torch.zeros(4, *shape[:-1], shape[-1] + 1)):
            with pytest.raises(ValueError, match=r"x must be \(\.\.\., N, .*\); got \("):
                D(x)

    def test_run_k_is_the_network_alone(self, factory: Callable, options: dict, shape: tuple, latent_dim: int) -> None:
        Gs, Ds = models.ensemble(factory, runs=3, seed=4, **options)
        z = normal(3, 4, latent_dim)
        with untouched(Gs, Ds):
            x = Gs(z)
            logits, heads, features = Ds(x), Ds.heads(x), Ds.features(x)
        assert x.shape == (3, 4, *shape)
        assert logits.shape == (3, 4)
        assert heads.shape == (Ds.num_heads, 3, 4)
        for k in range(3):
            G, D = factory(seed=4 + k, **options)
            assert_near(x[k], G(z[k]), 5e-6)
            assert_near(logits[k], D(x[k]))
            assert_near(heads[:, k], D.heads(x[k]))
            assert_near(features[k], D.features(x[k]), 1e-6)

    def test_gradients_of_a_run_are_those_of_the_network_alone(
        self, factory: Callable, options: dict, shape: tuple, latent_dim: int
    ) -> None:
        _, Ds = models.ensemble(factory, runs=2, seed=4, **options)
        x = normal(2, 3, *shape)
        stacked = torch.autograd.grad(slope_penalty(Ds, x).sum(), list(Ds.parameters()))
        for k in range(2):
            _, D = factory(seed=4 + k, **options)
            alone = torch.autograd.grad(slope_penalty(D, x[k]), list(D.parameters()))
            for mine, its in zip(stacked, alone, strict=True):
                assert_near(mine[k], its)

    def test_member_is_an_equal_network_with_weights_of_its_own(
        self, factory: Callable, options: dict, shape: tuple, latent_dim: int
    ) -> None:
        Gs, Ds = models.ensemble(factory, runs=2, seed=4, **options)
        z = normal(3, latent_dim)
        for k in range(2):
            pair = factory(seed=4 + k, **options)
            for nets, alone in zip((Gs, Ds), pair, strict=True):
                assert all(torch.equal(mine, its) for mine, its in slices(k, nets, alone))
            member = Gs.member(k)
            assert_near(member(z), Gs(z)[k], 5e-6)
            with torch.no_grad():
                next(member.parameters()).zero_()
            assert_near(Gs(z)[k], pair[0](z), 5e-6)

    def test_an_input_without_runs_axis_goes_to_every_run(
        self, factory: Callable, options: dict, shape: tuple, latent_dim: int
    ) -> None:
        Gs, Ds = models.ensemble(factory, runs=2, seed=4, **options)
        z, x = normal(3, latent_dim), normal(3, *shape)
        torch.testing.assert_close(Gs(z), Gs(torch.stack([z, z])))
        torch.testing.assert_close(Ds(x), Ds(torch.stack([x, x])))


def slope_penalty(D: nn.Module, x: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    logits = D(x)
    (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    # the mean logit, so that the last bias takes part too
    return slope.flatten(logits.ndim).square().sum(-1).mean(-1) + logits.square().mean(-1)


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


def test_pixel_norm_leaves_channels_with_mean_square_one() -> None:
    x = normal(5, 4, 2, 2)
    y = models.PixelNorm()(x)
    torch.testing.assert_close(y.square().mean(1), torch.ones_like(y[:, 0]), rtol=0, atol=0.01)
    torch.testing.assert_close(y[1, :, 0, 1], x[1, :, 0, 1] / x[1, :, 0, 1].square().mean().sqrt(), rtol=0.01, atol=0)
    assert models.PixelNorm()(torch.zeros(1, 4, 2, 2)).abs().max() == 0
    assert sum(isinstance(layer, models.PixelNorm) for layer in models.conv_pair()[0].body) == 3


def spectral_weights(D: nn.Module) -> list[Tensor]:
    return [m.weight.flatten(1) for m in D.modules() if isinstance(m, nn.Linear | nn.Conv2d)]


def test_spectral_norm_holds_the_largest_singular_value_at_one() -> None:
    _, D = models.conv_pair(latent_dim=3, channels=2, spectral_norm=True, num_heads=2)
    weights = spectral_weights(D)
    assert len(weights) == 8
    for weight in weights:
        assert torch.linalg.svdvals(weight.detach())[0].item() == pytest.approx(1, abs=1e-5)
    _, plain = models.conv_pair(latent_dim=3, channels=2, num_heads=2)
    assert all(abs(torch.linalg.svdvals(w.detach())[0].item() - 1) > 1e-2 for w in spectral_weights(plain))


def test_spectral_norm_in_an_ensemble_in_train_mode_after_an_update() -> None:
    _, Ds = models.ensemble(models.conv_pair, runs=2, latent_dim=3, channels=2, spectral_norm=True)
    Ds.train()
    optimizer = torch.optim.Adam(Ds.parameters(), lr=0.1)
    slope_penalty(Ds, normal(2, 2, 1, 28, 28)).sum().backward()
    optimizer.step()
    for k in range(2):
        for weight in spectral_weights(Ds.member(k)):
            assert torch.linalg.svdvals(weight.detach())[0].item() == pytest.approx(1, abs=1e-5)


def test_heads_of_one_network_differ_and_are_counted() -> None:
    _, D = models.mlp_pair(num_heads=3, width=6)
    heads = D.heads(normal(5, 2))
    assert all(not torch.allclose(heads[i], heads[j]) for i in range(3) for j in range(i))
    plain = nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))
    assert judge(plain, normal(5, 2), (5,)).heads is None
    view = judge(D, normal(5, 2), (5,))
    assert view.heads.shape == (3, 5)
    torch.testing.assert_close(view.logits, view.heads.mean(0))


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


class WithBuffer(nn.Module):
    latent_dim = 2

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.Linear(2, 2), nn.BatchNorm1d(2)


class TestEnsemble:
    def test_buffers_are_refused_by_name(self) -> None:
        with pytest.raises(ValueError, match=r"members must have no buffers .*running_mean"):
            models.Ensemble([WithBuffer(), WithBuffer()])

    def test_nothing_is_refused(self) -> None:
        with pytest.raises(ValueError, match="at least 1 network; got none"):
            models.Ensemble([])

    def test_the_runs_axis_must_fit(self) -> None:
        Gs, Ds = models.ensemble(models.mlp_pair, runs=3, width=4)
        for net in (Gs, Ds):
            with pytest.raises(ValueError, match=r"the runs axis must have length 3; got shape \(2, 5, 2\)"):
                net(torch.zeros(2, 5, 2))

    def test_seeds_are_one_a_run(self) -> None:
        Gs, _ = models.ensemble(models.mlp_pair, seed=[7, 7, 2], width=4)
        first = next(Gs.parameters())
        assert Gs.runs == 3
        assert torch.equal(first[0], first[1])
        assert torch.equal(Gs.member(2).body[0].weight, models.mlp_pair(seed=2, width=4)[0].body[0].weight)
        with pytest.raises(ValueError, match="seed must hold 2 seeds, one a run; got 3"):
            models.ensemble(models.mlp_pair, runs=2, seed=[1, 2, 3])
        with pytest.raises(ValueError, match=r"runs must be in \[1, inf\); got 0"):
            models.ensemble(models.mlp_pair, runs=0)
        with pytest.raises(ValueError, match=r"k must be in \[0, 2\]; got 3"):
            Gs.member(3)

    def test_it_copies_its_members(self) -> None:
        G, _ = models.mlp_pair(width=4)
        Gs = models.Ensemble([G, G])
        with torch.no_grad():
            next(Gs.parameters()).zero_()
        assert next(G.parameters()).abs().min() > 0

    def test_a_network_of_the_users_own(self) -> None:
        members = [OwnD(seed) for seed in range(2)]
        x = normal(2, 5, 2)
        logits = models.Ensemble(members)(x)
        for k, member in enumerate(members):
            assert_near(logits[k], member(x[k]), 1e-6)


class OwnD(nn.Module):
    """A discriminator as users write it: PyTorch's layers, and nothing but ``sample_shape`` of ours."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.sample_shape = (2,)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layers = nn.Sequential(nn.Linear(2, 4), nn.LayerNorm(4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)

"""One step equals a loop written by hand, bit for bit; arms of one seed see the same draws."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from helpers import RING, assert_near, tiny
from torch import Tensor, nn
from torch.nn.functional import softplus
from training.shared import config, run, same_weights

import algan_lite as al
from algan_lite.core import rng
from algan_lite.objective.regularizers import REGULARIZERS
from algan_lite.selection.select import STRATEGIES
from algan_lite.training.step import Step

Pair = tuple[nn.Module, nn.Module]


Term = Callable[[Tensor, Tensor, int], Tensor]  # (reals, candidates, step) -> what a player minimizes


def by_hand(
    pair: Pair,
    loss_D: Term,
    loss_G: Term,
    *,
    steps: int,
    seed: int = 1,
    blocks: int = 1,
    d_steps: int = 1,
    source: al.data.Source = RING,
    lr: tuple[float, float] = (1e-3, 1e-3),
    **adam: object,
) -> Pair:
    """The GAN of every tutorial, with the streams of the package: ``blocks`` times 8 candidates a step."""
    data, *streams = (rng.stream(seed, name) for name in ("data", *(f"candidates {j}" for j in range(blocks))))
    adam = {"betas": (0.5, 0.999), "fused": True, **adam}
    players = [list(net.parameters()) for net in pair]
    optimizers = [torch.optim.Adam(weights, lr=rate, **adam) for weights, rate in zip(players, lr, strict=True)]

    def descend(player: int, value: Tensor) -> None:
        for weight, gradient in zip(players[player], torch.autograd.grad(value, players[player]), strict=True):
            weight.grad = torch.empty_like(weight).copy_(gradient)
        optimizers[player].step()

    for step in range(steps):
        for _ in range(d_steps):
            x_real = source.sample(8, generator=data).requires_grad_()
            z = torch.cat([torch.randn(8, 3, generator=stream) for stream in streams])
            descend(1, loss_D(x_real, z, step))
        descend(0, loss_G(x_real, z, step))
    return pair


def tutorial(pair: Pair, lam: float = 0.0) -> tuple[Term, Term]:
    """Return the non-saturating losses of D, with R1, and of G, on the first eight candidates."""
    G, D = pair

    def loss_D(x: Tensor, z: Tensor, step: int) -> Tensor:
        logits = D(x)
        (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
        penalty = slope.flatten(1).square().sum(-1).mean()
        return softplus(-logits).mean() + softplus(D(G(z[:8]))).mean() + lam * penalty

    return loss_D, lambda x, z, step: softplus(-D(G(z[:8]))).mean()


def assert_near_pairs(mine: Pair, its: Pair, share: float = 1e-5) -> None:
    for one, other in zip(mine, its, strict=True):
        for p, q in zip(one.parameters(), other.parameters(), strict=True):
            assert_near(p, q, share)


def equal(one: Pair, other: Pair) -> bool:
    return all(map(same_weights, one, other))


@pytest.mark.parametrize("lam", [0.0, 0.3])
def test_random_with_a_pool_of_n_is_the_plain_loop_bit_for_bit(lam: float) -> None:
    pair = tiny(seed=3)
    by_hand(pair, *tutorial(pair, lam), steps=25, seed=3)
    mine = run(config(num_steps=25, regularizers={"r1": lam} if lam else {}), seed=3)[:2]
    assert equal(mine, pair)
    assert not same_weights(tiny(seed=3)[0], pair[0])


def test_random_ignores_the_rest_of_its_pool_bit_for_bit() -> None:
    assert same_weights(run(config(pool_factor=4))[0], run(config())[0])


def test_several_steps_of_D_see_fresh_draws() -> None:
    pair = tiny()
    by_hand(pair, *tutorial(pair), steps=4, seed=0, d_steps=3, lr=(2e-3, 5e-3))
    assert equal(run(config(num_steps=4, d_steps=3, lr=2e-3, lr_D=5e-3))[:2], pair)


@pytest.mark.parametrize("zero", [0.0, torch.tensor(0.0), lambda step: 0.0], ids=["number", "tensor", "schedule"])
def test_lambda_zero_is_no_regularizer_bit_for_bit(zero: object) -> None:
    assert equal(run(config())[:2], run(config(regularizers=dict.fromkeys(REGULARIZERS, zero)))[:2])


def test_the_first_half_of_top_k_is_written_by_hand() -> None:
    G, D = pair = tiny(seed=1)

    def loss_G(x: Tensor, pool: Tensor, step: int) -> Tensor:
        best = pool[before.pop().argsort(descending=True)[:8]]
        return softplus(-D(G(best))).mean()

    def loss_D(x: Tensor, pool: Tensor, step: int) -> Tensor:
        before.append(D(G(pool)))  # the choice is made before D moves; D sees plain draws: d_fakes="all"
        return plain_D(x, pool, step)

    before: list[Tensor] = []
    plain_D, _ = tutorial(pair)
    by_hand(pair, loss_D, loss_G, steps=6, blocks=2)
    *mine, history = run(config(num_steps=6, strategy="top_k", pool_factor=2), seed=1)
    assert_near_pairs(tuple(mine), pair, 1e-6)
    assert history.num_calls == 6 * 16


@pytest.mark.parametrize("d_fakes", ["all", "selected"])
def test_top_k_with_a_shrinking_share_is_written_by_hand(d_fakes: str) -> None:
    """Only the kept latents count, 1/k each; with d_fakes="selected" they are also what D sees."""
    G, D = pair = tiny(seed=1)
    best: list[Tensor] = []

    def loss_D(x: Tensor, z: Tensor, step: int) -> Tensor:
        best.append(z[D(G(z)).argsort(descending=True)[: (8, 4, 2)[step // 2]]])
        return softplus(-D(x)).mean() + softplus(D(G(z if d_fakes == "all" else best[-1]))).mean()

    by_hand(pair, loss_D, lambda x, z, step: softplus(-D(G(best.pop()))).mean(), steps=6)
    keep = {"keep_decay": 0.5, "keep_floor": 0.25, "steps_per_epoch": 2}
    assert_near_pairs(run(config(num_steps=6, strategy="top_k", d_fakes=d_fakes, **keep), seed=1)[:2], pair)


def test_reweighting_counts_each_latent_by_its_weight() -> None:
    G, D = pair = tiny(seed=1)
    pool = torch.cat([torch.randn(8, 3, generator=rng.stream(1, f"candidates {j}")) for j in range(3)])
    chosen = al.select_noise(G, D, pool, 8, "softmax", reweight=True, generator=rng.stream(1, "selection"))
    assert chosen.weights.std() > 1e-4

    def loss_G(x: Tensor, z: Tensor, step: int) -> Tensor:
        return (chosen.weights * softplus(-D(G(chosen.z)))).sum()

    by_hand(pair, tutorial(pair)[0], loss_G, steps=1, blocks=3)
    *mine, history = run(config(num_steps=1, strategy="softmax", pool_factor=3, reweight=True), seed=1)
    assert_near_pairs(tuple(mine), pair, 1e-6)
    its = loss_G(pool, pool, 0).item()  # G has moved: near, not equal
    assert history.frame().loss_G.iloc[0] == pytest.approx(its, abs=0.05)


def test_a_relativistic_G_faces_the_new_D_on_the_reals_too() -> None:
    G, D = pair = tiny(seed=1)
    by_hand(
        pair,
        lambda x, z, step: softplus(D(G(z)) - D(x)).mean(),
        lambda x, z, step: softplus(D(x) - D(G(z))).mean(),
        steps=5,
        lr=(1e-3, 0.05),
    )
    assert_near_pairs(run(config(num_steps=5, loss="relativistic", lr_D=0.05), seed=1)[:2], pair)


@pytest.mark.parametrize("lam", [0.0, 0.1])
@pytest.mark.parametrize("d_fakes", ["all", "selected"])
def test_logan_is_written_by_hand(d_fakes: str, lam: float) -> None:
    """LOGAN's players back-propagate through the move and pay for it; G's move is made by the D that it faces.

    With d_fakes="all" D sees no moved fake, and pays nothing.
    """
    G, D = pair = tiny(seed=1)

    def moved(z: Tensor) -> Tensor:
        z = z.detach().requires_grad_()
        (g,) = torch.autograd.grad(D(G(z)).sum(), z, create_graph=True)
        return (z + 0.9 * g / (g.square().sum(-1, keepdim=True) + 0.1)).clamp(-3, 3)

    def price(z: Tensor, to: Tensor) -> Tensor:
        return lam * (to - z).square().sum(-1).mean()

    def loss_D(x: Tensor, z: Tensor, step: int) -> Tensor:
        to = z if d_fakes == "all" else moved(z)
        return softplus(-D(x)).mean() + softplus(D(G(to))).mean() + price(z, to)

    def loss_G(x: Tensor, z: Tensor, step: int) -> Tensor:
        to = moved(z)
        return softplus(-D(G(to))).mean() + price(z, to)

    by_hand(pair, loss_D, loss_G, steps=5)
    logan = {"strategy": "latent_ascent", "strategy_options": {"through": True}, "d_fakes": d_fakes}
    *mine, history = run(config(num_steps=5, regularizers={"transport": lam}, log_every=1, **logan), seed=1)
    assert_near_pairs(tuple(mine), pair)
    moves = history.frame().R_transport  # that of D, who comes first
    assert (moves == 0).all() if d_fakes == "all" else (moves > 1e-4).all()


@pytest.mark.parametrize("lam", [0.0, 0.3])
def test_a_strategy_that_moves_nothing_has_no_way_to_pay_for(lam: float) -> None:
    plain, priced = (
        run(config(strategy="top_k", pool_factor=2, regularizers=R, d_fakes="selected"))
        for R in ({}, {"transport": lam})
    )
    assert equal(plain[:2], priced[:2])
    assert (priced[2].frame().R_transport == 0).all()


def test_convolutions_with_a_penalty_take_the_step_of_plain_adam() -> None:
    """Double backward gives gradients in another memory layout than channels_last weights; fused Adam must not mind."""
    source = al.data.array(torch.rand(40, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    mine = al.models.conv_pair(latent_dim=3, channels=2, seed=0)
    pair = copy.deepcopy(mine)
    al.train(*mine, source, config(num_steps=3, regularizers={"r1": 1.0}), seed=0, progress=False)
    by_hand(pair, *tutorial(pair, 1.0), steps=3, seed=0, source=source, foreach=False, fused=False)
    assert_near_pairs(mine, pair, 1e-4)


def watched(monkeypatch: pytest.MonkeyPatch, settings: al.TrainConfig) -> list[al.Batch]:
    """Return what each step of a training drew."""
    batches, draw = [], Step.draw
    with monkeypatch.context() as patch:
        patch.setattr(Step, "draw", lambda *arguments: batches.append(draw(*arguments)) or batches[-1])
        run(settings, seed=5, num_heads=2)
    return batches


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_arms_of_one_seed_see_the_same_reals_and_first_candidates(
    monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    plain = watched(monkeypatch, config(num_steps=4))
    arm = config(num_steps=4, strategy=strategy, pool_factor=3, regularizers={"wgan_gp": 0.1, "mode_seeking": 0.1})
    its = watched(monkeypatch, arm)
    assert len(plain) == len(its) == 4
    for one, other in zip(plain, its, strict=True):
        assert torch.equal(one.x_real, other.x_real)
        assert other.z_pool.shape == (24, 3)
        assert torch.equal(one.z_pool, other.z_pool[:8])
    assert not torch.equal(its[0].z_pool[:8], its[0].z_pool[8:16])
    assert not torch.equal(its[0].x_real, its[1].x_real)

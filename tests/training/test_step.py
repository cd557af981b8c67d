"""One step equals a loop written by hand, bit for bit; arms of one seed see the same draws."""

from __future__ import annotations

import copy

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
from algan_lite.training import loop as training


def adam(net: nn.Module, lr: float = 1e-3) -> torch.optim.Adam:
    return torch.optim.Adam(net.parameters(), lr=lr, betas=(0.5, 0.999), fused=True)


def plain_loop(G: nn.Module, D: nn.Module, steps: int, seed: int, penalty: float = 0.0) -> None:
    """The GAN of every tutorial, with the streams of the package."""
    data, candidates = rng.stream(seed, "data"), rng.stream(seed, "candidates 0")
    optimizer_G, optimizer_D = adam(G), adam(D)
    for _ in range(steps):
        x_real = RING.sample(8, generator=data)
        x_fake = G(torch.randn(8, 3, generator=candidates))
        if penalty:
            x_real.requires_grad_()
        logits_real = D(x_real)
        loss_D = softplus(-logits_real).mean() + softplus(D(x_fake.detach())).mean()
        if penalty:
            (slope,) = torch.autograd.grad(logits_real.sum(), x_real, create_graph=True)
            loss_D = loss_D + penalty * slope.square().sum(-1).mean()
        optimizer_D.zero_grad()
        loss_D.backward()
        optimizer_D.step()
        loss_G = softplus(-D(x_fake)).mean()
        optimizer_G.zero_grad()
        loss_G.backward()
        optimizer_G.step()


@pytest.mark.parametrize("penalty", [0.0, 0.3])
def test_random_with_a_pool_of_n_is_the_plain_loop_bit_for_bit(penalty: float) -> None:
    G, D = tiny(seed=3)
    start = copy.deepcopy(G)
    plain_loop(G, D, 25, seed=3, penalty=penalty)
    regularizers = {"r1": penalty} if penalty else {}
    mine_G, mine_D, _ = run(config(num_steps=25, regularizers=regularizers), seed=3)
    assert same_weights(mine_G, G)
    assert same_weights(mine_D, D)
    assert not same_weights(start, G)


def test_random_ignores_the_rest_of_its_pool_bit_for_bit() -> None:
    assert same_weights(run(config(pool_factor=4))[0], run(config())[0])


def test_several_steps_of_D_see_fresh_draws() -> None:
    G, D = tiny()
    data, candidates = rng.stream(0, "data"), rng.stream(0, "candidates 0")
    optimizer_G, optimizer_D = adam(G, 2e-3), adam(D, 5e-3)
    for _ in range(4):
        for _ in range(3):
            x_real, x_fake = RING.sample(8, generator=data), G(torch.randn(8, 3, generator=candidates))
            optimizer_D.zero_grad()
            (softplus(-D(x_real)).mean() + softplus(D(x_fake.detach())).mean()).backward()
            optimizer_D.step()
        optimizer_G.zero_grad()
        softplus(-D(x_fake)).mean().backward()
        optimizer_G.step()
    mine_G, mine_D, _ = run(config(num_steps=4, d_steps=3, lr=2e-3, lr_D=5e-3))
    assert same_weights(mine_G, G)
    assert same_weights(mine_D, D)


@pytest.mark.parametrize("zero", [0.0, torch.tensor(0.0), lambda step: 0.0], ids=["number", "tensor", "schedule"])
def test_lambda_zero_is_no_regularizer_bit_for_bit(zero: object) -> None:
    plain, every = run(config()), run(config(regularizers=dict.fromkeys(REGULARIZERS, zero)))
    for one, other in zip(plain[:2], every[:2], strict=True):
        assert same_weights(one, other)


def test_the_first_half_of_top_k_is_written_by_hand() -> None:
    G, D = tiny(seed=1)
    streams = [rng.stream(1, name) for name in ("data", "candidates 0", "candidates 1")]
    optimizer_G, optimizer_D = adam(G), adam(D)
    for _ in range(6):
        x_real = RING.sample(8, generator=streams[0])
        pool = torch.cat([torch.randn(8, 3, generator=stream) for stream in streams[1:]])
        best = pool[D(G(pool)).argsort(descending=True)[:8]]
        optimizer_D.zero_grad()
        (softplus(-D(x_real)).mean() + softplus(D(G(pool[:8]).detach())).mean()).backward()  # d_fakes="all"
        optimizer_D.step()
        optimizer_G.zero_grad()
        softplus(-D(G(best))).mean().backward()
        optimizer_G.step()
    mine_G, mine_D, history = run(config(num_steps=6, strategy="top_k", pool_factor=2), seed=1)
    for one, other in ((mine_G, G), (mine_D, D)):
        for mine, its in zip(one.parameters(), other.parameters(), strict=True):
            assert_near(mine, its, 1e-6)
    assert history.num_calls == 6 * 16


def test_top_k_with_a_shrinking_share_is_written_by_hand() -> None:
    """Only the kept latents count, 1/k each; with d_fakes="selected" they are also what D sees."""
    for d_fakes in ("all", "selected"):
        G, D = tiny(seed=1)
        data, candidates = rng.stream(1, "data"), rng.stream(1, "candidates 0")
        optimizer_G, optimizer_D = adam(G), adam(D)
        for step in range(6):
            x_real, z = RING.sample(8, generator=data), torch.randn(8, 3, generator=candidates)
            best = z[D(G(z)).argsort(descending=True)[: (8, 4, 2)[step // 2]]]
            optimizer_D.zero_grad()
            seen = G(z if d_fakes == "all" else best).detach()
            (softplus(-D(x_real)).mean() + softplus(D(seen)).mean()).backward()
            optimizer_D.step()
            optimizer_G.zero_grad()
            softplus(-D(G(best))).mean().backward()
            optimizer_G.step()
        keep = {"keep_decay": 0.5, "keep_floor": 0.25, "steps_per_epoch": 2}
        mine_G, mine_D, _ = run(config(num_steps=6, strategy="top_k", d_fakes=d_fakes, **keep), seed=1)
        for one, other in ((mine_G, G), (mine_D, D)):
            for mine, its in zip(one.parameters(), other.parameters(), strict=True):
                assert_near(mine, its)


def test_reweighting_counts_each_latent_by_its_weight() -> None:
    G, D = tiny(seed=1)
    pool = torch.cat([torch.randn(8, 3, generator=rng.stream(1, f"candidates {j}")) for j in range(3)])
    x_real, optimizer_D = RING.sample(8, generator=rng.stream(1, "data")), adam(D)
    chosen = al.select_noise(G, D, pool, 8, "softmax", reweight=True, generator=rng.stream(1, "selection"))
    assert chosen.weights.std() > 1e-4
    (softplus(-D(x_real)).mean() + softplus(D(G(pool[:8]).detach())).mean()).backward()
    optimizer_D.step()
    optimizer_G = adam(G)
    optimizer_G.zero_grad()
    (chosen.weights * softplus(-D(G(chosen.z)))).sum().backward()
    optimizer_G.step()
    settings = config(num_steps=1, strategy="softmax", pool_factor=3, reweight=True)
    mine_G, _, history = run(settings, seed=1)
    for mine, its in zip(mine_G.parameters(), G.parameters(), strict=True):
        assert_near(mine, its, 1e-6)
    loss_G = (chosen.weights * softplus(-D(G(chosen.z)))).sum()  # G has moved: near, not equal
    assert history.frame().loss_G.iloc[0] == pytest.approx(loss_G.item(), abs=0.05)


def test_a_relativistic_G_faces_the_new_D_on_the_reals_too() -> None:
    G, D = tiny(seed=1)
    data, candidates = rng.stream(1, "data"), rng.stream(1, "candidates 0")
    optimizer_G, optimizer_D = adam(G), adam(D, 0.05)
    for _ in range(5):
        x_real, x_fake = RING.sample(8, generator=data), G(torch.randn(8, 3, generator=candidates))
        optimizer_D.zero_grad()
        softplus(D(x_fake.detach()) - D(x_real)).mean().backward()
        optimizer_D.step()
        optimizer_G.zero_grad()
        softplus(D(x_real) - D(x_fake)).mean().backward()
        optimizer_G.step()
    mine_G, _, _ = run(config(num_steps=5, loss="relativistic", lr_D=0.05), seed=1)
    for mine, its in zip(mine_G.parameters(), G.parameters(), strict=True):
        assert_near(mine, its)


def test_latent_ascent_through_the_move_is_written_by_hand() -> None:
    """LOGAN's players back-propagate through the move; G's move is made by the D that it faces."""
    for d_fakes in ("all", "selected"):
        G, D = tiny(seed=1)
        data, candidates = rng.stream(1, "data"), rng.stream(1, "candidates 0")
        optimizer_G, optimizer_D = adam(G), adam(D)

        def moved(G: nn.Module, D: nn.Module, z: Tensor) -> Tensor:
            z = z.detach().requires_grad_()
            (g,) = torch.autograd.grad(D(G(z)).sum(), z, create_graph=True)
            return (z + 0.9 * g / (g.square().sum(-1, keepdim=True) + 0.1)).clamp(-3, 3)

        for _ in range(5):
            x_real, z = RING.sample(8, generator=data), torch.randn(8, 3, generator=candidates)
            seen = z if d_fakes == "all" else moved(G, D, z)
            loss_D = softplus(-D(x_real)).mean() + softplus(D(G(seen))).mean()
            for parameter, gradient in zip(
                D.parameters(), torch.autograd.grad(loss_D, list(D.parameters())), strict=True
            ):
                parameter.grad = gradient
            optimizer_D.step()
            loss_G = softplus(-D(G(moved(G, D, z)))).mean()
            for parameter, gradient in zip(
                G.parameters(), torch.autograd.grad(loss_G, list(G.parameters())), strict=True
            ):
                parameter.grad = gradient
            optimizer_G.step()
        settings = config(num_steps=5, strategy="latent_ascent", strategy_options={"through": True}, d_fakes=d_fakes)
        mine_G, mine_D, _ = run(settings, seed=1)
        for one, other in ((mine_G, G), (mine_D, D)):
            for mine, its in zip(one.parameters(), other.parameters(), strict=True):
                assert_near(mine, its)


def test_convolutions_with_a_penalty_take_the_step_of_plain_adam() -> None:
    """Double backward gives gradients in another memory layout than channels_last weights; fused Adam must not mind."""
    source = al.data.array(torch.rand(40, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    G, D = al.models.conv_pair(latent_dim=3, channels=2, seed=0)
    twin_G, twin_D = copy.deepcopy(G), copy.deepcopy(D)
    al.train(G, D, source, config(num_steps=3, regularizers={"r1": 1.0}), seed=0, progress=False)
    data, candidates = rng.stream(0, "data"), rng.stream(0, "candidates 0")
    slow = {net: torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.5, 0.999), foreach=False, fused=False)
            for net in (twin_G, twin_D)}  # fmt: skip
    for _ in range(3):
        x = source.sample(8, generator=data).requires_grad_()
        x_fake = twin_G(torch.randn(8, 3, generator=candidates))
        logits = twin_D(x)
        (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
        penalty = slope.flatten(1).square().sum(-1).mean()
        slow[twin_D].zero_grad()
        (softplus(-logits).mean() + softplus(twin_D(x_fake.detach())).mean() + penalty).backward()
        slow[twin_D].step()
        slow[twin_G].zero_grad()
        softplus(-twin_D(x_fake)).mean().backward()
        slow[twin_G].step()
    for one, other in ((G, twin_G), (D, twin_D)):
        for mine, its in zip(one.parameters(), other.parameters(), strict=True):
            assert_near(mine, its, 1e-4)


def watched(monkeypatch: pytest.MonkeyPatch, settings: al.TrainConfig) -> tuple[list[Tensor], list[Tensor]]:
    reals, pools = [], []
    choose = training.Step.choose

    def spy(step: training.Step, drawn: al.Batch, *rest: object) -> al.Selection:
        pools.append(drawn.z_pool.clone())
        return choose(step, drawn, *rest)

    class Watched:
        def sample(self, *args: object, **kwargs: object) -> Tensor:
            reals.append(RING.sample(*args, **kwargs))
            return reals[-1].clone()

    with monkeypatch.context() as patch:
        patch.setattr(training.Step, "choose", spy)
        G, D = tiny(num_heads=2)
        al.train(G, D, Watched(), settings, seed=5, progress=False)
    return reals, pools


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_arms_of_one_seed_see_the_same_reals_and_first_candidates(
    monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    reals, pools = watched(monkeypatch, config(num_steps=4))
    arm = config(num_steps=4, strategy=strategy, pool_factor=3, regularizers={"wgan_gp": 0.1, "mode_seeking": 0.1})
    its_reals, its_pools = watched(monkeypatch, arm)
    assert len(reals) == len(its_reals) == len(pools) == len(its_pools) == 4
    assert all(torch.equal(one, other) for one, other in zip(reals, its_reals, strict=True))
    assert all(other.shape == (24, 3) for other in its_pools)
    assert all(torch.equal(one, other[:8]) for one, other in zip(pools, its_pools, strict=True))
    assert not torch.equal(its_pools[0][:8], its_pools[0][8:16])
    assert not torch.equal(reals[0], reals[1])


def test_a_D_with_logits_in_a_column_is_refused() -> None:
    with pytest.raises(ValueError, match=r"D must return one logit a sample, \(8,\); got \(8, 1\)"):
        al.train(tiny()[0], nn.Linear(2, 1), RING, config(), progress=False)


def test_disagreement_needs_two_heads() -> None:
    with pytest.raises(ValueError, match=r"num_heads in \[2, inf\)"):
        run(config(strategy="disagreement"))

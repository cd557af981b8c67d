"""The training loop against hand-written loops, and every entry of every table in an ensemble against its run alone."""

from __future__ import annotations

import ast
import copy
import dataclasses
import inspect
import textwrap
from collections.abc import Callable

import numpy as np
import pytest
import torch
from helpers import RING, assert_near, normal, slices, tiny
from torch import Tensor, nn
from torch.nn.functional import softplus

import algan_lite as al
from algan_lite.core import rng
from algan_lite.objective.losses import LOSSES, alpha
from algan_lite.objective.regularizers import REGULARIZERS
from algan_lite.selection.select import STRATEGIES
from algan_lite.training import loop as training
from algan_lite.training.equilibrium import Watch
from algan_lite.training.state import TrainState


def run(config: al.TrainConfig, runs: int | None = None, seed: int = 0, num_heads: int = 1, **options: object) -> tuple:
    G, D = tiny(runs=runs, seed=seed, num_heads=num_heads)
    return G, D, al.train(G, D, RING, config, seed=seed, progress=False, **options)


def config(**changes: object) -> al.TrainConfig:
    return al.TrainConfig(**{"num_steps": 10, "batch_size": 8, "log_every": 5, **changes})


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(p, q) for p, q in zip(one.parameters(), other.parameters(), strict=True))


# --- the plain loop --------------------------------------------------------------------------------------------------


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


# --- arms of one seed ------------------------------------------------------------------------------------------------


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


# --- an ensemble is its runs -----------------------------------------------------------------------------------------

ARMS: dict[str, dict] = {
    **{f"loss {name}": {"loss": name, "regularizers": {"r1": 0.1}} for name in LOSSES},
    "loss alpha(0.5, 1)": {"loss": alpha(0.5, 1), "regularizers": {"r1": 0.1}},
    **{f"regularizer {name}": {"regularizers": {name: 0.1}} for name in REGULARIZERS},
    **{f"relativistic with {name}": {"loss": "relativistic", "regularizers": {name: 0.1}} for name in REGULARIZERS},
    **{f"strategy {name}": {"strategy": name, "pool_factor": 3} for name in STRATEGIES},
    **{
        f"strategy {name}, selected": {"strategy": name, "pool_factor": 3, "d_fakes": "selected"} for name in STRATEGIES
    },
    "a lambda a run": {"regularizers": {"r1": torch.tensor([0.0, 0.5, 2.0]), "consensus": torch.tensor(0.1)}},
    "a schedule of lambdas": {"regularizers": {"r1": lambda step: torch.tensor([0.0, 0.1, 0.2]) * step}},
    "reweighted": {"strategy": "softmax", "pool_factor": 3, "reweight": True},
    "reweighted, selected": {"strategy": "softmax", "pool_factor": 3, "reweight": True, "d_fakes": "selected"},
    "uniform share": {
        "strategy": "top_k",
        "pool_factor": 3,
        "reweight": True,
        "strategy_options": {"uniform_share": 0.5},
    },
    "keep": {"strategy": "top_k", "keep_decay": 0.7, "steps_per_epoch": 2, "d_fakes": "selected", "loss": "hinge"},
    "through": {"strategy": "latent_ascent", "strategy_options": {"through": True}, "d_fakes": "selected"},
    "core set of features": {"strategy": "core_set", "strategy_options": {"space": "features"}, "pool_factor": 2},
    "everything": {
        "regularizers": dict.fromkeys(REGULARIZERS, 0.05),
        "strategy": "softmax",
        "pool_factor": 2,
        "d_steps": 2,
    },
}


def lams_of(settings: dict, k: int) -> dict:
    """Return the settings of run k alone."""

    def pick(lam: object) -> object:
        if callable(lam):
            return lambda step: float(lam(step)[k])
        return float(lam[k]) if isinstance(lam, Tensor) and lam.ndim else lam

    return {**settings, "regularizers": {name: pick(lam) for name, lam in settings.get("regularizers", {}).items()}}


@pytest.mark.parametrize("arm", ARMS)
def test_run_k_of_an_ensemble_is_the_run_alone(arm: str) -> None:
    settings = ARMS[arm]
    heads = 2 if settings.get("strategy") == "disagreement" else 1
    Gs, Ds, together = run(config(**settings), runs=3, seed=20, num_heads=heads)
    frame = together.frame()
    for k in (0, 2):
        G, D, alone = run(config(**lams_of(settings, k)), seed=20 + k, num_heads=heads)
        for nets, net in ((Gs, G), (Ds, D), (together.G_ema, alone.G_ema)):
            for mine, its in slices(k, nets, net):
                assert_near(mine, its)
        its_frame = alone.frame().drop(columns="run")
        mine_frame = frame[frame.run == k].drop(columns="run").reset_index(drop=True)
        assert list(mine_frame) == list(its_frame)
        np.testing.assert_allclose(mine_frame.to_numpy(), its_frame.to_numpy(), rtol=1e-3, atol=1e-5)
        assert together.num_calls == alone.num_calls


def test_runs_of_an_ensemble_differ() -> None:
    Gs, _, _ = run(config(), runs=2)
    assert all(not torch.equal(p[0], p[1]) for p in Gs.parameters())


# --- divergence ------------------------------------------------------------------------------------------------------


def poison(net: nn.Module, k: int | None, at: int) -> Callable[[TrainState], None]:
    """Return a callback that breaks a weight of run k (of the only run for None) after step ``at``."""

    def callback(state: TrainState) -> None:
        if state.step == at:
            with torch.no_grad():
                weight = next(net.parameters())
                (weight if k is None else weight[k]).fill_(float("nan"))

    return callback


@pytest.mark.parametrize("arm", ["regularizer r1", "strategy softmax", "strategy core_set", "everything"])
def test_a_diverged_run_is_marked_and_stays_a_row_and_the_others_do_not_notice(arm: str) -> None:
    healthy_G, healthy_D, _ = run(config(**ARMS[arm]), runs=3)
    G, D = tiny(runs=3)
    history = al.train(
        G, D, RING, config(**ARMS[arm]), seed=0, progress=False, callbacks=[poison(G, 1, 4), poison(D, 1, 4)]
    )
    assert history.diverged_at.tolist() == [-1, 5, -1]
    frame = history.frame()
    assert frame.run.value_counts().to_dict() == {0: 3, 1: 3, 2: 3}
    broken = frame[frame.run == 1].set_index("step")
    assert np.isfinite(broken.loss_D[1])
    assert broken.loss_D[[5, 10]].isna().all()
    for one, other in ((G, healthy_G), (D, healthy_D)):
        for mine, its in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.equal(mine[[0, 2]], its[[0, 2]])
    assert all(bool(torch.isfinite(p[[0, 2]]).all()) for p in history.G_ema.parameters())


def test_a_lambda_that_overflows_ends_its_own_run_only() -> None:
    def schedule(step: int) -> Tensor:
        return torch.tensor([0.1, 0.1 if step < 3 else float("inf")])

    _, _, history = run(config(regularizers={"r1": schedule}), runs=2)
    assert history.diverged_at.tolist() == [-1, 4]


@pytest.mark.parametrize("runs", [None, 2])
def test_it_raises_when_no_run_is_left(runs: int | None) -> None:
    G, D = tiny(runs=runs)
    breaks = [poison(G, None, 2)] if runs is None else [poison(G, 0, 2), poison(G, 1, 6)]
    last = 3 if runs is None else 7
    with pytest.raises(al.TrainingDiverged, match=f"at step {last}$") as caught:
        al.train(G, D, RING, config(num_steps=40), seed=0, progress=False, callbacks=breaks)
    assert caught.value.step == last


def test_divergence_is_not_taken_for_equilibrium() -> None:
    G, D = tiny()
    rule = al.Equilibrium(every=1000)
    with pytest.raises(al.TrainingDiverged, match=r"at step 4$"):
        al.train(G, D, RING, config(equilibrium=rule, log_every=7), progress=False, callbacks=[poison(G, None, 3)])


# --- schedules, averages, callbacks, history -------------------------------------------------------------------------


def test_a_schedule_is_asked_with_the_step() -> None:
    asked: list[int] = []

    def schedule(step: int) -> float:
        asked.append(step)
        return 0.1 * step

    run(config(num_steps=5, d_steps=2, regularizers={"r1": schedule}))
    assert asked == [0, 1, 2, 3, 4]
    switched = run(config(num_steps=6, regularizers={"r1": lambda step: 0.0 if step < 3 else 5.0}))
    plain = run(config(num_steps=6))
    first, late = (
        run(config(num_steps=3, regularizers={"r1": lambda step: 0.0 if step < 3 else 5.0})),
        run(config(num_steps=3)),
    )
    assert same_weights(first[1], late[1])
    assert not same_weights(switched[1], plain[1])


def test_keep_shrinks_with_the_epochs() -> None:
    settings = config(strategy="top_k", keep_decay=0.5, keep_floor=0.25, steps_per_epoch=2)
    assert [settings.keep(step) for step in range(6)] == [8, 8, 4, 4, 2, 2]
    assert config().keep(3) is None


def test_the_average_of_G_is_its_twin() -> None:
    G, D = tiny()
    twin = [p.detach().clone() for p in G.parameters()]

    def average(state: TrainState) -> None:
        for mean, live in zip(twin, state.G.parameters(), strict=True):
            mean.mul_(0.8).add_(0.2 * live.detach())

    history = al.train(G, D, RING, config(ema_decay=0.8), progress=False, callbacks=[average])
    for mean, mine, live in zip(twin, history.G_ema.parameters(), G.parameters(), strict=True):
        assert_near(mine, mean, 1e-6)
        assert not torch.equal(mine, live)
        assert not mine.requires_grad
    assert same_weights(run(config(ema_decay=0.0))[2].G_ema, run(config())[0])
    assert same_weights(run(config(ema_decay=1.0))[2].G_ema, tiny()[0])


def test_callbacks_see_the_state_after_every_step() -> None:
    seen: list[tuple[int, int]] = []
    run(config(num_steps=4), callbacks=[lambda s: seen.append((s.step, 1)), lambda s: seen.append((s.step, 2))])
    assert seen == [(step, which) for step in (1, 2, 3, 4) for which in (1, 2)]


def test_the_frame() -> None:
    settings = config(num_steps=12, regularizers={"r1": 0.1, "mode_seeking": 0.01, "consensus": 0.1})
    _, _, history = run(settings, runs=2, seed=7)
    frame = history.frame()
    assert list(frame)[:3] == ["run", "seed", "step"]
    wanted = {"loss_D", "loss_G", "R_r1", "R_mode_seeking", "R_consensus", "logit_real", "logit_fake"}
    assert set(frame) == wanted | {"run", "seed", "step"}
    assert frame.step.tolist() == [1, 1, 5, 5, 10, 10, 12, 12]
    assert frame.run.tolist() == [0, 1] * 4
    assert frame.seed.tolist() == [7, 8] * 4
    assert history.diverged_at.tolist() == history.equilibrium_at.tolist() == [-1, -1]
    assert np.isfinite(frame.to_numpy()).all()


def test_the_first_row_is_the_start() -> None:
    G, D = tiny(seed=2)
    x = RING.sample(8, generator=rng.stream(2, "data"))
    logits_real, logits_fake = D(x), D(G(torch.randn(8, 3, generator=rng.stream(2, "candidates 0"))))
    row = run(config(num_steps=1), seed=2)[2].frame().iloc[0]
    assert row.logit_real == pytest.approx(logits_real.mean().item(), abs=1e-6)
    assert row.logit_fake == pytest.approx(logits_fake.mean().item(), abs=1e-6)
    assert row.loss_D == pytest.approx(LOSSES["minimax"].D(logits_real, logits_fake).item(), abs=1e-6)


@pytest.mark.parametrize(("strategy", "calls"), [("random", 0), ("random_k", 0), ("top_k", 24), ("latent_ascent", 8)])
def test_num_calls_counts_what_was_scored_only_to_choose(strategy: str, calls: int) -> None:
    assert run(config(strategy=strategy, pool_factor=3))[2].num_calls == 10 * calls
    assert run(config(strategy=strategy, pool_factor=3, d_steps=2))[2].num_calls == 20 * calls


def test_training_leaves_the_global_stream_and_repeats_itself(capsys: pytest.CaptureFixture[str]) -> None:
    before = torch.get_rng_state()
    settings = config(strategy="softmax", pool_factor=2, regularizers={"dragan": 0.1, "mode_seeking": 0.1})
    one, other = run(settings, runs=2), run(settings, runs=2)
    assert torch.equal(before, torch.get_rng_state())
    assert same_weights(one[0], other[0])
    assert one[2].frame().equals(other[2].frame())
    assert capsys.readouterr() == ("", "")


def test_the_source_s_own_tensor_is_left_alone() -> None:
    class Same:
        x = normal(8, 2)

        def sample(self, n: int, generator: torch.Generator, device: str) -> Tensor:
            return self.x

    before = Same.x.clone()
    al.train(*tiny(), Same(), config(num_steps=2, regularizers={"r1": 0.1}), progress=False)
    assert torch.equal(Same.x, before)
    assert not Same.x.requires_grad


# --- equilibrium -----------------------------------------------------------------------------------------------------


def frozen(D: nn.Module, weight: float) -> nn.Module:
    with torch.no_grad():
        for parameter in D.parameters():
            parameter.fill_(weight)
    return D


@pytest.mark.parametrize("loss", LOSSES)
def test_a_D_that_cannot_tell_stops_after_its_patience(loss: str) -> None:
    G, D = tiny()
    rule = al.Equilibrium(tolerance=0.01, patience=3, every=4, num_samples=64)
    settings = config(num_steps=100, equilibrium=rule, lr_D=1e-30, loss=loss, log_every=50)
    history = al.train(G, frozen(D, 0.0), RING, settings, progress=False)
    frame = history.frame()
    assert history.equilibrium_at.tolist() == [12]
    assert history.steps == [1, 12]
    assert frame.accuracy.isna().tolist() == [True, False]
    assert frame.accuracy.iloc[-1] == 0.5  # every pair a tie, which counts one half


@pytest.mark.parametrize("loss", ["non_saturating", "energy"])
def test_a_D_that_tells_does_not_stop(loss: str) -> None:
    class Far(nn.Module):  # reals lie within 2 of the origin, fakes at 10
        def __init__(self, sign: int) -> None:
            super().__init__()
            self.sign, self.bias = sign, nn.Parameter(torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            return self.sign * (5 - x.norm(dim=-1)) + self.bias

    G, _ = tiny()
    with torch.no_grad():
        G.body[-2].bias.fill_(10.0)
    rule = al.Equilibrium(tolerance=0.4, patience=1, every=2, num_samples=32)
    D = Far(LOSSES[loss].sign)
    settings = config(equilibrium=rule, lr=1e-9, loss=loss)
    history = al.train(G, D, RING, settings, progress=False)
    assert history.steps[-1] == 10
    assert history.equilibrium_at.tolist() == [-1]
    assert history.frame().accuracy.iloc[-1] == 1


def test_the_patience_counts_checks_in_a_row() -> None:
    watch = Watch(al.Equilibrium(patience=2, tolerance=0.1), 3, torch.device("cpu"))
    for step, accuracy in enumerate([[0.5, 0.5, 0.9], [0.9, 0.55, 0.9], [0.45, 0.9, 0.9], [0.5, 0.9, 0.5]], start=1):
        watch.note(torch.tensor(accuracy), step)
    assert watch.reached_at.tolist() == [4, 2, -1]
    assert not watch.holds(torch.tensor([False, False, False]))
    assert watch.holds(torch.tensor([False, False, True]))


def test_watching_for_the_equilibrium_changes_nothing() -> None:
    rule = al.Equilibrium(tolerance=1e-9, every=1, num_samples=7)
    watched_run = run(config(equilibrium=rule), runs=2)
    for one, other in zip(watched_run[:2], run(config(), runs=2)[:2], strict=True):
        assert same_weights(one, other)


def test_held_out_points_are_not_those_of_training() -> None:
    asked = []

    class Finite:
        train, validation = normal(50, 2), normal(50, 2, seed=1) + 100

        def sample(self, n: int, generator: torch.Generator, device: str) -> Tensor:
            return self.train[:n]

    class Listening(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.zeros(2))

        def forward(self, x: Tensor) -> Tensor:
            asked.append(x.detach())
            return x @ self.w

    rule = al.Equilibrium(every=5, num_samples=16)
    al.train(tiny()[0], Listening(), Finite(), config(num_steps=5, equilibrium=rule), progress=False)
    held_out = [x for x in asked if x[0, 0] > 50]
    assert [len(x) for x in held_out] == [16]
    assert bool((held_out[0][:, None] == Finite.validation).all(-1).any(-1).all())


# --- what is refused -------------------------------------------------------------------------------------------------

BAD = {
    "num_steps": [0, 1.5, True],
    "batch_size": [0, -3, "8"],
    "pool_factor": [0, 1.5],
    "steps_per_epoch": [0],
    "d_steps": [0],
    "log_every": [0],
    "lr": [0, -1e-3, float("nan"), "1e-3"],
    "lr_D": [0, float("inf")],
    "betas": [(1.0, 0.9), (0.5, 1.0), (-0.1, 0.9), (0.5,)],
    "ema_decay": [-0.1, 1.1],
    "keep_decay": [0, 1.5],
    "keep_floor": [0, 1.5],
    "loss": ["mse", None, 3],
    "strategy": ["best", None],
    "d_fakes": ["some", None],
    "regularizers": [{"r3": 1.0}, {"r1": -0.1}, {"r1": "a"}, {"r1": torch.tensor([1.0, -1.0])}, ["r1"],
                     {"r1": float("nan")}, {"r1": torch.ones(2, 2)}],
    "strategy_options": [{"temperature": 1.0}],
    "equilibrium": [3],
}  # fmt: skip


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, bad in BAD.items() for value in bad])
def test_bad_settings_are_refused_by_name(field: str, value: object) -> None:
    changes = {field: value, **({"strategy": "top_k"} if field == "keep_decay" else {})}
    with pytest.raises((ValueError, TypeError), match=field.removesuffix("s")) as caught:
        al.TrainConfig(**changes)
    shown = value
    if isinstance(value, dict):
        shown = "r3" if "r3" in value else next(iter(value.values()))
    if not isinstance(shown, Tensor) and field not in ("strategy_options", "betas"):
        assert repr(shown) in str(caught.value)


def test_every_field_is_checked() -> None:
    fields = {field.name for field in dataclasses.fields(al.TrainConfig)}
    assert fields - set(BAD) == {"reweight"}


@pytest.mark.parametrize("field", ["loss", "strategy", "regularizers"])
def test_unknown_names_list_the_known_ones(field: str) -> None:
    known = {"loss": LOSSES, "strategy": STRATEGIES, "regularizers": REGULARIZERS}[field]
    with pytest.raises(ValueError, match="nonsense") as caught:
        al.TrainConfig(**{field: {"nonsense": 1.0} if field == "regularizers" else "nonsense"})
    assert all(name in str(caught.value) for name in known)


@pytest.mark.parametrize(
    "changes", [{"tolerance": 0}, {"tolerance": 0.6}, {"patience": 0}, {"every": 0}, {"num_samples": 0}]
)
def test_bad_stopping_rules_are_refused_by_name(changes: dict) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(changes))} must be in "):
        al.Equilibrium(**changes)


def test_settings_that_do_not_go_together() -> None:
    with pytest.raises(ValueError, match=r"keep must be None unless the strategy ranks.*keep_decay"):
        al.TrainConfig(keep_decay=0.9)
    with pytest.raises(TypeError, match="reweight must be True or False; got 'yes'"):
        al.TrainConfig(reweight="yes")
    with pytest.raises(ValueError, match=r"reweight=True needs .*'top_k'"):
        al.TrainConfig(strategy="top_k", reweight=True)
    al.TrainConfig(strategy="top_k", reweight=True, strategy_options={"uniform_share": 0.2})


def test_networks_and_seeds_that_do_not_go_together() -> None:
    one, many = tiny(), tiny(runs=2)
    settings = config()
    with pytest.raises(ValueError, match="G and D must hold the same number of runs; got 2 and None"):
        al.train(many[0], one[1], RING, settings, progress=False)
    with pytest.raises(ValueError, match="seed must be one integer for one GAN; got 2 seeds"):
        al.train(*one, RING, settings, seed=[1, 2], progress=False)
    with pytest.raises(ValueError, match="seed must hold 2 seeds, one a run; got 3"):
        al.train(*many, RING, settings, seed=[1, 2, 3], progress=False)
    with pytest.raises(ValueError, match=r"checkpoint_every must be in \[1, inf\); got 0"):
        al.train(*one, RING, settings, checkpoint_every=0, progress=False)
    with pytest.raises(ValueError, match="resume=True needs checkpoint="):
        al.train(*one, RING, settings, resume=True, progress=False)


@pytest.mark.parametrize("runs", [None, 2])
def test_a_lambda_for_other_runs_is_refused(runs: int | None) -> None:
    for lam in (torch.ones(3), lambda step: torch.ones(3)):
        with pytest.raises(ValueError, match=r"regularizers\['r1'\] must have shape .*got \(3,\)"):
            run(config(regularizers={"r1": lam}), runs=runs)


def test_a_D_with_logits_in_a_column_is_refused() -> None:
    with pytest.raises(ValueError, match=r"D must return one logit a sample, \(8,\); got \(8, 1\)"):
        al.train(tiny()[0], nn.Linear(2, 1), RING, config(), progress=False)


def test_disagreement_needs_two_heads() -> None:
    with pytest.raises(ValueError, match=r"num_heads in \[2, inf\)"):
        run(config(strategy="disagreement"))


# --- the loop itself -------------------------------------------------------------------------------------------------


def test_the_loop_is_six_steps_on_one_screen() -> None:
    text = textwrap.dedent(inspect.getsource(training.train))
    function = ast.parse(text).body[0]
    docstring = function.body[0]
    assert len(text.splitlines()) - (docstring.end_lineno - docstring.lineno + 1) <= 50
    lines = [line.strip() for line in text.splitlines()]
    assert [line[2] for line in lines if line[:2] == "# " and line[2].isdigit() and line[3] == "."] == list("123456")


def test_settings_are_frozen_and_documented() -> None:
    settings = config()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.lr = 1.0
    lines = inspect.getsource(al.TrainConfig).splitlines()
    for field in dataclasses.fields(al.TrainConfig):
        (line,) = [line for line in lines if line.startswith(f"    {field.name}: ")]
        assert "  # " in line

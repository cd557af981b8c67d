"""The contract over all strategies, refusals, and weights that undo the bias of the pick."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from helpers import untouched
from selection.shared import LATENT, NAMES, RANKING, M, N, case, networks, pool, value_as_logit
from torch import Tensor, nn

from algan_lite.core.rng import stream
from algan_lite.models.pairs import ensemble, mlp_pair
from algan_lite.objective.losses import LOSSES, alpha
from algan_lite.selection.select import STRATEGIES, select_noise
from algan_lite.selection.strategies import Strategy


@case
def test_shapes_with_and_without_the_runs_axis(name: str, options: dict[str, Any]) -> None:
    for G, D, lead in [(*networks(), ()), (*networks(), (4,)), (*networks(), (2, 4))]:
        z_pool = pool(*lead)
        chosen = select_noise(G, D, z_pool, N, name, seed=0, **options)
        assert chosen.z.shape == (*lead, N, LATENT)
        assert chosen.indices.shape == chosen.weights.shape == (*lead, N)
        assert chosen.utilities.shape == (*lead, M)
        assert chosen.indices.dtype == torch.int64
        assert chosen.z.dtype == chosen.utilities.dtype == chosen.weights.dtype == torch.float32
        assert all(value.isfinite().all() for value in (chosen.z, chosen.utilities, chosen.weights))
        assert chosen.indices.sort(-1).values.diff(dim=-1).min() >= 1, "an index is chosen twice"
        assert chosen.indices.min() >= 0
        assert chosen.indices.max() < M
        if name != "latent_ascent":
            torch.testing.assert_close(
                chosen.z, torch.take_along_dim(z_pool, chosen.indices[..., None], -2), rtol=0, atol=0
            )
        if not options.get("reweight") and not STRATEGIES[name].reweights:
            torch.testing.assert_close(chosen.weights.sum(-1), torch.ones(lead))


@case
def test_each_run_alone_equals_its_slice(name: str, options: dict[str, Any]) -> None:
    Gs, Ds = ensemble(mlp_pair, runs=3, seed=5, latent_dim=LATENT, sample_shape=(2,), width=8, depth=2, num_heads=2)
    z_pool = pool(3)
    together = select_noise(Gs, Ds, z_pool, N, name, generator=stream([7, 8, 9], "z"), **options)
    for k in range(3):
        alone = select_noise(Gs.member(k), Ds.member(k), z_pool[k], N, name, generator=stream(7 + k, "z"), **options)
        assert torch.equal(together.indices[k], alone.indices)
        torch.testing.assert_close(together.z[k], alone.z)
        torch.testing.assert_close(together.utilities[k], alone.utilities)
        torch.testing.assert_close(together.weights[k], alone.weights, rtol=1e-4, atol=1e-6)
        assert together.num_calls == alone.num_calls


@case
def test_repeatable_and_nothing_is_modified(name: str, options: dict[str, Any]) -> None:
    G, D = networks()
    D.trunk[0].eval()  # a mixture of modes must survive
    z_pool = pool()
    with untouched(G, D):
        first, second = (select_noise(G, D, z_pool, N, name, seed=3, **options) for _ in range(2))
    assert all(torch.equal(getattr(first, part), getattr(second, part)) for part in ("z", "indices", "weights"))
    assert torch.equal(z_pool, pool())
    assert not z_pool.requires_grad
    assert all(p.grad is None and p.requires_grad for net in (G, D) for p in net.parameters())
    assert first.z.requires_grad == bool(options.get("through"))
    assert not first.utilities.requires_grad
    assert not first.weights.requires_grad


@pytest.mark.parametrize("name", ["top_k", "latent_ascent"])
def test_dropout_and_batch_norm_do_not_notice_the_scoring(name: str) -> None:
    D = nn.Sequential(nn.Linear(LATENT, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1), nn.Flatten(0))
    average, state = D[1].running_mean.clone(), torch.get_rng_state()
    first, second = (select_noise(nn.Identity(), D, pool(), N, name).z for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(D[1].running_mean, average)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(layer.training for layer in D.modules())


def test_a_layer_that_fails_leaves_the_modes_as_they_were() -> None:
    D = nn.Linear(LATENT + 1, 1)
    with pytest.raises(
        ValueError, match=r"D must take samples .*; with \(12, 3\) it raised RuntimeError: mat1 and mat2"
    ):
        select_noise(nn.Identity(), D, pool(), N)
    assert D.training


@pytest.mark.parametrize("loss", [*LOSSES, alpha(0.5, 1.0)], ids=lambda loss: getattr(loss, "name", loss))
@pytest.mark.parametrize("name", NAMES)
def test_finite_at_extreme_logits_for_every_loss(name: str, loss: Any) -> None:  # noqa: ANN401
    class Extreme(nn.Module):
        num_heads = 2

        def forward(self, x: Tensor) -> Tensor:
            return 1e4 * x[..., 0].sign() + x[..., 0]

        def heads(self, x: Tensor) -> Tensor:
            return torch.stack([self(x), -self(x)])

    for reweight in (False, STRATEGIES[name].has_probability):
        chosen = select_noise(nn.Identity(), Extreme(), pool(50), N, name, loss=loss, reweight=reweight, seed=0)
        assert all(value.isfinite().all() for value in (chosen.z, chosen.utilities, chosen.weights))


BAD = [
    ({"strategy": "topk"}, r"strategy must be one of random, random_k, top_k.*'topk'"),
    ({"n": 0}, r"n must be in \[1, 12\]; got 0"),
    ({"n": 13}, r"n must be in \[1, 12\]; got 13"),
    ({"n": 2.0}, r"n must be an integer in \[1, 12\]; got 2.0"),
    ({"loss": "wgan"}, r"loss must be one of minimax.*'wgan'"),
    ({"z_pool": torch.zeros(4)}, r"z_pool must have shape \(\.\.\., M, latent_dim\).*\(4,\)"),
    ({"z_pool": torch.zeros(4, 2, dtype=torch.long)}, r"z_pool must be a floating tensor"),
    ({"z_pool": [[0.0]]}, r"z_pool must be a floating tensor.*list"),
    ({"temperature": 2.0}, r"'top_k' takes uniform_share; got temperature"),
    ({"strategy": "random", "temperature": 2.0}, r"'random' takes no options; got temperature"),
    ({"strategy": "softmax", "temperature": 0}, r"temperature must be in \(0, inf\); got 0"),
    ({"strategy": "softmax", "sign": 0}, r"sign must be one of 1, -1; got 0"),
    ({"strategy": "core_set", "space": "x"}, r"space must be one of 'z', 'features'; got 'x'"),
    ({"strategy": "latent_ascent", "alpha": -1}, r"alpha must be in \[0, inf\); got -1"),
    ({"strategy": "latent_ascent", "beta": 0}, r"beta must be in \(0, inf\); got 0"),
    ({"strategy": "latent_ascent", "clip": 0}, r"clip must be in \(0, inf\); got 0"),
    ({"strategy": "latent_ascent", "steps": 0}, r"steps must be in \[1, inf\); got 0"),
    ({"uniform_share": 1.5, "seed": 0}, r"uniform_share must be in \[0, 1\]; got 1.5"),
    ({"keep": 0}, r"keep must be in \[1, 5\]; got 0"),
    ({"keep": 6}, r"keep must be in \[1, 5\]; got 6"),
    ({"keep": 2, "strategy": "softmax", "reweight": True, "seed": 0}, r"keep must be None unless.*reweight=True"),
    ({"keep": 2, "strategy": "importance", "seed": 0}, r"keep must be None unless.*'importance', reweight=True"),
    ({"strategy": "importance", "floor": -1}, r"floor must be in \[0, inf\); got -1"),
    ({"keep": 2, "strategy": "random"}, r"keep must be None unless.*'random'"),
    ({"keep": 2, "strategy": "latent_ascent"}, r"keep must be None unless.*'latent_ascent'"),
    ({"keep": 2, "uniform_share": 0.5, "seed": 0}, r"keep must be None unless.*uniform_share=0.5"),
    ({"strategy": "softmax"}, r"exactly one of generator= and seed="),
    ({"strategy": "random_k"}, r"exactly one of generator= and seed="),
    ({"uniform_share": 0.2}, r"exactly one of generator= and seed="),
    ({"seed": 0, "generator": torch.Generator()}, r"at most one of generator=, seed= and noise="),
    ({"strategy": "softmax", "noise": torch.zeros(3)}, r"noise must have shape \(12,\).*\(3,\)"),
    ({"strategy": "softmax", "generator": stream([0, 1], "z")}, r"shape \(2, M, latent_dim\); got \(12, 3\)"),
]


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[str(sorted(changes)) for changes, _ in BAD])
def test_bad_values_are_refused_with_argument_range_and_value(changes: dict[str, Any], message: str) -> None:
    G, D = networks()
    with pytest.raises((ValueError, TypeError), match=message):
        select_noise(**{"G": G, "D": D, "z_pool": pool(), "n": N, **changes})


@pytest.mark.parametrize("name", [*RANKING, "latent_ascent"])
def test_reweighting_a_choice_without_chance_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"reweight=True needs a choice left to chance \(random, .*got '{name}'"):
        select_noise(*networks(), pool(), N, name, reweight=True)


def test_a_network_that_cannot_serve_a_strategy_is_refused() -> None:
    G, D = mlp_pair(latent_dim=LATENT, sample_shape=(2,), width=8, depth=1, seed=0)
    with pytest.raises(ValueError, match=r"needs a D with num_heads in \[2, inf\); got 1"):
        select_noise(G, D, pool(), N, "disagreement")
    with pytest.raises(ValueError, match=r"space must be 'z' for this D"):
        select_noise(G, value_as_logit, pool(), N, "core_set", space="features")
    with pytest.raises(ValueError, match=r"D\(G\(z\)\) must have shape \(12,\).*\(12, 1\)"):
        select_noise(nn.Identity(), nn.Linear(LATENT, 1), pool(), N)


def test_kept_ranks_share_the_weight_and_the_dropped_get_gradient_zero() -> None:
    G, D = networks()
    chosen = select_noise(G, D, pool(), M, "top_k", keep=4)
    assert chosen.weights.tolist() == [0.25] * 4 + [0.0] * 8
    ranked = torch.take_along_dim(chosen.utilities, chosen.indices, -1)
    assert (ranked.diff() <= 0).all()
    z = chosen.z.requires_grad_(True)
    logits = D(G(z))
    LOSSES["non_saturating"].G(logits, logits, chosen.weights).backward()
    assert z.grad[4:].abs().max() == 0
    assert z.grad[:4].abs().sum(-1).min() > 0


def standard_errors(gaps: Tensor) -> float:
    """How many standard errors the mean of independent gaps is from 0."""
    return float(gaps.mean() / (gaps.std() / math.sqrt(len(gaps))))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("softmax", {}),
        ("softmax", {"sign": -1, "temperature": 2.0}),
        ("random", {}),
        ("random_k", {}),
        ("top_k", {"uniform_share": 0.25}),
        ("core_set", {"uniform_share": 0.5}),
        ("bottom_k", {"uniform_share": 1.0}),
        ("importance", {}),
        ("importance", {"floor": 0.0}),
    ],
)
def test_reweighted_sum_has_the_expectation_of_the_pool(name: str, options: dict[str, Any]) -> None:
    runs = 60_000
    z_pool = torch.randn(runs, 8, 1, generator=torch.Generator().manual_seed(0))
    chosen = select_noise(nn.Identity(), value_as_logit, z_pool, 4, name, reweight=True, seed=1, **options)
    in_pool, taken = (torch.tanh(z[..., 0] - 0.5) for z in (z_pool, chosen.z))
    gap = (chosen.weights * taken).sum(-1) - in_pool.mean(-1)
    assert abs(standard_errors(gap)) < 4
    assert gap.std() / math.sqrt(runs) < 0.003, "too coarse to see a bias"
    if name not in ("softmax", "importance"):
        torch.testing.assert_close(chosen.weights.sum(-1), torch.ones(runs))
        return
    assert abs(standard_errors(chosen.weights.sum(-1) - 1)) < 4
    if name == "importance":
        return
    # The same check sees the three tempting mistakes.
    p = (options.get("sign", 1) * z_pool[..., 0] / options.get("temperature", 1.0)).softmax(-1)
    by_p = 1 / (8 * 4 * p.gather(-1, chosen.indices))
    normalized = chosen.weights / chosen.weights.sum(-1, keepdim=True)
    for wrong in (by_p, normalized, torch.full_like(chosen.weights, 1 / 4)):
        assert abs(standard_errors((wrong * taken).sum(-1) - in_pool.mean(-1))) > 10


class ManyGenerators(nn.Module):
    """One scale a run, so that one backward pass gives one gradient a run."""

    def __init__(self, runs: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((runs, 1, 1), 1.5))

    def forward(self, z: Tensor) -> Tensor:
        return self.scale * z


def steep_on_the_right(x: Tensor) -> Tensor:
    """D whose slope is 5 beyond 1, where few fakes are, and 0.1 elsewhere."""
    return (0.1 * x + 4.9 * torch.relu(x - 1))[..., 0]


def gradient(G: ManyGenerators, D: Callable[[Tensor], Tensor], z: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return every run's gradient of the plain loss of G, (R,)."""
    logits = D(G(z))
    return torch.autograd.grad(LOSSES["non_saturating"].G(logits, logits, weights).sum(), G.scale)[0].flatten()


@pytest.mark.parametrize(("name", "reweight"), [("softmax", True), ("softmax", False), ("importance", False)])
def test_expected_gradient_of_G_is_the_plain_one_only_with_weights(name: str, reweight: bool) -> None:
    runs = 20_000
    z_pool = torch.randn(runs, 8, 1, generator=torch.Generator().manual_seed(3))
    G, D = ManyGenerators(runs), lambda x: x[..., 0] - 0.3
    chosen = select_noise(G, D, z_pool, 3, name, reweight=reweight, seed=4)
    errors = abs(standard_errors(gradient(G, D, chosen.z, chosen.weights) - gradient(G, D, z_pool)))
    assert errors < 4 if reweight or STRATEGIES[name].reweights else errors > 20


def test_importance_has_less_variance_than_chance_where_norms_differ() -> None:
    """Its mean is the plain one; its variance lies between that of the whole pool and that of as many by chance."""
    runs = 20_000
    G, D = ManyGenerators(runs), steep_on_the_right
    z_pool = torch.randn(runs, 32, 1, generator=torch.Generator().manual_seed(3))
    pool = gradient(G, D, z_pool)
    chosen = (select_noise(G, D, z_pool, 8, name, reweight=True, seed=4) for name in ("random_k", "importance"))
    chance, important = (gradient(G, D, its.z, its.weights) for its in chosen)
    assert abs(standard_errors(important - pool)) < 4
    assert abs(standard_errors(chance - pool)) < 4
    assert 1.02 * pool.var() < important.var() < 0.5 * chance.var()
    biased = select_noise(G, D, z_pool, 8, "importance", seed=4).z  # the same choice without its weights
    assert abs(standard_errors(gradient(G, D, biased) - pool)) > 20


def test_a_strategy_of_somebody_s_own_takes_the_place_of_a_name() -> None:
    mine = Strategy("leftmost", fn=lambda request, z: -z[..., 0])
    chosen = select_noise(*networks(), pool(), N, mine)
    assert chosen.indices.tolist() == pool()[:, 0].argsort()[:N].tolist()
    assert chosen.num_calls == M
    with pytest.raises(ValueError, match=r"reweight=True needs a choice left to chance .*; got 'leftmost'"):
        select_noise(*networks(), pool(), N, mine, reweight=True)


@pytest.mark.parametrize("name", ["softmax", "random", "random_k", "importance"])
def test_taking_the_whole_pool_leaves_nothing_to_undo(name: str) -> None:
    chosen = select_noise(*networks(), pool(), M, name, reweight=True, seed=0)
    torch.testing.assert_close(chosen.weights, torch.full((M,), 1 / M))
    assert chosen.indices.sort().values.tolist() == list(range(M))

"""Noise selection: a contract over every strategy, slow twins, closed forms, and unbiased reweighting."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode

from algan_lite.core.rng import stream
from algan_lite.models.pairs import ensemble, mlp_pair
from algan_lite.objective.losses import LOSSES, alpha
from algan_lite.selection.scores import farthest_first
from algan_lite.selection.select import STRATEGIES, Selection, select_noise
from algan_lite.training import TrainConfig

NAMES = ["random", "random_k", "top_k", "bottom_k", "uncertain", "softmax", "core_set", "latent_ascent", "disagreement"]
RANKING = ["top_k", "bottom_k", "uncertain", "core_set", "disagreement"]
M, N, LATENT = 12, 5, 3
CASES = [(name, {}) for name in NAMES] + [
    ("core_set", {"space": "features"}),
    ("latent_ascent", {"steps": 3}),
    ("latent_ascent", {"through": True}),
    ("softmax", {"sign": -1, "temperature": 0.3, "reweight": True}),
    ("top_k", {"keep": 2}),
    ("top_k", {"uniform_share": 0.4, "reweight": True}),
    ("uncertain", {"loss": "wasserstein"}),
]
case = pytest.mark.parametrize(("name", "options"), CASES, ids=lambda value: str(value))


def networks() -> tuple[nn.Module, nn.Module]:
    return mlp_pair(latent_dim=LATENT, sample_shape=(2,), width=8, depth=2, seed=1, num_heads=2)


def pool(*lead: int, seed: int = 0) -> Tensor:
    return torch.randn((*lead, M, LATENT), generator=torch.Generator().manual_seed(seed))


def value_as_logit(x: Tensor) -> Tensor:
    return x[..., 0]


def choose(logits: Tensor, n: int, strategy: str, **options: Any) -> Selection:  # noqa: ANN401
    """Select from a pool whose candidate i has logit ``logits[..., i]``."""
    return select_noise(nn.Identity(), value_as_logit, logits.unsqueeze(-1), n, strategy, **options)


# ---------------------------------------------------------------- the contract


def test_the_table_has_the_documented_names_and_describes_each() -> None:
    assert list(STRATEGIES) == NAMES
    assert all(STRATEGIES.describe().values())
    assert all(entry.source for entry in STRATEGIES.values())


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
        if not options.get("reweight"):
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
    before = [copy.deepcopy(net.state_dict()) for net in (G, D)]
    modes = [layer.training for net in (G, D) for layer in net.modules()]
    z_pool = pool()
    kept, state = z_pool.clone(), torch.get_rng_state()
    first, second = (select_noise(G, D, z_pool, N, name, seed=3, **options) for _ in range(2))
    assert all(torch.equal(getattr(first, part), getattr(second, part)) for part in ("z", "indices", "weights"))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(z_pool, kept)
    assert not z_pool.requires_grad
    assert modes == [layer.training for net in (G, D) for layer in net.modules()]
    assert all(p.grad is None and p.requires_grad for net in (G, D) for p in net.parameters())
    for net, old in zip((G, D), before, strict=True):
        assert all(torch.equal(value, old[key]) for key, value in net.state_dict().items())
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
    with pytest.raises(RuntimeError):
        select_noise(nn.Identity(), D, pool(), N)
    assert D.training


class RefuseHiddenDevice(TorchFunctionMode):
    """Fails on a factory that leaves the device to a default: what breaks first on a GPU."""

    FACTORIES = (torch.zeros, torch.ones, torch.full, torch.empty, torch.rand, torch.randn, torch.arange, torch.tensor)

    def __torch_function__(self, func: Callable, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        if func in self.FACTORIES and (kwargs or {}).get("device") is None:
            raise AssertionError(f"{func.__name__} without a device")
        return func(*args, **(kwargs or {}))


@case
def test_runs_on_another_device(name: str, options: dict[str, Any]) -> None:
    G, D = (net.to("meta") for net in networks())
    z_pool = pool(2).to("meta")
    with RefuseHiddenDevice():
        chosen = select_noise(G, D, z_pool, N, name, generator=stream([0, 1], "z"), **options)
    for value in (chosen.z, chosen.indices, chosen.utilities, chosen.weights):
        assert value.device.type == "meta"
    assert chosen.z.shape == (2, N, LATENT)


def test_the_device_guard_can_fail() -> None:
    with RefuseHiddenDevice(), pytest.raises(AssertionError, match="arange without a device"):
        torch.arange(3)


@case
def test_a_traced_graph_gives_the_same_choice_on_other_numbers(name: str, options: dict[str, Any]) -> None:
    G, D = networks()

    def step(z_pool: Tensor, noise: Tensor) -> tuple[Tensor, ...]:
        chosen = select_noise(G, D, z_pool, N, name, noise=noise, **options)
        return chosen.z, chosen.indices, chosen.utilities, chosen.weights

    graph = make_fx(step)(pool(2, seed=1), torch.rand(2, M, generator=torch.Generator().manual_seed(1)))
    other = (pool(2, seed=2), torch.rand(2, M, generator=torch.Generator().manual_seed(2)))
    for traced, eager in zip(graph(*other), step(*other), strict=True):
        torch.testing.assert_close(traced, eager)


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


# ---------------------------------------------------------------- refusals


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


# ---------------------------------------------------------------- what each strategy chooses


def test_random_with_a_pool_of_n_is_the_pool_itself_without_a_call() -> None:
    def never(x: Tensor) -> Tensor:
        raise AssertionError("a network was called")

    z_pool = pool(2)
    chosen = select_noise(never, never, z_pool, M, "random")
    assert torch.equal(chosen.z, z_pool)
    assert torch.equal(chosen.weights, torch.full((2, M), 1 / M))
    assert chosen.num_calls == 0
    assert torch.equal(select_noise(never, never, z_pool, N, "random").z, z_pool[:, :N])
    assert select_noise(never, never, z_pool, N, "random_k", seed=0).num_calls == 0
    assert select_noise(never, never, z_pool, N, "core_set").num_calls == 0


def test_a_strategy_without_chance_leaves_the_generator_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    state = generator.get_state()
    for name in ("random", *RANKING, "latent_ascent"):
        select_noise(*networks(), pool(), N, name, generator=generator)
    assert torch.equal(generator.get_state(), state)


@case
def test_num_calls_counts_what_passed_through_the_networks(name: str, options: dict[str, Any]) -> None:
    G, D = networks()
    seen = []
    G.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape[-2]))
    assert select_noise(G, D, pool(2), N, name, seed=0, **options).num_calls == sum(seen)
    expected = {"random": 0, "random_k": 0, "latent_ascent": N * options.get("steps", 1)}.get(name, M)
    assert sum(seen) == (0 if (name, options) == ("core_set", {}) else expected)


@pytest.mark.parametrize("loss", ["non_saturating", "least_squares", "energy", "wasserstein"])
@pytest.mark.parametrize("name", ["top_k", "bottom_k", "uncertain"])
def test_ranking_twin(name: str, loss: str) -> None:
    logits = torch.tensor([0.3, -2.0, 0.6, 5.0, 0.3, -0.1, 0.4, -7.0])  # two are equal: the earlier one comes first
    entry = LOSSES[loss]
    real = [entry.sign * value for value in logits.tolist()]
    middle = sorted(real)[3] if entry.boundary is None else entry.boundary
    utility = {
        "top_k": real,
        "bottom_k": [-value for value in real],
        "uncertain": [-abs(value - middle) for value in real],
    }[name]
    expected = sorted(range(8), key=lambda i: (-utility[i], i))
    for n in (1, 4, 8):
        chosen = choose(logits, n, name, loss=loss)
        assert chosen.indices.tolist() == expected[:n]
        torch.testing.assert_close(chosen.utilities, torch.tensor(utility))


def test_ties_are_broken_by_index_in_a_large_pool() -> None:
    logits = torch.zeros(500).index_fill(0, torch.tensor([100, 300]), 1.0)
    assert choose(logits, 50, "top_k").indices.tolist() == [100, 300, *range(48)]


def test_uncertain_is_invariant_to_an_offset_of_a_wasserstein_critic() -> None:
    logits = pool()[:, 0]
    plain, moved = (choose(logits + offset, N, "uncertain", loss="wasserstein") for offset in (0, 3))
    assert torch.equal(plain.indices, moved.indices)


def test_disagreement_takes_the_largest_variance_over_heads() -> None:
    class Committee(nn.Module):
        num_heads = 3

        def heads(self, x: Tensor) -> Tensor:
            return torch.stack([x[..., 0], x[..., 1], torch.zeros_like(x[..., 0])])

    x = torch.tensor([[1.0, 1.0], [3.0, -3.0], [0.0, 0.0], [6.0, 6.0]])
    chosen = select_noise(nn.Identity(), Committee(), x, 2, "disagreement")
    torch.testing.assert_close(chosen.utilities, torch.tensor([2 / 9, 6.0, 0.0, 8.0]))  # variance, by hand
    assert chosen.indices.tolist() == [3, 1]


def slow_farthest_first(points: list[list[float]], n: int) -> list[int]:
    """Greedy k-center, the obvious way."""
    chosen = [0]
    while len(chosen) < n:
        rest = [i for i in range(len(points)) if i not in chosen]
        chosen.append(max(rest, key=lambda i: min(math.dist(points[i], points[c]) for c in chosen)))
    return chosen


def radius(points: Tensor, centers: Any) -> float:  # noqa: ANN401
    return float(torch.cdist(points, points[list(centers)]).min(-1).values.max())


def test_core_set_twin_and_twice_the_best_radius() -> None:
    nearly_tight = 0.0
    for seed in range(30):
        points = pool(seed=seed)[:, :2]
        chosen = select_noise(nn.Identity(), value_as_logit, points, 4, "core_set").indices.tolist()
        assert chosen == slow_farthest_first(points.tolist(), 4)
        best = min(radius(points, centers) for centers in itertools.combinations(range(M), 4))
        assert best <= radius(points, chosen) <= 2 * best
        nearly_tight = max(nearly_tight, radius(points, chosen) / best)
    assert nearly_tight > 1.2  # the greedy choice is not the best one, so that the bound says something


def test_core_set_never_repeats_a_duplicate() -> None:
    assert farthest_first(torch.tensor([[0.0], [1.0], [0.0], [0.0]]), 4).tolist() == [1.0, 1.0, 0.0, 0.0]
    points = torch.tensor([[0.0], [0.0], [1.0], [1.0]])
    assert select_noise(nn.Identity(), value_as_logit, points, 4, "core_set").indices.sort().values.tolist() == [
        0,
        1,
        2,
        3,
    ]


def test_core_set_on_features_covers_what_D_sees() -> None:
    G, D = networks()
    features = D.features(G(pool()))
    chosen = select_noise(G, D, pool(), N, "core_set", space="features")
    assert chosen.indices.tolist() == slow_farthest_first(features.tolist(), N)


def linear(weight: Tensor) -> nn.Module:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight.data = weight
    return layer


@pytest.mark.parametrize("loss", ["non_saturating", "energy"])
def test_latent_ascent_closed_form(loss: str) -> None:
    A, w = torch.tensor([[1.0, 2.0, 0.0], [0.5, -1.0, 0.25]]), torch.tensor([[0.4, -0.8]])
    G, D = linear(A), nn.Sequential(linear(w), nn.Flatten(-2))
    g = LOSSES[loss].sign * (w @ A).squeeze(0)  # the gradient of w A z, everywhere
    step = 0.9 * g / (g.square().sum() + 0.1)
    for steps in (1, 2):
        chosen = select_noise(G, D, pool(), N, "latent_ascent", loss=loss, steps=steps)
        torch.testing.assert_close(chosen.z, (pool()[:N] + steps * step).clamp(-3, 3))
    short = select_noise(G, D, pool(), N, "latent_ascent", loss=loss, clip=0.5)
    torch.testing.assert_close(short.z, (pool()[:N] + step).clamp(-0.5, 0.5))
    assert chosen.indices.tolist() == list(range(N))


def test_latent_ascent_through_the_move_is_the_derivative_of_the_closed_form() -> None:
    G, D = linear(torch.eye(2)), nn.Sequential(linear(torch.tensor([[0.6, 0.8]])), nn.Flatten(-2))
    z = torch.zeros(4, 2)
    chosen = select_noise(G, D, z, 3, "latent_ascent", through=True)
    w = D[0].weight.detach().clone().requires_grad_(True)
    expected = (0.9 * w / (w.square().sum() + 0.1)).expand(3, 2)
    torch.testing.assert_close(chosen.z, expected)
    (by_hand,) = torch.autograd.grad(expected.square().sum(-1).mean(), w)
    (through,) = torch.autograd.grad(chosen.z.square().sum(-1).mean(), D[0].weight)
    torch.testing.assert_close(through, by_hand)
    assert by_hand.abs().max() > 0.1


def test_latent_ascent_raises_realness_and_works_under_no_grad() -> None:
    G, D = (net.double() for net in networks())  # the untrained slope is too small for float32
    with torch.no_grad():
        moved = select_noise(G, D, pool().double(), N, "latent_ascent", alpha=0.5)
        assert (D(G(moved.z)) > D(G(pool().double()[:N]))).all()


# ---------------------------------------------------------------- weights


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


def test_keep_schedule() -> None:
    def keeps(batch_size: int, steps_per_epoch: int, keep_decay: float = 0.99) -> Callable[[int], int]:
        options = {"batch_size": batch_size, "steps_per_epoch": steps_per_epoch, "keep_decay": keep_decay}
        return TrainConfig(strategy="top_k", **options).keep

    assert list(map(keeps(100, 10), (0, 9, 10, 20, 10_000))) == [100, 100, 99, 98, 50]
    sizes = list(map(keeps(512, 1), range(200)))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[67:70] == [261, 259, 256]  # 512 * .99^67 = 261.1, * .99^68 = 258.5
    assert keeps(1, 1)(10**6) == 1
    assert keeps(8, 1, keep_decay=1.0)(5) == 8


def standard_errors(gaps: Tensor) -> float:
    """How many standard errors the mean of independent gaps is from 0."""
    return float(gaps.mean() / (gaps.std() / math.sqrt(len(gaps))))


def test_gumbel_top_k_is_sampling_without_replacement() -> None:
    trials, temperature = 60_000, 0.7
    logits = torch.tensor([0.5, -1.0, 0.0, 1.2])
    p = (logits / temperature).softmax(0).tolist()
    chosen = choose(logits.expand(trials, 4), 2, "softmax", temperature=temperature, seed=11).indices
    for i, j in itertools.permutations(range(4), 2):
        exact = p[i] * p[j] / (1 - p[i])  # first i, then j among those left
        hits = ((chosen[:, 0] == i) & (chosen[:, 1] == j)).double()
        assert abs(float(hits.mean()) - exact) < 4 * math.sqrt(exact * (1 - exact) / trials)
    reverse = choose(logits.expand(trials, 4), 1, "softmax", sign=-1, seed=12).indices
    worst = (reverse == 1).double().mean()
    assert abs(worst - (-logits).softmax(0)[1]) < 4 * math.sqrt(0.25 / trials)


def test_inclusion_twin_in_double_precision() -> None:
    logits, noise = 3 * pool(40)[..., 0], torch.rand(40, M, generator=torch.Generator().manual_seed(5))
    chosen = choose(logits, N, "softmax", reweight=True, noise=noise)
    for k in range(40):
        phi = logits[k].double().log_softmax(0)
        score = [float(phi[i]) - math.log(-math.log1p(-float(noise[k, i]))) for i in range(M)]
        order = sorted(range(M), key=lambda i: -score[i])
        weights = [-1 / (M * math.expm1(-math.exp(float(phi[i]) - score[order[N]]))) for i in order[:N]]
        assert chosen.indices[k].tolist() == order[:N]
        torch.testing.assert_close(chosen.weights[k], torch.tensor(weights), rtol=1e-3, atol=1e-6)


def test_uniform_draws_of_zero_stay_finite() -> None:
    noise = torch.tensor([0.0, 0.0, 0.9])
    chosen = choose(torch.tensor([-0.1, 0.0, 1.0]), 1, "softmax", reweight=True, noise=noise)
    assert chosen.indices.tolist() == [1]  # both zeros stand for the same draw, so that the logits decide
    assert chosen.weights.isfinite().all()


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
    if name != "softmax":
        torch.testing.assert_close(chosen.weights.sum(-1), torch.ones(runs))
        return
    assert abs(standard_errors(chosen.weights.sum(-1) - 1)) < 4
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


@pytest.mark.parametrize("reweight", [True, False])
def test_expected_gradient_of_G_is_the_plain_one_only_with_reweighting(reweight: bool) -> None:
    runs = 20_000
    z_pool = torch.randn(runs, 8, 1, generator=torch.Generator().manual_seed(3))
    G, loss = ManyGenerators(runs), LOSSES["non_saturating"]

    def gradient(z: Tensor, weights: Tensor | None) -> Tensor:
        logits = (G(z) - 0.3)[..., 0]
        return torch.autograd.grad(loss.G(logits, logits, weights).sum(), G.scale)[0].flatten()

    chosen = select_noise(G, lambda x: x[..., 0] - 0.3, z_pool, 3, "softmax", reweight=reweight, seed=4)
    errors = abs(standard_errors(gradient(chosen.z, chosen.weights) - gradient(z_pool, None)))
    assert errors < 4 if reweight else errors > 20


@pytest.mark.parametrize("name", ["softmax", "random", "random_k"])
def test_taking_the_whole_pool_leaves_nothing_to_undo(name: str) -> None:
    chosen = select_noise(*networks(), pool(), M, name, reweight=True, seed=0)
    torch.testing.assert_close(chosen.weights, torch.full((M,), 1 / M))
    assert chosen.indices.sort().values.tolist() == list(range(M))


def test_random_k_takes_every_candidate_equally_often() -> None:
    chosen = select_noise(nn.Identity(), value_as_logit, torch.zeros(20_000, 6, 1), 2, "random_k", seed=0)
    share = torch.nn.functional.one_hot(chosen.indices, 6).sum((0, 1)) / 20_000
    assert (share - 1 / 3).abs().max() < 4 * math.sqrt(2 / 9 / 20_000)

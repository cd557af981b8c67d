"""What a candidate is worth: variances, distances and moves, against slow twins and closed forms."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from selection.shared import M, N, networks, pool, value_as_logit
from torch import Tensor, nn

from algan_lite.objective.losses import LOSSES
from algan_lite.selection.scores import farthest_first
from algan_lite.selection.select import select_noise


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
    chosen = select_noise(nn.Identity(), value_as_logit, points, 4, "core_set")
    assert sorted(chosen.indices.tolist()) == [0, 1, 2, 3]


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


@pytest.mark.parametrize(("loss", "sign"), [("non_saturating", 1), ("energy", -1), ("relativistic", 0)])
def test_the_bound_of_a_linear_critic_by_hand(loss: str, sign: int) -> None:
    """G's loss softplus(-sign D) has the slope sigmoid(-sign D) |w| at a fake; a pair of equals has half of |w|."""
    w = torch.tensor([[0.6, -0.8, 2.4]])
    D = nn.Sequential(linear(w), nn.Flatten(-2))
    for floor in (0.0, 0.25):
        chosen = select_noise(nn.Identity(), D, pool(2), N, "importance", loss=loss, seed=0, floor=floor)
        bound = torch.sigmoid(-sign * (pool(2) @ w.mT).squeeze(-1)) * w.norm()
        expected = torch.log(bound + floor * bound.mean(-1, keepdim=True))
        torch.testing.assert_close(chosen.utilities, expected)


def test_the_bound_is_each_candidate_s_own_gradient_of_the_mean_over_heads() -> None:
    G, D = networks()
    expected = []
    for z in pool():
        x = G(z[None]).detach().requires_grad_()
        value = torch.nn.functional.softplus(-D.heads(x)).mean()
        expected.append(torch.autograd.grad(value, x)[0].norm())
    chosen = select_noise(G, D, pool(), N, "importance", seed=0, floor=0.0)
    torch.testing.assert_close(chosen.utilities.exp(), torch.stack(expected))


def test_without_any_slope_importance_is_chance() -> None:
    chosen = select_noise(nn.Identity(), lambda x: 0 * x[..., 0], pool(), N, "importance", seed=0)
    assert chosen.utilities.isfinite().all()
    assert chosen.utilities.unique().numel() == 1
    assert chosen.weights.isfinite().all()


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

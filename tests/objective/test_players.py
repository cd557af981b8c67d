"""The one function where lambda meets R, the Dirac GAN through it, and what it refuses."""

from __future__ import annotations

import cmath
import math

import pytest
import torch
from helpers import normal, tiny
from objective.shared import some_batch, value_of
from torch import Tensor, nn

import algan_lite as al
from algan_lite.objective.batch import View, player_loss
from algan_lite.objective.losses import LOSSES
from algan_lite.objective.players import objective


class DiracD(nn.Module):
    def __init__(self, psi: float) -> None:
        super().__init__()
        self.psi = nn.Parameter(torch.tensor(psi, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.psi * x.squeeze(-1)


class DiracG(nn.Module):
    def __init__(self, theta: float) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(theta, dtype=torch.float64))

    def forward(self, z: Tensor) -> Tensor:
        return self.theta.expand(*z.shape[:-1], 1)


def dirac_field(point: Tensor, loss: str, lams: dict[str, float]) -> Tensor:
    """Return the direction (theta, psi) in which both players move: minus each one's own gradient."""
    G, D = DiracG(point[0].item()), DiracD(point[1].item())
    batch = al.make_batch(G, D, torch.zeros(4, 1).double(), torch.zeros(4, 1).double(), loss)
    moves = []
    for player, parameter in (("G", G.theta), ("D", D.psi)):
        total = objective(player, G, D, batch, lams)["total"]
        moves.append(-torch.autograd.grad(total, parameter, retain_graph=True)[0])
    return torch.stack(moves)


def eigenvalues_at_equilibrium(loss: str, lams: dict[str, float]) -> list[complex]:
    step, zero = 1e-5, torch.zeros(2, dtype=torch.float64)
    columns = []
    for axis in range(2):
        shift = zero.clone()
        shift[axis] = step
        columns.append((dirac_field(zero + shift, loss, lams) - dirac_field(zero - shift, loss, lams)) / (2 * step))
    found = torch.linalg.eigvals(torch.stack(columns, 1)).tolist()
    return sorted(found, key=lambda value: (value.real, value.imag))


def assert_eigenvalues(found: list[complex], expected: list[complex]) -> None:
    expected = sorted(expected, key=lambda value: (value.real, value.imag))
    for one, other in zip(found, expected, strict=True):
        assert abs(one - other) < 1e-5


@pytest.mark.parametrize("loss", ["minimax", "non_saturating"])
def test_dirac_gan_turns_in_circles_without_a_regularizer(loss: str) -> None:
    assert_eigenvalues(eigenvalues_at_equilibrium(loss, {}), [0.5j, -0.5j])


@pytest.mark.parametrize("gamma", [0.3, 0.8, 2.0])
@pytest.mark.parametrize("name", ["r1", "r2"])
def test_dirac_gan_converges_with_the_slope_penalty(name: str, gamma: float) -> None:
    # The paper's penalty is gamma / 2 times the squared slope; our R has no half in it, so lambda = gamma / 2.
    root = cmath.sqrt(gamma**2 / 4 - 1 / 4)
    found = eigenvalues_at_equilibrium("non_saturating", {name: gamma / 2})
    assert_eigenvalues(found, [-gamma / 2 + root, -gamma / 2 - root])
    assert all(value.real < 0 for value in found)


def test_dirac_gan_does_not_converge_with_wgan_gp_but_with_r1() -> None:
    def farthest_late(loss: str, lams: dict[str, float]) -> float:
        point, late = torch.tensor([1.0, 0.5], dtype=torch.float64), []
        for step in range(1200):
            point = point + 0.1 * dirac_field(point, loss, lams)
            if step >= 1000:
                late.append(point.norm().item())
        return max(late)

    assert farthest_late("wasserstein", {"wgan_gp": 1.0}) > 0.3
    assert farthest_late("non_saturating", {"r1": 0.5}) < 1e-3


class ColumnD(nn.Module):
    """The classic mistake: logits (N, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def test_logits_in_a_column_are_refused() -> None:
    G, _ = tiny()
    with pytest.raises(ValueError, match=r"D must return one logit a sample, \(5,\); got \(5, 1\)"):
        al.make_batch(G, ColumnD(), normal(5, 2), normal(5, 3))


@pytest.mark.parametrize("name", ["r1", "r2", "wgan_gp", "dragan"])
def test_penalties_refuse_logits_in_a_column_by_themselves(name: str) -> None:
    G, D = tiny()
    batch, column = some_batch(G, D, 5), ColumnD()
    bad = batch._replace( real=View(column(batch.x_real)), fake=View(column(batch.x_fake))
    ) if name in ("r1", "r2") else batch  # fmt: skip
    with pytest.raises(ValueError, match=r"D must return one logit a sample.*got \(5, 1\)"):
        value_of(name, G, column, bad)


def test_make_batch_checks_its_axes() -> None:
    G, D = tiny()
    with pytest.raises(ValueError, match=r"x_real must begin with the axes of z, \(5,\); got \(4, 2\)"):
        al.make_batch(G, D, normal(4, 2), normal(5, 3))
    with pytest.raises(ValueError, match="loss must be one of"):
        al.make_batch(G, D, normal(5, 2), normal(5, 3), "mse")


def test_wgan_gp_needs_as_many_fakes_as_reals() -> None:
    G, D = tiny()
    batch = some_batch(G, D, 5)._replace(x_fake=G(normal(4, 3)))
    with pytest.raises(ValueError, match=r"as many fakes as reals; got \(5, 2\) and \(4, 2\)"):
        value_of("wgan_gp", G, D, batch)


def test_the_objective_names_what_it_knows() -> None:
    G, D = tiny()
    batch = some_batch(G, D, 5)
    with pytest.raises(ValueError, match="player must be one of D, G; got 'both'"):
        objective("both", G, D, batch, {})
    with pytest.raises(ValueError, match=r"regularizer must be one of r1, .*got 'r3'"):
        objective("D", G, D, batch, {"r3": 1.0})


def test_each_head_is_judged_by_itself() -> None:
    G, D = tiny(num_heads=3)
    batch = some_batch(G, D, 5)
    apart = [
        LOSSES["non_saturating"].D(real, fake) for real, fake in zip(batch.real.heads, batch.fake.heads, strict=True)
    ]
    value = player_loss("D", batch)
    assert value.item() == pytest.approx(torch.stack(apart).mean().item(), abs=1e-6)
    assert value.item() != pytest.approx(
        LOSSES["non_saturating"].D(batch.logits_real, batch.logits_fake).item(), abs=1e-7
    )
    weights = torch.tensor([0.5, 0.5, 0, 0, 0])
    apart = [LOSSES["hinge"].G(r, f, weights) for r, f in zip(batch.real.heads, batch.fake.heads, strict=True)]
    weighed = batch._replace(loss=LOSSES["hinge"], weights=weights)
    assert player_loss("G", weighed).item() == pytest.approx(torch.stack(apart).mean().item(), abs=1e-6)
    assert math.isfinite(value.item())

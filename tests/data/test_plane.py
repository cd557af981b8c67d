"""Laws in the plane: exact modes, curves, refusals."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import binomtest, kstest

from algan_lite import data


def test_ring_modes_are_exact() -> None:
    half = math.sqrt(0.5)
    unit = [[1, 0], [half, half], [0, 1], [-half, half], [-1, 0], [-half, -half], [0, -1], [half, -half]]
    source = data.ring(radius=3.0, std=0.1)
    torch.testing.assert_close(source.modes, 3 * torch.tensor(unit), rtol=0, atol=1e-6)
    torch.testing.assert_close(source.weights, torch.full((8,), 1 / 8))
    assert source.std == 0.1
    torch.testing.assert_close(data.ring(modes=2, weights=[1, 3]).weights, torch.tensor([0.25, 0.75]))


def test_grid_modes_are_exact() -> None:
    expected = torch.tensor([[float(i), float(j)] for i in range(-2, 3) for j in range(-2, 3)])
    assert torch.equal(data.grid().modes, expected)
    assert torch.equal(data.grid(side=2, spacing=4.0).modes, torch.tensor([[-2.0, -2], [-2, 2], [2, -2], [2, 2]]))


def test_grid_of_three_dimensions_is_a_cube() -> None:
    cube = data.grid(side=10, spacing=0.5, dim=3)
    ticks = [k / 2 - 2.25 for k in range(10)]
    assert torch.equal(cube.modes, torch.tensor([[a, b, c] for a in ticks for b in ticks for c in ticks]))
    assert torch.equal(cube.weights, torch.full((1000,), 0.001))
    assert cube.sample(7, seed=0).shape == (7, 3)
    assert cube.key() != data.grid(side=10, spacing=0.5).key()
    assert torch.equal(data.grid(side=3, dim=1).modes, torch.tensor([[-1.0], [0], [1]]))


def test_imbalanced_ring_holds_its_share() -> None:
    torch.testing.assert_close(data.imbalanced_ring().weights, torch.tensor([0.45] * 2 + [0.1 / 6] * 6))


def test_curves_lie_where_they_should() -> None:
    roll = data.swiss_roll(noise=0.0).sample(5000, seed=0).double() * (4.5 * math.pi / 2)
    turn = roll.norm(dim=1)  # the spiral's radius is its angle
    assert 1.5 * math.pi - 1e-3 < turn.min() < turn.max() < 4.5 * math.pi + 1e-3
    torch.testing.assert_close(roll, torch.stack([turn * turn.cos(), turn * turn.sin()], 1), rtol=0, atol=1e-3)
    assert kstest(turn, "uniform", (1.5 * math.pi, 3 * math.pi)).pvalue > 1e-3
    moons = data.two_moons(noise=0.0).sample(5000, seed=0) * 0.75 + torch.tensor([0.5, 0.25])
    upper, lower = moons.norm(dim=1), (moons - torch.tensor([1.0, 0.5])).norm(dim=1)
    on_upper = ((upper - 1).abs() < 1e-5) & (moons[:, 1] > -1e-5)
    on_lower = ((lower - 1).abs() < 1e-5) & (moons[:, 1] < 0.5 + 1e-5)
    assert (on_upper | on_lower).all()
    assert binomtest(int(on_upper.sum()), 5000).pvalue > 1e-3


@pytest.mark.parametrize("factory", [data.swiss_roll, data.two_moons])
def test_noise_around_a_curve_has_its_size(factory: type) -> None:
    x, clean = factory(noise=0.1).sample(20_000, seed=5), factory(noise=0.0).sample(20_000, seed=5)
    assert (x - clean).std().item() == pytest.approx(0.1, rel=0.02)
    assert clean.abs().max().item() == pytest.approx(2.0, abs=0.15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: data.ring(modes=0), r"modes must be in \[1, inf\); got 0"),
        (lambda: data.ring(radius=-1), r"radius must be in \(0, inf\); got -1"),
        (lambda: data.ring(std=0), r"std must be in \(0, inf\); got 0"),
        (lambda: data.ring(std=math.nan), r"std must be in \(0, inf\); got nan"),
        (lambda: data.ring(weights=[1, 2]), "weights must be one for each of 8 modes; got 2"),
        (lambda: data.ring(modes=2, weights=[1, 0]), r"weights\[1\] must be in \(0, inf\); got 0"),
        (lambda: data.imbalanced_ring(share=1.0), r"share must be in \(0, 1\); got 1.0"),
        (lambda: data.imbalanced_ring(heavy=8), r"heavy must be in \[1, 7\]; got 8"),
        (lambda: data.grid(side=0), r"side must be in \[1, inf\); got 0"),
        (lambda: data.grid(spacing=0), r"spacing must be in \(0, inf\); got 0"),
        (lambda: data.grid(dim=0), r"dim must be in \[1, inf\); got 0"),
        (lambda: data.swiss_roll(noise=-0.1), r"noise must be in \[0, inf\); got -0.1"),
        (lambda: data.two_moons(noise=math.inf), r"noise must be in \[0, inf\); got inf"),
    ],
)
def test_bad_laws_are_refused(call: type, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()

"""Distances and neighbors: known answers, twins by brute force."""

from __future__ import annotations

import inspect
import itertools
import math

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch
from metrics.shared import RING, assert_mean, normal
from torch import Tensor

from algan_lite import data
from algan_lite.metrics import distances
from algan_lite.metrics.table import METRICS


def test_frechet_distance_equals_the_textbook_formula() -> None:
    x, y = normal(0, 300, 5) @ normal(1, 5, 5) + 1, normal(2, 200, 5)
    s1, s2 = np.cov(x.numpy().T), np.cov(y.numpy().T)
    cross = np.trace(scipy.linalg.sqrtm(s1 @ s2).real)
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s1) + np.trace(s2) - 2 * cross
    torch.testing.assert_close(METRICS["frechet_distance"](x, y), expected, rtol=1e-9, atol=1e-9)
    shift = torch.tensor([1.0, -2.0, 0.0, 0.5, 3.0], dtype=torch.float64)
    moved = METRICS["frechet_distance"](x + shift, x)
    torch.testing.assert_close(moved, shift.square().sum(), rtol=1e-9, atol=1e-9)
    flat = torch.cat([x[:, :1], x[:, :1]], dim=1)  # a singular covariance
    assert METRICS["frechet_distance"](flat, flat) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("d", "repeats", "tolerance"), [(8, 60, 0.03), (64, 4, 0.03)])
def test_frechet_floor(d: int, repeats: int, tolerance: float) -> None:
    fakes = normal(d, repeats, 1000, d)
    values = torch.stack([METRICS["frechet_distance"](x, normal(1000 + i, 1000, d)) for i, x in enumerate(fakes)])
    floor = d * (d + 5) / 2000
    assert float(values.mean()) == pytest.approx(floor, rel=tolerance)


def test_kid_equals_its_twin_and_is_unbiased() -> None:
    x, y = normal(0, 7, 3), normal(1, 5, 3) + 0.3

    def k(a: Tensor, b: Tensor) -> float:
        return float(a @ b / 3 + 1) ** 3

    own = [
        sum(k(s[i], s[j]) for i, j in itertools.permutations(range(len(s)), 2)) / (len(s) * (len(s) - 1))
        for s in (x, y)
    ]
    expected = sum(own) - 2 * sum(k(a, b) for a in x for b in y) / 35
    assert float(METRICS["kid"](x, y)) == pytest.approx(expected, rel=1e-10)
    values = torch.stack([METRICS["kid"](normal(i, 50, 2), normal(5000 + i, 50, 2)) for i in range(800)])
    assert_mean(values, 0.0)
    # The estimator with the diagonal is off by E[k(x, x) - k(x, y)] (1/50 + 1/50); the test would see that.
    square = normal(9, 100_000, 2).square().sum(-1) / 2
    assert float(((square + 1).pow(3).mean() - 2.5) / 25) > 4 * float(values.std()) / math.sqrt(800)


def test_neighbor_scores_equal_their_twin() -> None:
    fake, real, k = 1.3 * normal(0, 40, 3), normal(1, 50, 3), 4

    def radii(x: Tensor) -> list[float]:
        return [sorted(float((a - b).norm()) for b in x)[k] for a in x]

    r_real, r_fake = radii(real), radii(fake)
    near = [[float((f - r).norm()) for r in real] for f in fake]
    inside = [[near[i][j] < r_real[j] for j in range(50)] for i in range(40)]
    expected = {
        "precision": np.mean([any(row) for row in inside]),
        "recall": np.mean([any(near[i][j] < r_fake[i] for i in range(40)) for j in range(50)]),
        "density": np.sum(inside) / (k * 40),
        "coverage": np.mean([any(inside[i][j] for i in range(40)) for j in range(50)]),
    }
    for name, value in expected.items():
        assert float(METRICS[name](fake, real, k=k)) == pytest.approx(float(value), abs=1e-12), name


def test_identical_laws_have_known_coverage_and_density() -> None:
    n, k = 1000, 5
    # the k nearest of n - 1 other reals and n fakes are all real
    expected = 1 - math.prod((n - i) / (2 * n - i) for i in range(1, k + 1))
    assert expected == pytest.approx(0.96898, abs=1e-5)
    pairs = [distances.neighbor_scores(normal(i, n, 2), normal(500 + i, n, 2)) for i in range(25)]
    assert_mean(torch.stack([p["coverage"] for p in pairs]), expected)
    assert_mean(torch.stack([p["density"] for p in pairs]), 1.0)


@pytest.mark.parametrize("order", [1, 2])
def test_wasserstein_of_a_translation_is_its_length(order: int) -> None:
    x, shift = normal(0, 300, 2), torch.tensor([0.3, -0.4], dtype=torch.float64)
    value = METRICS["wasserstein_2d"](x[torch.randperm(300)] + shift, x, order=order)
    assert float(value) == pytest.approx(0.5, abs=1e-9)
    assert METRICS["wasserstein_2d"](x, x, order=order) == 0


def test_wasserstein_equals_brute_force() -> None:
    x, y = normal(0, 6, 2), normal(1, 6, 2)
    costs = [sum(float((x[i] - y[j]).norm()) for i, j in enumerate(p)) / 6 for p in itertools.permutations(range(6))]
    assert float(METRICS["wasserstein_2d"](x, y)) == pytest.approx(min(costs), rel=1e-12)
    many, other = normal(2, 900, 2), normal(3, 700, 2)
    one, two = (float(METRICS["wasserstein_2d"](many, other, n=200, seed=seed)) for seed in (0, 1))
    assert one != two
    assert one == pytest.approx(two, rel=0.5)
    with pytest.raises(ValueError, match="2 coordinates; got 3"):
        METRICS["wasserstein_2d"](normal(0, 9, 3), normal(1, 9, 3))
    with pytest.raises(ValueError, match="order must be one of 1, 2; got '3'"):
        METRICS["wasserstein_2d"](x, y, order=3)


def test_data_copying_is_standard_normal_for_fresh_samples() -> None:
    train = normal(0, 200, 2)
    test_sets, fakes = normal(1, 400, 60, 2), normal(2, 400, 80, 2)
    values = torch.stack([METRICS["data_copying"](f, t, train=train) for f, t in zip(fakes, test_sets, strict=True)])
    assert_mean(values, 0.0)
    assert float(values.std()) == pytest.approx(1.0, abs=4 / math.sqrt(2 * 400))
    near = [[float((train - p).norm(dim=-1).min()) for p in points] for points in (fakes[0], test_sets[0])]
    u = scipy.stats.mannwhitneyu(near[0], near[1]).statistic
    assert float(values[0]) == pytest.approx((u - 2400) / math.sqrt(4800 * 141 / 12), rel=1e-9)


def test_data_copying_sees_copies_and_misses() -> None:
    train, test = normal(0, 500, 2), normal(1, 300, 2)
    copies = train[:300] + 0.001 * normal(2, 300, 2)
    assert METRICS["data_copying"](copies, test, train=train) < -3
    assert METRICS["data_copying"](normal(3, 300, 2) * 3, test, train=train) > 3


def test_cells_reveal_copying_in_one_region() -> None:
    def halves(seed: int, n: int) -> Tensor:
        sides = torch.tensor([[-10.0, 0.0], [10.0, 0.0]]).double().repeat(n // 2, 1)
        return normal(seed, n, 2) + sides

    train, test, fake = halves(0, 400), halves(1, 400), halves(2, 400)
    fake[::2] = train[::2] + 0.01 * normal(3, 200, 2)  # left: copied
    fake[1::2] = 2.2 * normal(4, 200, 2) + torch.tensor([10.0, 0.0])  # right: too wide, which hides it
    whole = METRICS["data_copying"](fake, test, train=train)
    left = METRICS["data_copying"](fake[::2], test[::2], train=train[::2])
    right = METRICS["data_copying"](fake[1::2], test[1::2], train=train[1::2])
    assert left < -10
    assert right > 3
    cells = METRICS["data_copying"](fake, test, train=train, cells=2)
    assert float(cells) == pytest.approx(float(left + right) / 2, rel=1e-6)
    assert cells < whole + 20  # finite, and of the same scale
    only_left = METRICS["data_copying"](fake[::2], test, train=train, cells=2)
    assert float(only_left) == pytest.approx(float(left), rel=1e-6)  # the cell without fakes is left out


def test_data_copying_needs_the_training_set() -> None:
    with pytest.raises(ValueError, match="train="):
        METRICS["data_copying"](torch.zeros(20, 2), RING)
    source = data.array(normal(0, 300, 2).float(), seed=0)
    assert METRICS["data_copying"](source.train, source) < -3


def test_collapse_and_junk_are_told_apart() -> None:
    real = RING.sample(800, seed=0)
    collapsed = RING.modes[:1] + 0.02 * normal(1, 800, 2).float()
    junk = torch.cat([RING.sample(400, seed=2), 3 * normal(3, 400, 2).float()])
    assert METRICS["precision"](collapsed, real) > 0.95
    assert METRICS["coverage"](collapsed, real) < 0.2
    assert METRICS["recall"](collapsed, real) < 0.2
    assert METRICS["precision"](junk, real) < 0.6
    assert METRICS["coverage"](real, real) == 1
    with pytest.raises(ValueError, match=r"k must be in \[1, 799\]; got 800"):
        METRICS["coverage"](real, real, k=800)


def test_every_measure_documents_range_and_errors() -> None:
    for function in (distances.frechet_distance, distances.kid, distances.wasserstein_2d, distances.data_copying):
        assert {"Args:", "Returns:", "Raises:"} <= set(inspect.getdoc(function).split())

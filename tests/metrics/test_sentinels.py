"""Sentinels: the contract over the table, and the exact answers that make them the ends of a yardstick."""

from __future__ import annotations

import math

import pytest
import torch
from metrics.shared import assert_mean, normal
from torch import Tensor

from algan_lite import data
from algan_lite.metrics import SENTINELS, data_box, training_set
from algan_lite.metrics.modes import quality_ceiling
from algan_lite.metrics.table import METRICS

RING, GRID = data.ring(std=0.1), data.grid()
POINTS = data.array(normal(0, 300, 2).float(), validation=0.2, test=0.2)
LABELED = data.array(normal(1, 90, 1, 3, 3).float(), torch.arange(90) % 9 % 4, validation=0.2, test=0.2)
CUBE = torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0])] * 3)
SOURCES = {
    "ring": RING,
    "grid": GRID,
    "swiss_roll": data.swiss_roll(),
    "points": POINTS,
    "labeled images": LABELED,
    "three dimensions": data.Mixture("cube", CUBE, 0.1, torch.ones(27) / 27),
    "modes that are images": data.Mixture("pair", normal(2, 4, 1, 2, 2), 0.1, torch.ones(4) / 4),
}


def fakes(name: str, source: data.Source, n: int = 2500, draws: int = 40, **options: object) -> Tensor:
    return SENTINELS[name](source, n, seed=range(draws), **options)


def measured(measure: str, name: str, source: data.Source, **options: object) -> Tensor:
    return METRICS[measure](fakes(name, source, **options), source)


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("name", SENTINELS)
def test_contract(name: str, kind: str) -> None:
    source, sentinel = SOURCES[kind], SENTINELS[name]
    state, key = torch.get_rng_state(), source.key()
    many = sentinel(source, 9, seed=[3, 4])
    assert many.shape == (2, 9, *source.sample_shape)
    assert many.dtype == torch.float32
    assert many.isfinite().all()
    torch.testing.assert_close(many[1], sentinel(source, 9, seed=4), rtol=1e-5, atol=1e-5)
    alone = [torch.Generator().manual_seed(k) for k in (0, 0)]
    assert torch.equal(*[sentinel(source, 9, generator=one) for one in alone])
    assert torch.equal(torch.get_rng_state(), state)
    assert source.key() == key
    assert sentinel.name == name
    assert sentinel.doc.endswith(".")


@pytest.mark.parametrize(("source", "box"), [(RING, 0.090478), (data.ring(std=0.05), 0.022619), (GRID, 0.070686)])
def test_uniform_noise_finds_every_mode_and_no_quality(source: data.Source, box: float) -> None:
    area = len(source.modes) * math.pi * (3 * source.std) ** 2 / 25  # of the discs, over that of the box
    assert area == pytest.approx(box, abs=1e-6)
    assert_mean(measured("quality_3sigma", "uniform_box", source), area)
    assert measured("mode_coverage", "uniform_box", source).mean() >= len(source.modes) - 0.1
    assert measured("fair_mode_coverage", "uniform_box", source).max() == 0
    assert float(measured("spread_ratio", "uniform_box", source).mean()) == pytest.approx(2.0, abs=0.03)


def test_uniform_noise_in_a_tight_box_is_a_little_better() -> None:
    assert_mean(measured("quality_3sigma", "uniform_box", RING, margin=0), 8 * math.pi * 0.09 / 4.6**2)
    assert_mean(measured("quality_3sigma", "uniform_box", GRID, margin=0), 25 * math.pi * 0.0225 / 4.3**2)


@pytest.mark.parametrize(("std", "good"), [(0.1, 0.382), (0.05, 0.191)])
def test_the_circle_of_a_ring_has_a_known_quality(std: float, good: float) -> None:
    source = data.ring(std=std)
    exact = 16 * 2 * math.asin(3 * std / 4) / (2 * math.pi)
    assert exact == pytest.approx(good, abs=5e-4)
    assert_mean(measured("quality_3sigma", "shapeless", source), exact)
    assert (measured("mode_coverage", "shapeless", source) == 8).all()
    # The trap of the least share: where a mode's arc is more than 1/32 of the circle, all 8 of them count.
    found = measured("fair_mode_coverage", "shapeless", source)
    assert (found == 8).all() if std == 0.1 else found.mean() < 0.2
    assert float(fakes("shapeless", source).norm(dim=-1).sub(2).abs().max()) < 1e-5


def test_the_square_of_a_grid_is_flat() -> None:
    x = fakes("shapeless", GRID)
    assert x.abs().max() <= 2
    # Nine whole discs, twelve halves and four quarters of them, in a square of area 16.
    assert_mean(METRICS["quality_3sigma"](x, GRID), 16 * math.pi * 0.0225 / 16)


def test_one_gaussian_with_the_moments_of_the_grid() -> None:
    x = fakes("shapeless", data.array(GRID.sample(20_000, seed=1)))
    assert 23.6 <= METRICS["mode_coverage"](x, GRID).mean() <= 24.5
    ticks = sum(math.exp(-(k**2) / 4) for k in range(-2, 3))  # of the density of N(0, 2) at the modes
    assert float(METRICS["quality_3sigma"](x, GRID).mean()) == pytest.approx(0.0225 / 4 * ticks**2, abs=0.003)


def test_a_gaussian_has_the_moments_of_the_data_where_a_pixel_never_changes_too() -> None:
    images = normal(3, 200, 1, 2, 2).float() @ torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    images[:, 0, 0, 0] = -1
    source = data.array(images, validation=0.0, test=0.0)
    x, known = fakes("shapeless", source, n=100_000, draws=1).reshape(-1, 4), source.train.flatten(1)
    torch.testing.assert_close(x.mean(0), known.mean(0), rtol=0, atol=0.03)
    torch.testing.assert_close(x.T.cov(), known.T.cov(), rtol=0, atol=0.08)
    assert (x[:, 0] == -1).all()


@pytest.mark.parametrize(
    ("source", "low", "high"),
    [
        (RING, [-2.5, -2.5], [2.5, 2.5]),
        (GRID, [-2.5, -2.5], [2.5, 2.5]),
        (data.ring(modes=1), [1.94, -0.06], [2.06, 0.06]),  # a mode alone: three standard deviations
        (data.ring(modes=2), [-2.5, -0.06], [2.5, 0.06]),
    ],
)
def test_the_box_of_modes(source: data.Source, low: list, high: list) -> None:
    corners = torch.stack(data_box(source))
    torch.testing.assert_close(corners, torch.tensor([low, high]), rtol=0, atol=1e-6)


def test_the_box_of_other_data_is_their_range() -> None:
    assert torch.equal(torch.stack(data_box(POINTS)), torch.stack([POINTS.train.amin(0), POINTS.train.amax(0)]))
    low, high = data_box(data.two_moons())
    assert -2.4 < low[0] < -2 < 2 < high[0] < 2.4
    assert -1.4 < low[1] < -1 < 1 < high[1] < 1.4
    with pytest.raises(ValueError, match=r"margin must be in \[0, inf\); got -1"):
        data_box(RING, margin=-1)


def test_one_mode_is_the_heaviest_one_and_perfect_there() -> None:
    for name, source in (("ring", RING), ("grid", GRID), ("imbalanced", data.imbalanced_ring(heavy=1))):
        x = fakes("one_mode", source)
        assert (METRICS["mode_coverage"](x, source) == 1).all(), name
        assert_mean(METRICS["quality_3sigma"](x, source), quality_ceiling(3.0))
        assert_mean(METRICS["spread_ratio"](x, source), 1.0)
    torch.testing.assert_close(x.mean((0, 1)), source.modes[0], rtol=0, atol=1e-3)


def test_one_mode_of_other_data_is_a_class_or_a_sample() -> None:
    x = fakes("one_mode", LABELED, n=50, draws=2).flatten(2)
    own = LABELED.train[LABELED.train_labels == 0].flatten(1)  # 3 of 9 labels are 0
    assert all((image == own).all(-1).any() for image in x.reshape(-1, 9))
    assert len(x[0].unique(dim=0)) > 5
    (point,) = fakes("one_mode", POINTS, n=50, draws=2).reshape(-1, 2).unique(dim=0)
    distances = (POINTS.train - POINTS.train.mean(0)).norm(dim=-1)
    assert torch.equal(point, POINTS.train[distances.argmin()])


@pytest.mark.parametrize("source", [RING, POINTS], ids=["fresh", "finite"])
def test_a_copycat_is_seen_by_the_copying_test_alone(source: data.Source) -> None:
    train = training_set(source)
    assert torch.equal(train, training_set(source))
    x = fakes("copycat", source, n=100, draws=3)
    assert all(torch.equal(one, train[torch.cdist(one, train).argmin(-1)]) for one in x)
    assert METRICS["data_copying"](x, source, train=train).max() < -5
    if source is RING:
        assert len(train) == 256
        assert (METRICS["fair_mode_coverage"](fakes("copycat", RING), RING) == 8).all()


def test_perfect_is_fresh_or_held_out() -> None:
    x = fakes("perfect", RING, draws=20)
    assert_mean(METRICS["quality_3sigma"](x, RING), quality_ceiling(3.0))
    assert METRICS["data_copying"](x[:5, :200], RING, train=training_set(RING)).abs().max() < 4
    held = fakes("perfect", POINTS, n=60, draws=2)
    assert [sorted(one.tolist()) for one in held] == [sorted(POINTS.validation.tolist())] * 2  # each once
    assert not torch.equal(*fakes("perfect", POINTS, n=30, draws=2))


def test_what_cannot_be_is_refused() -> None:
    for call, error, message in (
        (lambda: SENTINELS["perfect"](POINTS, 61, seed=0), ValueError, r"n must be in \[1, 60\]; got 61"),
        (
            lambda: SENTINELS["perfect"](data.array(normal(0, 9, 2), validation=0.0), 3, seed=0),
            ValueError,
            "has none in",
        ),
        (lambda: SENTINELS["copycat"](RING, 3, seed=0, memory=0), ValueError, r"memory must be in \[1, inf\); got 0"),
        (lambda: SENTINELS["shapeless"](RING, 3, seed=0, margin=1), TypeError, "shapeless has the options none"),
        (lambda: SENTINELS["uniform_box"](RING, 3), ValueError, "give exactly one of generator= and seed="),
        (lambda: SENTINELS["uniform_box"]("ring", 3, seed=0), TypeError, "source must be a source .*; got str"),
        (lambda: SENTINELS["noise"], ValueError, "sentinel must be one of uniform_box, .*; got 'noise'"),
    ):
        with pytest.raises(error, match=message):
            call()


@pytest.mark.parametrize("kind", ["three dimensions", "modes that are images"])
def test_outlines_in_other_dimensions(kind: str) -> None:
    source = SOURCES[kind]
    x = fakes("shapeless", source, n=20_000, draws=1)[0].flatten(1)
    if kind == "three dimensions":  # the cube, evenly: variance 1/3
        assert 0.99 < x.abs().max() <= 1
        torch.testing.assert_close(x.T.cov(), torch.eye(3) / 3, rtol=0, atol=0.02)
    else:  # no ring, no grid: the moments
        known = source.sample(20_000, seed=0).flatten(1)
        torch.testing.assert_close(x.T.cov(), known.T.cov(), rtol=0, atol=0.06)
    cross = data.Mixture("cross", torch.cat([torch.eye(3), -torch.eye(3)]), 0.1, torch.ones(6) / 6)
    torch.testing.assert_close(fakes("shapeless", cross)[0].norm(dim=-1), torch.ones(2500))  # a sphere


def test_outlines_of_one_and_two_modes() -> None:
    torch.testing.assert_close(fakes("shapeless", data.ring(modes=2))[0].norm(dim=-1), torch.full((2500,), 2.0))
    alone = data.grid(side=1)  # a mode alone has no outline but its own law
    assert float(METRICS["spread_ratio"](fakes("shapeless", alone), alone).mean()) == pytest.approx(1.0, abs=0.02)

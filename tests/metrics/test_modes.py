"""Measures against exact modes: known answers, floors and ceilings."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from metrics.shared import RING, assert_mean, normal

from algan_lite import data
from algan_lite.metrics import modes as mode_metrics
from algan_lite.metrics.modes import quality_ceiling
from algan_lite.metrics.table import METRICS


def test_quality_ceilings() -> None:
    assert quality_ceiling(3.0) == pytest.approx(1 - math.exp(-4.5), abs=1e-12)
    assert quality_ceiling(4.0) == pytest.approx(1 - math.exp(-8.0), abs=1e-12)
    assert quality_ceiling(3.0, dim=1) == pytest.approx(0.9973002, abs=1e-6)
    x = RING.sample(200_000, seed=0)
    for name, ceiling in (("quality_3sigma", 0.98889), ("quality_4sigma", 0.99966)):
        error = math.sqrt(ceiling * (1 - ceiling) / len(x))
        assert float(METRICS[name](x, RING)) == pytest.approx(ceiling, abs=4 * error)


def test_a_mode_counts_only_with_the_quality_condition() -> None:
    blob = 0.3 * normal(0, 500, 2)  # nearest to every mode, inside none
    assert METRICS["mode_coverage"](blob, RING) == 0
    edge = RING.modes.clone()
    edge[:, 0] += torch.tensor([2.9, 3.1] * 4) * RING.std
    assert METRICS["mode_coverage"](edge, RING) == 4
    assert METRICS["mode_coverage"](edge, RING, sigmas=3.5) == 8
    assert METRICS["mode_coverage"](edge, RING, least=2) == 0


def test_mode_measures_equal_their_slow_twins() -> None:
    source = data.imbalanced_ring()
    x = torch.cat([source.sample(150, seed=3), source.modes[:5] * 1.02, 0.5 * normal(4, 20, 2).float()]).double()
    modes, weights = source.modes.double(), source.weights.double() / source.weights.double().sum()
    found, good, members, shares = set(), 0, {}, [0.0] * 8
    for point in x:
        distance = [float((point - mode).norm()) for mode in modes]
        k = distance.index(min(distance))
        shares[k] += 1 / len(x)
        found |= {k} if distance[k] < 3 * source.std else set()
        if distance[k] < 4 * source.std:
            good += 1
            members.setdefault(k, []).append(point.numpy() / source.std)
    squares = sum(((np.stack(m) - np.mean(m, 0)) ** 2).sum() for m in members.values())
    freedom = 2 * sum(len(m) - 1 for m in members.values())
    kept = (1 - math.exp(-8) * 9) / (1 - math.exp(-8))
    kl = sum(p * math.log(p / float(w)) for p, w in zip(shares, weights, strict=True) if p > 0)
    expected = {"mode_coverage": len(found), "quality_4sigma": good / len(x), "reverse_kl": kl}
    expected["spread_ratio"] = math.sqrt(squares / freedom / kept)
    for name, value in expected.items():
        assert float(METRICS[name](x, source)) == pytest.approx(value, rel=1e-6), name


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.1])
def test_spread_ratio_is_the_scale_of_a_mode(scale: float) -> None:
    shrunk = data.ring(std=0.02 * scale)
    values = METRICS["spread_ratio"](torch.stack([shrunk.sample(2000, seed=k) for k in range(40)]), RING)
    cut = 1.0 if scale == 1 else 1 / math.sqrt(0.99732)  # small modes are not cut, so the correction shows
    assert_mean(values, scale * cut)
    if scale < 1:  # the trap: quality above the ceiling means shrunken modes
        assert METRICS["quality_3sigma"](shrunk.sample(5000, seed=1), RING) > quality_ceiling(3.0)


def test_spread_ratio_edges() -> None:
    assert METRICS["spread_ratio"](RING.modes.repeat(5, 1), RING) == pytest.approx(0.0, abs=1e-9)
    assert METRICS["spread_ratio"](RING.modes[:1], RING).isnan()
    wide = torch.rand(200_000, 2, generator=torch.Generator().manual_seed(0)) - 0.5
    one = data.ring(modes=1, radius=1.0, std=0.02)
    assert float(METRICS["spread_ratio"](wide + one.modes, one)) == pytest.approx(2.0, abs=0.05)


def test_reverse_kl_floor_and_collapse() -> None:
    grid = data.grid()
    values = METRICS["reverse_kl"](torch.stack([grid.sample(2500, seed=k) for k in range(100)]), grid)
    assert_mean(values, 24 / 5000)
    assert float(METRICS["reverse_kl"](grid.modes[:1].repeat(10, 1), grid)) == pytest.approx(math.log(25), rel=1e-6)
    uneven = data.imbalanced_ring()
    assert METRICS["reverse_kl"](uneven.sample(20_000, seed=0), uneven) < 5 * 7 / 40_000
    assert METRICS["reverse_kl"](RING.sample(20_000, seed=0), uneven) > 0.5
    uneven.weights = None  # then all count the same
    assert float(METRICS["reverse_kl"](RING.modes[:1].repeat(10, 1), uneven)) == pytest.approx(math.log(8), rel=1e-6)


def test_a_perfect_sampler_misses_some_of_many_modes() -> None:
    # 1,000 modes, 2,500 samples: 918 are hit
    many = data.grid(side=10, dim=3)
    hits = torch.stack(
        [many.modes[torch.randint(1000, (2500,), generator=torch.Generator().manual_seed(s))] for s in range(20)]
    )
    assert_mean(METRICS["mode_coverage"](hits, many), 918.0)


def test_a_perfect_sampler_of_a_thousand_modes_in_three_dimensions() -> None:
    many = data.grid(side=10, spacing=0.5, dim=3)
    samples = torch.stack([many.sample(26_000, seed=s) for s in range(8)])
    assert_mean(METRICS["reverse_kl"](samples, many), 999 / 52_000)
    assert_mean(METRICS["quality_3sigma"](samples, many), mode_metrics.quality_ceiling(3.0, dim=3))
    assert METRICS["fair_mode_coverage"](samples, many).tolist() == [1000.0] * 8


def test_modes_are_needed() -> None:
    with pytest.raises(ValueError, match="exact modes"):
        METRICS["mode_coverage"](torch.zeros(5, 2), data.swiss_roll())
    with pytest.raises(ValueError, match=r"sigmas must be in \(0"):
        mode_metrics.quality_rate(torch.zeros(5, 2), RING, 0.0)


def test_a_least_share_of_the_fair_one() -> None:
    # Of 400 samples 48 lie in the first mode, 12 in the second, 13 in the third; a quarter of the fair 50 is 12.5.
    counts = [48, 12, 13, 0, 0, 0, 0, 327]
    x = torch.cat([mode.expand(count, 2) for mode, count in zip(RING.modes, counts, strict=True)])
    assert METRICS["fair_mode_coverage"](x, RING) == METRICS["mode_coverage"](x, RING, least=0.25) == 3
    assert METRICS["mode_coverage"](x, RING, least=0.24) == 4  # at least 12
    assert METRICS["mode_coverage"](x, RING, least=0.95) == 2
    assert METRICS["mode_coverage"](x, RING) == METRICS["mode_coverage"](x, RING, least=1) == 4
    far = x + torch.tensor([0.0, 4 * RING.std])  # good samples only
    assert METRICS["fair_mode_coverage"](far, RING) == 0
    uneven = data.imbalanced_ring()  # the two heavy modes: 180 of 400; a light one 6 and two thirds
    assert METRICS["fair_mode_coverage"](x, uneven) == 3  # 48 >= 45, 12 < 45, 13 and 327 >= 1.7
    runs = torch.stack([x, RING.sample(400, seed=0)])
    assert METRICS["fair_mode_coverage"](runs, RING).tolist() == [3, 8]


@pytest.mark.parametrize("modes", [8, 91, 198])  # the shares of the last two round up
def test_exactly_the_least_share_counts(modes: int) -> None:
    source = data.ring(modes=modes)
    x = torch.cat([source.modes[:1].expand(25, 2), torch.zeros(100 * modes - 25, 2)])
    assert METRICS["fair_mode_coverage"](x, source) == 1
    assert METRICS["fair_mode_coverage"](x[1:], source) == 0


@pytest.mark.parametrize("least", [0, 0.0, 1.0, 1.5, -0.25, math.nan, math.inf, True, "a quarter", None])
def test_a_least_that_is_neither_a_number_nor_a_share_is_refused(least: object) -> None:
    with pytest.raises((TypeError, ValueError), match=r"least must be (an integer )?in"):
        METRICS["mode_coverage"](RING.modes, RING, least=least)

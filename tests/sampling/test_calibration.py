"""D's realness as a log density ratio, learned from held-out reals."""

from __future__ import annotations

import math

import pytest
import torch
from sampling.shared import BOUND, EXACT, RATIO_SAMPLERS, TARGET, Linear, Slope, TrueRatio, ks, reals, run
from scipy import stats

from algan_lite.objective.losses import alpha
from algan_lite.sampling.calibration import calibrate


@pytest.mark.parametrize("method", ["isotonic", "logistic"])
@pytest.mark.parametrize("factor", [0.2, 3.0])
def test_calibration_repairs_logits_of_the_wrong_scale(method: str, factor: float) -> None:
    D = TrueRatio(factor, offset=-1.0)
    to_ratio = calibrate(Linear(), D, reals(20_000), method=method, seed=0)
    x = torch.linspace(-1.5, 2.5, 81)[:, None]
    off = (to_ratio(D(x)) - TrueRatio()(x)).abs()
    assert off.mean() < 0.05
    assert off.max() < 0.25


@pytest.mark.parametrize("method", ["isotonic", "logistic"])
def test_calibrated_chains_are_nearer_to_the_data_than_raw_ones(method: str) -> None:
    miscalibrated, reference = TrueRatio(3.0), reals(5000)
    raw, repaired = (
        run("metropolis_hastings", D=miscalibrated, steps=60, reference=reference, calibration=how)
        for how in (None, method)
    )
    distance_raw, distance = (stats.kstest(x.numpy().ravel(), TARGET.cdf).statistic for x in (raw, repaired))
    assert distance_raw > 0.15
    assert distance < 0.03


@pytest.mark.parametrize("name", RATIO_SAMPLERS)
def test_every_sampler_calibrates_where_there_is_a_reference(name: str) -> None:
    with_reference = run(name, 3000, TrueRatio(3.0), reference=reals(4000), **EXACT.get(name, {"step_size": 0.05}))
    assert stats.kstest(with_reference.numpy().ravel(), TARGET.cdf).statistic < 0.06


def test_isotonic_ratio_is_monotone_bounded_and_not_led_by_a_few_lucky_reals() -> None:
    m = 2000
    to_ratio = calibrate(Linear(), TrueRatio(), reals(m), seed=0)
    values = to_ratio(torch.cat([torch.linspace(-30, 5, 500), torch.tensor([torch.inf])]))
    assert (values.diff() >= 0).all()
    assert values.max() < BOUND + 1.0  # plain isotonic regression gives inf, clipped at 1/(2m): 8.3
    apart = calibrate(Linear(), Slope(1.0), reals(m) + 1000, seed=0)(torch.tensor([-1e4, 1e4]))
    torch.testing.assert_close(apart, torch.tensor([-1.0, 1.0]).double() * math.log(m))


def test_energies_are_calibrated_with_their_sign() -> None:
    to_ratio = calibrate(Linear(), Slope(-1.0), reals(500) + 1, loss="energy", seed=0)
    assert to_ratio(torch.tensor([-2.0])) > 0 > to_ratio(torch.tensor([3.5]))


def test_a_loss_of_its_own_gives_its_own_ratio() -> None:
    x = run("metropolis_hastings", D=TrueRatio(3.0), loss=alpha(3.0, 1.0), steps=40)  # its logit is 3 log ratios
    assert ks(x) > 0.02


@pytest.mark.parametrize("method", ["isotonic", "logistic"])
def test_a_constant_d_calibrates_to_no_preference(method: str) -> None:
    values = calibrate(Linear(), TrueRatio(0.0, 7.0), reals(50), method=method, seed=0)(torch.tensor([7.0]))
    torch.testing.assert_close(values.double(), torch.zeros(1).double(), atol=1e-6, rtol=0)

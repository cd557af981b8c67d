"""Each sampler returns the data's law where the ratio is the true one, and equals a slow twin."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sampling.shared import BOUND, EXACT, TARGET, Linear, Slope, TrueRatio, ks, reals, run
from scipy import stats
from torch import Tensor

from algan_lite.core.rng import draw, stream
from algan_lite.sampling.table import SAMPLERS


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_true_ratio_returns_the_data_law(name: str, seed: int) -> None:
    assert ks(run(name, seed=seed, **EXACT[name])) > 0.02


@pytest.mark.parametrize(
    ("name", "options"),
    [("plain", {}), ("importance", {"pool_factor": 1}), ("metropolis_hastings", {"steps": 1}), ("rejection", {})],
)
def test_the_same_check_fails_where_the_law_is_another(name: str, options: dict) -> None:
    assert ks(run(name, **options)) < 1e-4


@pytest.mark.parametrize("name", EXACT)
def test_a_constant_added_to_the_ratio_changes_nothing(name: str) -> None:
    x, shifted = (run(name, 500, TrueRatio(offset=offset), **EXACT[name]) for offset in (0.0, 4.0))
    assert (x == shifted).double().mean() > 0.99  # all but rounding at a threshold


def test_plain_is_the_generator_law() -> None:
    assert ks(run("plain"), stats.norm()) > 0.02


@pytest.mark.parametrize("name", EXACT)
def test_a_ratio_of_zero_is_never_chosen(name: str) -> None:
    class Half(TrueRatio):
        def forward(self, x: Tensor) -> Tensor:
            return torch.where(x.squeeze(-1) > 0, 0.0, -torch.inf)

    x = run(name, 2000, Half(), **EXACT[name])
    assert (x > 0).all()
    assert ks(x, stats.halfnorm()) > 0.02


def test_rejection_without_gamma_accepts_one_of_m() -> None:
    info: dict = {}
    run("rejection", 8000, gamma_percentile=None, info=info)
    assert info["log_bound"] == pytest.approx(BOUND, abs=1e-4)
    assert info["acceptance_rate"] == pytest.approx(math.exp(-BOUND), abs=0.015)


@pytest.mark.parametrize("percentile", [30, 80, 95])
def test_rejection_with_gamma_has_the_rate_and_law_of_the_formula(percentile: float) -> None:
    grid = stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)  # p_G, by quadrature
    gap = TARGET.logpdf(grid) - stats.norm.logpdf(grid) - BOUND
    F = gap - np.log(1 - np.exp(gap - 1e-8))
    accept = 1 / (1 + np.exp(-(F - np.percentile(F, percentile))))
    info: dict = {}
    x = run("rejection", gamma_percentile=percentile, info=info).double().numpy().ravel()
    assert info["acceptance_rate"] == pytest.approx(accept.mean(), abs=0.02)
    assert x.mean() == pytest.approx((accept * grid).sum() / accept.sum(), abs=0.06)
    assert x.std() == pytest.approx(math.sqrt((accept * (grid - x.mean()) ** 2).sum() / accept.sum()), abs=0.04)


@torch.no_grad()
def test_rejection_equals_its_slow_twin() -> None:
    x = run("rejection", 50, gamma_percentile=None, burn_in=10, batch_size=32)
    source, D, kept = stream(0, "sampling"), TrueRatio(), []
    top = float(D(draw(source, (10, 1), "cpu")).max())
    while len(kept) < 50:
        z = draw(source, (32, 1), "cpu")
        ratios = D(z).tolist()
        top = max(top, *ratios)
        for one, ratio, u in zip(z, ratios, draw(source, (32,), "cpu", "uniform").tolist(), strict=True):
            F = ratio - top - math.log(1 - math.exp(ratio - top - 1e-8))
            if u < 1 / (1 + math.exp(-F)):
                kept.append(one)
    torch.testing.assert_close(x, torch.stack(kept[:50]))


def test_rejection_gives_up_and_says_its_rate() -> None:
    with pytest.raises(RuntimeError, match=r"accepted \d+ of 20 candidates \(rate .*max_batches \(now 2\)"):
        run("rejection", 100, batch_size=10, max_batches=2)


@torch.no_grad()
def test_metropolis_hastings_equals_its_slow_twin_in_the_papers_letters() -> None:
    x = run("metropolis_hastings", 20, steps=7)
    source, D = stream(0, "sampling"), TrueRatio()
    chains = draw(source, (20, 1), "cpu")
    for _ in range(7):
        proposals = draw(source, (20, 1), "cpu")
        for k, u in enumerate(draw(source, (20,), "cpu", "uniform").tolist()):
            d_old, d_new = (float(torch.sigmoid(D(one[k : k + 1]))) for one in (chains, proposals))
            if u <= min(1, (1 / d_old - 1) / (1 / d_new - 1)):
                chains[k] = proposals[k]
    torch.testing.assert_close(x, chains)


def test_metropolis_hastings_accepts_as_often_as_two_laws_overlap() -> None:
    info: dict = {}
    run("metropolis_hastings", 2000, steps=60, info=info)
    old, new = TARGET.rvs(200_000, random_state=1), stats.norm.rvs(size=200_000, random_state=2)
    ratio = np.diff([TARGET.logpdf(x) - stats.norm.logpdf(x) for x in (old, new)], axis=0)
    assert info["acceptance_rate"] == pytest.approx(np.minimum(1, np.exp(ratio)).mean(), abs=0.01)
    assert info["num_calls"] == 2000 * 61


def test_chains_from_reals_leave_them_and_reach_the_data_law() -> None:
    reference, info = reals(3000), {}
    x = run("metropolis_hastings", reference=reference, calibration=None, start="reference", steps=40, info=info)
    assert not np.isin(x.numpy(), reference.numpy()).any()
    assert info["restarted"] < 40
    assert ks(x) > 0.02


def test_chains_that_cannot_leave_a_real_begin_again_from_fakes() -> None:
    class Perfect(TrueRatio):
        def forward(self, x: Tensor) -> Tensor:
            return torch.where(x.squeeze(-1) > 50, 1e4, 0.0)  # the reals lie where G never goes

    info: dict = {}
    options = {"reference": reals(10) + 100, "calibration": None, "start": "reference", "info": info}
    x = run("metropolis_hastings", 3000, Perfect(), steps=3, **options)
    assert info["restarted"] == 3000
    assert info["acceptance_rate"] == 0
    assert ks(x, stats.norm()) > 0.02


@torch.no_grad()
def test_importance_equals_its_slow_twin_and_reports_the_effective_share() -> None:
    info: dict = {}
    x = run("importance", 5, pool_factor=8, batch_size=16, info=info)  # pools of 8, two pools a batch
    source, D, expected, shares = stream(0, "sampling"), TrueRatio(), [], []
    for count in (2, 2, 1):
        pools = draw(source, (count * 8, 1), "cpu").reshape(count, 8, 1)
        for pool, u in zip(pools, draw(source, (count,), "cpu", "uniform").tolist(), strict=True):
            weights = D(pool).exp().tolist()
            shares.append(sum(weights) ** 2 / (8 * sum(w * w for w in weights)))
            level, pick = u * sum(weights), 0
            while level > weights[pick]:
                level, pick = level - weights[pick], pick + 1
            expected.append(pool[pick])
    torch.testing.assert_close(x, torch.stack(expected))
    assert info["effective_share"] == pytest.approx(np.mean(shares), rel=1e-5)


@pytest.mark.parametrize(("steps", "eps"), [(1, 0.8), (3, 0.8), (60, 0.8), (60, 1.6), (2, 0.1)])
def test_langevin_on_linear_networks_has_the_discretized_gaussian_law(steps: int, eps: float) -> None:
    # grad E = z - a w, so z - a w shrinks by 1 - eps/2 a step and gains variance eps: its limit is 1 / (1 - eps/4).
    a, w = 2.0, torch.tensor([0.5, -1.0])
    shrink, limit = (1 - eps / 2) ** steps, 1 / (1 - eps / 4)
    mean = a * a * w * (1 - shrink)
    variance = a * a * (limit + shrink**2 * (1 - limit))
    x = SAMPLERS["langevin"](Linear(a, (2,)), Slope(*w.tolist()), 20_000, steps=steps, step_size=eps, seed=3)
    error = math.sqrt(variance / 20_000)
    torch.testing.assert_close(x.mean(0), mean, rtol=0, atol=4 * error)
    torch.testing.assert_close(x.var(0), torch.full((2,), variance), rtol=4 * math.sqrt(2 / 20_000), atol=0)
    assert abs(np.corrcoef(x.T.numpy())[0, 1]) < 0.03


def test_langevin_with_small_steps_reaches_the_data_law() -> None:
    assert ks(run("langevin", steps=200, step_size=0.05)) > 0.02
    assert ks(run("langevin", steps=200, step_size=1.0)) < 1e-4


def test_langevin_that_diverges_says_so() -> None:
    class Steep(TrueRatio):
        def forward(self, x: Tensor) -> Tensor:
            return x.squeeze(-1) ** 4

    with pytest.raises(RuntimeError, match=r"step_size below 1\.5"):
        run("langevin", 10, Steep(), step_size=1.5)

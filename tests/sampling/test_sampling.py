"""The samplers against laws that are known exactly: p_G = N(0, 1), p_data = N(0.5, 0.8), D the true log ratio."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from algan_lite.core.rng import draw, stream
from algan_lite.models.pairs import ensemble, mlp_pair
from algan_lite.objective.losses import LOSSES, alpha
from algan_lite.sampling.calibration import calibrate
from algan_lite.sampling.table import SAMPLERS

TARGET = stats.norm(0.5, 0.8)
BOUND = 0.570366  # max over x of log p_data(x) - log p_G(x), at x = 0.5 / 0.36
RATIO_SAMPLERS = [name for name in SAMPLERS if name != "plain"]
EXACT = {
    "rejection": {"gamma_percentile": None},
    "metropolis_hastings": {"steps": 40},
    "importance": {"pool_factor": 64},
}


class Linear(nn.Module):
    """G(z) = scale * z, one number a sample unless ``shape`` says otherwise."""

    def __init__(self, scale: float = 1.0, shape: tuple[int, ...] = (1,)) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))
        self.sample_shape, self.latent_dim = shape, math.prod(shape)

    def forward(self, z: Tensor) -> Tensor:
        return (self.scale * z).reshape(*z.shape[:-1], *self.sample_shape)


class TrueRatio(nn.Module):
    """D whose logit is ``factor`` times the true log ratio, plus ``offset``."""

    sample_shape = (1,)

    def __init__(self, factor: float = 1.0, offset: float = 0.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.offset = offset

    def forward(self, x: Tensor) -> Tensor:
        x = x.squeeze(-1)
        return self.factor * (x.square() / 2 - (x - 0.5).square() / (2 * 0.64) - math.log(0.8)) + self.offset


class Slope(nn.Module):
    """D(x) = <slope, x> + 3."""

    def __init__(self, *slope: float) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope))
        self.sample_shape = (len(slope),)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.slope + 3


def reals(m: int, seed: int = 5) -> Tensor:
    return 0.5 + 0.8 * draw(stream(seed, "reals"), (m, 1), "cpu")


def ks(x: Tensor, law: stats.rv_continuous = TARGET) -> float:
    return stats.kstest(x.double().numpy().ravel(), law.cdf).pvalue


def run(name: str, n: int = 4000, D: nn.Module | None = None, seed: int = 0, **options: object) -> Tensor:
    return SAMPLERS[name](Linear(), D or TrueRatio(), n, seed=seed, **options)


# --- the true ratio returns p_data -------------------------------------------------------------------------------


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


# --- rejection ---------------------------------------------------------------------------------------------------


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


# --- Metropolis-Hastings -----------------------------------------------------------------------------------------


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


# --- importance --------------------------------------------------------------------------------------------------


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


# --- Langevin ----------------------------------------------------------------------------------------------------


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


# --- calibration -------------------------------------------------------------------------------------------------


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


# --- contracts over the table ------------------------------------------------------------------------------------

QUICK = {"rejection": {"burn_in": 64}, "metropolis_hastings": {"steps": 5}, "langevin": {"steps": 5}}


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("shape", [(2,), (1, 4, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_dtype_and_repetition(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    G, D = mlp_pair(latent_dim=3, sample_shape=shape, width=8, depth=1, seed=0)
    G, D = G.to(dtype), D.to(dtype)
    options = {"reference": torch.rand(40, *shape), "batch_size": 16, **QUICK.get(name, {})}
    x, again = (SAMPLERS[name](G, D, 21, seed=4, **options) for _ in range(2))
    assert x.shape == (21, *shape)
    assert x.dtype == dtype
    assert x.isfinite().all()
    assert not x.requires_grad
    assert torch.equal(x, again)
    assert torch.equal(x, SAMPLERS[name](G, D, 21, generator=stream(4, "sampling"), **options))
    assert not torch.equal(x, SAMPLERS[name](G, D, 21, seed=5, **options))


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("wrap", [torch.enable_grad, torch.no_grad])
def test_nothing_is_modified(name: str, wrap: type) -> None:
    G, D = mlp_pair(latent_dim=2, sample_shape=(2,), width=8, depth=1, seed=0)
    D.trunk.append(nn.Dropout())  # in training mode it would draw from the global RNG
    D.outputs.eval()
    nets = (G, D)
    for p in D.parameters():
        p.grad = torch.full_like(p, 7.0)
    weights = [p.detach().clone() for net in nets for p in net.parameters()]
    modes = [module.training for net in nets for module in net.modules()]
    reference = torch.rand(40, 2)
    kept, state, legacy = reference.clone(), torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    with wrap():
        options = {"start": "reference"} if name == "metropolis_hastings" else {}
        SAMPLERS[name](G, D, 30, reference=reference, seed=0, **QUICK.get(name, {}), **options)
        assert torch.is_grad_enabled() == (wrap is torch.enable_grad)
    assert all(torch.equal(a, b) for a, b in zip(weights, [p for net in nets for p in net.parameters()], strict=True))
    assert [module.training for net in nets for module in net.modules()] == modes
    assert all(p.grad is None and p.requires_grad for p in G.parameters())
    assert all((p.grad == 7).all() for p in D.parameters())
    assert torch.equal(reference, kept)
    assert torch.equal(torch.get_rng_state(), state)
    assert (np.random.get_state()[1] == legacy).all()  # noqa: NPY002


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_run_of_an_ensemble_is_what_it_is_alone(name: str) -> None:
    settings = {"latent_dim": 2, "sample_shape": (2,), "width": 8, "depth": 1}
    Gs, Ds = ensemble(mlp_pair, runs=3, seed=0, **settings)
    info: dict = {}
    options = {"reference": torch.rand(30, 2), **QUICK.get(name, {})}
    x = SAMPLERS[name](Gs, Ds, 9, seed=10, info=info, **options)
    assert x.shape == (3, 9, 2)
    assert {len(values) for values in info.values()} == {3}
    alone = SAMPLERS[name](*mlp_pair(seed=2, **settings), 9, seed=12, **options)
    torch.testing.assert_close(x[2], alone)
    torch.testing.assert_close(x, SAMPLERS[name](Gs, Ds, 9, generator=stream([10, 11, 12], "sampling"), **options))
    with pytest.raises(ValueError, match="sequence of 3 generators"):
        SAMPLERS[name](Gs, Ds, 9, generator=torch.Generator(), **options)
    with pytest.raises(ValueError, match="equally many runs"):
        SAMPLERS[name](Gs, mlp_pair(seed=2, **settings)[1], 9, seed=0)


@pytest.mark.parametrize("name", SAMPLERS)
def test_reports_count_the_calls(name: str) -> None:
    info: dict = {}
    run(name, 10, info=info, **QUICK.get(name, {}))
    assert info["num_calls"] == {
        "plain": 0, "rejection": 64 + 1024, "metropolis_hastings": 60, "importance": 640, "langevin": 50
    }[name]  # fmt: skip


@pytest.mark.parametrize("loss", [name for name in LOSSES if LOSSES[name].log_ratio is None])
@pytest.mark.parametrize("name", RATIO_SAMPLERS)
def test_without_a_ratio_a_reference_is_needed(name: str, loss: str) -> None:
    with pytest.raises(ValueError, match=f"'{loss}', which give no log ratio, needs reference=.*None"):
        run(name, 5, loss=loss)
    with pytest.raises(ValueError, match="calibration must be one of"):
        run(name, 5, loss=loss, reference=reals(20), calibration=None)
    assert run(name, 5, loss=loss, reference=reals(20), **QUICK.get(name, {})).shape == (5, 1)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ({"n": 0}, ValueError, r"n must be in \[1, inf\); got 0"),
        ({"n": 2.5}, TypeError, r"n must be an integer"),
        ({"batch_size": 0}, ValueError, "batch_size must be in"),
        ({"loss": "huber"}, ValueError, "loss must be one of minimax.*huber"),
        ({"seed": None}, ValueError, "exactly one of generator= and seed="),
        ({"seed": None, "generator": [torch.Generator()]}, TypeError, "one torch.Generator"),
        ({"reference": torch.zeros(5, 3)}, ValueError, r"reference must be \(m, 1\) with m >= 2; got \(5, 3\)"),
        ({"reference": [[1.0]]}, TypeError, "reference must be a tensor.*list"),
        ({"stepz": 3}, TypeError, "has the options .*; got stepz=3"),
    ],
)
def test_bad_arguments_of_the_door(name: str, bad: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        run(name, **{"n": 5, "seed": 0} | bad)


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("rejection", {"gamma_percentile": 101}, r"gamma_percentile must be in \[0, 100\]; got 101"),
        ("rejection", {"burn_in": 0}, "burn_in must be in"),
        ("rejection", {"max_batches": 0}, "max_batches must be in"),
        ("metropolis_hastings", {"steps": 0}, "steps must be in"),
        ("metropolis_hastings", {"start": "data"}, "start must be one of generator, reference; got 'data'"),
        ("metropolis_hastings", {"start": "reference"}, "start='reference' needs reference="),
        ("importance", {"pool_factor": 0}, "pool_factor must be in"),
        ("langevin", {"steps": 0}, "steps must be in"),
        ("langevin", {"step_size": 0}, r"step_size must be in \(0, 2\]; got 0"),
        ("langevin", {"step_size": 2.5}, r"step_size must be in \(0, 2\]; got 2.5"),
        ("langevin", {"calibration": "isotonic"}, "calibration of langevin must be one of logistic; got 'isotonic'"),
        ("rejection", {"calibration": "isotonic"}, "calibration='isotonic' needs reference="),
    ],
)
def test_bad_options(name: str, bad: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(name, 5, **bad)


@pytest.mark.parametrize("name", RATIO_SAMPLERS)
def test_logits_with_a_spare_axis_and_nan_are_refused(name: str) -> None:
    class Column(TrueRatio):
        def forward(self, x: Tensor) -> Tensor:
            return x

    class Broken(TrueRatio):
        def forward(self, x: Tensor) -> Tensor:
            return x.squeeze(-1) * torch.nan

    with pytest.raises(ValueError, match=r"one logit a sample, \(\d+,\); got \(\d+, 1\)"):
        run(name, 5, Column())
    with pytest.raises((ValueError, RuntimeError), match=r"NaN|finite"):
        run(name, 5, Broken())
    with pytest.raises(ValueError, match="finite logits; got 40 others of 40"):
        run(name, 5, Broken(), reference=reals(20))


def test_every_entry_documents_itself_and_its_options() -> None:
    assert list(SAMPLERS) == ["plain", "rejection", "metropolis_hastings", "importance", "langevin"]
    for name, entry in SAMPLERS.items():
        assert entry.name == name
        assert entry.doc.endswith(".")
        options = [p.name for p in inspect.signature(entry.fn).parameters.values() if p.kind is p.KEYWORD_ONLY]
        assert all(f"{option}:" in entry.fn.__doc__ for option in options)

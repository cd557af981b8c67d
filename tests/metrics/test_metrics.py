"""Metrics: known answers, slow twins, and the contract that every entry of the table keeps."""

from __future__ import annotations

import inspect
import itertools
import math

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch
from torch import Tensor

from algan_lite import data, metrics
from algan_lite.metrics import digits, distances
from algan_lite.metrics import modes as mode_metrics
from algan_lite.metrics.modes import quality_ceiling
from algan_lite.metrics.table import METRICS, real_against_real

RING = data.ring(modes=8, radius=2.0, std=0.02)
DIGIT_NAMES = [name for name in METRICS if METRICS[name].needs == "digits"]
CLASS_RATES = ("digit_sure", "digit_rarest")
RATES = ("mode_coverage", "quality_3sigma", "quality_4sigma", *CLASS_RATES)  # a broken sample does not count


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def assert_mean(values: Tensor, expected: float, standard_errors: float = 4.0) -> None:
    """Two-sided: the mean of independent values lies within so many standard errors."""
    error = float(values.std() / math.sqrt(len(values)))
    assert abs(float(values.mean()) - expected) < standard_errors * error, (float(values.mean()), expected, error)


@pytest.fixture
def plain_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the digit metrics see pixels: the classifier has tests of its own."""
    monkeypatch.setattr(digits, "digit_features", lambda x: x.flatten(-3)[..., ::13])
    monkeypatch.setattr(digits, "digit_probabilities", lambda x: _few_pixels(x).mul(5).softmax(-1))


def _few_pixels(x: Tensor) -> Tensor:
    if x.shape[-3:] != (1, 28, 28):
        raise ValueError(f"x_fake must be (..., 1, 28, 28); got {tuple(x.shape)}")
    return x.flatten(-3)[..., :10]


def case(name: str, runs: int = 3, n: int = 60) -> tuple[Tensor, object, dict]:
    """Fakes (runs, n, *sample), a reference, and the options that a metric cannot do without."""
    if METRICS[name].needs == "digits":
        return normal(1, runs, n, 1, 28, 28).float().tanh(), normal(2, n, 1, 28, 28).float().tanh(), {}
    fakes = torch.stack([RING.sample(n, seed=run) for run in range(runs)])
    options = {"train": RING.sample(100, seed=9)} if name == "data_copying" else {}
    return fakes, RING, options


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.usefixtures("plain_features")
def test_contract(name: str) -> None:
    metric = METRICS[name]
    fakes, reference, options = case(name)
    before, state = fakes.clone(), torch.get_rng_state()
    values = metric(fakes, reference, **options)
    assert values.shape == (3,)
    assert values.dtype == torch.float64
    assert ((values >= metric.range[0]) & (values <= metric.range[1])).all()
    torch.testing.assert_close(metric(fakes, reference, **options), values, rtol=0, atol=0)
    alone = metric(fakes[1], reference, **options)
    assert alone.shape == ()
    torch.testing.assert_close(alone, values[1], rtol=1e-12, atol=1e-12)
    assert torch.equal(fakes, before)
    assert torch.equal(torch.get_rng_state(), state)
    assert metric(fakes[None], reference, **options).shape == (1, 3)
    assert metric.direction in ("higher", "lower", "target")
    assert (metric.direction == "target") <= (metric.perfect is not None)
    assert metric.name == name
    assert "FID" not in name.upper()
    assert metric.doc.endswith(".")


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.usefixtures("plain_features")
def test_a_diverged_run_stays_a_row(name: str, bad: float) -> None:
    fakes, reference, options = case(name)
    whole = METRICS[name](fakes, reference, **options)
    fakes[1, 0] = bad  # one sample is enough for the distances; rates and counts go by the rest
    values = METRICS[name](fakes, reference, **options)
    if name in RATES:
        assert values[1] <= whole[1]
    else:
        assert values[1].isnan() or name == "spread_ratio"
    fakes[1] = bad
    values = METRICS[name](fakes, reference, **options)
    torch.testing.assert_close(values[[0, 2]], whole[[0, 2]], rtol=1e-12, atol=1e-12)
    if name in RATES:
        assert values[1] == 0
    else:
        assert values[1].isnan()


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.usefixtures("plain_features")
def test_bad_shapes_are_refused(name: str) -> None:
    fakes, reference, options = case(name)
    with pytest.raises(ValueError, match="x_fake"):
        METRICS[name](
            fakes.flatten(-1).unsqueeze(-1), reference if METRICS[name].needs == "modes" else fakes[0], **options
        )


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(ValueError, match="mode_coverage"):
        METRICS["fid"]


# ---------------------------------------------------------------------------------------- exact modes


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


def test_a_perfect_sampler_misses_some_of_many_modes() -> None:
    # 1,000 modes, 2,500 samples: 918 are hit
    many = data.grid(side=32)
    many.modes, many.weights = many.modes[:1000], many.weights[:1000]
    hits = torch.stack(
        [many.modes[torch.randint(1000, (2500,), generator=torch.Generator().manual_seed(s))] for s in range(20)]
    )
    assert_mean(METRICS["mode_coverage"](hits, many), 918.0)


def test_modes_are_needed() -> None:
    with pytest.raises(ValueError, match="exact modes"):
        METRICS["mode_coverage"](torch.zeros(5, 2), data.swiss_roll())
    with pytest.raises(ValueError, match=r"sigmas must be in \(0"):
        mode_metrics.quality_rate(torch.zeros(5, 2), RING, 0.0)


# ------------------------------------------------------------------------------------ sample against sample


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


# ------------------------------------------------------------------------------------- references and floors


def test_references() -> None:
    x = RING.sample(100, seed=0)
    fresh = metrics.held_out(RING, x)
    assert fresh.shape == (100, 2)
    assert torch.equal(fresh, metrics.held_out(RING, x))
    assert metrics.held_out(RING, torch.stack([x, x])).shape == (100, 2)
    assert metrics.held_out(x, x) is x
    source = data.array(normal(0, 300, 2).float(), seed=0)
    assert torch.equal(metrics.held_out(source, x), source.test)
    with pytest.raises(TypeError, match="reference must be a tensor"):
        METRICS["kid"](x, [1, 2, 3])
    with pytest.raises(ValueError, match="reference must be finite"):
        METRICS["kid"](x, x * math.nan)
    with pytest.raises(ValueError, match="2 samples or more"):
        METRICS["kid"](x[:1], x)


def test_real_against_real() -> None:
    values = real_against_real("coverage", RING, 1000, seeds=range(3))
    assert values.shape == (3,)
    assert float(values.mean()) == pytest.approx(0.969, abs=0.02)
    assert len(set(values.tolist())) > 1
    assert real_against_real("mode_coverage", RING, 500, seeds=[4])[0] == 8
    source = data.array(normal(0, 500, 2).float(), seed=0, validation=0.3, test=0.3)
    assert abs(float(real_against_real("data_copying", source, 120, seeds=range(4)).mean())) < 3
    with pytest.raises(ValueError, match=r"n must be in \[2, 150\]; got 151"):
        real_against_real("kid", source, 151)


# ------------------------------------------------------------------------------------------ digit features


@pytest.mark.parametrize("name", [name for name in DIGIT_NAMES if name not in CLASS_RATES])
@pytest.mark.usefixtures("plain_features")
def test_digit_metrics_are_the_same_measures_of_features(name: str) -> None:
    fakes, reference, _ = case(name)
    measure = METRICS[name.removeprefix("digit_")]
    expected = measure(fakes.flatten(-3)[..., ::13], reference.flatten(-3)[..., ::13])
    torch.testing.assert_close(METRICS[name](fakes, reference), expected)
    assert "not FID" in METRICS[name].doc


def test_class_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    table = torch.full((2, 4, 10), 0.005)
    table[0, 0, 3], table[0, 1, 3], table[0, 2, 7], table[0, 3, 1] = 0.955, 0.9, 0.95, 0.89
    table[1] = math.nan
    monkeypatch.setattr(digits, "digit_probabilities", lambda x: table)
    shares = metrics.class_shares(torch.zeros(2, 4, 1, 28, 28))
    assert shares.shape == (2, 10)
    assert shares[0].tolist() == [0, 0, 0, 0.5, 0, 0, 0, 0.25, 0, 0]
    assert shares[1].sum() == 0
    assert METRICS["digit_sure"](torch.zeros(2, 4, 1, 28, 28), RING).tolist() == [0.75, 0]
    assert METRICS["digit_rarest"](torch.zeros(2, 4, 1, 28, 28), RING).tolist() == [0, 0]
    monkeypatch.setattr(digits, "digit_probabilities", lambda x: torch.eye(10)[[*range(10), 3, 4]])
    assert float(METRICS["digit_rarest"](torch.zeros(12, 1, 28, 28), RING)) == pytest.approx(1 / 12)
    monkeypatch.setattr(digits, "digit_probabilities", lambda x: table)
    table[1] = table[0]
    images = torch.zeros(2, 4, 1, 28, 28)
    images[1, :2, 0, 3, 3] = math.inf  # the sure threes, with a broken pixel
    assert metrics.class_shares(images)[1].tolist() == [0, 0, 0, 0, 0, 0, 0, 0.25, 0, 0]
    with pytest.raises(ValueError, match="confidence"):
        metrics.class_shares(torch.zeros(4, 1, 28, 28), confidence=1.5)


def test_every_measure_documents_range_and_errors() -> None:
    for function in (distances.frechet_distance, distances.kid, distances.wasserstein_2d, distances.data_copying):
        assert {"Args:", "Returns:", "Raises:"} <= set(inspect.getdoc(function).split())

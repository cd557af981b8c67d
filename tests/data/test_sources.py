"""Laws with known answers, and what every source keeps."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import torch
from scipy.stats import binomtest, chisquare, kstest

from algan_lite import data
from algan_lite.core import rng

NAMES = list(data.SOURCES)


MIXTURES = ["ring", "imbalanced_ring", "grid"]


@pytest.mark.parametrize("name", NAMES)
def test_sample_has_shape_dtype_and_repeats(sources: dict[str, data.Source], name: str) -> None:
    source = sources[name]
    x = source.sample(37, seed=3)
    assert x.shape == (37, *source.sample_shape)
    assert x.dtype == torch.float32
    assert x.isfinite().all()
    assert source.name == name
    torch.testing.assert_close(x, source.sample(37, generator=rng.stream(3, "data")), rtol=0, atol=0)
    assert not torch.equal(x, source.sample(37, seed=4))
    g = rng.stream(3, "data")
    assert not torch.equal(source.sample(37, generator=g), source.sample(37, generator=g)), "a generator moves on"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [1, 7, 128])
def test_a_run_is_the_same_alone_and_in_an_ensemble(sources: dict[str, data.Source], name: str, n: int) -> None:
    source, seeds = sources[name], [5, 0, 9]
    together = rng.stream(seeds, "data")
    first, second = source.sample(n, generator=together), source.sample(n, generator=together)
    assert first.shape == (3, n, *source.sample_shape)
    for k, seed in enumerate(seeds):
        alone = rng.stream(seed, "data")
        assert torch.equal(first[k], source.sample(n, generator=alone))
        assert torch.equal(second[k], source.sample(n, generator=alone))


@pytest.mark.parametrize("name", [*NAMES, "array"])
def test_the_global_generators_are_untouched(name: str) -> None:
    state, state_numpy = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    source = data.array(np.zeros((20, 3), np.float32)) if name == "array" else data.SOURCES[name]()
    source.sample(8, seed=0)
    assert torch.equal(state, torch.get_rng_state())
    np.testing.assert_array_equal(state_numpy, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("name", NAMES)
def test_sampling_leaves_the_source_as_it_was(sources: dict[str, data.Source], name: str) -> None:
    source = sources[name]
    before = {key: value.clone() for key, value in vars(source).items() if isinstance(value, torch.Tensor)}
    x = source.sample(16, seed=0)
    x.fill_(7.0)  # what a caller does to its batch stays with the batch
    for key, value in before.items():
        assert torch.equal(value, getattr(source, key)), key
    assert source.sample(1000, seed=0).abs().max() < 4


@pytest.mark.parametrize("name", NAMES)
def test_bad_draws_are_refused(sources: dict[str, data.Source], name: str) -> None:
    with pytest.raises(ValueError, match=r"n must be in \[1, inf\); got 0"):
        sources[name].sample(0, seed=0)
    with pytest.raises(TypeError, match=r"n must be an integer in \[1, inf\); got 2.5"):
        sources[name].sample(2.5, seed=0)
    with pytest.raises(ValueError, match="exactly one of generator= and seed="):
        sources[name].sample(4)
    with pytest.raises(ValueError, match="exactly one of generator= and seed="):
        sources[name].sample(4, rng.stream(0, "data"), seed=0)


def test_the_table_lists_its_names_and_documents_them() -> None:
    with pytest.raises(ValueError, match=r"source must be one of .*ring, imbalanced_ring, grid.*; got 'rong'"):
        data.SOURCES["rong"]
    assert all(len(line) > 20 for line in data.SOURCES.describe().values())


@pytest.mark.parametrize("name", NAMES)
def test_a_source_survives_pickling(sources: dict[str, data.Source], name: str) -> None:
    """Sweeps hand sources to other processes."""
    if name != "mnist":  # 37 MB, the same class as digits
        copy = pickle.loads(pickle.dumps(sources[name]))
        assert torch.equal(copy.sample(9, seed=1), sources[name].sample(9, seed=1))


def test_ring_modes_are_exact() -> None:
    half = math.sqrt(0.5)
    unit = [[1, 0], [half, half], [0, 1], [-half, half], [-1, 0], [-half, -half], [0, -1], [half, -half]]
    source = data.ring(radius=3.0, std=0.1)
    torch.testing.assert_close(source.modes, 3 * torch.tensor(unit), rtol=0, atol=1e-6)
    torch.testing.assert_close(source.weights, torch.full((8,), 1 / 8))
    assert source.std == 0.1


def test_grid_modes_are_exact() -> None:
    expected = torch.tensor([[float(i), float(j)] for i in range(-2, 3) for j in range(-2, 3)])
    assert torch.equal(data.grid().modes, expected)
    assert torch.equal(data.grid(side=2, spacing=4.0).modes, torch.tensor([[-2.0, -2], [-2, 2], [2, -2], [2, 2]]))


def test_imbalanced_ring_holds_its_share() -> None:
    source = data.imbalanced_ring()
    torch.testing.assert_close(source.weights, torch.tensor([0.45] * 2 + [0.1 / 6] * 6))
    counts = nearest(source, 60_000).bincount(minlength=8)
    assert chisquare(counts, 60_000 * source.weights.double() / source.weights.double().sum()).pvalue > 1e-3
    assert binomtest(int(counts[:2].sum()), 60_000, 0.9).pvalue > 1e-3


def nearest(source: data.Source, n: int) -> torch.Tensor:
    return torch.cdist(source.sample(n, seed=11), source.modes).argmin(-1)


@pytest.mark.parametrize("name", MIXTURES)
def test_a_perfect_sampler_reaches_the_ceilings(sources: dict[str, data.Source], name: str) -> None:
    """P(r < 3 sigma) = 1 - exp(-4.5) = .98889 and P(r < 4 sigma) = 1 - exp(-8) = .99966 (two-sided)."""
    source, n = sources[name], 100_000
    x = source.sample(n, seed=2)
    distance = (x.unsqueeze(1) - source.modes).norm(dim=-1).amin(1) / source.std
    for radius, ceiling in ((3, 0.98889), (4, 0.99966)):
        assert 1 - math.exp(-(radius**2) / 2) == pytest.approx(ceiling, abs=1e-5)
        assert binomtest(int((distance < radius).sum()), n, 1 - math.exp(-(radius**2) / 2)).pvalue > 1e-3
    assert kstest(distance, "rayleigh").pvalue > 1e-3


@pytest.mark.parametrize("name", MIXTURES)
def test_modes_are_drawn_with_their_weights(sources: dict[str, data.Source], name: str) -> None:
    source = sources[name]
    counts = nearest(source, 50_000).bincount(minlength=len(source.modes))
    expected = source.weights.double() / source.weights.double().sum() * 50_000
    assert chisquare(counts, expected).pvalue > 1e-3


@pytest.mark.parametrize("name", MIXTURES)
def test_log_prob_equals_a_slow_twin_and_integrates_to_one(name: str) -> None:
    source = data.SOURCES[name](std=0.3)
    x = source.sample(50, rng.stream([0, 1], "data"))
    assert source.log_prob(x).shape == (2, 50)
    for point, value in zip(x[1, :10], source.log_prob(x)[1], strict=False):
        density = 0.0
        for center, weight in zip(source.modes.tolist(), source.weights.tolist(), strict=True):
            r2 = (point[0].item() - center[0]) ** 2 + (point[1].item() - center[1]) ** 2
            density += weight * math.exp(-r2 / (2 * 0.3**2)) / (2 * math.pi * 0.3**2)
        assert value.item() == pytest.approx(math.log(density), abs=1e-4)
    ticks = torch.linspace(-5, 5, 401)
    mass = source.log_prob(torch.cartesian_prod(ticks, ticks)).exp().sum() * (ticks[1] - ticks[0]) ** 2
    torch.testing.assert_close(mass, torch.tensor(1.0), rtol=0, atol=1e-4)


def test_log_prob_is_refused_where_it_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="swiss_roll has no exact density"):
        data.swiss_roll().log_prob(torch.zeros(3, 2))
    with pytest.raises(ValueError, match=r"x must be \(..., N, 2\); got shape \(4, 3\)"):
        data.ring().log_prob(torch.zeros(4, 3))


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
        (lambda: data.swiss_roll(noise=-0.1), r"noise must be in \[0, inf\); got -0.1"),
        (lambda: data.two_moons(noise=math.inf), r"noise must be in \[0, inf\); got inf"),
    ],
)
def test_bad_laws_are_refused(call: type, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_laws_have_no_parts_and_say_what_to_do(part: str) -> None:
    with pytest.raises(AttributeError, match=rf"ring is drawn afresh and has no fixed .{part} part; use source.sample"):
        getattr(data.ring(), part)

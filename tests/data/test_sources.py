"""What every source keeps, and mixtures whose law is known."""

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
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0, "seed": 0}, r"n must be in \[1, inf\); got 0"),
        ({"n": 2.5, "seed": 0}, r"n must be an integer in \[1, inf\); got 2.5"),
        ({"n": 4}, "exactly one of generator= and seed="),
        ({"n": 4, "generator": torch.Generator(), "seed": 0}, "exactly one of generator= and seed="),
    ],
)
def test_bad_draws_are_refused(sources: dict[str, data.Source], name: str, arguments: dict, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        sources[name].sample(**arguments)


@pytest.mark.parametrize("name", NAMES)
def test_a_source_survives_pickling(sources: dict[str, data.Source], name: str) -> None:
    """Sweeps hand sources to other processes."""
    if name != "mnist":  # 37 MB, the same class as digits
        copy = pickle.loads(pickle.dumps(sources[name]))
        assert torch.equal(copy.sample(9, seed=1), sources[name].sample(9, seed=1))


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
    nearest = torch.cdist(source.sample(50_000, seed=11), source.modes).argmin(-1)
    counts = nearest.bincount(minlength=len(source.modes))
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


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_laws_have_no_parts_and_say_what_to_do(part: str) -> None:
    with pytest.raises(AttributeError, match=rf"ring is drawn afresh and has no fixed .{part} part; use source.sample"):
        getattr(data.ring(), part)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8, torch.bool, torch.float64])
def test_the_density_of_whole_numbers_is_that_of_numbers(dtype: torch.dtype) -> None:
    points = torch.tensor([[1, 0], [0, 1], [1, 1]], dtype=dtype)
    source = data.ring(modes=4, radius=1.0, std=0.3)
    torch.testing.assert_close(source.log_prob(points).float(), source.log_prob(points.float()))
    assert float(source.log_prob(points)[0]) == pytest.approx(math.log(0.25 / (2 * math.pi * 0.09)), rel=1e-4)

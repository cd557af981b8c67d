"""The contract over all metrics, references, digit features."""

from __future__ import annotations

import math

import pytest
import torch
from metrics.shared import RING, normal
from torch import Tensor

from algan_lite import data, metrics
from algan_lite.metrics import digits
from algan_lite.metrics.table import METRICS, real_against_real

DIGIT_NAMES = [name for name in METRICS if METRICS[name].needs == "digits"]
CLASS_RATES = ("digit_sure", "digit_rarest")
COUNTS = ("mode_coverage", "fair_mode_coverage")
RATES = (*COUNTS, "quality_3sigma", "quality_4sigma", *CLASS_RATES)  # a broken sample does not count


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
    if METRICS[name].needs in ("digits", "images"):
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


@pytest.mark.parametrize("name", [name for name in DIGIT_NAMES if name not in CLASS_RATES])
@pytest.mark.usefixtures("plain_features")
def test_digit_metrics_are_the_same_measures_of_features(name: str) -> None:
    fakes, reference, _ = case(name)
    measure = METRICS[name.removeprefix("digit_")]
    expected = measure(fakes.flatten(-3)[..., ::13], reference.flatten(-3)[..., ::13])
    torch.testing.assert_close(METRICS[name](fakes, reference), expected)
    assert "not FID" in METRICS[name].doc

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from metrics.shared import RING
from safetensors import safe_open
from torch.nn.functional import avg_pool2d, interpolate

from algan_lite import data, metrics
from algan_lite.core import rng
from algan_lite.data import images as files
from algan_lite.metrics import digits as features
from algan_lite.metrics.table import METRICS

FUNCTIONS = [features.digit_features, features.digit_probabilities]


@pytest.fixture(scope="module")
def digits() -> data.Source:
    return data.mnist()


def noise(n: int, kind: str = "uniform") -> torch.Tensor:
    return rng.draw(rng.stream(7, "noise"), (n, 1, 28, 28), "cpu", kind)


def confident(x: torch.Tensor) -> float:
    return (features.digit_probabilities(x).amax(-1) >= 0.9).double().mean().item()


def test_the_shipped_weights_are_those_of_the_program() -> None:
    assert files.sha256(features.WEIGHTS_PATH) == features.WEIGHTS_SHA256
    assert features.WEIGHTS_PATH.stat().st_size <= 400_000
    assert features.WEIGHTS_SHA256 in (features.WEIGHTS_PATH.parent / "NOTICE.md").read_text(encoding="utf-8")
    with safe_open(features.WEIGHTS_PATH, "pt") as file:
        metadata = file.metadata()
    assert Path(metadata["program"]).name == "train_classifier.py"
    assert json.loads(metadata["figures"])["test_accuracy"] >= 0.99
    count = sum(p.numel() for p in features.load_classifier().parameters())
    assert f"{count:,} parameters" in features.DigitClassifier.__doc__


def test_test_digits_are_recognized_and_calibrated(digits: data.Source) -> None:
    probabilities = features.digit_probabilities(digits.test)
    right = probabilities.argmax(-1) == digits.test_labels
    assert right.double().mean() >= 0.985
    for k in range(10):
        assert right[digits.test_labels == k].double().mean() >= 0.97, f"digit {k}"
    sure = probabilities.amax(-1) >= 0.9
    assert sure.double().mean() >= 0.95, "the class shares of the book count confident images only"
    assert probabilities.amax(-1).mean().item() == pytest.approx(right.double().mean().item(), abs=0.02)


@pytest.mark.parametrize(
    "x",
    [
        pytest.param(noise(1000) * 2 - 1, id="uniform"),
        pytest.param(noise(1000, "normal").clamp(-1, 1), id="normal"),
        pytest.param(0.2 * noise(1000, "normal") - 0.8, id="faint"),
        pytest.param((noise(1000) < 0.15) * 2.0 - 1, id="sparse"),
        pytest.param(torch.linspace(-1, 1, 201).view(-1, 1, 1, 1).expand(-1, 1, 28, 28), id="blank"),
        pytest.param(interpolate(noise(1000)[..., :5, :5] * 2 - 1, (28, 28), mode="bicubic"), id="blobs"),
    ],
)
def test_what_is_no_digit_gets_no_confidence(x: torch.Tensor) -> None:
    assert confident(x) < 0.05


def test_damage_lowers_confidence(digits: data.Source) -> None:
    x = digits.test[:500]
    blurred = interpolate(avg_pool2d(x, 7), (28, 28), mode="bilinear")
    drowned = 0.4 * x + 0.6 * (noise(500) * 2 - 1)
    for damaged in (blurred, drowned):
        assert confident(damaged) < 0.8 * confident(x)


@pytest.mark.parametrize(("function", "width"), [(features.digit_features, 64), (features.digit_probabilities, 10)])
def test_runs_axis_chunks_and_repeats(
    digits: data.Source, function: Callable, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = digits.test[:60]
    rows = function(x)
    assert rows.shape == (60, width)
    assert rows.dtype == torch.float32
    assert not rows.requires_grad
    assert rows.std(0).min() > 1e-6, "a column that never changes"
    torch.testing.assert_close(function(x.view(2, 3, 10, 1, 28, 28)), rows.view(2, 3, 10, width))
    torch.testing.assert_close(function(x[7:8]), rows[7:8])
    assert torch.equal(function(x), rows)
    assert function(x.double()).dtype == torch.float32
    monkeypatch.setattr("algan_lite.metrics.features.CHUNK", 7)
    torch.testing.assert_close(function(x), rows)


def test_probabilities_sum_to_one_and_come_from_the_features(digits: data.Source) -> None:
    x, net = digits.test[:20], features.load_classifier()
    torch.testing.assert_close(features.digit_probabilities(x).sum(-1), torch.ones(20))
    by_hand = net.out(features.digit_features(x)).exp()
    hidden: list[torch.Tensor] = []
    net.hidden.register_forward_hook(lambda layer, inputs, output: hidden.append(output))
    torch.testing.assert_close(net.features(x), torch.maximum(hidden[0], 0.1 * hidden[0]))
    torch.testing.assert_close(features.digit_probabilities(x), by_hand / by_hand.sum(-1, keepdim=True))


def test_nothing_is_modified(digits: data.Source) -> None:
    state = torch.get_rng_state()
    net = features.load_classifier()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    x = digits.test[:5].clone().requires_grad_()
    for function in FUNCTIONS:
        function(x)
    assert torch.equal(x, digits.test[:5])
    assert torch.equal(state, torch.get_rng_state())
    assert not any(p.requires_grad for p in net.parameters())
    for name, tensor in features.load_classifier().state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_bad_images_are_refused(function: Callable) -> None:
    with pytest.raises(TypeError, match="x must be a floating-point tensor; got ndarray"):
        function(torch.zeros(2, 1, 28, 28).numpy())
    with pytest.raises(TypeError, match=r"x must be a floating-point tensor; got torch\.uint8"):
        function(torch.zeros(2, 1, 28, 28, dtype=torch.uint8))
    for shape in ((2, 28, 28), (1, 28, 28), (2, 1, 8, 8), (0, 1, 28, 28)):
        with pytest.raises(ValueError, match=r"x must be \(\.\.\., N, 1, 28, 28\) with N >= 1; got shape"):
            function(torch.zeros(shape))


def test_class_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    table = torch.full((2, 4, 10), 0.005)
    table[0, 0, 3], table[0, 1, 3], table[0, 2, 7], table[0, 3, 1] = 0.955, 0.9, 0.95, 0.89
    table[1] = math.nan
    monkeypatch.setattr(features, "digit_probabilities", lambda x: table)
    shares = metrics.class_shares(torch.zeros(2, 4, 1, 28, 28))
    assert shares.shape == (2, 10)
    assert shares[0].tolist() == [0, 0, 0, 0.5, 0, 0, 0, 0.25, 0, 0]
    assert shares[1].sum() == 0
    assert METRICS["digit_sure"](torch.zeros(2, 4, 1, 28, 28), RING).tolist() == [0.75, 0]
    assert METRICS["digit_rarest"](torch.zeros(2, 4, 1, 28, 28), RING).tolist() == [0, 0]
    monkeypatch.setattr(features, "digit_probabilities", lambda x: torch.eye(10)[[*range(10), 3, 4]])
    assert float(METRICS["digit_rarest"](torch.zeros(12, 1, 28, 28), RING)) == pytest.approx(1 / 12)
    monkeypatch.setattr(features, "digit_probabilities", lambda x: table)
    table[1] = table[0]
    images = torch.zeros(2, 4, 1, 28, 28)
    images[1, :2, 0, 3, 3] = math.inf  # the sure threes, with a broken pixel
    assert metrics.class_shares(images)[1].tolist() == [0, 0, 0, 0, 0, 0, 0, 0.25, 0, 0]
    with pytest.raises(ValueError, match="confidence"):
        metrics.class_shares(torch.zeros(4, 1, 28, 28), confidence=1.5)

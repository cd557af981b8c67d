"""Random filters: what they see, what they forget, and what scores without having learned."""

from __future__ import annotations

import pytest
import torch
from metrics.shared import normal
from torch.nn.functional import avg_pool2d, interpolate

from algan_lite import data, metrics
from algan_lite.metrics import METRICS, SENTINELS, texture_features
from algan_lite.metrics.textures import _filters

DIGITS = data.array(data.mnist().train[:900], validation=0.25, test=0.25)
NAMES = [name for name in METRICS if name.startswith("texture_")]


def test_the_features_are_those_of_a_slow_twin() -> None:
    x = normal(0, 1, 3, 6, 5).float()
    first, second = (torch.zeros(out, *size) for out, size in ((16, (6, 5)), (32, (3, 3))))
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1))[0]
    for row in range(6):
        for column in range(5):
            patch = padded[:, row : row + 3, column : column + 3]
            first[:, row, column] = (_filters(3)[0] * patch).sum((1, 2, 3)).clamp_min(0)
    halved = torch.stack(
        [first[:, 2 * r : 2 * r + 2, 2 * c : 2 * c + 2].mean((1, 2)) for r in range(3) for c in range(3)], 1
    ).view(16, 3, 3)
    padded = torch.nn.functional.pad(halved, (1, 1, 1, 1))
    for row in range(3):
        for column in range(3):
            patch = padded[:, row : row + 3, column : column + 3]
            second[:, row, column] = (_filters(3)[1] * patch).sum((1, 2, 3)).clamp_min(0)
    parts = [f(y) for y in (first, second) for f in (lambda y: y.mean((1, 2)), lambda y: y.flatten(1).std(1, False))]
    torch.testing.assert_close(texture_features(x)[0, :96], torch.cat(parts), rtol=1e-4, atol=1e-5)


def test_shapes_runs_and_channels() -> None:
    x = normal(0, 2, 7, 3, 9, 1).float()
    features = texture_features(x)
    assert features.shape == (2, 7, 224)
    torch.testing.assert_close(texture_features(x[1]), features[1])
    assert not texture_features(x.requires_grad_()).requires_grad
    assert texture_features(torch.zeros(1, 1, 1, 1)).isfinite().all()
    with pytest.raises(ValueError, match=r"x_fake must be images .*; got shape \(2, 7\)"):
        texture_features(torch.zeros(2, 7))
    with pytest.raises(TypeError, match="x_fake must be a floating tensor of images"):
        texture_features(torch.zeros(2, 1, 8, 8, dtype=torch.uint8))


def test_the_place_is_forgotten_and_a_blur_is_seen() -> None:
    dot = torch.full((2, 1, 48, 48), -1.0)
    dot[0, 0, 16:20, 16:20] = dot[1, 0, 20:24, 28:32] = 1  # the same dot at two places, moved by multiples of 4 pixels
    here, there = texture_features(dot)
    torch.testing.assert_close(here, there, rtol=1e-4, atol=1e-5)
    blurred = interpolate(avg_pool2d(DIGITS.validation, 2), scale_factor=2, mode="bilinear")
    assert METRICS["precision"](blurred, DIGITS) > 0.9
    assert METRICS["texture_precision"](blurred, DIGITS) < 0.3


def test_what_has_not_learned_scores_nothing_and_reals_score_high() -> None:
    """Unlike pixels, whose kernel distance cannot tell a Gaussian from digits."""
    n = len(DIGITS.validation)
    found = {name: SENTINELS[name](DIGITS, n, seed=0) for name in ("uniform_box", "shapeless", "one_mode", "perfect")}
    coverage = {name: METRICS["texture_coverage"](x, DIGITS).item() for name, x in found.items()}
    assert coverage["uniform_box"] == 0
    assert coverage["shapeless"] < 0.05
    assert coverage["one_mode"] < 0.3
    assert coverage["perfect"] > 0.9
    assert METRICS["texture_precision"](found["one_mode"], DIGITS) > 0.9
    assert METRICS["texture_recall"](found["one_mode"], DIGITS) < 0.3
    assert abs(METRICS["kid"](found["shapeless"], DIGITS)) < 0.02


@pytest.mark.parametrize("name", NAMES)
def test_they_are_the_same_measures_of_features(name: str) -> None:
    x, real = DIGITS.validation[:60], DIGITS.test
    plain = METRICS[name.removeprefix("texture_")](texture_features(x), texture_features(real))
    assert METRICS[name](x, DIGITS) == plain
    assert METRICS[name].needs == "images"
    again = metrics.real_against_real(name, DIGITS, 60, seeds=[0])
    assert 0.5 < again.item() <= 1


@pytest.mark.parametrize("shape", [(30, 1, 14, 28), (30, 3, 28, 28), (30, 784), (2, 30, 28, 28)])
def test_images_of_another_size_than_the_reals_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"x_fake must be images .* of the same size; got \("):
        METRICS["texture_coverage"](torch.zeros(shape), DIGITS)

"""Features and class probabilities of the book's own small digit classifier, and the metrics that look through it.

They stand where papers put the Inception network, and are not that: distances on these features are
comparable within this book only. The classifier was trained on MNIST's training images with small
moves and light noise, and on noise, shuffled pieces and blends labeled as undecided, so that it is not
confident about what is no digit (``tools/assets/train_classifier.py``). It has seen real training images:
hold fakes against a test part.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

from algan_lite.core.checks import check_number
from algan_lite.data.sources import Source
from algan_lite.metrics.features import add_on_features, finite_images, in_chunks
from algan_lite.metrics.table import metric

WEIGHTS_PATH = Path(__file__).parents[1] / "assets" / "classifier.safetensors"
WEIGHTS_SHA256 = "c3bec52d1a82a20a85247022ed81df2c9c74b7087bc22ec618a0ecae4e32bce7"
FEATURE_DIM = 64


class DigitClassifier(nn.Module):
    """Three convolutions, one hidden layer: 60,874 parameters, no normalization, so samples never mix."""

    def __init__(self) -> None:
        """Build the layers with PyTorch's default initial weights."""
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(32, 64, 3, stride=2, padding=1)
        self.hidden = nn.Linear(64 * 3 * 3, FEATURE_DIM)
        self.out = nn.Linear(FEATURE_DIM, 10)

    def features(self, x: Tensor) -> Tensor:
        """Return the penultimate layer, (N, 64), of images (N, 1, 28, 28) in [-1, 1]."""
        h = relu(self.conv1(x))  # (N, 16, 28, 28)
        h = relu(self.conv2(h))  # (N, 32, 14, 14)
        h = nn.functional.max_pool2d(relu(self.conv3(h)), 2)  # (N, 64, 7, 7) -> (N, 64, 3, 3)
        return leaky_relu(self.hidden(h.flatten(1)), 0.1)  # leaky: a feature that dies would be a constant in distances

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, 10) of images (N, 1, 28, 28) in [-1, 1]."""
        return self.out(self.features(x))


def load_classifier(device: torch.device | str = "cpu", path: Path | str = WEIGHTS_PATH) -> DigitClassifier:
    """Return the trained classifier, its gradients off; the global RNG stays untouched."""
    with torch.device("meta"):  # initial weights would be drawn from the global generator, only to be replaced
        net = DigitClassifier()
    net.load_state_dict(load_file(path), assign=True)
    return net.to(device).eval().requires_grad_(False)


def digit_features(x: Tensor) -> Tensor:
    """Return the classifier's penultimate features, which distances and precision are measured on.

    Args:
        x: Images (..., N, 1, 28, 28) in [-1, 1].

    Returns:
        (..., N, 64) float32, on the device of ``x``, without gradient.

    Raises:
        TypeError: If ``x`` is not a floating-point tensor.
        ValueError: If ``x`` has another shape.
    """
    net = _shared(x.device if isinstance(x, Tensor) else "cpu")
    return _in_chunks(net.features, x)


def digit_probabilities(x: Tensor) -> Tensor:
    """Return the classifier's class probabilities, calibrated on held-out digits; ``x`` as for ``digit_features``.

    Returns:
        (..., N, 10) float32, each row of sum 1, on the device of ``x``, without gradient; errors as there.
    """
    net = _shared(x.device if isinstance(x, Tensor) else "cpu")
    return _in_chunks(lambda images: net(images).softmax(-1), x)


@lru_cache(maxsize=4)
def _shared(device: torch.device | str) -> DigitClassifier:
    return load_classifier(device)


def _in_chunks(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    if not isinstance(x, Tensor) or not x.is_floating_point():
        received = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"x must be a floating-point tensor; got {received}")
    if x.ndim < 4 or tuple(x.shape[-3:]) != (1, 28, 28) or x.numel() == 0:
        raise ValueError(f"x must be (..., N, 1, 28, 28) with N >= 1; got shape {tuple(x.shape)}")
    return in_chunks(function, x)


@torch.no_grad()
def class_shares(x_fake: Tensor, confidence: float = 0.9) -> Tensor:
    """Share of samples that the digit classifier puts in each class with at least this confidence.

    Args:
        x_fake: Images (..., N, 1, 28, 28) in [-1, 1].
        confidence: Smallest class probability that counts, in [0, 1].

    Returns:
        (..., 10), in [0, 1]; the sum is the share of all N that the classifier is sure about.
    """
    check_number("confidence", confidence, 0, 1)
    probabilities = digit_probabilities(x_fake)  # (..., N, 10)
    best = probabilities.max(-1, keepdim=True)
    sure = ((best.values >= confidence) & finite_images(x_fake)).double()  # False for NaN
    return torch.zeros_like(probabilities, dtype=torch.float64).scatter(-1, best.indices, sure).mean(-2)


@metric(source="this book", direction="higher", range=(0, 1), needs="digits")
def digit_sure(x_fake: Tensor, reference: Source | Tensor, confidence: float = 0.9) -> Tensor:
    """Share of fakes that the digit classifier is sure about."""
    return class_shares(x_fake, confidence).sum(-1)


@metric(source="this book", direction="higher", range=(0, 0.1), needs="digits")
def digit_rarest(x_fake: Tensor, reference: Source | Tensor, confidence: float = 0.9) -> Tensor:
    """Share of fakes that are surely the rarest digit."""
    return class_shares(x_fake, confidence).amin(-1)


add_on_features(
    ("frechet_distance", "kid", "precision", "recall", "density", "coverage"),
    "digit",
    lambda x: digit_features(x),
    "digits",
    "Digit features, not FID.",
)

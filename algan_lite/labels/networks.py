"""Small classifiers of images, and a G whose fakes serve one of them.

A classifier maps images (N, 1, height, width) to class logits (N, C). Its noise, a regularizer of training, is drawn
from a generator that the caller gives; without one there is none, so that it needs no mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, max_pool2d, normalize, relu

from algan_lite.core.rng import fresh, lent


class UnitLinear(nn.Module):
    """A dense layer whose rows have norm 1, times a factor a row: ``scaled`` learns it, otherwise data set it once.

    Weight normalization with its scale held fixed and an initialization from data, as Salimans et al. 2016 have it in D
    (Salimans and Kingma 2016): no layer can grow, so that D's features keep a scale that noise of one size suits.
    """

    def __init__(self, num_in: int, num_out: int, *, scaled: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(num_out, num_in))  # short: Adam turns it in a few steps
        self.bias = nn.Parameter(torch.zeros(num_out))
        self.scale = nn.Parameter(torch.ones(num_out), requires_grad=scaled)

    @torch.no_grad()
    def calibrate(self, x: Tensor) -> Tensor:
        """Choose scale and bias so that every output has mean 0 and standard deviation 1 on ``x``; return outputs."""
        raw = linear(x, normalize(self.weight))
        self.scale.copy_(1 / raw.std(0).clamp(min=1e-2))
        self.bias.copy_(-raw.mean(0) * self.scale)
        return self(x)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, num_out)."""
        return linear(x, normalize(self.weight) * self.scale.unsqueeze(1), self.bias)


class DenseClassifier(nn.Module):
    """196-200-100-100-10 for images of 14 x 14, with normal noise on its input and on its hidden layers.

    Args:
        num_pixels: Of an image, >= 1.
        num_classes: C, >= 2.
        hidden: Widths of the hidden layers.
        input_noise: Standard deviation on the pixels, >= 0.
        hidden_noise: On the inputs of the later layers, >= 0.
    """

    def __init__(
        self,
        num_pixels: int,
        num_classes: int,
        hidden: Sequence[int] = (200, 100, 100),
        input_noise: float = 0.15,
        hidden_noise: float = 0.25,
    ) -> None:
        super().__init__()
        sizes = (num_pixels, *hidden)
        self.layers = nn.ModuleList(UnitLinear(a, b) for a, b in pairwise(sizes))
        self.output = UnitLinear(sizes[-1], num_classes, scaled=True)
        self.input_noise, self.hidden_noise = input_noise, hidden_noise

    def calibrate(self, x: Tensor) -> None:
        """Set scales and biases from images, without noise; a single image says nothing of a spread, and is left."""
        hidden = x.flatten(1)
        for layer in self.layers if len(x) > 1 else ():
            hidden = relu(layer.calibrate(hidden))

    def features(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return the last hidden layer, (N, F), before the noise of the output's input."""
        hidden, noise = x.flatten(1), self.input_noise
        for layer in self.layers:
            hidden, noise = relu(layer(_noisy(hidden, noise, generator))), self.hidden_noise
        return hidden

    def read(self, features: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return class logits (N, C) of features."""
        return self.output(_noisy(features, self.hidden_noise, generator))

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return class logits (N, C), with noise where there is a generator to draw it."""
        return self.read(self.features(x, generator), generator)


class ConvClassifier(nn.Module):
    """Two convolutions and a dense layer: what the shape of an image is worth, beside ``DenseClassifier``."""

    def __init__(self, num_pixels: int, num_classes: int, channels: int = 16, width: int = 64) -> None:
        super().__init__()
        side = round(num_pixels**0.5) // 4
        self.first, self.second = nn.Conv2d(1, channels, 3, padding=1), nn.Conv2d(channels, 2 * channels, 3, padding=1)
        self.dense, self.output = nn.Linear(2 * channels * side**2, width), nn.Linear(width, num_classes)

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return class logits (N, C), with noise of .15 on the pixels where there is a generator to draw it."""
        hidden = max_pool2d(relu(self.first(_noisy(x, 0.15, generator))), 2)
        hidden = max_pool2d(relu(self.second(hidden)), 2)
        return self.output(relu(self.dense(hidden.flatten(1))))


CLASSIFIERS = {"dense": DenseClassifier, "conv": ConvClassifier}


def _noisy(x: Tensor, std: float, generator: torch.Generator | None) -> Tensor:
    return x if generator is None else x + std * fresh(generator, x.shape, x.device)


def make_classifier(kind: str, x: Tensor, num_classes: int, seed: int) -> nn.Module:
    """Return a fresh classifier of images like ``x``, (N, 1, height, width), which set its scales.

    Args:
        kind: Name in ``CLASSIFIERS``.
        x: Images, labeled or not.
        num_classes: C, >= 2.
        seed: Of the first weights.
    """
    with lent(seed):
        net = CLASSIFIERS[kind](x[0].numel(), num_classes)
    if isinstance(net, DenseClassifier):
        net.calibrate(x)
    return net


def make_generator(latent_dim: int, num_pixels: int, seed: int, width: int = 150) -> nn.Sequential:
    """Return G, (N, latent_dim) to (N, num_pixels) in [0, 1], with BatchNorm.

    The package's own pairs have none: it mixes samples. Here the fakes only serve D's classes, and without it D was
    too far ahead for G to learn.
    """

    def hidden(num_in: int) -> list[nn.Module]:
        return [nn.Linear(num_in, width, bias=False), nn.BatchNorm1d(width), nn.Softplus()]

    with lent(seed):
        return nn.Sequential(*hidden(latent_dim), *hidden(width), nn.Linear(width, num_pixels), nn.Sigmoid())

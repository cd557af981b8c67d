"""Edges to digits, from pairs: what a conditional D adds to a distance, beside methods that have no D at all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from sklearn.linear_model import Ridge
from torch import Tensor

from algan_lite.applications import edges, one_way_pair, train_translation, translated
from algan_lite.core.checks import check_choice
from algan_lite.data import mnist
from algan_lite.data.finite import Finite
from algan_lite.metrics.digits import digit_features, digit_probabilities
from algan_lite.metrics.distances import nearest
from algan_lite.metrics.table import METRICS
from algan_lite.models.ensemble import Ensemble
from algan_lite.models.pairs import ensemble
from algan_lite.training.config import TrainConfig

IMAGE = (1, 28, 28)
VALUES = 28 * 28
PLAIN = TrainConfig(
    num_steps=500, batch_size=32, regularizers={"r1": 1.0}, lr=2e-3, betas=(0.5, 0.99), ema_decay=0.99, log_every=100
)
WIDTH = 128
ALPHA = 100.0  # of the ridge regression, chosen on the validation part among 1, 100 and 1,000

Columns = dict[str, np.ndarray]


@lru_cache(maxsize=4)
def pairs_of(part: str) -> Tensor:
    """Return MNIST's digits beside their edges, (n, 1568): first the edges, then the digit."""
    x = getattr(mnist(), part)
    return torch.cat([edges(x).flatten(1), x.flatten(1)], dim=-1)


def trained(config: TrainConfig, adversarial: float, pair_weight: float, seeds: Sequence[int]) -> Ensemble:
    """Return the averaged map of every seed, trained on all training pairs; arguments as for ``edge_runs``."""
    train = pairs_of("train")
    source = Finite("edges and digits", {"train": train, "validation": train[:0], "test": train[:0]})  # array() copies
    sizes = {"shape_A": (VALUES,), "shape_B": IMAGE, "width": WIDTH, "output": "tanh"}
    T, D = ensemble(one_way_pair, seed=list(seeds), **sizes)
    how = {"cycle": 0.0, "pairs": train, "pair_weight": pair_weight, "adversarial": adversarial, "progress": False}
    return train_translation(T, D, source, config, seed=list(seeds), **how).G_ema


def edge_runs(
    config: TrainConfig,
    adversarial: float,
    pair_weight: float,
    seeds: Sequence[int],
    part: str = "test",
) -> Columns:
    """Train a dense map from edges to digits for each seed, on all training pairs, and measure it.

    Args:
        config: The settings.
        adversarial: Weight of D's judgment.
        pair_weight: Weight of the mean absolute distance to the true digit (over both halves of a sample, of which
            the edges have none).
        seeds: Of weights and draws.
        part: The pairs that it is measured on: ``validation``, to choose settings by, or ``test``.

    Returns:
        Name -> a value a run: ``seed``, the measures of ``measured``, and ``seconds``.
    """
    start = time.perf_counter()
    T = trained(config, adversarial, pair_weight, seeds)
    seconds = (time.perf_counter() - start) / len(seeds)
    with torch.no_grad():
        y = translated(T, pairs_of(part)[:, :VALUES], VALUES)
    found = [measured(one, part) for one in y]
    return {
        "seed": np.array(seeds),
        **{name: np.array([one[name] for one in found]) for name in found[0]},
        "seconds": np.full(len(seeds), seconds),
    }


def guessed(name: str, part: str = "test", n: int | None = None) -> Tensor:
    """Return digits (n, 784) that a method without any D makes of the edges of a part.

    Args:
        name: ``ridge``: linear regression with a penalty; ``nearest``: the digit whose edges are nearest; ``mean``: the
            mean digit; ``truth``: the digit itself.
        part: Of MNIST.
        n: The first n of them; None: all.
    """
    check_choice("name", name, ("ridge", "nearest", "mean", "truth"))
    train, asked = pairs_of("train"), pairs_of(part)[:n]
    a, b, x = train[:, :VALUES], train[:, VALUES:], asked[:, :VALUES]
    if name == "ridge":
        fitted = Ridge(alpha=ALPHA).fit(a.numpy(), b.numpy())
        return torch.from_numpy(fitted.predict(x.numpy())).float().clamp(-1, 1)
    if name == "nearest":
        return b[nearest(x.double(), a.double())[1]]
    return b.mean(0).expand(len(x), -1) if name == "mean" else asked[:, VALUES:]


def measured(y: Tensor, part: str = "test") -> dict[str, float]:
    """Measure digits (n, 784) that were made of the edges of a part of MNIST.

    Returns:
        ``mse`` to the true digits; ``reads``, how often the book's classifier reads the right class; ``sharpness``,
        the mean length of the images' gradient over that of the true digits; ``kid``, the kernel distance to the digits
        of another part.
    """
    truth, labels = pairs_of(part)[:, VALUES:], getattr(mnist(), f"{part}_labels")
    images = y.reshape(-1, *IMAGE)
    other = getattr(mnist(), "validation" if part == "test" else "test")[:1000]
    return {
        "mse": (y - truth).square().mean().item(),
        "reads": (digit_probabilities(images).argmax(-1) == labels).double().mean().item(),
        "sharpness": (steepness(images) / steepness(truth.reshape(-1, *IMAGE))).item(),
        "kid": METRICS["kid"](digit_features(images), digit_features(other)).item(),
    }


def steepness(x: Tensor) -> Tensor:
    """Return the mean length of the gradient between neighboring pixels, of images (N, 1, height, width)."""
    down, right = x[..., 1:, :-1] - x[..., :-1, :-1], x[..., :-1, 1:] - x[..., :-1, :-1]
    return torch.stack([down, right]).norm(dim=0).mean()

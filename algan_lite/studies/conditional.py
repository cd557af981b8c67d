"""Conditional GANs on digits, measured class by class: is it the digit that was asked for, and do all kinds come?

Fakes carry an axis of classes: (..., C, N, 1, 28, 28) holds N answers to each of C questions. The averaged G answers,
from one and the same noise in every run and for every class.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from algan_lite.core.rng import draw, stream
from algan_lite.data import mnist, with_labels
from algan_lite.data.finite import Finite
from algan_lite.metrics.digits import digit_features, digit_probabilities
from algan_lite.metrics.distances import nearest, neighbor_scores
from algan_lite.metrics.sentinels import SENTINELS
from algan_lite.metrics.table import METRICS
from algan_lite.models import ask_for, conditional_pair, ensemble
from algan_lite.selection import scores
from algan_lite.selection.scores import Request
from algan_lite.selection.strategies import Strategy
from algan_lite.training.config import TrainConfig
from algan_lite.training.loop import train

CLASSES = 10
NOISE = 16
SIZES = {"noise_dim": NOISE, "width": 128, "depth": 2}
STEPS = 1500
PLAIN = TrainConfig(
    num_steps=STEPS, batch_size=64, regularizers={"r1": 1.0}, lr=4e-3, betas=(0.5, 0.99), ema_decay=0.99, log_every=100
)
# The choice among the batch itself costs no pass: all of it at first, half of it from the 69th epoch of 75 on.
CHOOSES = {"keep_decay": 0.99, "keep_floor": 0.5, "steps_per_epoch": STEPS // 75}
SENTINEL_NAMES = ("uniform_box", "shapeless", "copycat", "copies", "one a class", "perfect")

Columns = dict[str, np.ndarray]


def _rank_in_class(request: Request, z: Tensor) -> Tensor:
    """Return minus the share of the candidates of the same class that D finds more real, (..., M)."""
    realness = scores.realness(request, z)
    asked = z[..., -CLASSES:].max(-1).indices
    same = (asked[..., :, None] == asked[..., None, :]).to(realness.dtype)  # (..., M, M)
    better = (realness[..., None, :] > realness[..., :, None]).to(realness.dtype)
    return -(same * better).sum(-1) / same.sum(-1)


IN_EACH_CLASS = Strategy(
    name="top_k_in_each_class",
    doc="Of each class that was asked for, those whose fakes D finds most real.",
    fn=_rank_in_class,
    judges=True,
)


def conditional_runs(
    config: TrainConfig, reads: str, seeds: Sequence[int], n: int = 100, part: str = "test", engine: str = "graph"
) -> Columns:
    """Train a conditional GAN for each seed, and measure it.

    Args:
        config: The settings.
        reads: How D reads the class, as for ``conditional_pair``.
        seeds: Of weights and noise: one run each.
        n: Fakes of each class, at least 6.
        part: The reals that they are compared with: ``validation``, to choose settings by, or ``test``.
        engine: As for ``train``.

    Returns:
        Name -> a value a run: ``seed``, the measures of ``measured_by_class``, ``diverged_at`` (-1: never), and
        ``seconds`` of training, a share of what all runs took.
    """
    G, D = ensemble(conditional_pair, seed=list(seeds), reads=reads, **SIZES)
    source = mnist()
    start = time.perf_counter()
    history = train(G, D, with_labels(source), config, seed=list(seeds), engine=engine, progress=False)
    seconds = (time.perf_counter() - start) / len(seeds)
    z = draw(stream(0, "conditional"), (n, NOISE), "cpu")
    columns = measured_by_class(answers(history.G_ema, z), source, part) | {"diverged_at": history.diverged_at}
    told = {"seed": np.array(seeds)} | {name: value.numpy() for name, value in columns.items()}
    return told | {"seconds": np.full(len(seeds), seconds)}


@torch.no_grad()
def answers(G: nn.Module, z: Tensor, shape: Sequence[int] = (1, 28, 28)) -> Tensor:
    """Ask for every class with the same noise.

    Args:
        G: A ``ConditionalGenerator``, or an ensemble of R.
        z: Noise, (N, noise_dim).
        shape: Of a sample.

    Returns:
        (..., C, N, *shape): in column n of every class the same noise.
    """
    classes = G.latent_dim - z.shape[-1]
    labels = torch.arange(classes).repeat_interleave(len(z))
    pairs = G(ask_for(z.repeat(classes, 1), labels, classes))
    return pairs[..., :-classes].unflatten(-1, tuple(shape)).unflatten(-len(shape) - 1, (classes, len(z)))


def sentinel_runs(name: str, seeds: Sequence[int], n: int = 100) -> Columns:
    """Measure a sentinel as ``conditional_runs`` measures a GAN.

    ``uniform_box``, ``shapeless`` and ``copycat`` do not know what was asked: the last gives copies of reals of any
    class. ``copies`` repeats reals of the class, ``one a class`` repeats one of them, the nearest to the mean of its
    class, and ``perfect`` gives digits of the class that nobody trained on, each once.
    """
    source = mnist()
    x = torch.stack([_sentinel(name, source, seed, n) for seed in seeds])
    columns = measured_by_class(x, source, "test")
    return {"seed": np.array(seeds)} | {key: value.numpy() for key, value in columns.items()}


def _sentinel(name: str, source: Finite, seed: int, n: int) -> Tensor:
    """Return (C, n, 1, 28, 28)."""
    if name in ("uniform_box", "shapeless", "copycat"):
        return SENTINELS[name](source, CLASSES * n, seed=seed).unflatten(0, (CLASSES, n))
    part = "validation" if name == "perfect" else "train"
    reals, labels = getattr(source, part), getattr(source, f"{part}_labels")
    own = [reals[labels == c] for c in range(CLASSES)]
    if name == "one a class":
        places = [nearest(x.flatten(1).mean(0, keepdim=True).double(), x.flatten(1).double())[1] for x in own]
        return torch.stack([x[place].expand(n, -1, -1, -1) for x, place in zip(own, places, strict=True)])
    draws = stream(seed, f"sentinel {name}")
    if name == "copies":
        return torch.stack([x[draw(draws, (n,), "cpu", "index", len(x))] for x in own])
    return torch.stack([_once(x, n, draws) for x in own])


def _once(x: Tensor, n: int, draws: torch.Generator) -> Tensor:
    """Return n of the samples in random order, each once before any comes a second time."""
    order = draw(draws, (len(x),), "cpu", "uniform").argsort()
    return x[order.repeat(-(-n // len(x)))[:n]]


def measured_by_class(x: Tensor, source: Finite, part: str = "test") -> dict[str, Tensor]:
    """Measure fakes of every class against reals of that class.

    Args:
        x: (..., C, N, 1, 28, 28), fakes of each class.
        source: Reals with labels.
        part: Which of them: ``validation`` or ``test``.

    Returns:
        Name -> (...). ``asked``: share of fakes that the book's classifier reads as the class that was asked for, and
        ``asked_0`` ... of each class; ``class_kid``, ``class_precision``, ``class_recall``, ``class_coverage``: the
        measure of each class's fakes against its reals, on digit features, the mean over classes; ``digit_kid``: of
        all fakes against all reals, whatever was asked.
    """
    reals, labels = digit_features(getattr(source, part)), getattr(source, f"{part}_labels")
    fakes = digit_features(x)  # (..., C, N, 64)
    read = digit_probabilities(x).argmax(-1)  # (..., C, N)
    asked = (read == torch.arange(CLASSES)[:, None]).double().mean(-1)  # (..., C)
    own = [_one_class(fakes[..., c, :, :], reals[labels == c]) for c in range(CLASSES)]
    found = {f"class_{name}": torch.stack([one[name] for one in own]).mean(0) for name in own[0]}
    each = {f"asked_{c}": asked[..., c] for c in range(CLASSES)}
    whole = METRICS["kid"](fakes.flatten(-3, -2), reals)
    return {"asked": asked.mean(-1), **found, "digit_kid": whole, **each}


def _one_class(fakes: Tensor, reals: Tensor) -> dict[str, Tensor]:
    scored = neighbor_scores(fakes, reals)
    return {"kid": METRICS["kid"](fakes, reals), **{k: scored[k] for k in ("precision", "recall", "coverage")}}

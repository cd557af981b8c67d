"""Halves and holes of digits filled in, by search in the latents of trained networks and by what needs no network.

A question is a test digit of which a *bed* hides a part: its ``lower`` half, or its ``center``. Seeds differ in their
networks and in the digits that they ask about; all arms of a seed are asked about the same ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np
import torch
from torch import Tensor, nn

from algan_lite.applications import inpaint, masked_error, mean_fill, nearest_fill, ridge_fill
from algan_lite.core.rng import draw, stream
from algan_lite.data import mnist
from algan_lite.data.finite import Finite
from algan_lite.metrics.digits import digit_features, digit_probabilities
from algan_lite.metrics.table import METRICS
from algan_lite.models import ensemble, fit_vae, mlp_pair, mlp_vae
from algan_lite.training.config import TrainConfig
from algan_lite.training.loop import train

SIZES = {"latent_dim": 16, "sample_shape": (1, 28, 28), "width": 128, "depth": 2}
STEPS, BATCH = 1500, 64
PLAIN = TrainConfig(
    num_steps=STEPS, batch_size=BATCH, regularizers={"r1": 1.0}, lr=4e-3, betas=(0.5, 0.99), ema_decay=0.99
)
CHOOSES = {"strategy": "top_k", "keep_decay": 0.99, "keep_floor": 0.5, "steps_per_epoch": STEPS // 75}
FILLS: dict[str, Callable[..., Tensor]] = {"ridge": ridge_fill, "nearest": nearest_fill, "mean": mean_fill}

Columns = dict[str, np.ndarray]
Pair = tuple[nn.Module, nn.Module | None]


def masks() -> dict[str, Tensor]:
    """Return bed -> which pixels are visible, (1, 28, 28) booleans: all but the lower half, all but 12 x 12 pixels."""
    visible = {bed: torch.ones(1, 28, 28, dtype=torch.bool) for bed in ("lower", "center")}
    visible["lower"][:, 14:] = False
    visible["center"][:, 8:20, 8:20] = False
    return visible


def questions(source: Finite, seed: int, n: int, part: str = "test") -> tuple[Tensor, Tensor, Tensor]:
    """Return n digits (n, 1, 28, 28) that a seed chooses, their classes (n,), and the digits that it does not."""
    x, labels = getattr(source, part), getattr(source, f"{part}_labels")
    order = draw(stream(seed, "questions"), (len(x),), "cpu", "uniform").argsort()
    return x[order[:n]], labels[order[:n]], x[order[n:]]


def gans(config: TrainConfig, seeds: Sequence[int]) -> list[Pair]:
    """Train a pair for each seed; return each one's averaged G, and its D."""
    G, D = ensemble(mlp_pair, seed=list(seeds), output="tanh", **SIZES)
    history = train(G, D, mnist(), config, seed=list(seeds), engine="graph", progress=False)
    return [(history.G_ema.member(k), D.member(k)) for k in range(len(seeds))]


def vaes(num_steps: int, seeds: Sequence[int]) -> list[Pair]:
    """Fit an autoencoder of the same decoder for each seed; there is no D."""
    vae = mlp_vae(seed=list(seeds), **SIZES)
    fit_vae(vae, mnist().train, num_steps=num_steps, batch_size=BATCH, seed=list(seeds))
    return [(vae.member(k), None) for k in range(len(seeds))]


def search_runs(
    networks: str,
    config: TrainConfig | int,
    searches: Mapping[str, Mapping[str, float]],
    seeds: Sequence[int],
    n: int = 100,
    part: str = "test",
) -> Columns:
    """Train networks for each seed, and let each kind of search fill in n digits on each bed.

    Args:
        networks: ``gan`` or ``vae``.
        config: Settings of the GANs, or the steps of the autoencoders.
        searches: Name -> options of ``inpaint``.
        seeds: One run each.
        n: Digits that are asked about.
        part: Where these come from: ``validation``, to choose settings by, or ``test``.

    Returns:
        Name -> a value a run, bed and search: ``arm`` (the name of the search), ``bed``, ``seed``, what ``measured``
        gives, and ``seconds``, of the search.
    """
    pairs = gans(config, seeds) if networks == "gan" else vaes(config, seeds)
    source, rows = mnist(), []
    for (G, D), seed in zip(pairs, seeds, strict=True):
        x, labels, others = questions(source, seed, n, part)
        for bed, visible in masks().items():
            for name, options in searches.items():
                start = time.perf_counter()
                filled = inpaint(G, x, visible, D=D, seed=seed, **options).filled
                seconds = time.perf_counter() - start
                found = measured(filled, x, labels, visible, others, D)
                rows.append({"arm": name, "bed": bed, "seed": seed, **found, "seconds": seconds})
    return _columns(rows)


def fill_runs(
    fills: Mapping[str, tuple[str, Mapping[str, float]]], seeds: Sequence[int], n: int = 100, part: str = "test"
) -> Columns:
    """Let what needs no network fill in the same digits.

    Args:
        fills: Name -> (name in ``FILLS``, its options).
        seeds: As for ``search_runs``, and so ``n`` and ``part``.
        n: Digits that are asked about.
        part: Where these come from.

    Returns:
        As for ``search_runs``.
    """
    source, rows = mnist(), []
    asked = [questions(source, seed, n, part) for seed in seeds]
    every = torch.cat([x for x, _, _ in asked])  # one regression answers the questions of all seeds
    for bed, visible in masks().items():
        for name, (which, options) in fills.items():
            start = time.perf_counter()
            filled = FILLS[which](source.train, every, visible, **options).split(n)
            seconds = (time.perf_counter() - start) / len(seeds)
            for seed, own, (x, labels, others) in zip(seeds, filled, asked, strict=True):
                found = measured(own[None], x, labels, visible, others)
                rows.append({"arm": name, "bed": bed, "seed": seed, **found, "seconds": seconds})
    return _columns(rows)


def _columns(rows: Sequence[Mapping[str, object]]) -> Columns:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


@torch.no_grad()
def measured(
    filled: Tensor, x: Tensor, labels: Tensor, visible: Tensor, others: Tensor, D: nn.Module | None = None
) -> dict[str, float]:
    """Measure K answers to each of N questions, the first of which counts.

    Args:
        filled: (K, N, 1, 28, 28), with the visible pixels of x.
        x: The truth, (N, 1, 28, 28).
        labels: Its classes, (N,).
        visible: (1, 28, 28) booleans.
        others: Reals that nobody was asked about, (M, 1, 28, 28).
        D: Chooses among the answers, where there is one.

    Returns:
        ``hidden_mse``: mean squared error over the hidden pixels, of the first answer; ``one_mse``, of one of the K at
        random; ``best_mse``, of the one that is nearest to the truth, which nobody can know; ``mean_mse``, of the
        answers' mean; ``D_mse``, of the one that D finds most real (NaN without a D). ``read``: share of first answers
        whose class the book's classifier reads. ``digit_kid``: of the first answers against other reals.
        ``sharpness``: as ``sharpness`` has it, over the truth's. ``diversity``: mean squared difference between two
        answers over the hidden pixels.
    """
    error = masked_error(filled, x, ~visible)  # (K, N)
    first, pairs = filled[0], list(combinations(range(len(filled)), 2))
    apart = [masked_error(filled[i], filled[j], ~visible).mean().item() for i, j in pairs]
    picked = error.gather(0, D(filled).argmax(0, keepdim=True)).mean().item() if D is not None else float("nan")
    return {
        "hidden_mse": error[0].mean().item(),
        "one_mse": error.mean().item(),
        "best_mse": error.amin(0).mean().item(),
        "mean_mse": masked_error(filled.mean(0), x, ~visible).mean().item(),
        "D_mse": picked,
        "read": (digit_probabilities(first).argmax(-1) == labels).double().mean().item(),
        "digit_kid": METRICS["kid"](digit_features(first), digit_features(others)).item(),
        "sharpness": (sharpness(first, ~visible) / sharpness(x, ~visible)).item(),
        "diversity": float(np.mean(apart)) if pairs else 0.0,
    }


def sharpness(x: Tensor, where: Tensor) -> Tensor:
    """Return the mean step between neighboring pixels, one above or left of the other, that lie both ``where``.

    Args:
        x: Images (..., N, 1, H, W).
        where: (1, H, W) booleans.
    """
    down, right = where[:, 1:] & where[:, :-1], where[..., 1:] & where[..., :-1]
    steps = (x[..., 1:, :] - x[..., :-1, :]).abs()[..., down], (x[..., 1:] - x[..., :-1]).abs()[..., right]
    return torch.cat(steps, -1).mean()

"""GANs on few digits: runs with reals of their own train at once, and are measured on reals that none has seen.

D is asked whether it knows its reals by heart (``auc``), the fakes whether they copy them (``data_copying``), and
whether they are digits at all. The averaged G makes the fakes, of one and the same noise in every run.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from algan_lite.core.rng import draw, stream
from algan_lite.data import each, few, folds, mnist
from algan_lite.data.finite import Finite
from algan_lite.metrics.auc import auc
from algan_lite.metrics.digits import digit_features
from algan_lite.metrics.distances import neighbor_scores
from algan_lite.metrics.sentinels import SENTINELS
from algan_lite.metrics.table import METRICS
from algan_lite.models.pairs import conv_pair, ensemble, mlp_pair
from algan_lite.training.config import TrainConfig
from algan_lite.training.loop import train

SIZES = {"latent_dim": 16, "sample_shape": (1, 28, 28), "width": 128, "depth": 2, "output": "tanh"}
PAIRS = {"dense": (mlp_pair, SIZES), "conv": (conv_pair, {"latent_dim": 32, "channels": 8})}
PLAIN = TrainConfig(
    num_steps=1000, batch_size=32, regularizers={"r1": 1.0}, lr=4e-3, betas=(0.5, 0.99), ema_decay=0.99, log_every=100
)
SHRINK = 0.5  # what the noise of a trained G is multiplied by, to make a sentinel

Columns = dict[str, np.ndarray]


def few_runs(
    config: TrainConfig,
    n: int,
    seeds: Sequence[int],
    num_samples: int = 500,
    part: str = "test",
    networks: str = "dense",
) -> Columns:
    """Train a GAN for each seed, on n of MNIST's reals that this seed chooses, and measure it.

    Args:
        config: The settings.
        n: Reals of a run, from 1 to 9,000.
        seeds: Of reals, weights and noise: one run each.
        num_samples: Fakes behind each number.
        part: The reals that they are compared with: ``validation``, to choose settings by, or ``test``.
        networks: ``dense`` or ``conv``.

    Returns:
        Name -> a value a run: ``seed``; the measures of ``measured`` and ``known_by_heart``; ``p``, the last chance of
        an augmentation under control (NaN: none was); ``diverged_at`` (-1: never); ``seconds`` of training, a share of
        what all runs took. Those of ``measured`` once more as ``shrunken_...``: of the same G with its noise shrunken.
    """
    whole = mnist()
    return _trained(config, [few(whole, n, seed) for seed in seeds], seeds, num_samples, part, networks)


def fold_runs(config: TrainConfig, n: int, k: int, seeds: Sequence[int], num_samples: int = 500) -> Columns:
    """Train a GAN for each of k folds of n of MNIST's reals, and for each seed.

    Args:
        config: The settings.
        n: Reals of which a fold holds out one part in k.
        k: Folds.
        seeds: Of weights and noise; the first also chooses and divides the reals.
        num_samples: Fakes behind each number.

    Returns:
        As for ``few_runs``, and the ``fold`` of each run: a run for each fold and, within it, each seed.
    """
    divided = folds(few(mnist(), n, seeds[0]), k, seeds[0])
    sources, own = [one for one in divided for _ in seeds], [*seeds] * k
    return {"fold": np.repeat(np.arange(k), len(seeds))} | _trained(config, sources, own, num_samples, "test", "dense")


def sentinel_runs(name: str, n: int, seeds: Sequence[int], num_samples: int = 500) -> Columns:
    """Measure a sentinel that knows n of MNIST's reals, as ``few_runs`` measures a GAN; no D, so no ``auc``."""
    whole = mnist()
    sources = [few(whole, n, seed) for seed in seeds]
    x = torch.stack([SENTINELS[name](one, num_samples, seed=s) for one, s in zip(sources, seeds, strict=True)])
    return {"seed": np.array(seeds)} | {key: value.numpy() for key, value in measured(x, sources, "test").items()}


def _trained(
    config: TrainConfig, sources: Sequence[Finite], seeds: Sequence[int], num_samples: int, part: str, networks: str
) -> Columns:
    make, sizes = PAIRS[networks]
    G, D = ensemble(make, seed=list(seeds), **sizes)
    start = time.perf_counter()
    history = train(G, D, each(sources), config, seed=list(seeds), progress=False)
    seconds = (time.perf_counter() - start) / len(seeds)
    z = draw(stream(0, "limited"), (num_samples, G.latent_dim), "cpu")
    with torch.no_grad():
        columns = measured(history.G_ema(z), sources, part) | known_by_heart(D, sources)
        shrunken = measured(history.G_ema(SHRINK * z), sources, part)
    columns |= {f"shrunken_{name}": value for name, value in shrunken.items()}
    nothing = [torch.full((len(seeds),), torch.nan)]
    columns |= {"p": history.columns.get("dial_augment", nothing)[-1], "diverged_at": history.diverged_at}
    told = {"seed": np.array(seeds), **{name: value.numpy() for name, value in columns.items()}}
    return told | {"seconds": np.full(len(seeds), seconds)}


def measured(x_fake: Tensor, sources: Sequence[Finite], part: str = "test") -> dict[str, Tensor]:
    """Measure the fakes of R runs against reals that none of them has seen, and against those that each has.

    Args:
        x_fake: (R, N, 1, 28, 28).
        sources: The reals of each run; they have the same unseen ones.
        part: Which of these: ``validation`` or ``test``.

    Returns:
        Name in ``METRICS`` -> (R,): ``data_copying``, ``digit_kid``, ``digit_precision``, ``digit_recall`` and
        ``digit_coverage``.
    """
    unseen, copying = getattr(sources[0], part), METRICS["data_copying"]
    copied = [copying(x, unseen, train=one.train) for x, one in zip(x_fake, sources, strict=True)]
    fake, real = digit_features(x_fake), digit_features(unseen)
    scores = neighbor_scores(fake, real)
    quality = {f"digit_{name}": scores[name] for name in ("precision", "recall", "coverage")}
    return {"data_copying": torch.stack(copied), "digit_kid": METRICS["kid"](fake, real), **quality}


def known_by_heart(D: nn.Module, sources: Sequence[Finite]) -> dict[str, Tensor]:
    """Return how often D's logit on a real that its run trained on is above that on one that it did not.

    Args:
        D: An ensemble of R discriminators.
        sources: The reals of each run.

    Returns:
        ``auc``, against the test part, and ``auc_held``, against the validation part (of a fold: its own reals), (R,).
    """

    def logits(parts: Iterable[Tensor]) -> list[Tensor]:
        return [D.member(k)(part) for k, part in enumerate(parts)]

    trained = logits(one.train for one in sources)
    others = {"auc": logits(one.test for one in sources), "auc_held": logits(one.validation for one in sources)}
    return {name: torch.stack(list(map(auc, trained, held))) for name, held in others.items()}

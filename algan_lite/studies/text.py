"""GANs that write dates: the runs of an arm train at once, each on dates of its own, and are asked for new ones.

The averaged G writes the strings, of one and the same noise in every run.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from algan_lite.applications.ngrams import NGram
from algan_lite.applications.strings import expected_scores, field_gap, flaws, string_scores
from algan_lite.core.rng import draw, stream
from algan_lite.data import Strings, dates, each
from algan_lite.models.pairs import ensemble
from algan_lite.models.strings import text_pair
from algan_lite.studies.cost import passes_a_step
from algan_lite.training.config import TrainConfig
from algan_lite.training.loop import train
from algan_lite.training.state import TrainState

SIZES = {"latent_dim": 32, "sample_shape": (11, 33), "width": 128, "depth": 2}
PLAIN = TrainConfig(
    num_steps=1000, batch_size=128, regularizers={"r1": 1.0}, lr=1e-3, betas=(0.0, 0.99), ema_decay=0.995, log_every=100
)
LONG = replace(PLAIN, num_steps=5000, ema_decay=0.998)  # what one core does in half a minute, with room to spare
BRIEF = replace(LONG, num_steps=3000)  # as good, and within that half a minute on a machine that others use, too

Columns = dict[str, np.ndarray]


def text_runs(
    config: TrainConfig,
    seeds: Sequence[int],
    pair: dict[str, object] | None = None,
    looks: Sequence[int] = (),
    num_samples: int = 2000,
    part: str = "test",
) -> Columns:
    """Train a GAN for each seed, on 4,000 dates that this seed chooses, and measure what it writes.

    Args:
        config: The settings.
        seeds: Of dates, weights and noise: one run each.
        pair: Options of ``text_pair`` beside ``SIZES``, such as ``output``.
        looks: Steps at which the runs are measured, beside the last one.
        num_samples: Strings behind each number.
        part: Strings that count as new: ``validation``, to choose settings by, or ``test``.

    Returns:
        Name -> a value a run and look: ``seed``, ``step``; ``passes``, samples through G and D until then, in batches;
        the measures of ``measured``; ``logit_real`` and ``logit_fake``, D's means at the last step; ``diverged_at``
        (-1: never); ``seconds`` of one core for the whole training, a share of what all runs took.
    """
    sources = [_source(seed) for seed in seeds]
    G, D = ensemble(text_pair, seed=list(seeds), **SIZES, **(pair or {}))
    z = draw(stream(0, "text"), (num_samples, G.latent_dim), "cpu")
    told: list[Columns] = []

    def look(state: TrainState) -> None:
        if state.step in (*looks, config.num_steps):
            at = {"seed": np.array(seeds), "step": np.full(len(seeds), state.step)}
            told.append(at | measured(state.history.G_ema, z, sources, part))

    start = time.process_time()
    history = train(G, D, each(sources), config, seed=list(seeds), callbacks=[look], progress=False)
    seconds = (time.process_time() - start) / len(seeds)
    columns = {name: np.concatenate([one[name] for one in told]) for name in told[0]}
    last = {name: history.columns[name][-1] for name in ("logit_real", "logit_fake")}
    last |= {"diverged_at": history.diverged_at, "seconds": torch.full((len(seeds),), seconds)}
    columns |= {name: np.tile(values.numpy(), len(told)) for name, values in last.items()}
    return columns | {"passes": columns["step"] * passes_a_step(config)}


@cache
def _source(seed: int) -> Strings:
    return dates(seed=seed)  # takes most of a second


def lone_runs(config: TrainConfig, seeds: Sequence[int], pair: dict[str, object] | None = None) -> Columns:
    """Train the seeds one after the other, so that ``seconds`` are those of a run alone on one core."""
    runs = [text_runs(config, [seed], pair) for seed in seeds]
    return {name: np.concatenate([one[name] for one in runs]) for name in runs[0]}


def measured(G: nn.Module, z: Tensor, sources: Sequence[Strings], part: str = "test") -> Columns:
    """Measure what R runs write.

    Args:
        G: An ensemble of R generators.
        z: Latents (N, latent_dim), the same for every run.
        sources: What each run trained on.
        part: As for ``text_runs``.

    Returns:
        Name -> (R,): the scores of ``string_scores``; ``month_gap`` and ``year_gap``, how far these are from the law of
        all dates; ``flaw_day`` ... ``flaw_together``, what is wrong where something is. NaN where G does not write
        numbers any more.
    """
    with torch.no_grad():
        x = G(z)
    rows = [
        scores_of(source.alphabet.decode(own), source, part) if own.isfinite().all() else {}
        for own, source in zip(x, sources, strict=True)
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}


def scores_of(texts: Sequence[str], source: Strings, part: str = "test") -> dict[str, float]:
    """Return what is measured of one run's strings; names as in ``measured``."""
    gaps = {f"{name}_gap": field_gap(texts, source, name) for name in ("month", "year")}
    wrong = {f"flaw_{name}": share for name, share in flaws(texts, source).items()}
    return string_scores(texts, source, part) | gaps | wrong


def known_laws(source: Strings) -> dict[str, np.ndarray]:
    """Return the laws beside which a GAN stands: name -> probability of each string of ``source.language``.

    ``uniform_box`` writes letters at random; ``shapeless`` each letter by the marginals of its place; ``one_mode`` one
    date again and again; ``copycat`` repeats the training dates; ``perfect`` knows all. Then the n-grams that count
    wherever a letter stands (``2-gram`` ... ``4-gram``), and those that count place by place (``2-gram, placed`` ...).
    """
    every, trained = source.language, source.texts["train"]
    n, known = len(every), np.arange(len(every)) < len(trained)
    laws = {
        "uniform_box": np.full(n, float(source.sample_shape[1]) ** -source.sample_shape[0]),
        "shapeless": NGram(trained, 1).probability(every),
        "one_mode": np.where(np.arange(n) == 0, 1.0, 0.0),
        "copycat": known / len(trained),
        "perfect": np.full(n, 1 / n),
    }
    for placed in (False, True):
        grams = {f"{k}-gram{', placed' * placed}": NGram(trained, k, placed) for k in (2, 3, 4)}
        laws |= {name: model.probability(every) for name, model in grams.items()}
    return laws


def law_rows(seeds: Sequence[int], num_samples: int = 2000) -> list[dict[str, object]]:
    """Return the exact expected scores of the known laws, on the dates of each seed: a row a law and seed."""
    return [
        {"arm": name, "seed": seed, **expected_scores(p, _source(seed), num_samples)}
        for seed in seeds
        for name, p in known_laws(_source(seed)).items()
    ]

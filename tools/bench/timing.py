"""How speeds are measured: in turns, and by the median, since machines are noisy."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch

import algan_lite as al

TURNS = 5
TOY = al.TrainConfig(num_steps=200, batch_size=128, regularizers={"r1": 0.1}, strategy="top_k")
PLAIN = replace(TOY, num_steps=500, batch_size=al.TrainConfig().batch_size)  # with networks of the default size
SMALL = {"width": 32, "depth": 2}


def seconds(work: Callable[[], object]) -> float:
    """Return how long it takes.

    Args:
        work: What is timed.
    """
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def toy_steps_per_second(
    runs: int | None,
    loop: Callable[..., object] | None = None,
    *,
    engine: str = "eager",
    steps: int | None = None,
    **sizes: int,
) -> float:
    """Return run-steps a second, set-up included.

    Args:
        runs: Of an ensemble; None: one GAN.
        loop: Trains instead of ``train()``.
        engine: Of ``train()``.
        steps: How many; None: a few hundred.
        sizes: Of the networks; those of the default size get the default batch.
    """
    G, D = al.models.mlp_pair(**sizes) if runs is None else al.models.ensemble(al.models.mlp_pair, runs=runs, **sizes)
    source, config = al.data.ring(), TOY if sizes else PLAIN
    config = config if steps is None else replace(config, num_steps=steps)
    work = loop or (lambda *args: al.train(*args, engine=engine, progress=False))
    return config.num_steps * (runs or 1) / seconds(lambda: work(G, D, source, config))


def turns(*measures: Callable[[], float]) -> list[list[float]]:
    """Measure in turns, after one turn that is thrown away; return the values of each measure."""
    rounds = [[measure() for measure in measures] for _ in range(TURNS + 1)]
    return [list(values) for values in zip(*rounds[1:], strict=True)]


def at_threads(threads: int, measure: Callable[[], float]) -> float:
    """Measure with this many threads of PyTorch."""
    torch.set_num_threads(threads)
    return measure()


def best(measure: Callable[[], float], cores: int) -> float:
    """Return the median speed at the better of one thread and all."""
    speeds = turns(*(lambda t=t: at_threads(t, measure) for t in sorted({1, cores})))
    return max(statistics.median(values) for values in speeds)

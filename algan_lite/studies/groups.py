"""Which runs train together, and on which engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from torch import nn

from algan_lite.objective.losses import resolve_loss
from algan_lite.selection.strategies import resolve_strategy
from algan_lite.training.config import TrainConfig
from algan_lite.training.engines import RUNS

Run = tuple[str, int]  # (arm, seed)
ENGINES = ("auto", "graph", "eager")
FEWEST = 4  # runs of a graph: splitting fewer does not pay


@dataclass(frozen=True)
class Group:
    """Runs that train as one ensemble, equal but for seeds and constant lambdas."""

    runs: tuple[Run, ...]
    engine: str = "eager"

    def halves(self) -> tuple[Group, ...]:
        """Return the runs in two groups; one run cannot be halved."""
        middle = len(self.runs) // 2
        return tuple(replace(self, runs=runs) for runs in (self.runs[:middle], self.runs[middle:]) if middle)


def is_constant(config: TrainConfig) -> bool:
    """Return whether every lambda is a number."""
    return all(isinstance(lam, int | float) for lam in config.regularizers.values())


def together(
    arms: Mapping[str, TrainConfig],
    seeds: Sequence[int],
    done: Collection[Run],
    *,
    engine_of: Callable[[str], str],
    most: int,
    workers: int,
) -> Iterator[Group]:
    """Yield the groups that are left to train.

    Groups do not depend on what is done: whoever resumes trains the very ensembles that were left, bit for bit.

    Args:
        arms: arm -> settings.
        seeds: Of every arm.
        done: Runs that need no training.
        engine_of: arm -> engine; asked once for each kind of run that is not done.
        most: Largest ensemble.
        workers: Processes that wait for work.
    """
    for runs in _kinds(arms, seeds).values():
        if not set(runs) <= set(done):
            engine = engine_of(runs[0][0])
            for chunk in _chunks(runs, most) if engine == "eager" else _even_chunks(runs, min(most, RUNS), workers):
                if left := tuple(run for run in chunk if run not in done):
                    yield Group(left, engine)


def _kinds(arms: Mapping[str, TrainConfig], seeds: Sequence[int]) -> dict[object, list[Run]]:
    """Put runs together that may train as one ensemble."""
    kinds: dict[object, list[Run]] = {}
    for arm, config in arms.items():
        zeros = replace(config, regularizers=dict.fromkeys(config.regularizers, 0.0))
        # By the loss and strategy themselves: another one may have its name.
        entries = id(resolve_loss(config.loss)), id(resolve_strategy(config.strategy))
        kind = (repr(zeros.describe()), *entries) if is_constant(config) else arm
        kinds.setdefault(kind, []).extend((arm, seed) for seed in seeds)
    return kinds


def _chunks(runs: Sequence[Run], most: int) -> list[Sequence[Run]]:
    return [runs[k : k + most] for k in range(0, len(runs), most)]


def _even_chunks(runs: Sequence[Run], most: int, workers: int) -> list[Sequence[Run]]:
    """Split runs evenly, into a multiple of the workers where no chunk becomes too small for that."""
    fewest = math.ceil(len(runs) / most)
    shared = min(workers * math.ceil(fewest / workers), len(runs) // FEWEST)
    count = max(fewest, shared)
    bounds = [k * len(runs) // count for k in range(count + 1)]
    return [runs[a:b] for a, b in pairwise(bounds)]


def choose_engine(
    wanted: str, arm: str, config: TrainConfig, networks: Callable[[], tuple[nn.Module, ...]]
) -> tuple[str, str]:
    """Return ``graph`` where the graph's engine can run this and is wanted, else ``eager``; and why.

    Raises:
        ValueError: If ``wanted`` is ``graph`` and that cannot be.
    """
    if wanted == "eager":
        return "eager", "asked for"
    if (why := _unfit(config, networks)) is None:
        return "graph", "it can"
    if wanted == "graph":
        raise ValueError(f"engine must be 'auto' or 'eager' for arm {arm!r}: {why}; got 'graph'")
    return "eager", why


def _unfit(config: TrainConfig, networks: Callable[[], tuple[nn.Module, ...]]) -> str | None:
    """Return why the graph's engine cannot run this; None if it can."""
    from algan_lite.export.engine import unfit  # brings the exporter

    try:
        pair = networks()
    except Exception as error:  # of somebody's own pair: each of its runs will say so
        return f"its networks cannot be made: {error}"
    return unfit(config, *pair)

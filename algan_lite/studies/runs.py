"""One group of runs: trained as one ensemble, measured, a row a run."""

from __future__ import annotations

import os
import pickle
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from algan_lite.core.keys import content_key
from algan_lite.core.rng import draw, stream
from algan_lite.core.version import __version__
from algan_lite.data.sources import Source
from algan_lite.metrics.table import METRICS
from algan_lite.models.doors import weights_like
from algan_lite.models.networks import evaluating, layers_of
from algan_lite.models.pairs import ensemble, make_pair
from algan_lite.studies.curves import Curve, Looks, look_steps
from algan_lite.studies.groups import Group, Run, is_constant
from algan_lite.studies.leash import Leash
from algan_lite.training.config import TrainConfig
from algan_lite.training.history import History, TrainingDiverged
from algan_lite.training.loop import train
from algan_lite.training.state import TrainState

Pair = Callable[..., tuple[nn.Module, nn.Module]]
Row = dict[str, object]
COUNTED = ("diverged_at", "num_calls", "seconds")
_making = threading.Lock()  # initial weights come from PyTorch's global generator: one thread at a time


@dataclass(frozen=True)
class Job:
    """What every group of runs has in common."""

    source: Source
    pair: Pair
    sizes: Mapping[str, object]
    metrics: tuple[str, ...]
    num_samples: int
    looks: Looks = ()

    def key(self, config: TrainConfig) -> str:
        """Return a short key of everything that a row depends on but its seed."""
        measures = {name: METRICS[name] for name in self.metrics}
        told = (config.describe(), config.functions(), self.source, self.pair, self.sizes, measures, self.num_samples)
        told += (self.looks,) if self.looks else ()
        try:
            return f"{content_key(__version__, told)}-{__version__}"  # never a number for whoever reads the table
        except TypeError as error:
            raise TypeError(f"path: a file of rows {error}") from error

    @property
    def measured(self) -> list[str]:
        """The columns of a row that are NaN where the run has failed or diverged."""
        return [*self.metrics, *(f"ema_{name}" for name in self.metrics)]

    @property
    def columns(self) -> list[str]:
        """The columns of a row."""
        step = ["step"] if self.looks else []
        return ["arm", "seed", *step, *self.measured, *COUNTED, "error"]

    def networks(self, seed: int) -> tuple[nn.Module, nn.Module]:
        """Return the pair of a seed."""
        with _making:
            return make_pair(self.pair, seed, self.sizes)

    def failed(self, group: Group, config: TrainConfig, error: Exception) -> list[Row]:
        """Return the rows of runs that could not be trained or measured."""
        text = " ".join(f"{type(error).__name__}: {error}".split())[:300].encode(errors="replace").decode()
        nothing = dict.fromkeys(self.measured, torch.nan) | {"diverged_at": -1, "num_calls": 0, "seconds": torch.nan}
        steps = look_steps(self.looks, config.num_steps)
        return [self.row(run, step, {**nothing, "error": text}) for run in group.runs for step in steps]

    def row(self, run: Run, step: int, values: Row) -> Row:
        """Return one row."""
        when = {"step": step} if self.looks else {}
        return {"arm": run[0], "seed": run[1], **when, **values}


def train_group(
    job: Job, arms: Mapping[str, TrainConfig], group: Group, threads: int, leash: Leash
) -> list[Row] | Exception:
    """Train the runs of a group as one ensemble; return a row each, or what went wrong."""
    leash.hold()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return _rows(job, arms, group, leash)
    except Exception as error:
        if os.getpid() != leash.home:
            error.add_note("".join(traceback.format_exception(error)))  # it stays behind in this process
        traceback.clear_frames(error.__traceback__)  # they hold the memory that may have been too little
        return _portable(error)
    finally:
        torch.set_num_threads(before)


def _portable(error: Exception) -> Exception:
    """Return an error that another process can read."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _rows(job: Job, arms: Mapping[str, TrainConfig], group: Group, leash: Leash) -> list[Row]:
    steps = look_steps(job.looks, arms[group.runs[0][0]].num_steps)
    curve = Curve(steps, lambda G, history: _look(job, G, history), len(group.runs))
    curve.end(*_train(job, arms, group, [leash, curve]))
    return [
        job.row(run, step, {name: column[k] for name, column in columns.items()} | {"error": ""})
        for k, run in enumerate(group.runs)
        for step, columns in curve.seen.items()
    ]


def _look(job: Job, G: nn.Module, history: History) -> dict[str, list[float]]:
    """Return measure -> a value a run, of G and of the averaged one."""
    lost = history.diverged_at.cpu() >= 0
    return _measure(job, G, lost) | {f"ema_{k}": v for k, v in _measure(job, history.G_ema, lost).items()}


def _train(
    job: Job, arms: Mapping[str, TrainConfig], group: Group, callbacks: Sequence[Callable[[TrainState], None]]
) -> tuple[nn.Module, History]:
    runs = group.runs
    if group.engine == "graph" and len(runs) == 1:
        runs = runs * 2  # a graph of one run rounds otherwise than one of several, which all round alike
    seeds, config = [seed for _, seed in runs], arms[runs[0][0]]
    if len(seeds) == 1:
        G, D = job.networks(seeds[0])
    else:
        with _making:
            G, D = ensemble(job.pair, seed=seeds, **job.sizes)
        config = _joined([arms[arm] for arm, _ in runs])
    try:
        return G, train(G, D, job.source, config, seed=seeds, callbacks=callbacks, engine=group.engine, progress=False)
    except TrainingDiverged as error:
        return G, error.history


def _joined(configs: Sequence[TrainConfig]) -> TrainConfig:
    """Return settings of an ensemble whose runs differ in their lambdas only."""
    if not is_constant(configs[0]):
        return configs[0]
    lams = {name: torch.tensor([config.regularizers[name] for config in configs]) for name in configs[0].regularizers}
    return replace(configs[0], regularizers=lams)


@torch.no_grad()
def _measure(job: Job, G: nn.Module, lost: Tensor) -> dict[str, list[float]]:
    """Return metric -> a value a run; NaN for the runs that are lost."""
    like = weights_like(G)
    z = draw(stream(0, "sweep"), (job.num_samples, G.latent_dim), like.device).to(like.dtype)
    with evaluating(layers_of(G)):
        x_fake = G(z).nan_to_num(0.0, 0.0, 0.0)
    values = {name: METRICS[name](x_fake, job.source).reshape(-1) for name in job.metrics}
    return {name: torch.where(lost, torch.nan, value).tolist() for name, value in values.items()}

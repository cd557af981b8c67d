"""Many runs at once: every seed of every setting, as one table with a row a run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
import torch
from joblib import cpu_count
from pandas.api.types import is_integer_dtype, is_numeric_dtype
from torch import Tensor, nn

from algan_lite.core.checks import check_integer, check_kind
from algan_lite.core.files import check_writable
from algan_lite.core.keys import content_key
from algan_lite.core.rng import draw, stream
from algan_lite.core.version import __version__
from algan_lite.data.sources import Source
from algan_lite.metrics.table import METRICS
from algan_lite.models.doors import weights_like
from algan_lite.models.networks import evaluating, layers_of
from algan_lite.models.pairs import ensemble, make_pair, mlp_pair
from algan_lite.objective.losses import resolve_loss
from algan_lite.studies.doors import check_arms, check_job, check_jobs, check_seeds, check_sizes
from algan_lite.studies.spread import spread
from algan_lite.studies.tables import read_table, write_table
from algan_lite.training.config import TrainConfig
from algan_lite.training.doors import check_source
from algan_lite.training.history import History, TrainingDiverged
from algan_lite.training.loop import train

Pair = Callable[..., tuple[nn.Module, nn.Module]]
COUNTED = ("diverged_at", "num_calls", "seconds")
DISTANCES = ("frechet_distance", "kid", "precision", "recall")


def sweep(
    source: Source,
    configs: TrainConfig | Mapping[str, TrainConfig],
    seeds: Iterable[int] = range(20),
    *,
    pair: Pair = mlp_pair,
    sizes: Mapping[str, object] | None = None,
    metrics: Sequence[str] | None = None,
    num_samples: int = 2500,
    runs_at_once: int = 64,
    jobs: int = 1,
    path: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Train every seed of every setting and measure the last iterate and the averaged G.

    Runs that differ in their seed or in a constant lambda only train together, as one ensemble. Arms are paired: run
    (arm, seed) has the initial weights, reals and noise of every other arm with this seed.

    Args:
        source: The data.
        configs: arm -> settings; an arm's name is printable text. A single config is the arm ``plain``.
        seeds: One run each; they differ.
        pair: Makes G and D: ``pair(seed=..., **sizes)``.
        sizes: Options of ``pair``; by default ``sample_shape`` of the source and the pair's own.
        metrics: Names in ``METRICS``; by default those of the modes where the source has modes, else distances.
        num_samples: Plain fakes behind each number, the same latents for every run, >= 2.
        runs_at_once: Largest ensemble, >= 1 (1 for convolutions on a CPU: an ensemble gains nothing there).
        jobs: Processes, each with its share of the cores, >= 1; -1: one a core.
        path: CSV file that every finished group of runs is added to; runs that it has already are not trained again.
            Then everything that a row depends on must be found by name in another process: no lambdas.
        progress: Show a progress bar; None: unless the environment variable ALGAN_LITE_PROGRESS is 0.

    Returns:
        A row a run: ``arm``, ``seed``, a column a metric, the same of the averaged G as ``ema_...``, ``diverged_at``
        (-1: never), ``num_calls`` and ``seconds`` (its share of the ensemble's time). A run that diverged keeps its
        row, with NaN.

    Raises:
        KeyboardInterrupt: If it is interrupted; ``.table`` of the exception holds the rows so far.
        TypeError: If an argument is of another kind, or with ``path`` something has no name, such as a lambda.
        ValueError: If an argument is out of range, or ``path`` is no file of a sweep, cannot be written, or holds rows
            of other data, networks, settings or measures, or of another version, under the same arm.

    Example:
        >>> from algan_lite import data
        >>> few = TrainConfig(num_steps=2, batch_size=8)
        >>> sweep(data.ring(), {"plain": few}, seeds=range(3), num_samples=10, progress=False).shape
        (3, 17)
    """
    arms, seeds = check_arms(configs), check_seeds(seeds)
    check_source(source)
    check_jobs(jobs)
    measured = _metrics(source, metrics), check_integer("num_samples", num_samples, 2)
    job = _Job(source, pair, check_sizes(pair, source, sizes or {}), *measured)
    check_job(source, job.metrics)
    rows = _Rows(path, {arm: "" if path is None else job.key(config) for arm, config in arms.items()}, job.columns)
    groups = list(_groups(arms, seeds, rows.done, check_integer("runs_at_once", runs_at_once, 1)))
    threads = max(1, torch.get_num_threads() // (jobs if jobs > 0 else cpu_count()))
    calls = [(job, arms, group, threads) for group in groups]
    try:
        for found in spread(_train_group, calls, jobs=jobs, progress=progress, desc="sweep", unit="group"):
            rows.add(found)
    except KeyboardInterrupt as interrupt:
        interrupt.table = rows.frame
        raise
    return rows.table([(arm, seed) for arm in arms for seed in seeds])


Run = tuple[str, int]  # (arm, seed)


@dataclass(frozen=True)
class _Job:
    """What every group of runs has in common."""

    source: Source
    pair: Pair
    sizes: Mapping[str, object]
    metrics: tuple[str, ...]
    num_samples: int

    def key(self, config: TrainConfig) -> str:
        """Return a short key of everything that a row depends on but its seed."""
        measures = {name: METRICS[name] for name in self.metrics}
        told = (config.describe(), config.functions(), self.source, self.pair, self.sizes, measures, self.num_samples)
        try:
            return f"{content_key(__version__, told)}-{__version__}"  # never a number for whoever reads the table
        except TypeError as error:
            raise TypeError(f"path: a file of rows {error}") from error

    @property
    def columns(self) -> list[str]:
        """The columns of a row."""
        return ["arm", "seed", *self.metrics, *(f"ema_{name}" for name in self.metrics), *COUNTED]


class _Rows:
    """The rows so far, kept in a CSV file where there is a path."""

    def __init__(self, path: str | os.PathLike[str] | None, keys: Mapping[str, str], columns: list[str]) -> None:
        self.keys, self.columns, self.frame, self.path = keys, columns, pd.DataFrame(columns=columns), None
        if path is not None:
            self.path = check_writable("path", path)
            if self.path.exists():
                self.frame = read_table("path", self.path, ["arm", "seed", "settings"])
                self._check()
        self.done: set[Run] = set(self._pairs("arm", "seed"))

    def _check(self) -> None:
        for arm, key in self._pairs("arm", "settings"):
            if self.keys.get(arm, key) != key:
                raise ValueError(
                    f"path must hold runs of the same settings; {self.path} has others under arm {arm!r} (or of other "
                    f"data, networks, measures or another version): key {key} in the file, {self.keys[arm]} now"
                )
        if lacking := [name for name in self.columns if name not in self.frame]:
            raise ValueError(f"path must hold the columns of this sweep; {self.path} lacks {', '.join(lacking)}")
        for name in self.columns[1:]:
            if not is_numeric_dtype(self.frame[name]):
                raise ValueError(f"path must hold numbers in column {name!r}; {self.path} does not")
        if not is_integer_dtype(self.frame["seed"]):
            raise ValueError(f"path must hold integers in column 'seed'; {self.path} does not")
        if self.frame.duplicated(["arm", "seed"]).any():
            arm, seed = self._pairs("arm", "seed")[self.frame.duplicated(["arm", "seed"]).argmax()]
            raise ValueError(f"path must hold a run once; {self.path} has arm {arm!r}, seed {seed} twice")

    def _pairs(self, *columns: str) -> list[tuple]:
        return [] if self.frame.empty else list(self.frame[list(columns)].itertuples(index=False, name=None))

    def add(self, rows: list[dict[str, object]]) -> None:
        """Append rows, and save."""
        fresh = pd.DataFrame(rows).assign(settings=[self.keys[row["arm"]] for row in rows])
        self.frame = fresh if self.frame.empty else pd.concat([self.frame, fresh], ignore_index=True)
        if self.path is not None:
            write_table(self.frame, self.path)

    def table(self, runs: Sequence[Run]) -> pd.DataFrame:
        """Return the rows of these runs in their order."""
        return self.frame[self.columns].set_index(["arm", "seed"]).loc[list(runs)].reset_index()


def _metrics(source: Source, names: Sequence[str] | None) -> tuple[str, ...]:
    if names is None:
        names = (
            DISTANCES if source.modes is None else [name for name, metric in METRICS.items() if metric.needs == "modes"]
        )
    check_kind("metrics", names, Sequence, "a sequence of names in METRICS")
    return tuple(name for name in names if METRICS[name])  # an unknown name is refused here


def _is_constant(config: TrainConfig) -> bool:
    return all(isinstance(lam, int | float) for lam in config.regularizers.values())


def _groups(arms: Mapping[str, TrainConfig], seeds: Sequence[int], done: set[Run], most: int) -> Iterator[list[Run]]:
    """Put runs together that may train as one ensemble: equal but for seeds and constant lambdas."""
    kinds: dict[object, list[Run]] = {}
    for arm, config in arms.items():
        zeros = replace(config, regularizers=dict.fromkeys(config.regularizers, 0.0))
        # By the loss itself: another one may have its name.
        kind = (repr(zeros.describe()), id(resolve_loss(config.loss))) if _is_constant(config) else arm
        kinds.setdefault(kind, []).extend((arm, seed) for seed in seeds if (arm, seed) not in done)
    for runs in kinds.values():
        yield from (runs[k : k + most] for k in range(0, len(runs), most))


def _train_group(job: _Job, arms: Mapping[str, TrainConfig], group: list[Run], threads: int) -> list[dict[str, object]]:
    """Train the runs of a group as one ensemble; return a row each."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        begin = time.perf_counter()
        G, history = _train(job, [arms[arm] for arm, _ in group], [seed for _, seed in group])
        seconds = (time.perf_counter() - begin) / len(group)
    finally:
        torch.set_num_threads(before)
    lost = history.diverged_at.cpu() >= 0
    columns = _measure(job, G, lost) | {f"ema_{k}": v for k, v in _measure(job, history.G_ema, lost).items()}
    columns |= {"diverged_at": history.diverged_at.tolist()}
    return [
        {"arm": arm, "seed": seed, **{name: column[k] for name, column in columns.items()}}
        | {"num_calls": history.num_calls, "seconds": seconds}
        for k, (arm, seed) in enumerate(group)
    ]


def _train(job: _Job, configs: Sequence[TrainConfig], seeds: Sequence[int]) -> tuple[nn.Module, History]:
    config = configs[0]
    if len(seeds) == 1:
        G, D = make_pair(job.pair, seeds[0], job.sizes)
    else:
        G, D = ensemble(job.pair, seed=seeds, **job.sizes)
        if _is_constant(config):
            lams = {name: torch.tensor([c.regularizers[name] for c in configs]) for name in config.regularizers}
            config = replace(config, regularizers=lams)
    try:
        return G, train(G, D, job.source, config, seed=seeds, progress=False)
    except TrainingDiverged as error:
        return G, error.history


@torch.no_grad()
def _measure(job: _Job, G: nn.Module, lost: Tensor) -> dict[str, list[float]]:
    """Return metric -> a value a run; NaN for the runs that are lost."""
    like = weights_like(G)
    z = draw(stream(0, "sweep"), (job.num_samples, G.latent_dim), like.device).to(like.dtype)
    with evaluating(layers_of(G)):
        x_fake = G(z).nan_to_num(0.0, 0.0, 0.0)
    values = {name: METRICS[name](x_fake, job.source).reshape(-1) for name in job.metrics}
    return {name: torch.where(lost, torch.nan, value).tolist() for name, value in values.items()}

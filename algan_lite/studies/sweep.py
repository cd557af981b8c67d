"""Many runs at once: every seed of every setting, as one table with a row a run, or a row a look at it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial

import pandas as pd
import torch
from joblib import effective_n_jobs

from algan_lite.core.checks import check_choice, check_integer, check_kind
from algan_lite.core.progress import progress_bar
from algan_lite.data.sources import Source
from algan_lite.metrics.table import METRICS
from algan_lite.models.pairs import mlp_pair
from algan_lite.studies.cost import samples_a_step
from algan_lite.studies.curves import check_looks
from algan_lite.studies.doors import check_arms, check_job, check_jobs, check_seeds, check_sizes
from algan_lite.studies.groups import ENGINES, Group, choose_engine, together
from algan_lite.studies.leash import Leash
from algan_lite.studies.rows import Rows
from algan_lite.studies.runs import Job, Pair, Row, train_group
from algan_lite.studies.spread import spread
from algan_lite.training.config import TrainConfig
from algan_lite.training.doors import check_source

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
    engine: str = "auto",
    runs_at_once: int = 64,
    jobs: int | None = None,
    path: str | os.PathLike[str] | None = None,
    looks: int | Sequence[int] = (),
    progress: bool | None = None,
) -> pd.DataFrame:
    """Train every seed of every setting and measure the last iterate and the averaged G.

    Runs that differ in their seed or in a constant lambda only train together, as one ensemble. Arms are paired: run
    (arm, seed) has the initial weights, reals and noise of every other arm with this seed.

    A row depends on its settings and its seed. The same call on as many workers gives the same table bit for bit,
    whichever backend of joblib it uses and however often it is killed and resumed (``seconds`` are what they are). On a
    graph a run's row does not depend on which others it trains with, either. Eager ensembles of other sizes, another
    number of threads or another engine make the same draws and round otherwise.

    Args:
        source: The data.
        configs: arm -> settings; an arm's name is printable text. A single config is the arm ``plain``.
        seeds: One run each; they differ.
        pair: Makes G and D: ``pair(seed=..., **sizes)``.
        sizes: Options of ``pair``; by default ``sample_shape`` of the source and the pair's own.
        metrics: Names in ``METRICS``; by default those of the modes where the source has modes, else distances.
        num_samples: Plain fakes behind each number, the same latents for every run, >= 2.
        engine: What runs the steps: ``eager`` (PyTorch), ``graph`` (onnxruntime: dense networks on a CPU), or ``auto``,
            each arm on the graph where that can run it.
        runs_at_once: Largest ensemble, >= 1 (1 for convolutions on a CPU: an ensemble gains nothing there). A graph
            takes at most 16, in even chunks of one thread each.
        jobs: Processes, each with its share of the cores, >= 1; -1: one a core; None: what ``joblib.parallel_config``
            says, whose backend is used as it is (a ``dask.distributed`` cluster, Ray, ...), otherwise 1.
        path: CSV file that every finished group of runs is added to; runs that it has already are not trained again.
            Several sweeps may write to it at once. Then everything that a row depends on must be found by name in
            another process: no lambdas.
        looks: Steps of the run at which it is measured, besides its last one; or how many times, >= 2: evenly on a log
            scale from a hundredth of the run to its end. By default a run is measured at its end only.
        progress: Show a progress bar; None: unless the environment variable ALGAN_LITE_PROGRESS is 0.

    Returns:
        A row a run: ``arm``, ``seed``, a column a metric, the same of the averaged G as ``ema_...``, ``diverged_at``
        (-1: never), ``num_calls``, ``seconds`` (its share of the ensemble's time) and ``error``. A run that diverged
        keeps its row, with NaN. So does one that failed, or whose worker was killed again and again: ``error`` says
        how (otherwise it is empty), a warning says how many there are, and a sweep on the same path tries them again.
        With ``looks`` a row a run and look, with its ``step``, and in ``passes`` the samples that went forward through
        G or D until then, as ``num_calls`` and ``seconds`` are those until then; NaN from where a run diverged.
        ``.attrs["engines"]`` says for each kind of run that was trained, by its first arm, which engine ran it and why.

    Raises:
        Exception: What went wrong first, if every run failed.
        KeyboardInterrupt: If it is interrupted; ``.table`` of the exception holds the rows so far.
        TypeError: If an argument is of another kind, or with ``path`` something has no name, such as a lambda.
        ValueError: If an argument is out of range, if ``graph`` cannot run an arm, or ``path`` is no file of a sweep,
            cannot be written, or holds rows of other data, networks, settings or measures, or of another version,
            under the same arm.

    Example:
        >>> from algan_lite import data
        >>> few = TrainConfig(num_steps=2, batch_size=8)
        >>> sweep(data.ring(), {"plain": few}, seeds=range(3), num_samples=10, progress=False).shape
        (3, 18)
    """
    arms, seeds = check_arms(configs), check_seeds(seeds)
    check_source(source)
    check_jobs(jobs)
    check_choice("engine", engine, ENGINES)
    measured = measures(source, metrics), check_integer("num_samples", num_samples, 2)
    job = Job(
        source, pair, check_sizes(pair, source, {} if sizes is None else sizes), *measured, check_looks(looks, arms)
    )
    check_job(source, job.metrics, job.num_samples)
    cost = {arm: samples_a_step(config) for arm, config in arms.items()} if job.looks else {}
    rows = Rows(path, {arm: "" if path is None else job.key(config) for arm, config in arms.items()}, job.columns)
    workers, most = effective_n_jobs(jobs), check_integer("runs_at_once", runs_at_once, 1)
    engines: dict[str, tuple[str, str]] = {}
    engine_of = partial(_engine, engines, engine, arms, job, seeds[0])
    groups = list(together(arms, seeds, rows.done, engine_of=engine_of, most=most, workers=workers))
    leash, first = Leash(), None
    call = partial(_call, job, arms, leash, max(1, torch.get_num_threads() // workers))
    runs = [(arm, seed) for arm in arms for seed in seeds]
    bar = progress_bar(shown=progress, desc="sweep", unit="run", total=len(runs), initial=len(rows.done & set(runs)))
    try:
        with bar, closing(_outcomes(groups, call, jobs)) as outcomes:
            for group, found in outcomes:
                if isinstance(found, Exception):
                    first, found = first or found, job.failed(group, arms[group.runs[0][0]], found)
                rows.add(found)
                bar.update(len(group.runs))
    except KeyboardInterrupt as interrupt:
        interrupt.table = rows.frame
        raise
    finally:
        leash.cut = True
    table = _looked_at(rows.table(runs), first)
    if cost:
        table.insert(3, "passes", table["step"] * table["arm"].map(cost))
    table.attrs["engines"] = engines
    return table


def measures(source: Source, names: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the names of what is measured: those given, or the source's own."""
    if names is None:
        names = (
            DISTANCES if source.modes is None else [name for name, metric in METRICS.items() if metric.needs == "modes"]
        )
    check_kind("metrics", names, Sequence, "a sequence of names in METRICS")
    return tuple(name for name in names if METRICS[name])  # an unknown name is refused here


def _engine(
    told: dict[str, tuple[str, str]], wanted: str, arms: Mapping[str, TrainConfig], job: Job, seed: int, arm: str
) -> str:
    told[arm] = choose_engine(wanted, arm, arms[arm], lambda: job.networks(seed))
    return told[arm][0]


def _call(job: Job, arms: Mapping[str, TrainConfig], leash: Leash, threads: int, group: Group) -> tuple[object, ...]:
    """Return the arguments of ``train_group``."""
    return job, arms, group, threads if group.engine == "eager" else 1, leash


def _outcomes(
    groups: list[Group], call: Callable[[Group], tuple[object, ...]], jobs: int | None
) -> Iterator[tuple[Group, list[Row] | Exception]]:
    """Yield each group with its rows; a group that fails is halved, until those runs that fail are alone."""
    while groups:
        halves: list[Group] = []
        for k, found in spread(train_group, [call(group) for group in groups], jobs=jobs):
            if isinstance(found, Exception) and groups[k].halves():
                halves += groups[k].halves()
            else:
                yield groups[k], found
        groups = halves


def _looked_at(table: pd.DataFrame, first: Exception | None) -> pd.DataFrame:
    """Return a table; raise the first error if all its runs have failed, and warn if some have."""
    runs = table.drop_duplicates(["arm", "seed"])
    failed = runs[runs["error"] != ""]
    if len(failed) == len(runs):
        raise first
    if len(failed):
        arm, seed, error = failed.iloc[0][["arm", "seed", "error"]]
        told = f"{len(failed)} of {len(runs)} runs failed and are rows of NaN; the first"
        warnings.warn(f"{told}, arm {arm!r}, seed {seed}: {error}", RuntimeWarning, stacklevel=3)
    return table

"""The same budget of random trials for every arm: none leads because it was tuned and the others were not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from algan_lite.core.checks import check_choice, check_integer, check_kind, check_list, check_number, shown
from algan_lite.core.rng import draw, stream
from algan_lite.data.sources import Source
from algan_lite.metrics.table import METRICS, Metric
from algan_lite.studies.doors import check_arms
from algan_lite.studies.groups import is_constant
from algan_lite.studies.sweep import measures, sweep
from algan_lite.training.config import TrainConfig
from algan_lite.training.doors import check_source

SPACE: Mapping[str, Sequence[float]] = {"lr": (5e-4, 2e-2), "beta1": (0.0, 0.5), "lam": (1e-2, 10.0)}
Configs = Mapping[tuple[str, int], TrainConfig]  # (arm, trial) -> settings
AVERAGED = "ema_"  # the same measure of the averaged G, as ``sweep`` calls it


@dataclass(frozen=True, eq=False)
class Tuning:
    """What was tried, and what was best.

    Attributes:
        runs: A row a run, as ``sweep`` has them, with ``arm``, ``trial`` and what was drawn: those of ``lr``, ``beta1``
            and ``lam`` that are in the space; ``lam`` is NaN where an arm has no regularizer.
        configs: (arm, trial) -> settings.
        measure: What decides: a name in ``METRICS``, or one of those with ``ema_`` before it.
    """

    runs: pd.DataFrame
    configs: Configs
    measure: str

    @property
    def trials(self) -> pd.DataFrame:
        """A row a trial, the best of each arm first: what was drawn, ``n`` runs, how many ``failed``, and their mean.

        A run that diverged or failed counts as the worst value that the measure can have.
        """
        entry = METRICS[self.measure.removeprefix(AVERAGED)]
        drawn = [name for name in SPACE if name in self.runs]
        filled = self.runs[self.measure].fillna(entry.range[0] if entry.direction == "higher" else entry.range[1])
        columns = {self.measure: filled, "failed": self.runs[self.measure].isna(), "miss": _miss(entry, filled)}
        groups = self.runs.assign(**columns, n=1).groupby(["arm", "trial"], sort=False)
        how = dict.fromkeys(drawn, "first") | {"n": "sum", "failed": "sum", self.measure: "mean", "miss": "mean"}
        found = groups.agg(how).reset_index()
        parts = [part.sort_values("miss", kind="stable") for _, part in found.groupby("arm", sort=False)]
        return pd.concat(parts, ignore_index=True).drop(columns="miss")

    @property
    def best(self) -> dict[str, TrainConfig]:
        """Arm -> the settings of its best trial.

        Raises:
            ValueError: If every run of an arm has failed: there is nothing to choose by.
        """
        first = self.trials.groupby("arm", sort=False).first()
        nothing = self.runs.groupby("arm", sort=False)[self.measure].agg(lambda values: values.isna().all())
        if nothing.any():
            got = f"none of {nothing.idxmax()!r}, of which every one diverged or failed"
            raise ValueError(f"arms must have a run with a value to choose a trial by; got {got}")
        return {arm: self.configs[arm, int(trial)] for arm, trial in first["trial"].items()}


def _miss(entry: Metric, values: pd.Series) -> pd.Series:
    """How far from the best, up to a constant: lower is better."""
    if entry.direction == "target":
        return (values - entry.perfect).abs()
    return -values if entry.direction == "higher" else values


def tune(
    source: Source,
    arms: TrainConfig | Mapping[str, TrainConfig],
    *,
    measure: str,
    space: Mapping[str, Sequence[float]] | None = None,
    trials: int = 24,
    seeds: Iterable[int] = range(10),
    seed: int = 0,
    **options: object,
) -> Tuning:
    """Try random settings, as many for every arm, and keep each arm's best by the mean over the seeds.

    Trial k has the same learning rate, beta1 and lambda in every arm that takes them: arms differ in what they are, and
    in what suits them, but not in luck. A choice among many trials flatters the winner: measure it again, on seeds that
    are not among these.

    Args:
        source: The data.
        arms: arm -> settings, the start of its trials. An arm keeps its ``num_steps``, the ratio of ``lr_D`` to ``lr``,
            and whatever the space does not name.
        measure: What decides: a name in ``METRICS``, or one with ``ema_`` before it, of the averaged G.
        space: Any of ``lr``, two ends of a range, log-uniform; ``beta1``, a list of choices; and ``lam``, two ends of a
            range, log-uniform: the lambda of each regularizer that an arm has. None: ``SPACE``.
        trials: Of each arm, >= 1.
        seeds: Runs of a trial: the tuning seeds.
        seed: Of the draws.
        options: Of ``sweep``: ``pair``, ``sizes``, ``num_samples``, ``engine``, ``jobs``, ``progress``, ...; with
            ``path``, a file in which trial 3 of the arm ``a`` is called ``a/3``, a killed tuning resumes.

    Returns:
        The runs, the trials and the best settings.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If a name is unknown, a number out of range, or ``lam`` is in the space and an arm has a lambda that
            is no number.

    Example:
        >>> from algan_lite import data
        >>> few = TrainConfig(num_steps=2, batch_size=8)
        >>> found = tune(data.ring(), {"plain": few}, measure="quality_3sigma", trials=3, seeds=range(2),
        ...              num_samples=10, progress=False)
        >>> found.trials[["arm", "lr", "beta1", "n"]].shape, found.best["plain"].num_steps
        ((3, 4), 2)
    """
    arms = check_arms(arms)
    check_source(source)
    space = _check_space(SPACE if space is None else space)
    if "lam" in space and (fixed := [arm for arm, config in arms.items() if not is_constant(config)]):
        raise ValueError(f"space must leave out lam where a lambda is no number; got it with arm {fixed[0]!r}")
    if "looks" in options:
        raise ValueError(f"looks must be left out: a trial is measured at its end; got {shown(options['looks'])}")
    decides = _check_measure(measure)
    metrics = list(dict.fromkeys((*measures(source, options.pop("metrics", None)), decides)))
    drawn = _draws(space, check_integer("trials", trials, 1), check_integer("seed", seed, 0))
    configs = {(arm, k): _setting(config, values) for arm, config in arms.items() for k, values in enumerate(drawn)}
    named = {_name(*key): config for key, config in configs.items()}
    table = sweep(source, named, seeds, metrics=metrics, **options)
    return Tuning(_split(table, configs, drawn), configs, measure)


def _check_space(space: object) -> dict[str, list[float]]:
    """Return name -> two ends, or choices, in the order of ``SPACE``."""
    check_kind("space", space, Mapping, "a mapping of lr, beta1 and lam to numbers")
    if not space:
        raise ValueError(f"space must hold 1 or more of {', '.join(SPACE)}; got {space!r}")
    for name in space:
        check_choice("space", name, SPACE)
    found = {}
    for name in (name for name in SPACE if name in space):
        values = check_list(f"space[{name!r}]", space[name], "a sequence of numbers")
        if name == "beta1":
            found[name] = [check_number("space['beta1']", value, 0) for value in values]
            fine = bool(values) and max(values) < 1
        else:
            found[name] = [check_number(f"space[{name!r}]", value, 0, open_low=True) for value in values]
            fine = len(values) == 2 and values[0] <= values[1]
        if not fine:
            takes = "1 or more choices in [0, 1)" if name == "beta1" else "two numbers, 0 < low <= high"
            raise ValueError(f"space[{name!r}] must be {takes}; got {shown(space[name])}")
    return found


def _check_measure(measure: object) -> str:
    """Return the name in ``METRICS``; refuse one that has no best value."""
    if not isinstance(measure, str):
        raise TypeError(f"measure must be a name in METRICS, perhaps with {AVERAGED} before it; got {shown(measure)}")
    entry = METRICS[measure.removeprefix(AVERAGED)]
    if entry.direction == "target" and entry.perfect is None:
        raise ValueError(f"measure must have a best value that is known; got {measure!r}")
    return entry.name


def _draws(space: Mapping[str, Sequence[float]], trials: int, seed: int) -> list[dict[str, float]]:
    """Return what each trial sets, to three digits; each setting has a stream of its own."""
    columns = {}
    for name, values in space.items():
        chance = draw(stream(seed, f"tune, {name}"), (trials,), "cpu", "uniform").tolist()
        if name == "beta1":
            columns[name] = [values[int(u * len(values))] for u in chance]
        else:
            low, high = map(math.log, values)
            columns[name] = [float(f"{math.exp(low + u * (high - low)):.3g}") for u in chance]
    return [{name: column[k] for name, column in columns.items()} for k in range(trials)]


def _setting(config: TrainConfig, drawn: Mapping[str, float]) -> TrainConfig:
    """Return an arm's settings with those that were drawn."""
    lr = drawn.get("lr", config.lr)
    lr_D = None if config.lr_D is None else lr * config.lr_D / config.lr
    betas = (drawn.get("beta1", config.betas[0]), config.betas[1])
    lams = {name: drawn.get("lam", lam) for name, lam in config.regularizers.items()}
    return replace(config, lr=lr, lr_D=lr_D, betas=betas, regularizers=lams)


def _split(table: pd.DataFrame, configs: Configs, drawn: Sequence[Mapping[str, float]]) -> pd.DataFrame:
    """Return the rows of a sweep with arm and trial apart, and with what was drawn."""
    names = {_name(*key): key for key in configs}
    keys = [names[name] for name in table["arm"]]
    rows = table.assign(arm=[arm for arm, _ in keys])
    rows.insert(1, "trial", [k for _, k in keys])
    for place, name in enumerate(drawn[0], start=2):
        takes = [name != "lam" or bool(configs[key].regularizers) for key in keys]
        rows.insert(place, name, [drawn[k][name] if ok else math.nan for (_, k), ok in zip(keys, takes, strict=True)])
    return rows


def _name(arm: str, trial: int) -> str:
    """Return what a trial is called in the file."""
    return f"{arm}/{trial}"

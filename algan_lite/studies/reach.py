"""How far does a recipe reach? Settings in which a GAN may fail, and the share of them in which a seed succeeds.

The three difficulties of the article's first section are three beds: pairs of depths, one pair with many seeds, and few
reals. A recipe reaches as far as its runs succeed: seven of eight modes, and twice as many good fakes as a circle has.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from algan_lite.core.checks import check_choice, check_kind
from algan_lite.core.rng import draw, stream
from algan_lite.data import array, each, few
from algan_lite.data.finite import Finite
from algan_lite.metrics.table import METRICS
from algan_lite.metrics.yardstick import sentinel_runs
from algan_lite.models.pairs import ensemble, mlp_pair
from algan_lite.studies.bed import BED
from algan_lite.studies.bed import PLAIN as BED_PLAIN
from algan_lite.studies.cost import equal_passes
from algan_lite.studies.spread import parts
from algan_lite.studies.sweep import sweep
from algan_lite.studies.tune import tune
from algan_lite.training.config import TrainConfig
from algan_lite.training.history import TrainingDiverged
from algan_lite.training.loop import train

WIDTH = 32
PLAIN = replace(BED_PLAIN, num_steps=1500)
PAIRS = {f"D{d} G{g}": {"depth_D": d, "depth_G": g} for d in (1, 2, 3) for g in (2, 3)}
REALS = {"16 reals": 16}
BEDS = {"depths": tuple(PAIRS), "seeds": ("D2 G2",), "few data": tuple(REALS)}
TUNED_ON = ("D1 G2", "D2 G2", "D2 G3", "D3 G3")
SPACE = {"lr": (2e-3, 1e-2), "beta1": (0.0, 0.5), "lam": (1e-3, 1.0)}
MEASURES = ("fair_mode_coverage", "mode_coverage", "quality_3sigma", "spread_ratio")
MODES, QUALITY = 7, 0.4  # what a success has at least: of 8 modes, and of its fakes within 3 sigma
CONTROL = "plain, equal passes"
TOGETHER = 16  # runs of a graph

Columns = dict[str, np.ndarray]


def unequal_pair(depth_D: int, depth_G: int, *, seed: int) -> tuple[nn.Module, nn.Module]:
    """Return G and D with hidden layers of their own number; each has the weights that its depth and seed give it."""
    G, _ = mlp_pair(width=WIDTH, depth=depth_G, seed=seed)
    _, D = mlp_pair(width=WIDTH, depth=depth_D, seed=seed)
    return G, D


def reach_arms() -> dict[str, TrainConfig]:
    """Return the arms that are tuned: the plain GAN, three choices of noise, and R1, which should widen the range.

    ``top_k`` and the reweighted softmax choose from twice the batch; the paper's ``top_k`` among the batch itself, all
    of it at first and half of it in the end.
    """
    schedule = {"keep_decay": 0.99, "keep_floor": 0.5, "steps_per_epoch": PLAIN.num_steps // 75}
    return {
        "plain": PLAIN,
        "top_k": replace(PLAIN, strategy="top_k", pool_factor=2),
        "top_k of the paper": replace(PLAIN, strategy="top_k", **schedule),
        "softmax, reweighted": replace(PLAIN, strategy="softmax", pool_factor=2, reweight=True),
        "r1": replace(PLAIN, regularizers={"r1": 0.1}),
    }


def tuning_runs(
    arms: Mapping[str, TrainConfig], seeds: Iterable[int], *, trials: int, folder: str | os.PathLike[str]
) -> tuple[pd.DataFrame, dict[str, TrainConfig]]:
    """Give every arm the same trials on four pairs of depths, and choose the one that reaches furthest.

    Args:
        arms: Arm -> settings.
        seeds: Of every trial.
        trials: Of each arm; ties are broken by modes times quality.
        folder: Keeps finished runs: whoever is stopped resumes.

    Returns:
        A row a run, with ``setting`` and ``trial``; and arm -> its best settings.
    """
    how = {"measure": "quality_3sigma", "metrics": MEASURES, "space": SPACE, "trials": trials}
    how |= {"seeds": list(seeds), "pair": unequal_pair}
    found = {name: tune(BED, arms, sizes=PAIRS[name], path=_file(folder, "tuning", name), **how) for name in TUNED_ON}
    runs = pd.concat([tuning.runs.assign(setting=name) for name, tuning in found.items()], ignore_index=True)
    ranked = runs.assign(success=succeeds(runs), score=runs["fair_mode_coverage"] * runs["quality_3sigma"]).fillna(0.0)
    means = ranked.groupby(["arm", "trial"])[["success", "score"]].mean().sort_values(["success", "score"])
    configs = found[TUNED_ON[0]].configs
    return runs, {arm: configs[arm, means.loc[arm].index[-1]] for arm in arms}


def reach_runs(
    arms: Mapping[str, TrainConfig], seeds: Iterable[int], *, folder: str | os.PathLike[str], num_samples: int = 2500
) -> pd.DataFrame:
    """Train every seed of every arm in every setting of the three beds.

    Args:
        arms: Arm -> settings.
        seeds: Of weights, noise and, where they are few, reals.
        folder: Keeps finished runs.
        num_samples: Fakes behind each number.

    Returns:
        A row a run: ``setting``, ``arm``, ``seed``, the measures, ``diverged_at`` and ``seconds``; with few reals
        ``data_copying``, too.
    """
    seeds, how = list(seeds), {"pair": unequal_pair, "metrics": MEASURES, "num_samples": num_samples}
    swept = [
        sweep(BED, arms, seeds, sizes=sizes, path=_file(folder, "runs", name), **how).assign(setting=name)
        for name, sizes in PAIRS.items()
    ]
    calls = {
        f"{arm}, {name}": (config, n, seeds, num_samples) for name, n in REALS.items() for arm, config in arms.items()
    }
    drawn = [
        pd.DataFrame(found).assign(arm=key.rpartition(", ")[0], setting=key.rpartition(", ")[2])
        for key, found in parts(few_runs, calls, Path(folder) / "few").items()
    ]
    return pd.concat([*swept, *drawn], ignore_index=True)


def few_runs(config: TrainConfig, n: int, seeds: Sequence[int], num_samples: int = 2500) -> Columns:
    """Train a GAN for each seed, on n reals of the ring that this seed chooses, each mode its share.

    Args:
        config: The settings.
        n: Reals of a run, from 1 to 10,000.
        seeds: Of reals, weights and noise: one run each.
        num_samples: Fakes behind each number.

    Returns:
        Name -> a value a run: ``seed``; the measures, against the whole law (NaN for a run that diverged);
        ``data_copying``, of 500 fakes beside 500 fresh reals; ``diverged_at`` (-1: never); ``seconds``.
    """
    columns = [_few_runs(config, n, list(seeds[k : k + TOGETHER]), num_samples) for k in range(0, len(seeds), TOGETHER)]
    return {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}


def _few_runs(config: TrainConfig, n: int, seeds: list[int], num_samples: int) -> Columns:
    sources = [few(_pool(), n, seed) for seed in seeds]
    G, D = ensemble(unequal_pair, seed=seeds, **PAIRS["D2 G2"])
    start = time.perf_counter()
    try:
        history = train(G, D, each(sources), config, seed=seeds, engine="graph", progress=False)
    except TrainingDiverged as error:
        history = error.history
    seconds = (time.perf_counter() - start) / len(seeds)
    z = draw(stream(0, "reach"), (num_samples, G.latent_dim), "cpu")
    with torch.no_grad():
        x_fake = G(z).nan_to_num(0.0, 0.0, 0.0)
    fresh, copying = BED.sample(500, generator=stream(0, "reach, fresh")), METRICS["data_copying"]
    values = {name: METRICS[name](x_fake, BED) for name in MEASURES}
    copied = [copying(x[:500], fresh, train=one.train) for x, one in zip(x_fake, sources, strict=True)]
    values["data_copying"] = torch.stack(copied)
    lost = history.diverged_at.cpu() >= 0
    columns = {name: torch.where(lost, torch.nan, value).numpy() for name, value in values.items()}
    told = {"diverged_at": history.diverged_at.cpu().numpy(), "seconds": np.full(len(seeds), seconds)}
    return {"seed": np.array(seeds), **columns, **told}


@cache
def _pool() -> Finite:
    """Return ten thousand points of the ring, each with the mode that it is nearest to."""
    x = BED.sample(10_000, generator=stream(0, "reach, reals"))
    return array(x, torch.cdist(x, BED.modes.to(x.dtype)).argmin(1), validation=0.0, test=0.0)


def succeeds(table: pd.DataFrame) -> pd.Series:
    """Return for each run 1.0 if it succeeds, else 0.0; a run that diverged does not."""
    check_kind("table", table, pd.DataFrame, "a pandas.DataFrame with a row a run")
    for column in ("fair_mode_coverage", "quality_3sigma"):
        check_choice("table's columns", column, list(map(str, table.columns)))
    return ((table["fair_mode_coverage"] >= MODES) & (table["quality_3sigma"] >= QUALITY)).astype(float)


def reach(table: pd.DataFrame) -> pd.DataFrame:
    """Return how far each seed of each arm reaches on each bed.

    Args:
        table: A row a run: ``setting``, ``arm``, ``seed``, ``fair_mode_coverage``, ``quality_3sigma``.

    Returns:
        A row a bed, arm and seed: ``reach``, the share of the bed's settings in which this run succeeds, in [0, 1].

    Raises:
        TypeError: If ``table`` is none.
        ValueError: If a column is missing, or an arm and seed lacks a setting of a bed or has it twice.
    """
    success = succeeds(table)
    for column in ("setting", "arm", "seed"):
        check_choice("table's columns", column, list(map(str, table.columns)))
    runs, rows = table.assign(success=success), []
    for bed, settings in BEDS.items():
        here = runs[runs["setting"].isin(settings)].groupby(["arm", "seed"], sort=False)
        each_once = here["setting"].agg(["size", "nunique"])
        if (wrong := each_once[(each_once != len(settings)).any(axis=1)]).size:
            got = f"{wrong.index[0]} with {wrong['size'].iloc[0]} rows"
            raise ValueError(f"table must hold every setting of the bed {bed} once, {len(settings)} in all; got {got}")
        rows.append(here["success"].mean().rename("reach").reset_index().assign(bed=bed))
    return pd.concat(rows, ignore_index=True)[["bed", "arm", "seed", "reach"]]


def with_zeros(found: pd.DataFrame, seeds: Iterable[int] = range(10)) -> pd.DataFrame:
    """Return reaches with those of the sentinels below them: fakes that nobody trained, the same on every bed."""
    zeros = sentinel_runs(BED, ("fair_mode_coverage", "quality_3sigma"), seeds=seeds)
    zeros = zeros[["arm", "seed"]].assign(reach=succeeds(zeros))
    return pd.concat([found, *(zeros.assign(bed=bed) for bed in BEDS)], ignore_index=True)


def with_control(best: Mapping[str, TrainConfig]) -> dict[str, TrainConfig]:
    """Return the arms and one more: the plain GAN for as many steps as cost what ``top_k`` costs."""
    return {**best, CONTROL: equal_passes(best["plain"], best["top_k"])}


def _file(folder: str | os.PathLike[str], kind: str, setting: str) -> Path:
    return Path(folder) / f"{kind}, {setting}.csv"

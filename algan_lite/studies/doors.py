"""What ``sweep()`` is given, checked before the first run."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from functools import partial

import torch

from algan_lite.core.checks import check_integer, check_kind, check_list, shown
from algan_lite.data.sources import Source
from algan_lite.metrics.table import METRICS, held_out
from algan_lite.models.pairs import mlp_pair
from algan_lite.training.config import TrainConfig


def check_arms(configs: object) -> dict[str, TrainConfig]:
    """Return arm -> settings."""
    takes = "a TrainConfig, or a mapping of arms to them"
    if isinstance(configs, TrainConfig):
        return {"plain": configs}
    if not isinstance(configs, Mapping):
        raise TypeError(f"configs must be {takes}; got {shown(configs)}")
    if not configs:
        raise ValueError(f"configs must be {takes}, with 1 arm or more; got {configs!r}")
    for arm, config in configs.items():
        if not isinstance(arm, str) or not isinstance(config, TrainConfig):
            raise TypeError(f"configs must be {takes}, names to TrainConfig; got {shown(arm)}: {shown(config)}")
        if not arm.isprintable():
            raise ValueError(f"configs must have arms whose names are printable text; got {arm!r}")
    return dict(configs)


def check_seeds(seeds: Iterable[int]) -> list[int]:
    """Return the seeds, one or more, each once."""
    given = check_list("seeds", seeds, "a sequence of integers, such as range(5)")
    found = [check_integer("seeds", seed, 0) for seed in given]
    if not found or len(set(found)) < len(found):
        raise ValueError(f"seeds must be one or more different integers; got {shown(seeds)}")
    return found


def check_sizes(pair: object, source: Source, sizes: object) -> dict[str, object]:
    """Return the options of ``pair``, with the sample's shape where it is known that the pair takes it."""
    if not callable(pair):
        raise TypeError(f"pair must be a function of seed= that returns (G, D), such as mlp_pair; got {shown(pair)}")
    check_kind("sizes", sizes, Mapping, "a mapping, option of pair -> value, or None")
    for name in sizes:
        check_kind("sizes", name, str, "a mapping of names to values")
    if "seed" in sizes:
        raise ValueError(f"sizes must leave the seed to seeds=; got {dict(sizes)}")
    bound, own = (pair.keywords, pair.func) if isinstance(pair, partial) else ({}, pair)
    known = {"sample_shape": source.sample_shape} if own is mlp_pair and "sample_shape" not in bound else {}
    return {**known, **sizes}


def check_jobs(jobs: int | None) -> None:
    """Refuse a number of processes that there cannot be."""
    if jobs is not None and check_integer("jobs", jobs, -1) == 0:
        raise ValueError("jobs must be at least 1, -1 for one a core, or None; got 0")


def check_job(source: Source, metrics: Iterable[str], num_samples: int) -> None:
    """Refuse measures that would fail after the first training."""
    compare = [METRICS[name] for name in metrics if METRICS[name].needs in ("reference", "train", "images")]
    if not compare:
        return
    found = len(held_out(source, torch.zeros(1).expand(num_samples, *source.sample_shape)))
    for metric in compare:
        if metric.needs == "images" and len(source.sample_shape) != 3:
            got = f"samples of shape {source.sample_shape}"
            raise ValueError(f"metrics must fit the data: {metric.name} needs (channels, height, width); got {got}")
        k = inspect.signature(metric.fn).parameters.get("k")  # of the neighbors that some look at
        if k is not None and min(num_samples, found) <= k.default:
            raise ValueError(
                f"metrics must fit the data: {metric.name} compares with neighbor {k.default}, and so needs more than "
                f"{k.default} fakes and held-out reals; got num_samples={num_samples} and {found} reals"
            )

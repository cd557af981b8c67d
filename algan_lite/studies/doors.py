"""What ``sweep()`` is given, checked before the first run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

from algan_lite.core.checks import check_integer, check_list, shown
from algan_lite.data.sources import Source
from algan_lite.metrics.table import METRICS, held_out
from algan_lite.training.config import TrainConfig
from algan_lite.training.doors import check_source


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
    return dict(configs)


def check_seeds(seeds: Iterable[int]) -> list[int]:
    """Return the seeds, one or more."""
    given = check_list("seeds", seeds, "a sequence of integers, such as range(5)")
    found = [check_integer("seeds", seed, 0) for seed in given]
    if not found:
        raise ValueError(f"seeds must hold 1 seed or more; got {shown(seeds)}")
    return found


def check_job(source: Source, pair: object, metrics: Iterable[str]) -> None:
    """Refuse data, networks and measures that would fail after the first training."""
    check_source(source)
    if not callable(pair):
        raise TypeError(f"pair must be a function of seed= that returns (G, D), such as mlp_pair; got {shown(pair)}")
    if any(METRICS[name].needs in ("reference", "train") for name in metrics):
        held_out(source, torch.zeros(1, *source.sample_shape))

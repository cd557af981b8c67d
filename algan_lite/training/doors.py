"""What ``train()`` is given, checked before the first step."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from torch import nn
from torch.utils.data import DataLoader

from algan_lite.core.checks import check_list, shown
from algan_lite.data.sources import Source
from algan_lite.models.doors import check_pair, try_out
from algan_lite.training.config import TrainConfig
from algan_lite.training.precision import check_precision

Callbacks = tuple[Callable[[Any], None], ...]


def check_call(
    G: nn.Module, D: nn.Module, source: Source, config: TrainConfig | None, callbacks: Iterable[Callable[..., None]]
) -> tuple[TrainConfig, Callbacks]:
    """Return the settings and callbacks, once all of it fits together.

    Raises:
        TypeError: If an argument is of another kind than ``train()`` takes.
        ValueError: If the networks do not fit each other or the samples.
    """
    config = TrainConfig() if config is None else config
    if not isinstance(config, TrainConfig):
        raise TypeError(
            f"config must be a TrainConfig or None (TrainConfig(**settings) of a dict); got {shown(config)}"
        )
    callbacks = _check_callbacks(callbacks)
    check_pair(G, D)
    check_source(source)
    if config.equilibrium is not None and _lacks_validation(source):
        raise ValueError(
            f"source must have held-out samples for equilibrium=; {shown(source)} has no validation part: give "
            "validation= in (0, 1) when it is made"
        )
    _check_augment(config, getattr(source, "sample_shape", getattr(G, "sample_shape", None)))
    check_precision(G, D)
    try_out(G, D, config.batch_size, getattr(source, "sample_shape", None))
    return config, callbacks


def check_source(source: object) -> None:
    """Refuse what gives no reals."""
    if isinstance(source, type) or not _takes_generator(getattr(source, "sample", None)):
        hint = ", al.data.array(loader) of a DataLoader" if isinstance(source, DataLoader) else ""
        takes = f"a source such as al.data.ring(), al.data.array(x) of a tensor{hint}"
        raise TypeError(f"source must be {takes}; got {shown(source)}")


def _check_augment(config: TrainConfig, sample_shape: tuple[int, ...] | None) -> None:
    for entry in config.augment:
        if sample_shape is not None:
            entry.check(sample_shape)


def _check_callbacks(callbacks: object) -> Callbacks:
    takes = "a sequence of functions of the state, such as [f]"
    if callable(callbacks):
        raise TypeError(f"callbacks must be {takes}; got {shown(callbacks)}")
    given = tuple(check_list("callbacks", callbacks, takes))
    for callback in given:
        if not callable(callback):
            raise TypeError(f"callbacks must hold functions of the state; got {shown(callback)}")
    return given


def _lacks_validation(source: Source) -> bool:
    part = getattr(source, "validation", None)  # an endless source has none, and gives fresh samples
    return part is not None and len(part) == 0


def _takes_generator(sample: object) -> bool:
    """Return whether something can be called with ``generator=``: others have a method ``sample``, too."""
    if not callable(sample):
        return False
    parameters = inspect.signature(sample).parameters
    return "generator" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())

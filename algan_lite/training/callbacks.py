"""Callbacks of ``train()``: what looks at a run while it trains."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from algan_lite.core.checks import check_integer, check_list
from algan_lite.models.doors import duplicate
from algan_lite.training.state import TrainState


class Snapshots:
    """A callback of ``train()`` that keeps copies of one G and D at some steps.

    Args:
        steps: At which steps of G, each at least 1.

    Attributes:
        pairs: Step -> (G, D) as they were after it.
    """

    def __init__(self, steps: Iterable[int]) -> None:
        self.steps = [check_integer("steps", step, 1) for step in check_list("steps", steps, "a sequence of integers")]
        self.pairs: dict[int, tuple[nn.Module, nn.Module]] = {}

    def __call__(self, state: TrainState) -> None:
        """Keep a copy if this step is one of ours."""
        if state.step in self.steps:
            self.pairs[state.step] = duplicate(state.G), duplicate(state.D)

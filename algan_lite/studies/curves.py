"""Measures at several times of a run, so that a figure can show them against steps or passes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import nn

from algan_lite.core.checks import check_integer, check_list
from algan_lite.training.config import TrainConfig
from algan_lite.training.history import History
from algan_lite.training.state import TrainState

Looks = int | tuple[int, ...]
FIRST = 0.01  # where a number of looks begins, as a share of the run


def check_looks(looks: object, arms: Mapping[str, TrainConfig]) -> Looks:
    """Return when to look: a number of looks, or steps, of which some arm reaches the last one."""
    if isinstance(looks, int | np.integer):
        return check_integer("looks", looks, 2)
    longest = max(config.num_steps for config in arms.values())
    given = check_list("looks", looks, "a number of looks, or a sequence of steps")
    steps = tuple(check_integer("looks", step, 1, longest) for step in given)
    if len(set(steps)) < len(steps):
        raise ValueError(f"looks must be different steps; got {given}")
    return steps


def look_steps(looks: Looks, num_steps: int) -> tuple[int, ...]:
    """Return the steps at which a run of ``num_steps`` is measured, in order; the last is always one of them.

    A number of looks divides the run evenly on a log scale, from a hundredth of it on. So look j of every arm comes
    after the same share of its run: at the same cost where all arms have the same passes.
    """
    if isinstance(looks, int):
        spaced = np.geomspace(max(1.0, FIRST * num_steps), num_steps, looks)
        return tuple(sorted({round(step) for step in spaced.tolist()}))  # short runs have fewer steps than looks
    return (*sorted(step for step in looks if step < num_steps), num_steps)


@dataclass
class Curve:
    """A callback of ``train()`` that measures at some steps.

    Attributes:
        steps: When to look, in order; the last look is taken by ``end``.
        measure: (G, history) -> name -> a value a run.
        runs: How many runs share the seconds.
        looks: Not read at every step: at its own it asks for what an engine has not written yet.
        seen: Step -> name -> a value a run.
    """

    steps: Sequence[int]
    measure: Callable[[nn.Module, History], Mapping[str, list[float]]]
    runs: int
    looks: bool = False
    seen: dict[int, dict[str, list[float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start the clock."""
        self._step, self._begin = 0, time.perf_counter()

    def __call__(self, state: TrainState) -> None:
        """Look if this step is one of ours."""
        self._step = state.step
        if state.step in self.steps[:-1]:
            state.settle()
            self._look(state.step, state.G, state.history)

    def end(self, G: nn.Module, history: History) -> None:
        """Take the last look; where every run has diverged before it, those that are left."""
        lost = bool((history.diverged_at >= 0).all())
        for step in [step for step in self.steps if step > self._step] if lost else [self._step]:
            self._look(step, G, history)

    def _look(self, step: int, G: nn.Module, history: History) -> None:
        now = time.perf_counter()
        counted = {"diverged_at": history.diverged_at.tolist(), "num_calls": [history.num_calls] * self.runs}
        seconds = {"seconds": [(now - self._begin) / self.runs] * self.runs}
        self.seen[step] = {**self.measure(G, history), **counted, **seconds}
        self._begin += time.perf_counter() - now  # looking is no training

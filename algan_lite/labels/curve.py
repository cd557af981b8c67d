"""The loop of active learning, and its curve: how the test error falls with each label that is paid for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from algan_lite.core import rng
from algan_lite.core.checks import as_tensor, check_integer, check_kind, check_list, check_number, check_tensor, shown
from algan_lite.labels.pool import Pool, attempt
from algan_lite.labels.query import query
from algan_lite.labels.table import Model, probabilities
from algan_lite.sampling.calibration import one_generator


@dataclass(frozen=True, eq=False)
class Curve:
    """What the labels bought.

    Attributes:
        labels: How many were paid for at each look, (T,), ascending.
        errors: Share of test samples that the learner gets wrong then, (T,), in [0, 1].
        asked: Indices in the order in which they were asked, the start first.
        seconds: What a query took, mean over the rounds (choosing alone, without fitting the learner).
    """

    labels: np.ndarray
    errors: np.ndarray
    asked: np.ndarray
    seconds: float

    @property
    def area(self) -> float:
        """Mean error over the curve, in [0, 1]: lower is better."""
        return area(self.labels, self.errors)


def learning_curve(
    pool: Pool,
    learner: Callable[[Pool], Model],
    strategy: Any,  # noqa: ANN401 - as ``query`` takes it
    x_test: Tensor,
    y_test: Tensor,
    *,
    query_size: int = 20,
    rounds: int = 9,
    generator: torch.Generator | None = None,
    seed: int | None = None,
    **options: object,
) -> Curve:
    """Train, choose, ask, learn, again and again; look at the test error after each.

    Args:
        pool: Begins with the labels that it has, one or more; its budget must allow ``rounds`` queries.
        learner: ``fit(pool) -> model`` (see the room's door); trained anew in each round.
        strategy: As for ``query``.
        x_test: Samples that take no part, (m, *sample).
        y_test: Their labels, (m,), which nothing but the measurement sees.
        query_size: Labels a round, >= 1.
        rounds: Queries, >= 0.
        generator: The stream of all draws.
        seed: Shorthand for a stream.
        **options: ``G``, ``D``, ``features``, and what else ``query`` takes.

    Raises:
        ValueError: If the pool has no label, or the budget leaves too few; whatever ``query`` refuses.
    """
    check_kind("pool", pool, Pool, "a Pool")
    if not callable(learner):
        raise TypeError(f"learner must be a function of a pool that returns a model; got {shown(learner)}")
    size, rounds = check_integer("query_size", query_size, 1), check_integer("rounds", rounds, 0)
    if not pool.spent or pool.left < size * rounds:
        raise ValueError(
            f"pool must hold a label or more and a budget that leaves {rounds} x {size}; "
            f"got {pool.spent} labels, {pool.left} left"
        )
    source = one_generator(rng.resolve(generator, seed, "labels"))
    labels, errors, seconds = [], [], []
    for k in range(rounds + 1):
        model = attempt("learner", learner, pool, "a pool and return a model")
        labels.append(pool.spent)
        errors.append(error_rate(model, x_test, y_test))
        if k < rounds:
            start = time.perf_counter()
            chosen = query(pool, strategy, size, model=model, generator=source, **options)
            seconds.append(time.perf_counter() - start)
            pool.ask(chosen)
    asked = pool.labeled.numpy()
    return Curve(np.array(labels), np.array(errors), asked, float(np.mean(seconds)) if seconds else 0.0)


def error_rate(model: Model, x: Tensor, y: Tensor) -> float:
    """Share of samples (m, *sample) whose most probable class is not their label y (m,)."""
    check_tensor("x_test", x, "(m, *sample)")
    truth = as_tensor("y_test", y)
    if x.ndim < 2 or not len(x) or truth.shape != x.shape[:1]:
        got = f"{tuple(x.shape)} and {tuple(truth.shape)}"
        raise ValueError(f"x_test and y_test must be (m, *sample) and (m,), m >= 1; got {got}")
    return float((probabilities(model, x).argmax(-1) != truth).double().mean())


def area(labels: ArrayLike, errors: ArrayLike) -> float:
    """Mean of a curve: the area under straight lines between its points, divided by their range.

    Args:
        labels: (T,), ascending, T >= 1.
        errors: (T,).

    Raises:
        ValueError: If the lengths differ, or ``labels`` do not ascend.

    Example:
        >>> round(area([20, 40, 80], [0.4, 0.2, 0.1]), 6)
        0.2
    """
    x, y = _curve(labels, errors)
    return float(np.trapezoid(y, x) / (x[-1] - x[0])) if len(x) > 1 else float(y[0])


def labels_to_reach(labels: ArrayLike, errors: ArrayLike, error: float) -> float:
    """Labels at which a curve, with straight lines between its points, first is at an error or below it; inf: never.

    Args:
        labels: (T,), ascending, T >= 1.
        errors: (T,).
        error: In [0, 1].

    Raises:
        ValueError: If the lengths differ, ``labels`` do not ascend or ``error`` is out of range.

    Example:
        >>> labels_to_reach([20, 40, 80], [0.5, 0.25, 0.125], 0.1875)
        60.0
    """
    x, y = _curve(labels, errors)
    error = check_number("error", error, 0, 1)
    if y[0] <= error:
        return float(x[0])
    for (left, above), (right, below) in pairwise(zip(x, y, strict=True)):
        if below <= error:
            return float(left + (right - left) * (above - error) / (above - below))
    return float("inf")


def _curve(labels: ArrayLike, errors: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    x, y = _numbers("labels", labels), _numbers("errors", errors)
    if x.shape != y.shape or not len(x) or (np.diff(x) <= 0).any():
        raise ValueError(f"labels must ascend, (T,) with T >= 1, with as many errors; got {x.shape} and {y.shape}")
    return x, y


def _numbers(name: str, values: ArrayLike) -> np.ndarray:
    return np.array([check_number(name, value) for value in check_list(name, values, "a sequence of numbers")], float)

"""Samples without labels, and an oracle that gives a label only when it is asked and paid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor

from algan_lite.core.checks import as_tensor, check_integer, check_tensor, shown

Oracle: TypeAlias = Callable[[Tensor], Tensor | np.ndarray | Sequence[int]]

A, B = TypeVar("A"), TypeVar("B")

UNKNOWN = -1  # stands for a label that nobody has paid for


class Pool:
    """Samples whose labels are paid for one by one.

    The oracle is any function of indices (n,) that returns n labels, so a person can be one. The pool keeps no
    reference to it but the one inside ``ask``, which counts: no attribute holds a label that was not paid for.

    Args:
        x: Samples, (N, *sample), floating point.
        oracle: Maps indices (n,), int64 on the CPU, to n labels, integers >= 0.
        labeled: Indices that are asked at once, the start.
        budget: The most labels that are ever paid for, those of the start included, in [0, N]; None: N.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If ``x`` is empty, ``labeled`` or ``budget`` is out of range, or the oracle breaks its contract.

    Example:
        >>> x, y = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([0, 0, 1])
        >>> pool = Pool(x, y.__getitem__, labeled=[0], budget=2)
        >>> pool.ask([2]), pool.left
        (tensor([1]), 0)
        >>> pool.targets
        tensor([ 0, -1,  1])
    """

    def __init__(
        self, x: Tensor, oracle: Oracle, *, labeled: Tensor | Sequence[int] = (), budget: int | None = None
    ) -> None:
        if check_tensor("x", x, "(N, *sample)").ndim < 2 or len(x) == 0:
            raise ValueError(f"x must be (N, *sample) with N >= 1; got shape {tuple(x.shape)}")
        if not callable(oracle):
            raise TypeError(f"oracle must be a function of indices (n,) that returns n labels; got {shown(oracle)}")
        self._x = x
        self._budget = len(x) if budget is None else check_integer("budget", budget, 0, len(x))
        self._rows = torch.zeros(0, dtype=torch.long)
        self._y = torch.zeros(0, dtype=torch.long)
        self._pay = _metered(oracle, self._budget)
        if len(start := _indices("labeled", labeled, len(x))):
            self.ask(start)

    @property
    def x(self) -> Tensor:
        """All samples, (N, *sample)."""
        return self._x

    @property
    def labeled(self) -> Tensor:
        """Indices with a label, (n,), in the order in which they were asked."""
        return self._rows.clone()

    @property
    def y(self) -> Tensor:
        """The labels that were paid for, (n,), in the order of ``labeled``."""
        return self._y.clone()

    @property
    def unlabeled(self) -> Tensor:
        """Indices without a label, ascending, (N - n,)."""
        return (self.targets == UNKNOWN).nonzero().squeeze(1)

    @property
    def targets(self) -> Tensor:
        """A label a sample, (N,); -1 where none was paid for (scikit-learn's semi-supervised learners read it so)."""
        targets = torch.full((len(self._x),), UNKNOWN)
        targets[self._rows] = self._y
        return targets

    @property
    def budget(self) -> int:
        """The most labels that are ever paid for."""
        return self._budget

    @property
    def spent(self) -> int:
        """Labels that were paid for."""
        return len(self._rows)

    @property
    def left(self) -> int:
        """Labels that may still be asked."""
        return self._budget - self.spent

    def ask(self, indices: Tensor | Sequence[int]) -> Tensor:
        """Ask the oracle, and keep what it says. Where anything is refused, nothing is paid.

        Args:
            indices: Of samples without a label, (n,), all different, n >= 1 and at most ``left``.

        Returns:
            Their labels, (n,) int64.

        Raises:
            TypeError: If ``indices`` or the labels are no integers.
            ValueError: If an index is out of range, given twice or labeled already, the budget is exceeded, or the
                oracle does not return one label >= 0 an index.
        """
        rows = _indices("indices", indices, len(self._x))
        if not len(rows):
            raise ValueError("indices must hold 1 or more; got none")
        if len(known := rows[torch.isin(rows, self._rows)]):
            raise ValueError(f"indices must have no label yet (pool.y holds those that do); got {known.tolist()[:5]}")
        answers = self._pay(rows)
        self._rows, self._y = torch.cat([self._rows, rows]), torch.cat([self._y, answers])
        return answers

    def __len__(self) -> int:
        return len(self._x)

    def __repr__(self) -> str:
        return f"Pool({len(self)} samples, {self.spent} labeled, {self.left} of a budget of {self._budget} left)"


def _metered(oracle: Oracle, budget: int) -> Callable[[Tensor], Tensor]:
    """Return the oracle behind a meter: the only way to it. A copy of the pool shares the meter."""
    spent = 0

    def said(rows: Tensor) -> Tensor | np.ndarray:
        answers = oracle(rows)
        return answers if isinstance(answers, Tensor) else np.asarray(answers)

    def pay(rows: Tensor) -> Tensor:
        nonlocal spent
        if spent + len(rows) > budget:
            raise ValueError(f"indices must be at most {budget - spent}, what the budget leaves; got {len(rows)}")
        answers = _labels(attempt("oracle", said, rows.clone(), "indices (n,) and return n labels"), len(rows))
        spent += len(rows)
        return answers

    return pay


def attempt(name: str, call: Callable[[A], B], given: A, takes: str) -> B:
    """Call a function of somebody's own, and say in terms of its contract how it fails.

    Raises:
        ValueError: If it fails.
    """
    try:
        return call(given)
    except Exception as error:
        told = f"{name} must take {takes}; it raised {type(error).__name__}: {error}"
        raise ValueError(told[:400]) from error


def _indices(name: str, given: Tensor | Sequence[int], n: int) -> Tensor:
    """Return indices in [0, n), all different, as int64 on the CPU."""
    rows = as_tensor(name, given if isinstance(given, Tensor) else np.asarray(given)).detach().cpu()
    if rows.ndim != 1:
        raise ValueError(f"{name} must have shape (n,); got {tuple(rows.shape)}")
    if not len(rows):
        return torch.zeros(0, dtype=torch.long)
    if rows.is_floating_point() or rows.dtype == torch.bool:
        raise TypeError(f"{name} must be integers in [0, {n}); got {rows.dtype}")
    rows = rows.long()
    if int(rows.min()) < 0 or int(rows.max()) >= n:
        raise ValueError(f"{name} must be in [0, {n}); got {int(rows.min())} to {int(rows.max())}")
    if len(rows.unique()) < len(rows):
        raise ValueError(f"{name} must differ from each other; got {shown(rows.tolist())}")
    return rows


def _labels(given: object, n: int) -> Tensor:
    """Return what an oracle said as int64 (n,)."""
    answers = as_tensor("the oracle's labels", given).detach().cpu()
    if tuple(answers.shape) != (n,):
        raise ValueError(f"the oracle must return {n} labels, one an index; got shape {tuple(answers.shape)}")
    if answers.is_floating_point() or answers.dtype == torch.bool:
        raise TypeError(f"the oracle must return integers >= 0; got {answers.dtype}")
    if int(answers.min()) < 0:
        raise ValueError(f"the oracle must return integers >= 0; got {int(answers.min())}")
    return answers.long()

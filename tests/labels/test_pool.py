"""A pool gives labels through its oracle, within its budget, and in no other way."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from helpers import normal
from torch import Tensor

from algan_lite.labels import Pool

X = normal(12, 3)
Y = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8])


class Person:
    """An oracle that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, rows: Tensor) -> list[int]:
        self.asked += rows.tolist()
        return [int(Y[row]) for row in rows]


def test_labels_come_in_the_order_asked_and_each_is_paid_once() -> None:
    person = Person()
    pool = Pool(X, person, labeled=[7, 2], budget=5)
    assert pool.ask(torch.tensor([0, 11])).tolist() == [3, 8]
    assert (pool.labeled.tolist(), pool.y.tolist()) == ([7, 2, 0, 11], [6, 4, 3, 8])
    assert (pool.spent, pool.left, pool.budget, len(pool)) == (4, 1, 5, 12)
    assert pool.unlabeled.tolist() == [1, 3, 4, 5, 6, 8, 9, 10]
    assert pool.targets.tolist() == [3, -1, 4, -1, -1, -1, -1, 6, -1, -1, -1, 8]
    assert person.asked == [7, 2, 0, 11]


def test_an_exceeded_budget_is_refused_and_the_oracle_is_not_asked() -> None:
    person = Person()
    pool = Pool(X, person, labeled=[0], budget=3)
    with pytest.raises(ValueError, match=r"at most 2, what the budget leaves; got 3"):
        pool.ask([1, 2, 3])
    assert (person.asked, pool.spent) == ([0], 1)
    pool.ask([1, 2])
    with pytest.raises(ValueError, match=r"at most 0"):
        pool.ask([3])
    with pytest.raises(ValueError, match=r"at most 1"):
        Pool(X, person, labeled=[0, 1], budget=1)


def test_asking_twice_is_refused_and_costs_nothing() -> None:
    person = Person()
    pool = Pool(X, person, labeled=[4])
    with pytest.raises(ValueError, match=r"no label yet .*; got \[4\]"):
        pool.ask([3, 4])
    with pytest.raises(ValueError, match=r"differ from each other"):
        pool.ask([3, 3])
    assert (person.asked, pool.spent) == ([4], 1)


def test_a_copy_cannot_spend_the_same_budget_again() -> None:
    pool = Pool(X, Person(), labeled=[0], budget=2)
    twin = copy.deepcopy(pool)
    twin.ask([1])
    with pytest.raises(ValueError, match=r"at most 0"):
        pool.ask([2])


def test_what_it_hands_out_cannot_change_it() -> None:
    pool = Pool(X, Person(), labeled=[0, 5])
    for tensor in (pool.labeled, pool.y, pool.targets, pool.unlabeled):
        tensor.fill_(7)
    assert (pool.labeled.tolist(), pool.y.tolist()) == ([0, 5], [3, 9])
    for name in ("x", "y", "budget", "spent", "left", "targets"):
        with pytest.raises(AttributeError):
            setattr(pool, name, 0)


def _reachable(thing: object, depth: int = 3) -> list[object]:
    """Return what an object's attributes hold, and theirs; functions are not opened."""
    found = [thing]
    if depth and not isinstance(thing, Tensor | np.ndarray | int | str) and not callable(thing):
        for name in dir(thing):
            if not name.startswith("__"):
                found += _reachable(getattr(thing, name), depth - 1)
    return found


def test_no_attribute_leaks_a_label() -> None:
    secret = Person()
    pool = Pool(X, secret, labeled=[1, 6])
    found = _reachable(pool)
    assert secret not in [thing for thing in found if not isinstance(thing, Tensor)]
    numbers = [thing for thing in found if isinstance(thing, Tensor) and not thing.is_floating_point()]
    assert len(numbers) >= 5  # the walk saw labeled, y, targets and unlabeled, and what they are made of
    hidden = [row for row in range(len(X)) if row not in (1, 6)]
    for values in numbers:
        if len(values) == len(X):
            assert (values[hidden] == -1).all()
        else:
            assert values.tolist() in ([1, 6], [1, 2], hidden)
    assert "Person" not in repr(pool)


@pytest.mark.parametrize(
    ("answers", "error", "words"),
    [
        ([1.5, 2.0], TypeError, "integers >= 0; got torch.float64"),
        ([1], ValueError, "2 labels, one an index; got shape \\(1,\\)"),
        ([1, -1], ValueError, "integers >= 0; got -1"),
        (None, TypeError, "the oracle's labels must be"),
    ],
)
def test_an_oracle_that_breaks_its_contract_is_named_and_not_paid(
    answers: object, error: type[Exception], words: str
) -> None:
    pool = Pool(X, lambda rows: answers, budget=2)
    with pytest.raises(error, match=words):
        pool.ask([0, 1])
    assert (pool.spent, pool.left) == (0, 2)
    pool = Pool(X, lambda rows: [0] * len(rows), budget=2)
    pool.ask([0, 1])


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"x": [[1.0]]}, TypeError, "x must be a floating tensor"),
        ({"x": torch.zeros(3)}, ValueError, r"x must be \(N, \*sample\)"),
        ({"oracle": Y}, TypeError, "oracle must be a function"),
        ({"budget": 13}, ValueError, r"budget must be in \[0, 12\]; got 13"),
        ({"labeled": [12]}, ValueError, r"labeled must be in \[0, 12\); got 12 to 12"),
        ({"labeled": [0.5]}, TypeError, "labeled must be integers"),
        ({"labeled": [[0]]}, ValueError, r"labeled must have shape \(n,\)"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Pool(**{"x": X, "oracle": Person(), **arguments})

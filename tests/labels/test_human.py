"""A person as the oracle: answers are kept as they are, and beside them stands what true ones would have brought."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from algan_lite.labels.human import STRATEGIES, Labeling
from algan_lite.labels.pool import Pool

X = torch.arange(40.0).view(20, 2)
Y = torch.arange(20) % 4


class Votes:
    """A model that gives every sample the class that has most labels: its error is known by counting."""

    def __init__(self, pool: Pool) -> None:
        self.counts = torch.bincount(pool.y, minlength=4).double()

    def predict_proba(self, x: Tensor) -> Tensor:
        return self.counts.expand(len(x), 4) / self.counts.sum()


def session(**options: object) -> Labeling:
    return Labeling(X, Y, X[:8], torch.tensor([0, 0, 0, 0, 1, 1, 2, 3]), Votes, budget=6, num_classes=4, **options)


def test_errors_are_those_of_the_answers_and_of_the_file() -> None:
    one = session()
    for label in (1, 1, 0):
        one.answer(label)
    said = [label for _, label in one.answers]
    assert said == [1, 1, 0]
    assert one.errors[:, 0].tolist() == [0.75] * 3  # class 1 has most labels: two of eight are right
    for k in range(3):
        pool = Pool(X, Y.__getitem__, labeled=[index for index, _ in one.answers[: k + 1]])
        right = Votes(pool).counts.argmax()
        wanted = float((torch.tensor([0, 0, 0, 0, 1, 1, 2, 3]) != right).double().mean())
        same = all(int(Y[index]) == label for index, label in one.answers[: k + 1])
        assert one.errors[k, 1] == (0.75 if same else wanted)


def test_true_answers_have_one_curve_and_no_mistakes() -> None:
    one = session()
    while one.question is not None:
        one.answer(int(Y[one.question]))
    assert one.mistakes == []
    assert len(one.answers) == 6
    assert (one.errors[:, 0] == one.errors[:, 1]).all()


def test_undo_is_the_way_back_step_by_step() -> None:
    one, states = session(), []
    for label in (0, None, 3, 1, None, 2):
        states.append((one.question, list(one.actions), one.errors.tolist()))
        one.skip() if label is None else one.answer(label)
    for wanted in reversed(states):
        one.undo()
        assert (one.question, one.actions, one.errors.tolist()) == wanted
    with pytest.raises(ValueError, match="there is none yet"):
        one.undo()


def test_after_undo_the_same_questions_follow() -> None:
    one = session(strategy="margin")
    one.answer(0)
    following = one.question
    one.answer(1)
    one.undo()
    assert one.question == following
    one.undo()
    one.answer(0)
    assert one.question == following


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_sample_is_asked_twice(strategy: str) -> None:
    one, asked = session(strategy=strategy), []
    for k in range(8):
        asked.append(one.question)
        one.skip() if k % 3 == 2 else one.answer(k % 4)
    assert one.question is None
    assert len(set(asked)) == 8


def test_random_curves_pay_only_for_what_they_use() -> None:
    spent: list[int] = []

    def learner(pool: Pool) -> Votes:
        spent.append(pool.spent)
        return Votes(pool)

    one = Labeling(X, Y, X, Y, learner, budget=4, num_classes=4)
    curves = one.random_curves(orders=2)
    assert curves.shape == (2, 4)
    assert spent == [1, 2, 3, 4] * 2
    assert curves[:, 0].tolist() == [0.75, 0.75]  # whichever class is the first: a quarter is right


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: session().answer(4), ValueError, r"label must be in \[0, 3\]; got 4"),
        (lambda: session().answer("7"), TypeError, "label must be an integer"),
        (lambda: session(strategy="gold"), ValueError, "strategy must be one of random, margin, entropy"),
        (lambda: session(seed=-1), ValueError, "seed"),
        (lambda: Labeling(X, Y, X, Y, Votes, budget=21), ValueError, r"budget must be in \[1, 20\]; got 21"),
        (lambda: session().random_curves(0), ValueError, "orders"),
    ],
)
def test_refusals(call: object, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        call()

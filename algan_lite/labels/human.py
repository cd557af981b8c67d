"""A person as the oracle: questions one by one, answers that may be skipped, taken back, or wrong.

The session never corrects an answer. It keeps what the learner makes of the answers as they are, and beside it what it
would make of the same questions with the file's labels: the gap is what the person's mistakes cost.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from algan_lite.core.checks import check_choice, check_integer, check_tensor, shown
from algan_lite.core.rng import stream
from algan_lite.labels.curve import error_rate, learning_curve
from algan_lite.labels.pool import Pool
from algan_lite.labels.query import query
from algan_lite.labels.table import Model

STRATEGIES = ("random", "margin", "entropy")  # what asks one question at a time, with nothing to install


class Labeling:
    """Questions to a person, and the test error after each answer.

    Args:
        x: Samples to ask about, (N, *sample).
        truth: The file's labels, (N,) int64: for the curves beside the person's, and shown after an answer only.
        x_test: Samples that nobody is asked about, (M, *sample).
        y_test: Their labels, (M,) int64.
        learner: ``fit(pool) -> model``.
        budget: Answers, in [1, N].
        strategy: Who is asked about next: a name in ``STRATEGIES``. The first question is a random one.
        num_classes: Answers lie in [0, num_classes).
        seed: Of the questions.

    Attributes:
        actions: The (index, answer) of each question so far, in order; None for a skip.
        question: Index of the sample that is asked about, or None where the budget is spent or all are skipped.
        strategy: May be changed; it counts from the next question on.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If one is out of range or unknown.
    """

    def __init__(
        self,
        x: Tensor,
        truth: Tensor,
        x_test: Tensor,
        y_test: Tensor,
        learner: Callable[[Pool], Model],
        *,
        budget: int = 20,
        strategy: str = "random",
        num_classes: int = 10,
        seed: int = 0,
    ) -> None:
        self._data = (*_labeled("x", x, "truth", truth), *_labeled("x_test", x_test, "y_test", y_test))
        if not callable(learner):
            raise TypeError(f"learner must be a function fit(pool) -> model; got {shown(learner)}")
        self.budget, self.seed = check_integer("budget", budget, 1, len(x)), check_integer("seed", seed, 0)
        self._learner, self.num_classes = learner, check_integer("num_classes", num_classes, 2)
        self.strategy = check_choice("strategy", strategy, STRATEGIES)
        self.actions: list[tuple[int, int | None]] = []
        self._errors: list[tuple[float, float]] = []  # after each answer: with the person's labels, with the file's
        self._model: Model | None = None
        self.question = self._next()

    @property
    def answers(self) -> list[tuple[int, int]]:
        """The (index, answer) pairs, in order."""
        return [(index, label) for index, label in self.actions if label is not None]

    @property
    def skipped(self) -> list[int]:
        """Indices of the samples that were skipped."""
        return [index for index, label in self.actions if label is None]

    @property
    def mistakes(self) -> list[tuple[int, int, int]]:
        """Where person and file differ: (index, answer, the file's label). It may be the file that errs."""
        truth = self._data[1]
        return [(index, label, int(truth[index])) for index, label in self.answers if label != int(truth[index])]

    @property
    def errors(self) -> np.ndarray:
        """Test error after 1, 2 ... answers, (n, 2): with the person's labels, and with the file's; in [0, 1]."""
        return np.array(self._errors).reshape(-1, 2)

    def answer(self, label: int) -> None:
        """Label the sample that is asked about, rightly or not.

        Raises:
            TypeError: If ``label`` is no integer.
            ValueError: If it is no class, or there is no question left.
        """
        label = check_integer("label", label, 0, self.num_classes - 1)
        self._act(label)
        self._learn()
        self.question = self._next()

    def skip(self) -> None:
        """Ask about another sample instead; this one is not asked about again, and costs nothing.

        Raises:
            ValueError: If there is no question left.
        """
        self._act(None)
        self.question = self._next()

    def undo(self) -> None:
        """Take the last answer or skip back: its sample is asked about again.

        Raises:
            ValueError: If there is none.
        """
        if not self.actions:
            raise ValueError("undo takes an answer or a skip back; there is none yet")
        self.question, label = self.actions.pop()
        if label is not None:
            self._errors.pop()
            self._model = self._learner(self._pool()) if self._errors else None

    def reset(self) -> None:
        """Begin again with the first question."""
        self.actions, self._errors, self._model = [], [], None
        self.question = self._next()

    def random_curves(self, orders: int = 5) -> np.ndarray:
        """Return the test error of the same learner with random questions and the file's labels.

        Args:
            orders: How many random orders, >= 1.

        Returns:
            (orders, budget): after 1, 2 ... answers, in [0, 1].
        """
        x, truth, x_test, y_test = self._data
        found = []
        for k in range(check_integer("orders", orders, 1)):
            draws = stream(self.seed, f"random order {k}")
            first = torch.randperm(len(x), generator=draws)[:1]
            pool = Pool(x, truth.__getitem__, labeled=first, budget=self.budget)
            how = {"query_size": 1, "rounds": self.budget - 1, "generator": draws}
            found.append(learning_curve(pool, self._learner, "random", x_test, y_test, **how).errors)
        return np.array(found)

    def _act(self, label: int | None) -> None:
        if self.question is None:
            raise ValueError(f"there is no question left: {len(self.answers)} of {self.budget} answers are given")
        self.actions.append((self.question, label))

    def _pool(self, *, true: bool = False) -> Pool:
        """Return a pool whose labels are the answers, or the file's labels of the same samples."""
        said = dict(self.answers)
        truth = self._data[1]
        return Pool(
            self._data[0],
            lambda rows: [int(truth[row]) if true else said[int(row)] for row in rows],
            labeled=list(said),
            budget=self.budget,
        )

    def _learn(self) -> None:
        x_test, y_test = self._data[2:]
        self._model = self._learner(self._pool())
        error = error_rate(self._model, x_test, y_test)
        with_truth = error_rate(self._learner(self._pool(true=True)), x_test, y_test) if self.mistakes else error
        self._errors.append((error, with_truth))

    def _next(self) -> int | None:
        """Return who is asked about: the first of the strategy's order that was not skipped."""
        pool, skipped = self._pool(), set(self.skipped)
        wanted = len(skipped) + 1
        if pool.left == 0 or wanted > len(pool.unlabeled):
            return None
        strategy = "random" if self._model is None else self.strategy
        draws = stream(self.seed, f"question {len(self.actions)}")
        order = query(pool, strategy, wanted, model=self._model, generator=draws).tolist()
        return next(index for index in order if index not in skipped)


def _labeled(x_name: str, x: object, y_name: str, y: object) -> tuple[Tensor, Tensor]:
    """Return samples and their labels, or say what does not fit."""
    if check_tensor(x_name, x, "(N, *sample)").ndim < 2 or not len(x):
        raise ValueError(f"{x_name} must be (N, *sample) with N >= 1; got {tuple(x.shape)}")
    if not isinstance(y, Tensor) or y.dtype is not torch.int64 or y.shape != x.shape[:1]:
        raise TypeError(f"{y_name} must be int64 labels ({len(x)},), one a sample; got {shown(y)}")
    return x, y

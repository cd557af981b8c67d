"""The strategies of scikit-activeml, asked about a pool. The package is an optional one."""

from __future__ import annotations

import inspect
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from algan_lite.core import rng
from algan_lite.core.checks import check_options
from algan_lite.labels.table import Question, in_turn


def need(module: str) -> ModuleType:
    """Return a module of scikit-activeml.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        return import_module(f"skactiveml.{module}")
    except ModuleNotFoundError as error:
        raise ImportError(
            "this query needs the package scikit-activeml (the extra labels): pip install scikit-activeml"
        ) from error


def is_strategy(thing: object) -> bool:
    """Is this a strategy object of scikit-activeml?"""
    return hasattr(thing, "query") and type(thing).__module__.startswith("skactiveml.")


def ask(question: Question, strategy: Any, **options: object) -> Tensor:  # noqa: ANN401 - of a package that may be missing
    """Return utilities (M,) that ask for what a strategy of scikit-activeml chooses, in its order.

    Args:
        question: ``features`` make its X; labels that nobody paid for are its missing ones.
        strategy: Such as ``skactiveml.pool.Badge()``. One without a ``random_state`` draws it from the question's
            generator.
        **options: Further arguments of the strategy's ``query``, such as ``ensemble``.

    Raises:
        TypeError: If its ``query`` has no such argument.
        ValueError: If it wants a classifier and the question has no model.
    """
    from sklearn.base import clone

    takes = inspect.signature(strategy.query).parameters
    check_options(type(strategy).__name__, strategy.query, options, but=("X", "y", "batch_size", "return_utilities"))
    X = question.points(question.pool.x).double().cpu().numpy()
    y = np.where(question.pool.targets.numpy() < 0, np.nan, question.pool.targets.numpy())
    if "clf" in takes and "clf" not in options:
        options |= _classifier(question, strategy, X)
    if "random_state" in strategy.get_params() and strategy.random_state is None and question.generator is not None:
        drawn = rng.draw(question.generator, (1,), "cpu", "index", 2**31 - 1)
        strategy = clone(strategy).set_params(random_state=int(drawn))
    chosen = strategy.query(X, y, batch_size=question.n, **options)
    places = np.searchsorted(question.unlabeled.numpy(), np.asarray(chosen, dtype=np.int64))
    return in_turn(question, torch.from_numpy(places))


def _classifier(question: Question, strategy: object, X: np.ndarray) -> dict[str, object]:
    """Return the arguments that hand over the learner's model: scikit-activeml's own, or what ours says."""
    if question.model is None:
        raise ValueError(f"{type(strategy).__name__} needs model=, the learner's; got None")
    if isinstance(question.model, need("base").SkactivemlClassifier):
        return {"clf": question.model}
    candidates = X[question.unlabeled.numpy()]
    return {"clf": _said(candidates, question.probabilities(question.candidates).numpy()), "fit_clf": False}


def _said(X: np.ndarray, probabilities: np.ndarray) -> object:
    """Return a classifier of scikit-activeml that repeats what a model of ours said of the candidates."""

    class Said(need("base").SkactivemlClassifier):
        def fit(self, X: object, y: object, sample_weight: object = None) -> Said:
            return self

        def predict_proba(self, asked: np.ndarray) -> np.ndarray:
            if not np.array_equal(asked, X):
                raise ValueError("model must be a classifier of scikit-activeml: this strategy asks it about other X")
            return probabilities

    said = Said(classes=list(range(probabilities.shape[1])))
    said.classes_ = np.arange(probabilities.shape[1])
    return said

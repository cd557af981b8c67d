"""What a query is asked, and the table of ways to answer: each gives every sample without a label a utility."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from algan_lite.core.checks import Entry, Table, as_tensor, ask, check_tensor, shown
from algan_lite.labels.pool import Pool
from algan_lite.selection.strategies import Option


class Model(Protocol):
    """What a learner returns: it knows how probable each class is."""

    def predict_proba(self, x: Tensor) -> Tensor:
        """Map samples (M, *sample) to probabilities (M, C) of the classes 0 ... C - 1."""


@dataclass(frozen=True, eq=False)
class Question:
    """One checked question: which n of the M samples without a label?

    Attributes:
        pool: The samples, and the labels that were paid for.
        n: How many are wanted, in [1, M].
        model: The learner's, or None.
        G: Maps latents (N, latent_dim) to samples; an ``Ensemble`` adds a leading axis R. Or None.
        D: Maps samples to logits (M,), before any sigmoid. Or None.
        features: Maps samples (M, *sample) to points (M, F), in which distances are taken.
        generator: The stream of all draws, or None where the query draws nothing.
        options: The query's own, complete and checked.
    """

    pool: Pool
    n: int
    model: Model | None = None
    G: nn.Module | None = None
    D: Callable[[Tensor], Tensor] | None = None
    features: Callable[[Tensor], Tensor] = lambda x: x.flatten(1)
    generator: torch.Generator | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def unlabeled(self) -> Tensor:
        """Indices of the candidates, ascending, (M,)."""
        return self.pool.unlabeled

    @cached_property
    def candidates(self) -> Tensor:
        """Samples without a label, (M, *sample)."""
        return self.pool.x[self.unlabeled]

    def points(self, x: Tensor) -> Tensor:
        """Where samples (M, *sample) lie, (M, F)."""
        with torch.no_grad():
            found = check_tensor("features(x)", ask("features", self.features, x, "samples (M, *sample)"), "(M, F)")
        if found.ndim != 2 or len(found) != len(x):
            raise ValueError(f"features(x) must have shape ({len(x)}, F); got {tuple(found.shape)}")
        return found

    def probabilities(self, x: Tensor) -> Tensor:
        """The model's class probabilities of samples (M, *sample), (M, C)."""
        return probabilities(self.model, x)


def probabilities(model: Model, x: Tensor) -> Tensor:
    """Return a model's class probabilities of samples (M, *sample), (M, C), or say how it breaks its contract.

    Raises:
        TypeError: If it has no ``predict_proba``, or that returns no numbers.
        ValueError: If that fails, or does not return a row a sample.
    """
    name = "model.predict_proba"
    if not callable(getattr(model, "predict_proba", None)):
        raise TypeError(f"model must have predict_proba(x), (M, *sample) -> (M, C); got {shown(model)}")
    found = ask(name, lambda x: as_tensor(f"{name}(x)", model.predict_proba(x)), x, "samples (M, *sample)").detach()
    if found.ndim != 2 or len(found) != len(x):
        raise ValueError(f"{name}(x) must have shape ({len(x)}, C); got {tuple(found.shape)}")
    return found


@dataclass(frozen=True, kw_only=True)
class Query(Entry):
    """One way to choose the samples that get a label.

    Attributes:
        fn: Question -> utilities (M,) of the candidates: higher is asked first, -inf is not asked.
        needs: What it cannot do without: some of ``model``, ``G``, ``D``.
        options: name -> Option.
        draws: Needs random numbers.
    """

    fn: Callable[[Question], Tensor]
    needs: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)
    draws: bool = False


QUERIES: Table[Query] = Table("query", Query)
entered = QUERIES.enter


def in_turn(question: Question, places: Tensor) -> Tensor:
    """Utilities (M,) that ask for candidates in a given order; ``places`` (n,) are theirs among the candidates."""
    utilities = torch.full((len(question.unlabeled),), -torch.inf)
    utilities[places] = torch.arange(len(places), 0, -1, dtype=utilities.dtype)
    return utilities

"""Which samples should get a label next: ask -> score -> pick, in the words of ``select_noise``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from algan_lite.core import rng
from algan_lite.core.checks import check_choice, check_integer, check_kind, check_tensor, shown
from algan_lite.labels import activeml, classic, gans  # noqa: F401 (the latter two enter the table)
from algan_lite.labels.pool import Pool, attempt
from algan_lite.labels.table import QUERIES, Model, Query, Question
from algan_lite.models.doors import check_G
from algan_lite.sampling.calibration import one_generator
from algan_lite.selection.picks import in_order
from algan_lite.selection.strategies import Option

NEEDS = {"model": "the learner's model", "G": "a generator", "D": "a discriminator"}


def query(
    pool: Pool,
    strategy: str | Query | Callable[[Question], Tensor] | Any,  # noqa: ANN401 - of a package that may be missing
    n: int,
    *,
    model: Model | None = None,
    G: nn.Module | None = None,
    D: Callable[[Tensor], Tensor] | None = None,
    features: Callable[[Tensor], Tensor] | None = None,
    generator: torch.Generator | None = None,
    seed: int | None = None,
    **options: object,
) -> Tensor:
    """Choose n samples without a label. Nothing is asked and nothing paid: ``pool.ask(query(...))`` does that.

    Args:
        pool: The samples; the query sees only those labels that were paid for.
        strategy: A name of ``QUERIES``; a strategy object of scikit-activeml; or a function of your own, of a
            ``Question``, that returns a utility for each candidate (M,), higher is asked first.
        n: How many, in [1, M] where M samples have no label.
        model: The learner's: ``predict_proba(x)`` maps samples (M, *sample) to (M, C). For a strategy of
            scikit-activeml one of its classifiers will do.
        G: Maps latents to samples.
        D: Maps samples to logits, before any sigmoid.
        features: Maps samples (M, *sample) to points (M, F), in which distances are taken; by default the flat samples.
        generator: The stream of all draws.
        seed: Shorthand for a stream.
        **options: The query's own (``QUERIES[name].options``), or those of scikit-activeml's ``query``.

    Returns:
        Indices of the pool, (n,), the one to ask first at the front. Equal utilities keep the pool's order.

    Raises:
        ImportError: If the query needs scikit-activeml and that is not installed.
        TypeError: If an argument is of another kind.
        ValueError: If an argument is out of range, unknown or missing, or fewer than n utilities are finite.

    Example:
        >>> x, y = torch.tensor([[0.0], [1.0], [2.0], [3.0]]), torch.tensor([0, 0, 1, 1])
        >>> pool = Pool(x, y.__getitem__, labeled=[0])
        >>> query(pool, lambda question: question.candidates[:, 0], 2)
        tensor([3, 2])
    """
    check_kind("pool", pool, Pool, "a Pool")
    n = check_integer("n", n, 1, len(pool.unlabeled))
    entry = _entry(strategy)
    for name, value in (("model", model), ("G", G), ("D", D)):
        if name in entry.needs and value is None:
            raise ValueError(f"query {entry.name!r} needs {name}=, {NEEDS[name]}; got None")
    _check_functions(entry, G, D, features)
    if generator is not None or seed is not None or entry.draws:
        generator = one_generator(rng.resolve(generator, seed, "labels"))
    given = {} if features is None else {"features": features}
    question = Question(pool, n, model, G, D, generator=generator, options=_options(entry, options), **given)
    utilities = check_tensor("utilities", entry.fn(question), "(M,)").detach().cpu()
    if utilities.shape != question.unlabeled.shape:
        raise ValueError(f"utilities must be ({len(question.unlabeled)},), one a candidate; got {shown(utilities)}")
    ranks = torch.nan_to_num(utilities, nan=-torch.inf)
    if (count := int((ranks > -torch.inf).sum())) < n:
        raise ValueError(f"utilities must hold {n} or more that are above -inf; got {count}")
    return question.unlabeled[in_order(ranks)[:n]]


def given(scores: Tensor) -> Callable[[Question], Tensor]:
    """Return a strategy of scores that are known beforehand, (N,), one a sample of the pool: higher is asked first.

    Raises:
        TypeError: If they are no floating tensor.
    """
    check_tensor("scores", scores, "(N,)")

    def known(question: Question) -> Tensor:
        if tuple(scores.shape) != (len(question.pool),):
            raise ValueError(f"scores must be ({len(question.pool)},), one a sample; got {tuple(scores.shape)}")
        return scores[question.unlabeled]

    return known


def _check_functions(entry: Query, G: object, D: object, features: object) -> None:
    """Refuse what cannot be called as a query will."""
    if "G" in entry.needs:
        check_G(G)
    for name, call in (("D", D if "D" in entry.needs else None), ("features", features)):
        if call is not None and not callable(call):
            raise TypeError(f"{name} must be a function of samples (M, *sample); got {shown(call)}")


def _entry(strategy: object) -> Query:
    """Return an entry of the table, or one made for a strategy from elsewhere."""
    if isinstance(strategy, Query):
        return strategy
    if isinstance(strategy, str):
        return QUERIES[strategy]
    name = getattr(strategy, "__name__", type(strategy).__name__)
    if activeml.is_strategy(strategy):
        return Query(name=name, fn=lambda question: activeml.ask(question, strategy, **question.options))
    if not callable(strategy):
        takes = f"a name ({', '.join(QUERIES)}), a function of a Question, or a strategy of scikit-activeml"
        raise TypeError(f"strategy must be {takes}; got {shown(strategy)}")
    takes = "a Question and return utilities (M,)"
    return Query(name=name, fn=lambda question: attempt("strategy", strategy, question, takes))


def _options(entry: Query, options: Mapping[str, object]) -> dict[str, object]:
    """Return the options of an entry of the table, complete and checked; those for others as they are."""
    if entry.name not in QUERIES or QUERIES[entry.name] is not entry:
        return dict(options)
    for name in options:
        check_choice(f"options of query {entry.name}", name, entry.options or ("none",))
    known: Mapping[str, Option] = entry.options
    return {name: option.check(name, options.get(name, option.default)) for name, option in known.items()}

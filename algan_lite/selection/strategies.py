"""The table of strategies: each is a way to propose, score and pick candidates (see ``selection``).

A strategy is its score, ``(request, candidates) -> utilities``, entered with what goes around it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from algan_lite.core.checks import Entry, Table, check_flag, check_integer, check_number, shown
from algan_lite.selection import picks, scores
from algan_lite.selection.scores import Request


@dataclass(frozen=True)
class Option:
    """An option of a strategy: its default and what refuses a bad value."""

    default: Any
    check: Callable[[str, Any], Any]


@dataclass(frozen=True, kw_only=True)
class Strategy(Entry):
    """One way to choose noise.

    Attributes:
        fn: The score: (Request, candidates) -> utilities (..., M).
        propose: Request -> candidates; by default the pool as it is.
        pick: (Request, utilities) -> Pick.
        options: name -> Option.
        draws: Needs random numbers (so does any strategy with ``uniform_share`` above 0).
        has_probability: Every candidate has a known chance, so that ``reweight`` is possible.
        ranks: The n come best first, so that ``keep`` is possible.
        plain: The n are the first n of the pool: a plain draw.
        moves: The latents are moved, so that they are no longer those of the pool.
        judges: Scores by D's view of the pool and nothing else, so that a caller who has that may give it (``seen``).
        reweights: Its weights undo the bias of its pick, asked or not: without them it would be another strategy.
        num_calls: Request -> candidates passed through G and D only to choose.
    """

    fn: Callable[[Request, Tensor], Tensor]
    propose: Callable[[Request], Tensor] = lambda request: request.z_pool
    pick: Callable[[Request, Tensor], picks.Pick] = picks.best
    options: Mapping[str, Option] = field(default_factory=dict)
    draws: bool = False
    has_probability: bool = False
    ranks: bool = True
    plain: bool = False
    moves: bool = False
    judges: bool = False
    reweights: bool = False
    num_calls: Callable[[Request], int] = lambda request: request.num_candidates


STRATEGIES: Table[Strategy] = Table("strategy", Strategy)
strategy = STRATEGIES.enter


def resolve_strategy(strategy: str | Strategy) -> Strategy:
    """Return a strategy given by name or as an entry of its own."""
    return strategy if isinstance(strategy, Strategy) else STRATEGIES[strategy]


def _between(low: float, high: float = float("inf"), *, open_low: bool = False) -> Callable[[str, Any], float]:
    return lambda name, value: check_number(name, value, low, high, open_low=open_low)


def _one_of(*known: object) -> Callable[[str, Any], Any]:
    def check(name: str, value: object) -> object:
        if getattr(value, "ndim", 0) or value not in known:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}; got {shown(value)}")
        return value

    return check


def _free(request: Request) -> int:
    return 0


_SHARE = {"uniform_share": Option(0.0, _between(0, 1))}
_POSITIVE = _between(0, open_low=True)


@strategy(
    source="Goodfellow 2014",
    pick=picks.first,
    has_probability=True,
    ranks=False,
    plain=True,
    num_calls=_free,
)
def random(request: Request, z: Tensor) -> Tensor:
    """No selection, the first n as they come: with a pool of n the plain GAN."""
    return scores.no_score(request)


@strategy(source="control", pick=picks.at_random, draws=True, has_probability=True, ranks=False, num_calls=_free)
def random_k(request: Request, z: Tensor) -> Tensor:
    """Any n of the pool, by chance and without repeats: the control of every choice."""
    return scores.no_score(request)


@strategy(source="Sinha 2020 (top-k)", options=_SHARE, judges=True)
def top_k(request: Request, z: Tensor) -> Tensor:
    """The n whose fakes D finds most real."""
    return scores.realness(request, z)


@strategy(source="this book", options=_SHARE, judges=True)
def bottom_k(request: Request, z: Tensor) -> Tensor:
    """The n whose fakes D rejects most: hard examples."""
    return -scores.realness(request, z)


@strategy(source="Settles 2009", options=_SHARE, judges=True)
def uncertain(request: Request, z: Tensor) -> Tensor:
    """The n where D is nearest to its boundary (without one, to the pool's median)."""
    return -scores.distance_to_boundary(request, z)


@strategy(
    source="Yellott 1977, Vieira 2014; estimator: Kool 2019",
    pick=picks.gumbel,
    options={"temperature": Option(1.0, _POSITIVE), "sign": Option(1, _one_of(1, -1))},
    draws=True,
    has_probability=True,
    judges=True,
)
def softmax(request: Request, z: Tensor) -> Tensor:
    """By chance, more often where D finds the fake real (sign=-1: rejects it), without repeats."""
    return request.options["sign"] * scores.realness(request, z)


@strategy(
    source="Katharopoulos & Fleuret 2018; pick: Madow 1949",
    pick=picks.in_proportion,
    options={"floor": Option(0.1, _between(0))},
    draws=True,
    has_probability=True,
    ranks=False,
    reweights=True,
)
def importance(request: Request, z: Tensor) -> Tensor:
    """By chance, in proportion to a bound on each one's gradient for G, with weights that keep the step unbiased."""
    return scores.log_gradient(request, z)


@strategy(
    source="Sinha 2020 (Small-GAN)",
    options={"space": Option("z", _one_of("z", "features")), **_SHARE},
    num_calls=lambda request: 0 if request.options["space"] == "z" else request.num_candidates,
)
def core_set(request: Request, z: Tensor) -> Tensor:
    """Greedy k-center: n that cover the pool, on z (no feedback of D) or on D's features."""
    points = z if request.options["space"] == "z" else scores.features(request, z)
    return scores.farthest_first(points, request.n)


@strategy(
    source="Wu 2019 (LOGAN)",
    propose=scores.ascend,
    pick=picks.first,
    options={
        "alpha": Option(0.9, _between(0)),
        "beta": Option(0.1, _POSITIVE),
        "clip": Option(3.0, _POSITIVE),
        "steps": Option(1, lambda name, value: check_integer(name, value, 1)),
        "through": Option(False, check_flag),
    },
    ranks=False,
    moves=True,
    num_calls=lambda request: request.n * request.options["steps"],
)
def latent_ascent(request: Request, z: Tensor) -> Tensor:
    """The first n, moved to where D finds the fake more real (LOGAN with through=True)."""
    return scores.no_score(request)


@strategy(source="Seung 1992", options=_SHARE, judges=True)
def disagreement(request: Request, z: Tensor) -> Tensor:
    """The n on which D's heads differ most (two heads or more)."""
    return scores.head_variance(request, z)

"""The table of strategies: each is a way to propose, score and pick candidates (see ``selection``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from algan_lite.core.checks import Table, check_integer, check_number
from algan_lite.selection import picks
from algan_lite.selection import scores as score
from algan_lite.selection.scores import Request


@dataclass(frozen=True)
class Option:
    """An option of a strategy: its default and what refuses a bad value."""

    default: Any
    check: Callable[[str, Any], Any]


@dataclass(frozen=True)
class Strategy:
    """One way to choose noise.

    Attributes:
        doc: One line for readers.
        source: Where the idea comes from.
        propose: Request -> candidates; by default the pool as it is.
        score: (Request, candidates) -> utilities (..., M).
        pick: (Request, utilities) -> Pick.
        options: name -> Option.
        needs_generator: Draws random numbers (so does any strategy with ``uniform_share`` above 0).
        has_probability: Every candidate has a known chance, so that ``reweight`` is possible.
        ranks: The n come best first, so that ``keep`` is possible.
        plain: The n are the first n of the pool: a plain draw.
        moves: The latents are moved, so that they are no longer those of the pool.
        num_calls: Request -> candidates passed through G and D only to choose.
    """

    doc: str
    source: str
    propose: Callable[[Request], Tensor] = lambda request: request.z_pool
    score: Callable[[Request, Tensor], Tensor] = score.no_score
    pick: Callable[[Request, Tensor], picks.Pick] = picks.best
    options: Mapping[str, Option] = field(default_factory=dict)
    needs_generator: bool = False
    has_probability: bool = False
    ranks: bool = True
    plain: bool = False
    moves: bool = False
    num_calls: Callable[[Request], int] = lambda request: request.num_candidates


def _between(low: float, high: float = float("inf"), *, open_low: bool = False) -> Callable[[str, Any], float]:
    return lambda name, value: check_number(name, value, low, high, open_low=open_low)


def _one_of(*known: object) -> Callable[[str, Any], Any]:
    def check(name: str, value: object) -> object:
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}; got {value!r}")
        return value

    return check


_SHARE = {"uniform_share": Option(0.0, _between(0, 1))}
_POSITIVE = _between(0, open_low=True)


STRATEGIES: Table[Strategy] = Table(
    "strategy",
    {
        "random": Strategy(
            "No selection: the first n of the pool as they come; with a pool of n it is the plain GAN.",
            "Goodfellow 2014",
            pick=picks.first,
            has_probability=True,
            ranks=False,
            plain=True,
            num_calls=lambda request: 0,
        ),
        "random_k": Strategy(
            "n of the pool at random, without repeats: the control for every k-of-M strategy.",
            "control",
            pick=picks.at_random,
            needs_generator=True,
            has_probability=True,
            ranks=False,
            num_calls=lambda request: 0,
        ),
        "top_k": Strategy(
            "The n that D finds most real; keep= gives the schedule of the paper.",
            "Sinha 2020 (top-k)",
            score=score.realness,
            options=_SHARE,
        ),
        "bottom_k": Strategy(
            "The n that D rejects most: hard examples.", "this book", score=score.fakeness, options=_SHARE
        ),
        "uncertain": Strategy(
            "The n where D is nearest to its boundary (without one, to the pool's median).",
            "Settles 2009",
            score=score.uncertainty,
            options=_SHARE,
        ),
        "softmax": Strategy(
            "Gumbel top-k: a soft, random version of top_k (sign=+1) or bottom_k (sign=-1), without repeats.",
            "Yellott 1977, Vieira 2014; estimator: Kool 2019",
            score=score.realness,
            pick=picks.gumbel,
            options={"temperature": Option(1.0, _POSITIVE), "sign": Option(1, _one_of(1, -1))},
            needs_generator=True,
            has_probability=True,
        ),
        "core_set": Strategy(
            "Greedy k-center: n candidates that cover the pool, on z (no feedback of D) or on D's features.",
            "Sinha 2020 (Small-GAN)",
            score=score.remoteness,
            options={"space": Option("z", _one_of("z", "features")), **_SHARE},
            num_calls=lambda request: 0 if request.options["space"] == "z" else request.num_candidates,
        ),
        "latent_ascent": Strategy(
            "Moves the first n along the gradient of D(G(z)): LOGAN with through=True, LOGAN-style without.",
            "Wu 2019 (LOGAN)",
            propose=score.ascend,
            pick=picks.first,
            options={
                "alpha": Option(0.9, _between(0)),
                "beta": Option(0.1, _POSITIVE),
                "clip": Option(3.0, _POSITIVE),
                "steps": Option(1, lambda name, value: check_integer(name, value, 1)),
                "through": Option(False, _one_of(False, True)),
            },
            ranks=False,
            moves=True,
            num_calls=lambda request: request.n * request.options["steps"],
        ),
        "disagreement": Strategy(
            "The n on which D's heads differ most (two heads or more).",
            "Seung 1992",
            score=score.head_variance,
            options=_SHARE,
        ),
    },
)

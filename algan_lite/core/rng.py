"""Every random number in the package is drawn here, from an explicit generator.

A *stream* is one ``torch.Generator``, or one generator a run: then a draw gains the leading runs
axis (R), and run k receives exactly what it would receive alone. Each purpose (initial weights,
data, candidates ...) has its own stream, derived from (seed, purpose), so that arms with one seed
stay paired even where one of them draws more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from algan_lite.core.checks import check_choice, check_integer

Stream: TypeAlias = torch.Generator | Sequence[torch.Generator]


def derive_seed(seed: int, purpose: str) -> int:
    """Return a 63-bit seed that depends on ``seed`` and on what it is for."""
    seed = check_integer("seed", seed, 0)
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def stream(seed: int | Sequence[int], purpose: str) -> Stream:
    """Return the stream of ``purpose``: one CPU generator, or one a run for a sequence of seeds."""
    if isinstance(seed, Sequence):
        return [stream(one, purpose) for one in seed]
    return torch.Generator().manual_seed(derive_seed(seed, purpose))


def resolve(generator: Stream | None, seed: int | None, purpose: str) -> Stream:
    """Return ``generator``, or the stream that ``seed`` is shorthand for (exactly one is given)."""
    if (generator is None) == (seed is None):
        raise ValueError(f"give exactly one of generator= and seed=; got generator={generator!r}, seed={seed!r}")
    return stream(seed, purpose) if generator is None else generator


def draw(
    source: Stream, shape: Sequence[int], device: torch.device | str, kind: str = "normal", high: int | None = None
) -> Tensor:
    """Draw numbers from a stream and bring them to ``device``.

    The draw happens on the generator's own device, so one seed gives the same numbers everywhere.

    Args:
        source: One generator, or a sequence of R of them.
        shape: Shape of one run's draw.
        device: Where the result is needed.
        kind: ``normal`` N(0, 1), ``uniform`` on [0, 1), or ``index``: integers in [0, high).
        high: Exclusive upper bound of ``index``.

    Returns:
        ``shape`` for one generator, (R, *shape) for a sequence; float32, or int64 for ``index``.

    Raises:
        ValueError: If ``kind`` is unknown.
    """
    check_choice("kind", kind, ("normal", "uniform", "index"))
    if not isinstance(source, torch.Generator):
        return torch.stack([_draw_one(one, shape, kind, high) for one in source]).to(device)
    return _draw_one(source, shape, kind, high).to(device)


def _draw_one(generator: torch.Generator, shape: Sequence[int], kind: str, high: int | None) -> Tensor:
    place = {"generator": generator, "device": generator.device}
    if kind == "index":
        return torch.randint(check_integer("high", high, 1), tuple(shape), **place)
    return torch.randn(tuple(shape), **place) if kind == "normal" else torch.rand(tuple(shape), **place)


def run_seeds(seed: int | Sequence[int], runs: int | None) -> list[int]:
    """Return one seed a run: ``seed``, ``seed + 1`` ... for an integer, or the given sequence."""
    if isinstance(seed, Sequence):
        if runs is not None and len(seed) != runs:
            raise ValueError(f"seed must hold {runs} seeds, one a run; got {len(seed)}")
        return [check_integer("seed", one, 0) for one in seed]
    first = check_integer("seed", seed, 0)
    return list(range(first, first + check_integer("runs", 1 if runs is None else runs, 1)))

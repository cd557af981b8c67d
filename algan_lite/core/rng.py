"""Every random number in the package is drawn here, from an explicit generator.

A *stream* is one ``torch.Generator``, or one generator a run: then a draw gains the leading runs
axis (R), and run k receives exactly what it would receive alone. Each purpose (initial weights,
data, candidates ...) has its own stream, derived from (seed, purpose), so that arms with one seed
stay paired even where one of them draws more.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from algan_lite.core.checks import check_choice, check_device, check_integer, check_sizes, shown

Stream: TypeAlias = torch.Generator | Sequence[torch.Generator]


def derive_seed(seed: int, purpose: str) -> int:
    """Return a 63-bit seed that depends on ``seed`` and on what it is for."""
    seed = check_integer("seed", seed, 0)
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def stream(seed: int | Sequence[int], purpose: str) -> Stream:
    """Return the stream of ``purpose``: one CPU generator, or one a run for a sequence of seeds."""
    if (many := _seeds(seed)) is not None:
        return [stream(one, purpose) for one in many]
    return torch.Generator().manual_seed(derive_seed(seed, purpose))


def _seeds(seed: object) -> list[int] | None:
    """Return the seeds of a sequence or an array with one axis; None for anything else, such as one seed."""
    many = isinstance(seed, Sequence) and not isinstance(seed, str | bytes)
    if isinstance(seed, Tensor | np.ndarray) and seed.ndim == 1:
        many, seed = True, seed.tolist()
    return [check_integer("seed", one, 0) for one in seed] if many else None


_GLOBAL = threading.RLock()


@contextmanager
def lent(seed: int | None = None) -> Iterator[None]:
    """Lend PyTorch's global CPU generator, from a seed or as it is, to code that knows no other; then put it back.

    One thread at a time has it: layers draw their first weights from it, loaders the order of their items.
    """
    with _GLOBAL, torch.random.fork_rng(devices=[]):
        if seed is not None:
            torch.default_generator.manual_seed(seed)
        yield


def resolve(generator: Stream | None, seed: int | None, purpose: str) -> Stream:
    """Return ``generator``, or the stream that ``seed`` is shorthand for (exactly one is given)."""
    if (generator is None) == (seed is None):
        got = f"generator={shown(generator)}, seed={shown(seed)}"
        raise ValueError(f"give exactly one of generator= and seed=; got {got}")
    return stream(seed, purpose) if generator is None else check_stream("generator", generator)


def check_stream(name: str, source: object) -> Stream:
    """Return ``source`` if it is a generator or a sequence of generators, one a run."""
    if isinstance(source, torch.Generator):
        return source
    if isinstance(source, Sequence) and source and all(isinstance(one, torch.Generator) for one in source):
        return source
    raise TypeError(f"{name} must be a torch.Generator, or a sequence of them, one a run; got {shown(source)}")


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
    check_stream("source", source)
    high = check_integer("high", high, 1) if kind == "index" else None
    return fresh(source, check_sizes("shape", shape), check_device("device", device), kind, high)


def fresh(
    source: Stream, shape: Sequence[int], device: torch.device | str, kind: str = "normal", high: int | None = None
) -> Tensor:
    """Draw as ``draw`` does, unchecked: what a step draws several times has been checked at the doors."""
    rows = _draw_one if isinstance(source, torch.Generator) else _draw_rows
    return rows(source, shape, kind, high).to(device)


def _draw_rows(source: Sequence[torch.Generator], shape: Sequence[int], kind: str, high: int | None) -> Tensor:
    """Draw a row a generator, each in its place: a third less time than to join what was drawn."""
    if kind == "index":
        return torch.stack([_draw_one(one, shape, kind, high) for one in source])
    drawn = torch.empty((len(source), *shape), device=source[0].device)
    for one, row in zip(source, drawn.unbind(), strict=True):
        row.normal_(generator=one) if kind == "normal" else row.uniform_(generator=one)
    return drawn


def _draw_one(generator: torch.Generator, shape: Sequence[int], kind: str, high: int | None) -> Tensor:
    if kind == "normal":
        return torch.randn(shape, generator=generator, device=generator.device)
    if kind == "uniform":
        return torch.rand(shape, generator=generator, device=generator.device)
    return torch.randint(high, shape, generator=generator, device=generator.device)


def run_seeds(seed: int | Sequence[int], runs: int | None) -> list[int]:
    """Return one seed a run: ``seed``, ``seed + 1`` ... for an integer, or the given sequence."""
    if (many := _seeds(seed)) is not None:
        if not many or (runs is not None and len(many) != runs):
            raise ValueError(f"seed must hold {runs or 'some'} seeds, one a run; got {len(many)}")
        return many
    first = check_integer("seed", seed, 0)
    return list(range(first, first + check_integer("runs", 1 if runs is None else runs, 1)))

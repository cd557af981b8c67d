"""Sources of fakes that nobody trained: the zero of the yardstick, and its end.

``SENTINELS[name](source, n, generator=g)`` gives n fakes (n, *sample) for the place of a G's. A measure that cannot
tell a sentinel from a GAN says nothing about that GAN: print both. What a sentinel knows of the data it reads off the
source: exact modes where there are some, else the samples to train on, else fresh samples of a stream of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from algan_lite.core.checks import Entry, Table, check_device, check_integer, check_kind, check_number, check_options
from algan_lite.core.rng import Stream, draw, resolve, stream
from algan_lite.data.sources import Source, take

_KNOWN = 10_000  # fresh samples that stand for a law without modes


@dataclass(frozen=True, kw_only=True)
class Sentinel(Entry):
    """A source of fakes beside trained ones; call it as ``sentinel(source, n, seed=0)``.

    Attributes:
        fn: Takes a source, n and a stream; its other arguments are the sentinel's own options.
    """

    fn: Callable[..., Tensor]

    def __call__(
        self,
        source: Source,
        n: int,
        *,
        generator: Stream | None = None,
        seed: int | None = None,
        device: torch.device | str = "cpu",
        **options: object,
    ) -> Tensor:
        """Return n fakes.

        Args:
            source: The data that the fakes stand beside.
            n: How many a draw, at least 1.
            generator: One generator, or a sequence of R of them for R independent draws.
            seed: Shorthand for a generator; give exactly one of the two.
            device: Where the fakes are needed; the numbers do not depend on it.
            **options: The sentinel's own, see ``sentinel.fn``.

        Returns:
            (n, *sample) float32, or (R, n, *sample) for a sequence.

        Raises:
            TypeError: If an argument is of another kind, or the sentinel has no such option.
            ValueError: If ``n`` is out of range, or both or neither of ``generator`` and ``seed`` are given.
        """
        check_options(self.name, self.fn, options, but=("source", "n", "draws"))
        _check_source(source)
        n, device = check_integer("n", n, 1), check_device("device", device)
        return self.fn(source, n, resolve(generator, seed, "sentinels"), **options).to(device)


SENTINELS: Table[Sentinel] = Table("sentinel", Sentinel)
sentinel = SENTINELS.enter


@sentinel(source="this book")
def uniform_box(source: Source, n: int, draws: Stream, margin: float = 0.125) -> Tensor:
    """Uniform noise over the data's box: what is known before any training.

    Args:
        source: The data.
        n: How many.
        draws: Stream of the draws.
        margin: As for ``data_box``.
    """
    low, high = data_box(source, margin)
    return _uniform(low, high, n, draws)


@sentinel(source="this book")
def shapeless(source: Source, n: int, draws: Stream) -> Tensor:
    """The data's outline without its modes: a ring's circle, a grid's square, else one Gaussian.

    Modes at one distance from their middle give the circle (the sphere) through them, modes at all crossings of
    some ticks the square (the box) that they span. Everything else, images too, gives the Gaussian with the data's
    mean and covariance, whose samples may leave the data's box.
    """
    if source.modes is not None and _is_grid(source.modes):
        return _uniform(source.modes.amin(0), source.modes.amax(0), n, draws)
    if source.modes is not None and _is_ring(source.modes):
        center = source.modes.mean(0)
        direction = draw(draws, (n, *center.shape), "cpu")
        length = direction.flatten(-center.ndim).norm(dim=-1)  # (..., n)
        radius = (source.modes - center).flatten(1).norm(dim=-1).mean()
        return center + direction * (radius / length).view(*length.shape, *[1] * center.ndim)
    return _gaussian(_known(source), n, draws)


@sentinel(source="this book")
def one_mode(source: Source, n: int, draws: Stream) -> Tensor:
    """A perfect G of one mode: a normal mode, one class of labeled data, else one sample again and again.

    The mode is the one with the greatest weight, the class the most frequent one (in its training samples), the first
    where there are several. Without modes and labels it is the training sample nearest to the mean.
    """
    if source.modes is not None:
        k = 0 if source.weights is None else int(source.weights.argmax())
        std = torch.as_tensor(source.std).expand(len(source.modes))[k]
        return source.modes[k] + std * draw(draws, (n, *source.sample_shape), "cpu")
    known, labels = _known(source), getattr(source, "train_labels", None)
    if labels is not None:
        return _pick(known[labels == labels.mode().values], n, draws)
    middle = (known - known.mean(0)).flatten(1).norm(dim=-1).argmin()
    return _pick(known[middle : middle + 1], n, draws)


@sentinel(source="this book")
def copycat(source: Source, n: int, draws: Stream, memory: int = 256) -> Tensor:
    """A G that repeats its training samples: nothing is new, and measures of modes cannot see it.

    Args:
        source: The data.
        n: How many, chosen with replacement.
        draws: Stream of the draws.
        memory: As for ``training_set``, whose samples are repeated.
    """
    return _pick(training_set(source, memory), n, draws)


@sentinel(source="this book")
def perfect(source: Source, n: int, draws: Stream) -> Tensor:
    """The data themselves: fresh samples; of finite data the validation part, each image once.

    Metrics compare with the test part, so that these are reals against reals. Of finite data n is at most the size of
    the validation part.
    """
    part = getattr(source, "validation", None)
    if part is None:
        return source.sample(n, generator=draws)
    if len(part) == 0:
        raise ValueError(
            f"source must have held-out samples for the sentinel perfect; {source!r} has none in its validation "
            "part: give validation= in (0, 1) when it is made"
        )
    check_integer("n", n, 1, len(part))
    return take(part, draw(draws, (len(part),), "cpu", "uniform").argsort(-1)[..., :n])


def data_box(source: Source, margin: float = 0.125) -> tuple[Tensor, Tensor]:
    """Return the two corners of the data's box.

    Modes: the box that they span, wider on each side by ``margin`` of its length, and by three standard deviations at
    least: [-2.5, 2.5] squared for a ring of radius 2 and for the grid of 25. With ``margin=0`` it fits as tightly as it
    can, and uniform noise in it looks a little better (on that grid 0.096 good fakes instead of 0.071). Other data: the
    smallest and the largest value of each coordinate, among the samples to train on or 10,000 fresh ones.

    Args:
        source: The data.
        margin: In [0, inf), for modes only.

    Returns:
        Low and high corner, (*sample) each, in data units.

    Raises:
        TypeError: If ``source`` is none.
        ValueError: If ``margin`` is negative.

    Example:
        >>> from algan_lite import data
        >>> [corner.tolist() for corner in data_box(data.grid())]
        [[-2.5, -2.5], [2.5, 2.5]]
    """
    _check_source(source)
    margin = check_number("margin", margin, 0)
    if source.modes is None:
        known = _known(source)
        return known.amin(0), known.amax(0)
    low, high = source.modes.amin(0), source.modes.amax(0)
    room = (margin * (high - low)).clamp_min(3 * float(torch.as_tensor(source.std).max()))
    return low - room, high + room


def training_set(source: Source, memory: int = 256) -> Tensor:
    """Return what ``copycat`` has been trained on, and repeats; ``data_copying`` takes it as ``train=``.

    Args:
        source: The data.
        memory: Size of the training set of a law that is drawn afresh, >= 1; finite data have their own.

    Returns:
        (T, *sample), the same at every call.

    Raises:
        TypeError: If ``source`` is none.
        ValueError: If ``memory`` is out of range.
    """
    _check_source(source)
    check_integer("memory", memory, 1)
    own = getattr(source, "train", None)
    return source.sample(memory, generator=stream(0, "sentinels.training_set")) if own is None else own


def _check_source(source: object) -> None:
    check_kind("source", source, Source, "a source such as al.data.ring()")


def _known(source: Source) -> Tensor:
    """Return samples (m, *sample) that stand for the law: the training part, or fresh ones, the same at every call."""
    own = getattr(source, "train", None)
    return source.sample(_KNOWN, generator=stream(0, "sentinels.known")) if own is None else own


def _uniform(low: Tensor, high: Tensor, n: int, draws: Stream) -> Tensor:
    return low + (high - low) * draw(draws, (n, *low.shape), "cpu", "uniform")  # (..., n, *sample)


def _gaussian(known: Tensor, n: int, draws: Stream) -> Tensor:
    """Draw (..., n, *sample) from the Gaussian with the mean and covariance of known samples (m, *sample)."""
    x = known.flatten(1).double()
    values, vectors = torch.linalg.eigh(x.T.cov().reshape(x.shape[1], -1))  # a root that a pixel without spread allows
    root = (vectors * values.clamp_min(0).sqrt()).float()  # (d, d)
    noise = draw(draws, (n, x.shape[1]), "cpu")
    return (x.mean(0).float() + noise @ root.T).unflatten(-1, known.shape[1:])


def _pick(pool: Tensor, n: int, draws: Stream) -> Tensor:
    """Draw (..., n, *sample) from a pool (m, *sample), with replacement."""
    return take(pool, draw(draws, (n,), "cpu", "index", len(pool)))


def _is_ring(modes: Tensor) -> bool:
    """Do the modes (K, *sample) lie at one distance from their middle?"""
    distance = (modes - modes.mean(0)).flatten(1).norm(dim=-1)
    return len(modes) > 1 and bool((distance - distance.mean()).abs().max() < 1e-3 * distance.mean())


def _is_grid(modes: Tensor) -> bool:
    """Do the modes (K, *sample) fill all crossings of two ticks or more on each axis?"""
    scaled = (modes / modes.abs().max().clamp_min(1e-30)).flatten(1)
    ticks = [len(column.mul(1e4).round().unique()) for column in scaled.T]
    return min(ticks) > 1 and math.prod(ticks) == len(modes)

"""Fewer reals to train on: some of them, all but a fold, and other ones in each run of an ensemble."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from algan_lite.core import rng
from algan_lite.core.checks import check_integer, check_kind, check_list
from algan_lite.data.finite import Finite, stratified
from algan_lite.data.sources import Source


class Each(Source):
    """A source a run: run k of an ensemble draws from source k, what it would draw alone."""

    def __init__(self, sources: Sequence[Source]) -> None:
        super().__init__(sources[0].name, sources[0].sample_shape)
        self.sources = tuple(sources)

    def _draw(self, n: int, stream: rng.Stream) -> Tensor:
        if isinstance(stream, torch.Generator) or len(stream) != len(self.sources):
            got = 1 if isinstance(stream, torch.Generator) else len(stream)
            raise ValueError(f"generator must be {len(self.sources)} generators, one a source; got {got}")
        return torch.stack([one.sample(n, generator=g) for one, g in zip(self.sources, stream, strict=True)])


def each(sources: Sequence[Source]) -> Each:
    """A source a run: run k of an ensemble of R draws from the k-th of R sources.

    So runs that differ in their reals, such as folds, train at once.

    Args:
        sources: One a run, of samples of one shape.

    Raises:
        TypeError: If one of them is no source.
        ValueError: If there are none, or their samples have several shapes.
    """
    given = check_list("sources", sources, "a sequence of sources, one a run")
    for one in given:
        check_kind("sources", one, Source, "sources such as al.data.ring()")
    shapes = sorted({one.sample_shape for one in given})
    if len(shapes) != 1:
        raise ValueError(f"sources must be 1 or more with samples of one shape; got shapes {shapes}")
    return Each(given)


def few(source: Finite, n: int, seed: int = 0) -> Finite:
    """The same data with n of the samples to train on; validation and test stay as they are.

    Args:
        source: Finite data.
        n: How many are left, from 1 to all; every class keeps its share, where there are labels.
        seed: Chooses them.

    Raises:
        TypeError: If the source is not finite.
        ValueError: If ``n`` or ``seed`` is out of range.

    Example:
        >>> from algan_lite import data
        >>> len(few(data.digits(), 50).train)
        50
    """
    check_kind("source", source, Finite, "finite data, such as al.data.digits()")
    n = check_integer("n", n, 1, len(source.train))
    return _keep(source, stratified(_classes(source), n, rng.stream(check_integer("seed", seed, 0), "few")))


def folds(source: Finite, k: int, seed: int = 0) -> list[Finite]:
    """K sources: the j-th trains on all but the j-th of k equal parts, which is its validation part; test stays.

    Args:
        source: Finite data.
        k: How many parts, from 2 to the number of samples to train on; their sizes differ by 1 at most, and every class
            has its share in each, where there are labels.
        seed: Of the division.

    Raises:
        TypeError: If the source is not finite.
        ValueError: If ``k`` or ``seed`` is out of range.

    Example:
        >>> from algan_lite import data
        >>> [len(fold.validation) for fold in folds(few(data.digits(), 50), 5)]
        [10, 10, 10, 10, 10]
    """
    check_kind("source", source, Finite, "finite data, such as al.data.digits()")
    k, seed = check_integer("k", k, 2, len(source.train)), check_integer("seed", seed, 0)
    return [_keep(source, ~held, held) for held in _parts(_classes(source), k, rng.stream(seed, "folds"))]


def _classes(source: Finite) -> Tensor:
    labels = source.train_labels
    return torch.zeros(len(source.train), dtype=torch.long) if labels is None else labels


def _parts(classes: Tensor, k: int, stream: torch.Generator) -> Iterator[Tensor]:
    """Yield k masks (n,) that share the items out, class by class, in random order."""
    shuffled = rng.draw(stream, (len(classes),), "cpu", "uniform").argsort()
    by_class = shuffled[classes[shuffled].argsort(stable=True)]
    for j in range(k):
        held = torch.zeros(len(classes), dtype=torch.bool)
        held[by_class[j::k]] = True
        yield held


def _keep(source: Finite, kept: Tensor, held: Tensor | None = None) -> Finite:
    """Return the data that train on ``kept`` (n,), and have ``held`` (n,) for their validation part, if it is given."""
    parts = {"train": source.train[kept], "validation": source.validation, "test": source.test}
    labels = {"train": source.train_labels, "validation": source.validation_labels, "test": source.test_labels}
    if held is not None:
        parts["validation"], labels["validation"] = source.train[held], labels["train"]
    if labels["train"] is not None:
        of = {"train": kept} | ({} if held is None else {"validation": held})
        labels |= {part: source.train_labels[mask] for part, mask in of.items()}
    return Finite(source.name, parts, None if source.train_labels is None else labels, source.classes)

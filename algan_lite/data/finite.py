"""Finite data: reading and checking them, and splitting them once into three parts."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from algan_lite.core import rng
from algan_lite.core.checks import as_tensor, check_integer, check_number
from algan_lite.core.progress import progress_bar
from algan_lite.data.sources import Source, take

if TYPE_CHECKING:
    import pandas as pd  # to run, it is not imported here: it takes longer than all the rest

LARGE = 10.0  # of images: those in [-1, 1], and those with mean 0 and spread 1, stay below


class Finite(Source):
    """Given samples, split once into train, validation and test; ``sample`` draws from train with replacement.

    Attributes:
        train_labels: Classes of ``train``, (n,) int64, or None; likewise ``validation_labels``, ``test_labels``.
        classes: Their names, where the source has some: class k is ``classes[k]``.
    """

    classes: tuple[str, ...] | None = None

    def __init__(
        self,
        name: str,
        parts: dict[str, Tensor],
        labels: dict[str, Tensor] | None = None,
        classes: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__(name, tuple(parts["train"].shape[1:]))
        self._parts = parts
        labels = labels or {}
        self.train_labels = labels.get("train")
        self.validation_labels = labels.get("validation")
        self.test_labels = labels.get("test")
        if classes is not None:  # otherwise the class's own None: the keys of sources without names stay what they are
            self.classes = classes

    def _draw(self, n: int, stream: rng.Stream) -> Tensor:
        return take(self.train, rng.draw(stream, (n,), "cpu", "index", len(self.train)))

    def _part(self, part: str) -> Tensor:
        return self._parts[part]

    def __repr__(self) -> str:
        sizes = ", ".join(f"{part}={len(x)}" for part, x in self._parts.items())
        return f"{self.name}(sample_shape={self.sample_shape}, {sizes}, key={self.key()})"


def stratified(labels: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Choose ``count`` items so that every class keeps its share, within one item.

    Args:
        labels: Class of each item, (n,) integers; all equal for a plain random choice.
        count: How many are chosen, 0 to n.
        generator: Source of randomness; one uniform number an item.

    Returns:
        (n,) booleans, ``count`` of them True.
    """
    n = len(labels)
    check_integer("count", count, 0, n)
    shuffled = rng.draw(generator, (n,), "cpu", "uniform").argsort()
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    # walk through the classes and take every (n/count)-th item: exact in total, even within each class
    steps = torch.arange(n + 1) * count // n
    chosen = torch.zeros(n, dtype=torch.bool)
    chosen[by_class[steps[1:] > steps[:-1]]] = True
    return chosen


def split(
    name: str,
    x: Tensor,
    labels: Tensor | None,
    validation: float,
    test: float,
    seed: int,
    classes: tuple[str, ...] | None = None,
) -> Finite:
    """Split samples (n, *sample) once, stratified where there are labels; both shares are of n, in [0, 1)."""
    n_test = round(check_number("test", test, 0, 1) * len(x))
    n_held = n_test + round(check_number("validation", validation, 0, 1) * len(x))
    if n_held >= len(x):
        raise ValueError(
            f"validation + test must leave samples to train on, of {len(x)}; got shares {validation} and {test}"
        )
    stream = rng.stream(seed, "split")
    y = torch.zeros(len(x), dtype=torch.long) if labels is None else labels
    held = stratified(y, n_held, stream).nonzero().squeeze(1)
    is_test = stratified(y[held], n_test, stream) if n_held else torch.zeros(0, dtype=torch.bool)
    train = torch.ones(len(x), dtype=torch.bool)
    train[held] = False
    rows = {"train": train.nonzero().squeeze(1), "validation": held[~is_test], "test": held[is_test]}
    parts = {part: x[row] for part, row in rows.items()}
    return Finite(name, parts, None if labels is None else {part: labels[row] for part, row in rows.items()}, classes)


def read_loader(loader: DataLoader) -> tuple[Tensor, Tensor | None]:
    """Read all batches into memory: samples and, where there are some, labels; a progress bar appears after a second.

    Raises:
        TypeError: If a batch is neither ``x``, ``(x,)``, ``(x, labels)`` nor a mapping with one floating tensor, x,
            and at most one of integers, labels.
        ValueError: If there is no batch, or the batches do not fit each other.
    """
    with rng.lent():  # iterating over a DataLoader draws from the global generator
        batches = [_unpacked(batch) for batch in progress_bar(loader, desc="reading", unit="batch", delay=1.0)]
    if not batches:
        raise ValueError("x must yield at least one batch; got an empty DataLoader")
    shapes = {(len(batch), *batch[0].shape[1:]) for batch in batches}
    if len(shapes) > 1:
        raise ValueError(f"x must yield batches of one kind and shape; got (parts, *sample) {sorted(shapes)}")
    joined = [torch.cat(parts) for parts in zip(*batches, strict=True)]
    return joined[0], joined[1] if len(joined) == 2 else None


def _unpacked(batch: object) -> list[Tensor]:
    """Return [x] or [x, labels] of a batch."""
    parts = batch
    if isinstance(batch, Mapping):
        tensors = [value for value in batch.values() if isinstance(value, Tensor)]
        parts = sorted(tensors, key=lambda value: not value.is_floating_point())
        if sum(value.is_floating_point() for value in parts) != 1:
            parts = []
    elif isinstance(batch, Tensor):
        parts = [batch]
    fits = isinstance(parts, Sequence) and len(parts) in (1, 2)
    if not fits or not all(isinstance(part, Tensor) and part.ndim for part in parts):
        given = batch if isinstance(batch, Mapping) else dict(enumerate(batch)) if isinstance(batch, Sequence) else {}
        inside = ", ".join(f"{key!r}: {getattr(one, 'dtype', type(one).__name__)}" for key, one in given.items())
        got = f"{type(batch).__name__} ({inside})" if inside else type(batch).__name__
        if "torch.uint8" in inside:
            got += "; images of bytes: let the Dataset give al.data.from_pixels(x)"
        raise TypeError(
            "x must be a DataLoader whose batches are x, (x, labels) or a mapping with one floating tensor (x) and at "
            f"most one of integers (labels); got {got}"
        )
    return list(parts)


def _by_contents(x: Tensor, labels: Tensor | None) -> Tensor:
    """Return the order of the items by a hash of their bytes, (n,): a loader that shuffles gives the same split."""
    rows = x.flatten(1).numpy()
    tails = np.zeros(len(rows), dtype=np.int64) if labels is None else labels.numpy()
    keys = [hashlib.sha256(row.tobytes() + tail.tobytes()).digest() for row, tail in zip(rows, tails, strict=True)]
    return torch.tensor(sorted(range(len(keys)), key=keys.__getitem__))


def _numbers(name: str, given: object) -> object:
    """Return the array inside of a table or column of pandas, whatever else as it is."""
    if type(given).__module__.split(".")[0] != "pandas" or not hasattr(given, "to_numpy"):
        return given
    found = given.to_numpy()
    if found.dtype != object or given.ndim != 2:
        return found
    if others := [
        f"{key!r} ({one.dtype})" for key, one in given.items() if getattr(one.dtype, "kind", "O") not in "biuf"
    ]:
        raise TypeError(f"{name} must have columns of numbers only; got others: {', '.join(others)[:200]}")
    return given.to_numpy(dtype=float)


def check_x(x: Tensor | np.ndarray) -> Tensor:
    """Return ``x`` as float32 (n, *sample) on the CPU, or say what is wrong with it."""
    given = as_tensor("x", x, "a tensor, an array or a DataFrame of numbers, or a DataLoader").detach().cpu()
    if not given.is_floating_point():
        hint = "images of bytes: al.data.from_pixels(x) gives [-1, 1]; other numbers: as floats"
        raise TypeError(f"x must be floating point ({hint}); got {given.dtype}")
    if given.ndim < 2 or given.numel() == 0:
        raise ValueError(f"x must be (n, *sample) with at least one sample; got shape {tuple(given.shape)}")
    found = given.float()
    if not found.isfinite().all():
        where = " in float32" if given.isfinite().all() else ""
        raise ValueError(f"x must be finite{where}; got {int((~found.isfinite()).sum())} values that are not")
    return found


def _warn_of_large(x: Tensor) -> None:
    """Warn of images (n, ...) that nobody has scaled."""
    if x.ndim > 2 and (largest := x.abs().max()) > LARGE:
        told = f"x has values up to {largest:.4g}, and networks learn images of [-1, 1]"
        warnings.warn(f"{told}: scale them first, pixels from 0 to 255 by x / 127.5 - 1", stacklevel=3)


def check_labels(labels: Tensor | np.ndarray | None, n: int) -> Tensor | None:
    """Return ``labels`` as int64 (n,) on the CPU, or say what is wrong with them."""
    if labels is None:
        return None
    counted = "np.unique(labels, return_inverse=True)[1] counts names"
    given = as_tensor("labels", labels, f"a tensor or an array of integers ({counted})").detach().cpu()
    if given.is_floating_point() or given.is_complex():
        raise TypeError(f"labels must be integers; got {given.dtype}")
    if tuple(given.shape) != (n,):
        raise ValueError(f"labels must have shape ({n},), one for each sample; got {tuple(given.shape)}")
    return given.long()


def from_pixels(x: Tensor | np.ndarray) -> Tensor:
    """Images of bytes as the networks want them: channels first, values in [-1, 1].

    Args:
        x: Bytes 0..255, (n, height, width), (n, height, width, channels) or (n, channels, height, width), with 1, 3 or
            4 channels.

    Returns:
        (n, channels, height, width) float32, x / 127.5 - 1.

    Raises:
        TypeError: If ``x`` is no tensor or array of bytes.
        ValueError: If the axes are others, as in one image with channels, or both places could be the channels'.

    Example:
        >>> from_pixels(np.full((2, 8, 6, 3), 255, dtype=np.uint8)).shape
        torch.Size([2, 3, 8, 6])
    """
    given = as_tensor("x", x, "a tensor or an array of bytes, uint8").detach().cpu()
    if given.dtype != torch.uint8:
        raise TypeError(f"x must be bytes, uint8 from 0 to 255; got {given.dtype}")
    channels = [axis for axis in (1, 3) if given.ndim == 4 and given.shape[axis] in (1, 3, 4)]
    if given.ndim == 3 and given.shape[-1] in (1, 3, 4):
        raise ValueError(f"x must be several images; got shape {tuple(given.shape)}, which is one: x[None] is a batch")
    if given.numel() == 0 or (given.ndim != 3 and len(channels) != 1):
        takes = "(n, height, width), or 4 axes of which the second or the last, not both, are 1, 3 or 4 channels"
        raise ValueError(f"x must be {takes}; got shape {tuple(given.shape)}")
    return scaled(given.unsqueeze(1) if given.ndim == 3 else given.movedim(channels[0], 1))


def scaled(x: Tensor) -> Tensor:
    """Return bytes 0..255 (n, channels, height, width) as float32 in [-1, 1]."""
    return x.float(memory_format=torch.contiguous_format).div_(127.5).sub_(1)


def array(
    x: Tensor | np.ndarray | pd.DataFrame | DataLoader,
    labels: Tensor | np.ndarray | pd.Series | None = None,
    *,
    validation: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    name: str = "array",
) -> Finite:
    """Your own data, split once into three parts (stratified where there are labels).

    Args:
        x: Floating-point samples (n, *sample), taken as they are: scale images to [-1, 1] first (``from_pixels``), and
            the columns of a table to about one size. Images with values beyond 10 are taken with a warning. A
            DataFrame counts as the array it holds. A DataLoader is read once into memory, whatever its order: its
            batches are ``x``, ``(x, labels)`` or a mapping of the two. One that alters its items at random
            (augmentation) gives other data, and another split, at each call.
        labels: Integer class of each sample, (n,), or None; a column of a DataFrame, too.
        validation: Share of the validation part, in [0, 1).
        test: Share of the test part, in [0, 1); the training part keeps the rest, at least one sample.
        seed: Of the split.
        name: What the source is called.

    Raises:
        TypeError: If ``x`` is none of these or not floating point, or ``labels`` are not integers.
        ValueError: If ``x`` is empty or not finite, ``labels`` do not fit, or the shares leave nothing to train on.
    """
    x, labels = _numbers("x", x), _numbers("labels", labels)
    if isinstance(x, DataLoader):
        if labels is not None:
            raise ValueError("labels must be None beside a DataLoader, which yields (x, labels); got both")
        x, labels = read_loader(x)
        x, labels = check_x(x), check_labels(labels, len(x))
        order = _by_contents(x, labels)
        x, labels = x[order], None if labels is None else labels[order]
    x = check_x(x)
    _warn_of_large(x)
    return split(name, x, check_labels(labels, len(x)), validation, test, check_integer("seed", seed, 0))

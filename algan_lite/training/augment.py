"""Differentiable augmentations: D is shown neither reals nor fakes, but both through the same random changes.

An augmentation is a pure function of (x, strength, draws): a real and a fake that are given the same draws are changed
alike, and strength 0 changes nothing. D sees only what comes out, in its own step and in G's, and G learns through the
changes. So a D that would learn few reals by heart has more of them to learn, and G is not asked to make changed ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from algan_lite.core.checks import Entry, Table, check_choice, check_list, check_number, check_tensor, shown

Amount = float | Tensor
"""One number, or (R,): one a run."""


@dataclass(frozen=True, kw_only=True)
class Augmentation(Entry):
    """One augmentation; call it as ``augmentation(x, strength, draws)``.

    Attributes:
        fn: ``fn(x, strength, draws)`` -> like ``x``, unchecked; a strength of one a run has the shape (R, 1).
        draws: Uniform numbers that it needs for each sample.
        strength: That of training, unless another is given.
        most: Largest strength.
        axes: Of a sample: 3 for an image (C, H, W), 1 for a point in the plane (2,).
    """

    fn: Callable[[Tensor, Amount, Tensor], Tensor]
    draws: int
    strength: float
    most: float
    axes: int

    def __call__(self, x: Tensor, strength: Amount, draws: Tensor) -> Tensor:
        """Return samples changed, each by its own draws.

        Args:
            x: (..., N, *sample), in data units.
            strength: In [0, most]: a number, or (R,), one a run. At 0 the samples are as they were.
            draws: Uniform on [0, 1), (..., N, draws).

        Returns:
            Like ``x``, differentiable in it.

        Raises:
            TypeError: If an argument is of another kind.
            ValueError: If a shape does not fit, or the strength is out of range.
        """
        self.check(check_tensor("x", x, "(..., N, *sample)").shape[-self.axes :])
        lead = x.shape[: -self.axes]
        if check_tensor("draws", draws, "(..., N, draws)").shape != (*lead, self.draws):
            raise ValueError(f"draws must be {(*lead, self.draws)} for {self.name}; got {tuple(draws.shape)}")
        check_amount("strength", strength, self.most, lead[:-1])
        return self.fn(x, _by_run(strength), draws)

    def check(self, sample: Sequence[int]) -> None:
        """Refuse samples that it cannot change.

        Raises:
            ValueError: If their shape is another.
        """
        if len(sample) != self.axes or (self.axes == 1 and tuple(sample) != (2,)):
            takes = "images (C, H, W)" if self.axes == 3 else "points in the plane, (2,)"
            raise ValueError(f"{self.name} changes {takes}; got samples of shape {tuple(sample)}")


AUGMENTATIONS: Table[Augmentation] = Table("augmentation", Augmentation)
augmentation = AUGMENTATIONS.enter


@augmentation(source="Zhao 2020 (DiffAugment)", draws=1, strength=0.5, most=2.0, axes=3)
def brightness(x: Tensor, strength: Amount, draws: Tensor) -> Tensor:
    """Adds one number, at most the strength, to the whole image."""
    return x + _wide(strength * (2 * draws[..., 0] - 1), x, 3)


@augmentation(source="Zhao 2020 (DiffAugment)", draws=1, strength=0.5, most=1.0, axes=3)
def contrast(x: Tensor, strength: Amount, draws: Tensor) -> Tensor:
    """Stretches an image about its mean, by 1 plus or minus the strength at most."""
    mean = x.mean((-3, -2, -1), keepdim=True)
    return torch.lerp(mean, x, 1 + _wide(strength * (2 * draws[..., 0] - 1), x, 3))


@augmentation(source="Zhao 2020 (DiffAugment)", draws=2, strength=0.125, most=1.0, axes=3)
def translation(x: Tensor, strength: Amount, draws: Tensor) -> Tensor:
    """Shifts an image by whole pixels, at most this share of its sides.

    What comes in at the other side repeats the edge. (The paper's code fills it with 0, which in data of [-1, 1] is a
    gray that no real has.)
    """
    for axis, u in ((-2, draws[..., 0]), (-1, draws[..., 1])):
        size = x.shape[axis]
        most = _pixels(strength, size, u)
        shift = ((2 * most + 1) * u).floor() - most  # (..., N), each of the 2 most + 1 shifts as likely
        rows = (torch.arange(size, device=x.device) - shift[..., None]).clamp(0, size - 1).long()  # (..., N, size)
        x = x.gather(axis, _along(rows, axis).expand(x.shape))
    return x


@augmentation(source="Zhao 2020 (DiffAugment)", draws=2, strength=0.5, most=1.0, axes=3)
def cutout(x: Tensor, strength: Amount, draws: Tensor) -> Tensor:
    """Sets a window, this share of the sides long, to 0; it may reach beyond the image."""
    hole = torch.ones((), dtype=torch.bool, device=x.device)
    for axis, u in ((-2, draws[..., 0]), (-1, draws[..., 1])):
        size = x.shape[axis]
        side = _pixels(strength, size, u)
        first = (u * (size + 1 - side % 2)).floor() - (side / 2).floor()  # (..., N)
        place = torch.arange(size, device=x.device) - first[..., None]
        hole = hole & _along((place >= 0) & (place < torch.as_tensor(side, device=x.device)[..., None]), axis)
    return x.masked_fill(hole, 0.0)


@augmentation(source="this book", draws=1, strength=math.pi / 8, most=math.pi, axes=1)
def rotation(x: Tensor, strength: Amount, draws: Tensor) -> Tensor:
    """Turns a point about the origin, by the strength in radians at most."""
    angle = strength * (2 * draws[..., 0] - 1)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    return torch.stack([cos * x[..., 0] - sin * x[..., 1], sin * x[..., 0] + cos * x[..., 1]], -1)


@augmentation(source="this book", draws=2, strength=0.1, most=math.inf, axes=1)
def jitter(x: Tensor, strength: Amount, draws: Tensor) -> Tensor:
    """Moves a point, in each coordinate by the strength at most."""
    return x + _wide(strength, x, 1) * (2 * draws - 1).to(x.dtype)


class Chain:
    """Augmentations one after the other, each applied to a sample with the chance p.

    Args:
        entries: In this order, each with the strength that it will have.

    Attributes:
        draws: Uniform numbers for each sample: for each entry one that decides, and its own.
    """

    def __init__(self, entries: Sequence[Augmentation]) -> None:
        self.entries, self.draws = tuple(entries), sum(1 + entry.draws for entry in entries)

    def __call__(self, x: Tensor, p: Amount, draws: Tensor) -> Tensor:
        """Return what D is shown of x (..., N, *sample): p is a number or (R,), the draws are (..., N, draws).

        The entries decide independently of each other, by one p: as in Karras et al. 2020, section 2.2.
        """
        start = 0
        for entry in self.entries:
            stop = start + 1 + entry.draws
            used = draws[..., start] < _by_run(p)
            changed = entry.fn(x, entry.strength, draws[..., start + 1 : stop])
            x, start = torch.where(_wide(used, x, entry.axes), changed, x), stop
        return x


def resolve_augment(given: object) -> tuple[Augmentation, ...]:
    """Return the entries of names, of entries, or of a mapping, name -> strength.

    Raises:
        TypeError: If it is something else.
        ValueError: If a name is unknown, or a strength out of range.
    """
    takes = "names in AUGMENTATIONS, entries, or a mapping, name -> strength"
    items = (
        given.items() if isinstance(given, Mapping) else [(one, None) for one in check_list("augment", given, takes)]
    )
    entries = []
    for one, strength in items:
        entry = one if isinstance(one, Augmentation) else AUGMENTATIONS[check_choice("augment", one, AUGMENTATIONS)]
        strength = entry.strength if strength is None else strength
        check_number(f"augment[{entry.name!r}]", strength, 0, entry.most)
        entries.append(replace(entry, strength=float(strength)))
    return tuple(entries)


def check_amount(name: str, value: object, most: float, lead: Sequence[int]) -> None:
    """Refuse what is neither a number in [0, most] nor a tensor of them, one a run."""
    if not isinstance(value, Tensor):
        check_number(name, value, 0, most)
    elif tuple(value.shape) not in ((), tuple(lead)) or bool(~((value >= 0) & (value <= most)).all()):
        wanted = f"a number or a tensor {tuple(lead)} in [0, {most:g}]"
        raise ValueError(f"{name} must be {wanted}; got {shown(value)}")


def _by_run(value: Amount) -> Amount:
    """Return one a run as (R, 1), which goes with the samples of each run, (R, N)."""
    return value.unsqueeze(-1) if isinstance(value, Tensor) and value.ndim else value


def _wide(value: Amount, x: Tensor, axes: int) -> Tensor:
    """Return one value a sample, (..., N), with the axes of a sample behind it; numbers in the type of x."""
    value = torch.as_tensor(value, device=x.device)
    value = value if value.dtype == torch.bool else value.to(x.dtype)
    return value.reshape(*value.shape, *[1] * axes) if value.ndim else value


def _along(values: Tensor, axis: int) -> Tensor:
    """Return one value a pixel of a side, (..., N, size), in the axes of an image: rows (-2) or columns (-1)."""
    return values[..., None, :, None] if axis == -2 else values[..., None, None, :]


def _pixels(strength: Amount, size: int, like: Tensor) -> Tensor:
    return torch.as_tensor(strength * size, device=like.device).round()

"""Laws in the plane with known answers: points lie in about [-2.5, 2.5]."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from algan_lite.core.checks import check_integer, check_list, check_number, shown
from algan_lite.data.sources import SOURCES, Curve, Mixture


@SOURCES.enter(source="Lin 2018 (PacGAN)")
def ring(modes: int = 8, radius: float = 2.0, std: float = 0.02, weights: Sequence[float] | None = None) -> Mixture:
    """Normal modes evenly spaced on a circle around 0; mode k lies at angle 2 pi k / modes.

    Args:
        modes: How many, at least 1.
        radius: Of the circle, > 0, in data units.
        std: Of each mode in each coordinate, > 0, in data units.
        weights: Probability of each mode, > 0, scaled to sum 1; default equal.

    Raises:
        ValueError: If a number is out of range or ``weights`` does not fit ``modes``.

    Example:
        >>> ring(modes=4, radius=1.0).sample(3, seed=0).shape
        torch.Size([3, 2])
    """
    modes = check_integer("modes", modes, 1)
    radius = check_number("radius", radius, 0, open_low=True)
    angle = 2 * math.pi * torch.arange(modes, dtype=torch.float64) / modes
    centers = radius * torch.stack([angle.cos(), angle.sin()], -1)  # (K, 2)
    shares = _check_weights(weights, modes)
    given = {} if weights is None else {"weights": tuple(map(float, weights))}
    source = Mixture("ring", centers, _check_std(std), shares)
    source.parameters = {"modes": modes, "radius": radius, "std": source.std, **given}
    return source


@SOURCES.enter(source="Liu 2020 (collaborative sampling), 90 % of the mass on two of eight modes")
def imbalanced_ring(
    share: float = 0.9, heavy: int = 2, modes: int = 8, radius: float = 2.0, std: float = 0.02
) -> Mixture:
    """A ring whose first ``heavy`` modes hold ``share`` of the mass; the others divide the rest equally.

    Args:
        share: Mass of the heavy modes together, in (0, 1).
        heavy: How many modes are heavy, 1 to ``modes`` - 1.
        modes: How many modes there are, at least 2.
        radius: As for ``ring``.
        std: As for ``ring``.

    Raises:
        ValueError: If a number is out of range.
    """
    modes = check_integer("modes", modes, 2)
    heavy = check_integer("heavy", heavy, 1, modes - 1)
    if not 0 < check_number("share", share) < 1:
        raise ValueError(f"share must be in (0, 1); got {share!r}")
    light = (1 - share) / (modes - heavy)
    source = ring(modes, radius, std, [share / heavy] * heavy + [light] * (modes - heavy))
    source.name = "imbalanced_ring"
    source.parameters = {"share": share, "heavy": heavy, "modes": modes, "radius": radius, "std": source.std}
    return source


@SOURCES.enter(source="Lin 2018 (PacGAN)")
def grid(side: int = 5, spacing: float = 1.0, std: float = 0.05, dim: int = 2) -> Mixture:
    """Normal modes on a square grid around 0: by default the 25 Gaussians at {-2, ..., 2} squared.

    Args:
        side: Modes along each side, at least 1.
        spacing: Between neighbors, > 0, in data units.
        std: Of each mode in each coordinate, > 0, in data units.
        dim: Coordinates of a sample, at least 1: with 3 the grid is a cube of ``side ** 3`` modes.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> grid(side=10, spacing=0.5, dim=3).modes.shape
        torch.Size([1000, 3])
    """
    side, dim = check_integer("side", side, 1), check_integer("dim", dim, 1)
    spacing = check_number("spacing", spacing, 0, open_low=True)
    ticks = spacing * (torch.arange(side, dtype=torch.float64) - (side - 1) / 2)
    centers = torch.cartesian_prod(*[ticks] * dim).view(-1, dim)  # (side ** dim, dim)
    source = Mixture("grid", centers, _check_std(std), _check_weights(None, len(centers)))
    source.parameters = {"side": side, "spacing": spacing, "std": source.std, "dim": dim}
    return source


@SOURCES.enter(source="Gulrajani 2017")
def swiss_roll(noise: float = 0.05) -> Curve:
    """A spiral of one and a half turns, scaled into [-2, 2].

    Args:
        noise: Standard deviation around the curve in each coordinate, >= 0, in data units.

    Raises:
        ValueError: If ``noise`` is negative.
    """
    return Curve("swiss_roll", _spiral, check_number("noise", noise, 0))


@SOURCES.enter(source="scikit-learn")
def two_moons(noise: float = 0.05) -> Curve:
    """Two half circles that reach into each other, scaled into [-2, 2] x [-1, 1].

    Args:
        noise: Standard deviation around the curves in each coordinate, >= 0, in data units.

    Raises:
        ValueError: If ``noise`` is negative.
    """
    return Curve("two_moons", _moons, check_number("noise", noise, 0))


def _check_std(std: float) -> float:
    return check_number("std", std, 0, open_low=True)


def _check_weights(weights: Sequence[float] | None, modes: int) -> Tensor:
    if weights is None:
        return torch.full((modes,), 1 / modes, dtype=torch.float64)
    if not isinstance(weights, Sequence | Tensor | np.ndarray):  # they are read twice
        raise TypeError(f"weights must be a sequence of numbers in (0, inf), one a mode; got {shown(weights)}")
    if len(check_list("weights", weights, "a sequence of numbers in (0, inf), one a mode")) != modes:
        raise ValueError(f"weights must be one for each of {modes} modes; got {len(weights)}")
    values = [check_number(f"weights[{k}]", w, 0, open_low=True) for k, w in enumerate(weights)]
    return torch.tensor(values, dtype=torch.float64) / sum(values)


def _spiral(u: Tensor) -> Tensor:
    turn = 1.5 * math.pi * (1 + 2 * u)  # angle, and distance from the center before scaling
    return torch.stack([turn * turn.cos(), turn * turn.sin()], -1) * (2 / (4.5 * math.pi))


def _moons(u: Tensor) -> Tensor:
    lower = u >= 0.5
    angle = 2 * math.pi * torch.where(lower, u - 0.5, u)  # [0, pi) on either moon
    x = torch.where(lower, 1 - angle.cos(), angle.cos())
    y = torch.where(lower, 0.5 - angle.sin(), angle.sin())
    return torch.stack([x - 0.5, y - 0.25], -1) * (4 / 3)

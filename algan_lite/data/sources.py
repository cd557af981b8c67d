"""What a source of data is, and the laws that are drawn afresh.

Every source answers ``source.sample(n, generator=g)``: (n, *sample) float32, or (R, n, *sample) for a
sequence of R generators, where run k receives exactly what it would receive alone. The factories
(``ring``, ``grid`` ...) are in ``algan_lite.data``, finite data in ``algan_lite.finite``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from algan_lite.core import rng
from algan_lite.core.checks import Entry, Table, check_device, check_integer, shown
from algan_lite.core.keys import content_key


class Source:
    """Something that real samples are drawn from.

    Attributes:
        name: What the source is called in tables and figures.
        sample_shape: Shape of one sample, for instance (2,) or (1, 28, 28).
        parameters: What it was made with, as its factory names it.
        modes: Exact centers of the modes, (K, *sample), or None where there are none.
        std: Standard deviation of a mode in each coordinate, in data units, or None.
        weights: Probability of each mode, (K,), or None.
    """

    modes: Tensor | None = None
    std: float | None = None
    weights: Tensor | None = None

    def __init__(self, name: str, sample_shape: tuple[int, ...]) -> None:
        self.name = name
        self.sample_shape = tuple(sample_shape)
        self.parameters: dict[str, object] = {}

    def key(self) -> str:
        """Return 16 hexadecimal digits that depend on all that the samples depend on: parameters, values, split.

        Raises:
            TypeError: If the source holds what cannot be told from others, such as a lambda.
        """
        return content_key(self)

    def sample(
        self,
        n: int,
        generator: rng.Stream | None = None,
        *,
        seed: int | None = None,
        device: torch.device | str = "cpu",
    ) -> Tensor:
        """Draw real samples.

        Args:
            n: How many a run, at least 1.
            generator: One generator, or a sequence of R of them for R runs.
            seed: Shorthand for a generator; give exactly one of the two.
            device: Where the samples are needed; the numbers do not depend on it.

        Returns:
            (n, *sample) float32, or (R, n, *sample) for a sequence.

        Raises:
            TypeError: If ``n`` is not an integer, or another argument of another kind.
            ValueError: If ``n`` < 1, or if both or neither of ``generator`` and ``seed`` are given.
        """
        n, device = check_integer("n", n, 1), check_device("device", device)
        return self._draw(n, rng.resolve(generator, seed, "data")).to(device)

    def _draw(self, n: int, stream: rng.Stream) -> Tensor:
        raise NotImplementedError

    def log_prob(self, x: Tensor) -> Tensor:
        """Refuse: only mixtures know their density."""
        raise ValueError(f"{self.name} has no exact density; log_prob is for mixtures (ring, imbalanced_ring, grid)")

    def _part(self, part: str) -> Tensor:
        raise AttributeError(
            f"{self.name} is drawn afresh and has no fixed .{part} part; use source.sample(n, generator=g) "
            "with a generator of its own for held-out points"
        )

    @property
    def train(self) -> Tensor:
        """Samples to train on, (n, *sample); finite sources only."""
        return self._part("train")

    @property
    def validation(self) -> Tensor:
        """Samples to choose and calibrate on, (n, *sample); finite sources only."""
        return self._part("validation")

    @property
    def test(self) -> Tensor:
        """Samples to report on, once, (n, *sample); finite sources only."""
        return self._part("test")

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.parameters.items())})"


class Mixture(Source):
    """Isotropic normal modes at known centers: the law itself is known, so answers about it are exact."""

    def __init__(self, name: str, modes: Tensor, std: float, weights: Tensor) -> None:
        super().__init__(name, tuple(modes.shape[1:]))
        self.modes = modes.float()
        self.std = std
        self.weights = weights.float()
        cumulative = weights.double().cumsum(0)
        cumulative[-1] = 1.0  # a sum that rounds to 0.9999999 would let a draw fall behind the last mode
        self._cumulative = cumulative.float()

    def _draw(self, n: int, stream: rng.Stream) -> Tensor:
        u = rng.fresh(stream, (n,), "cpu", "uniform")
        noise = rng.fresh(stream, (n, *self.sample_shape), "cpu")  # (..., n, d)
        mode = torch.searchsorted(self._cumulative, u, right=True)  # (..., n), uniform draw -> mode
        return noise.mul_(self.std).add_(take(self.modes, mode))

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the exact log density.

        Args:
            x: Points (..., N, d), in data units.

        Returns:
            (..., N), in nats.

        Raises:
            ValueError: If the last axis of ``x`` is not that of a sample.
        """
        if not isinstance(x, Tensor) or x.is_complex():
            raise TypeError(f"x must be a tensor of points (..., N, {self.sample_shape[0]}); got {shown(x)}")
        if tuple(x.shape[-1:]) != self.sample_shape:
            raise ValueError(f"x must be (..., N, {self.sample_shape[0]}); got shape {tuple(x.shape)}")
        x = x if x.is_floating_point() else x.float()
        modes, weights = self.modes.to(x), self.weights.to(x)
        # differences, not |x|^2 + |m|^2 - 2xm: with a small std that form loses every digit near a mode
        distance2 = (x.unsqueeze(-2) - modes).square().sum(-1)  # (..., N, K)
        log_norm = x.shape[-1] * math.log(self.std * math.sqrt(2 * math.pi))
        return torch.logsumexp(weights.log() - distance2 / (2 * self.std**2), -1) - log_norm


class Curve(Source):
    """A curve in the plane, u in [0, 1) -> (..., 2), with normal noise around it: no modes and no closed density."""

    def __init__(self, name: str, curve: Callable[[Tensor], Tensor], noise: float) -> None:
        super().__init__(name, (2,))
        self.noise = noise
        self.parameters = {"noise": noise}
        self.curve = curve

    def _draw(self, n: int, stream: rng.Stream) -> Tensor:
        u = rng.fresh(stream, (n,), "cpu", "uniform")
        noise = rng.fresh(stream, (n, 2), "cpu")
        return self.curve(u) + self.noise * noise  # (..., n, 2)


def take(x: Tensor, rows: Tensor) -> Tensor:
    """Return ``x[rows]``: (n, *sample) and (...) integers give (..., *sample), three times as fast as indexing."""
    if rows.ndim == 1:
        return x.index_select(0, rows)
    return x.index_select(0, rows.flatten()).view(*rows.shape, *x.shape[1:])


@dataclass(frozen=True, kw_only=True)
class Factory(Entry):
    """A named source: called, perhaps with options, it makes one; the docstring of ``fn`` says which."""

    fn: Callable[..., Source]

    def __call__(self, **options: object) -> Source:
        """Make the source."""
        return self.fn(**options)


SOURCES: Table[Factory] = Table("source", Factory)
"""name -> factory; every one of them can be called without arguments (``array`` needs data and is not here)."""

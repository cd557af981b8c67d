"""The table of metrics, one signature for all: ``METRICS[name](x_fake, reference)``.

``x_fake`` is (..., N, *sample); a metric returns (...) in float64: one number for one GAN, (R,) for R runs. The
reference is a source (for exact modes, or for its held-out reals) or a tensor of reals (M, *sample). The ``digit_``
metrics look through the eyes of the book's own digit classifier: they are not FID and cannot be compared with it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from algan_lite.core.checks import Entry, Table, check_integer, check_kind, check_list, check_options, check_tensor
from algan_lite.core.rng import draw, stream
from algan_lite.data.sources import Source

INF = float("inf")


@dataclass(frozen=True, kw_only=True)
class Metric(Entry):
    """One metric; call it as ``metric(x_fake, reference, **options)``.

    Attributes:
        fn: The function; its docstring says the options, unit and reference.
        direction: ``higher`` or ``lower`` is better, or ``target``: the closer to ``perfect``, the better.
        range: Smallest and largest value.
        perfect: Value of a perfect G with many samples, or None where it depends on the law, N and the options:
            measure that with ``real_against_real``.
        needs: ``modes`` for a source with exact modes, ``digits`` for 28 x 28 images, ``images`` for those of any size,
            ``reference`` for held-out reals, ``train`` for those and the samples G was trained on (of the source,
            unless they are given).
    """

    fn: Callable[..., Tensor]
    direction: str
    range: tuple[float, float]
    perfect: float | None = None
    needs: str = "reference"

    def __call__(self, x_fake: Tensor, reference: Source | Tensor, **options: object) -> Tensor:
        """Measure ``x_fake`` (..., N, *sample), -> (...).

        Raises:
            TypeError: If ``x_fake`` is no floating tensor, or the metric has no such option.
            ValueError: If the shapes do not match, or the reference has nothing to compare with.
        """
        check_tensor("x_fake", x_fake, "(..., N, *sample)")
        check_options(self.name, self.fn, options, but=list(inspect.signature(self.fn).parameters)[:2])
        if self.needs == "train" and options.setdefault("train", getattr(reference, "train", None)) is None:
            raise ValueError(f"{self.name} needs train=, what G was trained on, or a source with .train; got neither")
        known = held_out(reference, x_fake) if self.needs in ("reference", "train") else reference
        return self.fn(x_fake, known, **options)


METRICS: Table[Metric] = Table("metric", Metric)
metric = METRICS.enter


def held_out(reference: Source | Tensor, x_fake: Tensor, seed: int = 0) -> Tensor:
    """Return the reals to compare with: a tensor as it is, a source's test part, or as many fresh samples as fakes.

    Fresh samples come from a stream of their own, the same at every call.

    Raises:
        TypeError: If the reference is neither a tensor nor a source.
        ValueError: If a source has no held-out samples, or the shapes do not match.
    """
    if isinstance(reference, Tensor):
        return reference
    if isinstance(reference, type) or not hasattr(reference, "sample") or not hasattr(reference, "sample_shape"):
        raise TypeError(f"reference must be a tensor (M, *sample) or a source; got {type(reference).__name__}")
    part = getattr(reference, "test", None)
    if part is not None:
        if len(part) == 0:
            raise ValueError(
                f"reference must have held-out samples to compare with; {reference!r} has no test part: give test= in "
                "(0, 1) when the source is made, or a tensor of reals instead of the source"
            )
        return part
    n, *sample = x_fake.shape[max(0, x_fake.ndim - len(reference.sample_shape) - 1) :] or (0,)
    if n < 1 or tuple(sample) != tuple(reference.sample_shape):
        wanted = ", ".join(map(str, reference.sample_shape))
        raise ValueError(f"x_fake must be (..., N, {wanted}) with N >= 1; got {tuple(x_fake.shape)}")
    return reference.sample(n, generator=stream(seed, "metrics.held_out"))


def subset(size: int, n: int, seed: int, purpose: str, device: torch.device) -> Tensor:
    """Return n different indices below ``size``."""
    seed = check_integer("seed", seed, 0)
    return draw(stream(seed, f"metrics.{purpose}"), (size,), device, "uniform").argsort()[:n]


def real_against_real(
    metric: str | Metric, source: Source, n: int, seeds: Iterable[int] = range(5), **options: object
) -> Tensor:
    """Measure real samples as if they were fakes: the value that a perfect G would get with n samples.

    Finite data: n images of the validation part, chosen at random, stand for the fakes, against the test part.
    Otherwise: n fresh samples, against n others where the metric compares samples.

    Args:
        metric: A metric or its name.
        source: Where the reals come from.
        n: How many stand for the fakes, >= 2; in finite data at most the size of the validation part.
        seeds: One repetition each.
        options: For the metric.

    Returns:
        (S,), a value a seed: report its mean beside every value of a GAN with the same n.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If a number is out of range, or the source has no held-out samples.
    """
    metric = metric if isinstance(metric, Metric) else METRICS[metric]
    check_kind("source", source, Source, "a source such as al.data.ring()")
    seeds = check_list("seeds", seeds, "a sequence of integers, such as range(5)")
    if not seeds:
        raise ValueError("seeds must hold 1 seed or more; got none")
    return torch.stack([metric(*_two_reals(metric, source, n, seed), **options) for seed in seeds])


def _two_reals(metric: Metric, source: Source, n: int, seed: int) -> tuple[Tensor, Source | Tensor]:
    generator = stream(seed, "metrics.real_against_real")
    part = getattr(source, "validation", None)
    if part is not None:
        if len(part) < 2:
            raise ValueError(
                f"source must have 2 held-out samples or more to stand for fakes; {source!r} has {len(part)} in its "
                "validation part: give validation= in (0, 1) when it is made"
            )
        check_integer("n", n, 2, len(part))
        return part[subset(len(part), n, seed, "real_against_real", part.device)], source
    x = source.sample(check_integer("n", n, 2), generator=generator)
    return x, source if metric.needs == "modes" else source.sample(n, generator=generator)

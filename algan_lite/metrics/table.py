"""The table of metrics, one signature for all: ``METRICS[name](x_fake, reference)``.

``x_fake`` is (..., N, *sample); a metric returns (...) in float64: one number for one GAN, (R,) for R runs. The
reference is a source (for exact modes, or for its held-out reals) or a tensor of reals (M, *sample). The ``digit_``
metrics look through the eyes of the book's own digit classifier: they are not FID and cannot be compared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import TypeAlias

import torch
from torch import Tensor

from algan_lite.core.checks import Table, check_integer
from algan_lite.core.rng import stream
from algan_lite.data.sources import Source
from algan_lite.metrics import digits, distances, modes


@dataclass(frozen=True)
class Metric:
    """One metric; call it as ``metric(x_fake, reference, **options)``.

    Attributes:
        name: Key in ``METRICS``.
        fn: The function; its docstring says the options, unit and reference.
        direction: ``higher`` or ``lower`` is better, or ``target``: the closer to ``perfect``, the better.
        range: Smallest and largest value.
        doc: One line for readers.
        perfect: Value of a perfect G with many samples, or None where it depends on the law, N and the options:
            measure that with ``real_against_real``.
        needs: ``modes`` for a source with exact modes, ``reference`` for held-out reals, ``digits`` for 28 x 28 images.
    """

    name: str
    fn: Callable[..., Tensor]
    direction: str
    range: tuple[float, float]
    doc: str
    perfect: float | None = None
    needs: str = "reference"

    def __call__(self, x_fake: Tensor, reference: Source | Tensor, **options: object) -> Tensor:
        """Measure ``x_fake`` (..., N, *sample), -> (...)."""
        return self.fn(x_fake, reference, **options)


def held_out(reference: Source | Tensor, x_fake: Tensor, seed: int = 0) -> Tensor:
    """Return the reals to compare with: a tensor as it is, a source's test part, or as many fresh samples as fakes.

    Fresh samples come from a stream of their own, the same at every call.
    """
    if isinstance(reference, Tensor):
        return reference
    part = getattr(reference, "test", None)
    if part is not None and len(part):
        return part
    if not hasattr(reference, "sample"):
        raise TypeError(f"reference must be a tensor (M, *sample) or a source; got {type(reference).__name__}")
    n = x_fake.shape[x_fake.ndim - len(reference.sample_shape) - 1]
    return reference.sample(n, generator=stream(seed, "metrics.held_out"))


def _on_points(measure: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @wraps(measure)
    def against(x_fake: Tensor, reference: Source | Tensor, **options: object) -> Tensor:
        return measure(x_fake, held_out(reference, x_fake), **options)

    return against


def _on_digits(measure: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @wraps(measure)
    def against(x_fake: Tensor, reference: Source | Tensor, **options: object) -> Tensor:
        real = held_out(reference, x_fake).to(x_fake.device)
        features = digits.digit_features(x_fake)  # (..., N, 64)
        # a layer of max(0, .) may turn an infinite pixel into a finite feature
        features = torch.where(digits.finite_images(x_fake), features, torch.nan)
        return measure(features, digits.digit_features(real), **options)

    return against


@wraps(distances.data_copying)
def _data_copying(
    x_fake: Tensor, reference: Source | Tensor, *, train: Tensor | None = None, **options: object
) -> Tensor:
    train = getattr(reference, "train", None) if train is None else train
    if train is None:
        raise ValueError(
            "data_copying needs train=, the samples G was trained on, or a source with .train; got neither"
        )
    return distances.data_copying(x_fake, held_out(reference, x_fake), train=train, **options)


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
    """
    metric = METRICS[metric] if isinstance(metric, str) else metric
    return torch.stack([metric(*_two_reals(metric, source, n, seed), **options) for seed in seeds])


def _two_reals(metric: Metric, source: Source, n: int, seed: int) -> tuple[Tensor, Source | Tensor]:
    generator = stream(seed, "metrics.real_against_real")
    part = getattr(source, "validation", None)
    if part is not None:
        check_integer("n", n, 2, len(part))
        return part[distances.subset(len(part), n, seed, "real_against_real", part.device)], source
    x = source.sample(check_integer("n", n, 2), generator=generator)
    return x, source if metric.needs == "modes" else source.sample(n, generator=generator)


Row: TypeAlias = tuple[Callable[..., Tensor], str, tuple[float, float], float | None, str]

_INF = float("inf")
_MODES: dict[str, Row] = {  # name -> measure, direction, range, perfect, doc
    "mode_coverage": (modes.mode_coverage, "higher", (0, _INF), None, "Modes with a sample within 3 sigma."),
    "quality_3sigma": (
        modes.quality_3sigma,
        "higher",
        (0, 1),
        None,
        "Share of samples within 3 sigma of a mode.",
    ),
    "quality_4sigma": (
        modes.quality_4sigma,
        "higher",
        (0, 1),
        None,
        "Share of samples within 4 sigma of a mode.",
    ),
    "spread_ratio": (modes.spread_ratio, "target", (0, _INF), 1.0, "Spread within a mode over the true one."),
    "reverse_kl": (
        modes.reverse_kl,
        "lower",
        (0, _INF),
        0.0,
        "KL of the shares of the modes from the true ones.",
    ),
}
_ANYWHERE: dict[str, Row] = {
    "frechet_distance": (distances.frechet_distance, "lower", (0, _INF), 0.0, "Squared distance of fitted Gaussians."),
    "kid": (distances.kid, "lower", (-_INF, _INF), 0.0, "Kernel distance with a cubic kernel, unbiased."),
    "precision": (distances.precision, "higher", (0, 1), None, "Share of fakes among the reals."),
    "recall": (distances.recall, "higher", (0, 1), None, "Share of reals among the fakes."),
    "density": (distances.density, "target", (0, _INF), 1.0, "How many real neighborhoods hold a fake, over k."),
    "coverage": (distances.coverage, "higher", (0, 1), None, "Share of real neighborhoods that hold a fake."),
}
_PLANE: dict[str, Row] = {
    "wasserstein_2d": (
        distances.wasserstein_2d,
        "lower",
        (0, _INF),
        0.0,
        "Exact W1 of 512 fakes and reals in the plane.",
    ),
}
_COPYING: dict[str, Row] = {
    "data_copying": (
        _data_copying,
        "target",
        (-_INF, _INF),
        0.0,
        "Nearness to the training set: below -3 G copies it.",
    ),
}
_CLASSES: dict[str, Row] = {
    "digit_sure": (
        digits.digit_sure,
        "higher",
        (0, 1),
        None,
        "Share of fakes that the classifier is sure about.",
    ),
    "digit_rarest": (digits.digit_rarest, "higher", (0, 0.1), None, "Share of fakes that are surely the rarest digit."),
}


def _entries(
    needs: str, rows: dict[str, Row], wrap: Callable[..., Callable[..., Tensor]] | None = None, prefix: str = ""
) -> dict[str, Metric]:
    entries = {}
    for name, (measure, direction, span, perfect, doc) in rows.items():
        fn = measure if wrap is None else wrap(measure)
        doc = f"Digit features, not FID. {doc}" if prefix else doc
        entries[prefix + name] = Metric(prefix + name, fn, direction, span, doc, perfect, needs)
    return entries


METRICS: Table[Metric] = Table(
    "metric",
    {
        **_entries("modes", _MODES),
        **_entries("reference", _ANYWHERE | _PLANE, _on_points),
        **_entries("reference", _COPYING),
        **_entries("digits", _ANYWHERE, _on_digits, prefix="digit_"),
        **_entries("digits", _CLASSES),
    },
)

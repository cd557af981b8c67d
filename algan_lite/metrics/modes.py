"""Measures against exact modes: which are found, how sharp, how wide, how evenly.

The second argument is a source with ``modes`` (K, *sample), ``std`` and ``weights`` (K,): a ring or a grid. ``x_fake``
is (..., N, *sample); results are (...) in float64. A sample that is not finite lies in no mode: a diverged run
finds 0 modes at quality 0, and its spread and KL are NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from algan_lite.core.checks import check_integer, check_number, shown
from algan_lite.data.sources import Source
from algan_lite.metrics.table import INF, metric

FAIR = 0.25  # of its fair share: what a mode must hold to count as found in the book's comparisons
_DISTANCES = 2**18  # held at a time (2 MB), however many modes there are


@dataclass(frozen=True)
class _Assignment:
    """Where each sample lies, seen from its nearest mode."""

    index: Tensor  # (..., N), the nearest mode
    offset: Tensor  # (..., N, d), in standard deviations of that mode
    distance: Tensor  # (..., N), norm of the offset; infinite where a sample is not finite
    weights: Tensor  # (K,), sum 1

    def counts(self, chosen: Tensor) -> Tensor:
        """Count the chosen (..., N) samples of each mode, -> (..., K)."""
        zeros = self.distance.new_zeros(*self.index.shape[:-1], len(self.weights))
        return zeros.scatter_add(-1, self.index, chosen.to(zeros.dtype))


def _assign(x_fake: Tensor, source: Source) -> _Assignment:
    if isinstance(source, type) or getattr(source, "modes", None) is None:
        raise ValueError(f"source must have exact modes, such as a ring or a grid; got {shown(source)}")
    place = {"dtype": torch.float64, "device": x_fake.device}
    sample = tuple(source.modes.shape[1:])
    lead = x_fake.ndim - len(sample)
    if lead < 1 or tuple(x_fake.shape[lead:]) != sample or x_fake.shape[lead - 1] < 1:
        raise ValueError(f"x_fake must be (..., N, {', '.join(map(str, sample))}), N >= 1; got {tuple(x_fake.shape)}")
    modes = source.modes.to(**place).flatten(1)  # (K, d)
    std = torch.as_tensor(source.std, **place).expand(len(modes))
    weights = torch.ones(len(modes), **place) if source.weights is None else source.weights.to(**place)
    points = x_fake.detach().to(**place).reshape(*x_fake.shape[:lead], -1)  # (..., N, d)
    # Differences, not products: a narrow mode far from 0 would lose its digits.
    rows, size = points.reshape(-1, points.shape[-1]), max(1, _DISTANCES // len(modes))
    index = torch.empty(len(rows), dtype=torch.long, device=x_fake.device)  # beforehand: see ``distances.pairwise``
    for part, found in zip(rows.split(size), index.split(size), strict=True):
        found.copy_(torch.cdist(part, modes, compute_mode="donot_use_mm_for_euclid_dist").argmin(-1))
    index = index.reshape(points.shape[:-1])
    offset = (points - modes[index]) / std[index].unsqueeze(-1)
    distance = offset.norm(dim=-1)
    distance = torch.where(points.isfinite().all(-1), distance, torch.inf)
    return _Assignment(index, offset, distance, weights / weights.sum())


@metric(source="Srivastava 2017 (VEEGAN), section 5.1", direction="higher", range=(0, INF), needs="modes")
def mode_coverage(x_fake: Tensor, source: Source, sigmas: float = 3.0, least: float = 1) -> Tensor:
    """Modes with a sample within 3 sigma.

    Count the modes that hold at least ``least`` within ``sigmas`` standard deviations: some samples, or a share of the
    mode's fair one.

    The quality condition matters: without it a blob in the middle of a ring, whose samples are nearest to this
    mode or that, would find all of them. So does the least share: uniform noise, which has learned nothing, drops
    some of 2,500 samples into nearly every mode of a ring or a grid, and nowhere a quarter of the fair share
    (``SENTINELS``).

    Args:
        x_fake: (..., N, *sample).
        source: Has ``modes`` (K, *sample), ``std``, ``weights``.
        sigmas: Radius of a mode, in its standard deviations.
        least: An integer, >= 1: samples that a found mode holds. Or a share in (0, 1) of the mode's fair number of
            samples, which is N times its weight: 0.25 is a quarter of what a perfect G gives.

    Returns:
        (...), whole numbers in [0, K]; higher is better.

    Raises:
        TypeError: If ``least`` is no number.
        ValueError: If ``least`` is out of range, the source has no modes or the shapes do not match.
    """
    near = _assign(x_fake, source)
    counts = near.counts(near.distance < check_number("sigmas", sigmas, 0, open_low=True))  # (..., K)
    share = _check_least(least)
    # Weights are rounded: a mode with exactly its share shall count.
    enough = least if share is None else (share - 1e-6) * near.weights * near.index.shape[-1]
    return (counts >= enough).sum(-1).double()


def _check_least(least: object) -> float | None:
    """Return a share in (0, 1), or None for a number of samples."""
    if isinstance(least, float | np.floating):
        if not 0 < least < 1:  # 1.0 would be the whole share, and 1 a single sample: too near to each other
            raise ValueError(f"least must be an integer in [1, inf) or a share in (0, 1); got {shown(least)}")
        return float(least)
    check_integer("least", least, 1)
    return None


@metric(source="this book", direction="higher", range=(0, INF), needs="modes")
def fair_mode_coverage(x_fake: Tensor, source: Source) -> Tensor:
    """Modes with a quarter of their fair share within 3 sigma.

    Uniform noise has none of those of the book's rings and grids; a circle through the modes of a ring has all 8 where
    sigma is 0.1: print quality beside it.
    """
    return mode_coverage(x_fake, source, least=FAIR)


def quality_rate(x_fake: Tensor, source: Source, sigmas: float) -> Tensor:
    """Share of samples within ``sigmas`` standard deviations of the nearest mode.

    A perfect sampler does not reach 1 but ``quality_ceiling``. Above it modes have shrunk: read ``spread_ratio``.

    Args as for ``mode_coverage``. Returns (...), in [0, 1]; higher is better up to the ceiling.
    """
    return (_assign(x_fake, source).distance < check_number("sigmas", sigmas, 0, open_low=True)).double().mean(-1)


@metric(source="Srivastava 2017 (VEEGAN)", direction="higher", range=(0, 1), needs="modes")
def quality_3sigma(x_fake: Tensor, source: Source) -> Tensor:
    """Share of samples within 3 sigma of a mode; a perfect 2-D sampler has 0.9889."""
    return quality_rate(x_fake, source, 3.0)


@metric(source="Ding 2020", direction="higher", range=(0, 1), needs="modes")
def quality_4sigma(x_fake: Tensor, source: Source) -> Tensor:
    """Share of samples within 4 sigma of a mode; a perfect 2-D sampler has 0.9997."""
    return quality_rate(x_fake, source, 4.0)


def quality_ceiling(sigmas: float, dim: int = 2) -> float:
    """Return the quality rate of a perfect sampler of isotropic normal modes in ``dim`` dimensions.

    Examples:
        >>> round(quality_ceiling(3.0), 5)
        0.98889
    """
    from scipy.special import gammainc  # here: SciPy takes longer to import than all the rest

    sigmas = check_number("sigmas", sigmas, 0, open_low=True)
    return float(gammainc(check_integer("dim", dim, 1) / 2, sigmas * sigmas / 2))


@metric(source="this book", direction="target", range=(0, INF), perfect=1.0, needs="modes")
def spread_ratio(x_fake: Tensor, source: Source, sigmas: float = 4.0) -> Tensor:
    r"""Spread within a mode over the true one.

    Spread of the samples inside their mode, over the true spread: sigma-hat / sigma.

    Only samples within ``sigmas`` of their nearest mode count, so that strays do not pass for width. Deviations are
    from the mean of a mode's own samples, with n - 1 each; the square is divided by what the cut leaves of a
    normal mode's variance, so that a perfect sampler has 1 on average. Modes far wider than real ones fill the disc of
    ``sigmas`` evenly: in 2-D the ratio ends near 2 there, and the quality rates tell the rest.

    Args as for ``mode_coverage``; ``sigmas`` is where a mode is cut. Returns (...), in [0, inf); 1 is best, less means
    shrunken modes; NaN where no mode holds 2 samples.
    """
    from scipy.special import gammainc

    near, sigmas = _assign(x_fake, source), check_number("sigmas", sigmas, 0, open_low=True)
    inside = near.distance < sigmas
    offset = torch.where(inside.unsqueeze(-1), near.offset, 0.0)  # (..., N, d)
    dim = offset.shape[-1]
    counts = near.counts(inside)  # (..., K)
    totals = offset.new_zeros(*counts.shape, dim).scatter_add(-2, near.index.unsqueeze(-1).expand_as(offset), offset)
    means = totals / counts.clamp_min(1).unsqueeze(-1)
    own = means.gather(-2, near.index.unsqueeze(-1).expand_as(offset))
    squares = torch.where(inside, (offset - own).square().sum(-1), 0.0).sum(-1)
    freedom = dim * (counts - 1).clamp_min(0).sum(-1)
    whole = gammainc(dim / 2, sigmas * sigmas / 2)
    kept = gammainc(dim / 2 + 1, sigmas * sigmas / 2) / whole if whole > 0 else 1.0  # variance left by the cut
    return torch.where(freedom > 0, (squares / freedom.clamp_min(1) / kept).sqrt(), torch.nan)


@metric(source="Lin 2018 (PacGAN)", direction="lower", range=(0, INF), perfect=0.0, needs="modes")
def reverse_kl(x_fake: Tensor, source: Source) -> Tensor:
    r"""KL of the shares of the modes from the true ones.

    KL divergence of the samples' shares of the modes from the true shares, in nats.

    .. math:: KL(\hat p_G \,\Vert\, w) = \sum_k \hat p_k \log (\hat p_k / w_k)

    Every sample counts for its nearest mode. A perfect sampler has about (K - 1) / (2 N), not 0.

    Args as for ``mode_coverage``. Returns (...), in [0, log(1 / smallest weight)]; lower is better; NaN for a run with
    a sample that is not finite.
    """
    near = _assign(x_fake, source)
    finite = near.distance.isfinite()
    shares = near.counts(finite) / near.index.shape[-1]
    kl = (torch.xlogy(shares, shares) - torch.xlogy(shares, near.weights)).sum(-1)
    return torch.where(finite.all(-1), kl.clamp_min(0), torch.nan)

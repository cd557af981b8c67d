"""How far two samples are from each other, on raw points or on features of them; who is near whom, who is a copy.

Every measure takes ``x_fake`` (..., N, *sample) and a tensor of reals (M, *sample), and returns (...) in
float64 on the device of ``x_fake``: one number for one GAN, (R,) for R runs. A run with a sample that is not
finite has no distance: its value is NaN and it stays a row. None of these is FID: that name needs Inception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import torch
from torch import Tensor

from algan_lite.core.checks import check_choice, check_integer, shown
from algan_lite.metrics.table import INF, metric, subset

Measure: TypeAlias = Callable[[Tensor], Tensor]

_ROWS = 256  # rows of a distance matrix held at a time
_LARGEST = 1e50  # beyond it a run has diverged: the sixth power, as in kid, would leave float64


def flatten_pair(x_fake: Tensor, reference: Tensor, its_name: str = "reference") -> tuple[Tensor, Tensor]:
    """Return (..., N, d) and (M, d), both float64 on the device of ``x_fake``; refuse shapes that do not match."""
    for name, value in (("x_fake", x_fake), (its_name, reference)):
        if not isinstance(value, Tensor) or value.is_complex():
            raise TypeError(f"{name} must be a tensor; got {shown(value)}")
    sample = tuple(reference.shape[1:])
    lead = x_fake.ndim - len(sample)
    if reference.ndim < 2 or lead < 1 or tuple(x_fake.shape[lead:]) != sample:
        shapes = f"{tuple(x_fake.shape)} and {tuple(reference.shape)}"
        raise ValueError(f"x_fake must be (..., N, *sample) and the {its_name} (M, *sample); got {shapes}")
    if min(x_fake.shape[lead - 1], len(reference)) < 2:
        got = f"{x_fake.shape[lead - 1]} and {len(reference)}"
        raise ValueError(f"x_fake and the {its_name} must hold 2 samples or more each; got {got}")
    if not reference.isfinite().all():
        raise ValueError(f"the {its_name} must be finite; got NaN or infinity among the reals")
    points = x_fake.detach().flatten(lead) if sample else x_fake.detach()
    known = reference.detach().flatten(1)
    return points.double(), known.to(x_fake.device).double()


def each_run(measure: Measure, points: Tensor, outputs: tuple[int, ...] = ()) -> Tensor:
    """Apply ``measure`` to each run (N, d) of points (..., N, d), -> (..., *outputs); NaN where a run has diverged."""
    values = []
    for run in points.reshape(-1, *points.shape[-2:]):
        usable = bool((run.abs() < _LARGEST).all())  # False for NaN too
        values.append(measure(run) if usable else run.new_full(outputs, torch.nan))
    return torch.stack(values).reshape((*points.shape[:-2], *outputs))


def pairwise(x: Tensor, y: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yield Euclidean distances (rows, M) between x (N, d) and y (M, d), some rows of x at a time.

    What is made of them belongs into a tensor that was there before. A small one that is made and kept between two
    blocks lies behind a block in the memory: then that leaves a hole of its size, which the next one does not fit into,
    and all holes together are as large as the whole matrix.
    """
    # The product form of cdist is faster in many dimensions, the plain one exact for near points in few.
    mode = "use_mm_for_euclid_dist" if x.shape[-1] > 16 else "donot_use_mm_for_euclid_dist"
    for start in range(0, len(x), _ROWS):
        rows = slice(start, min(start + _ROWS, len(x)))
        yield rows, torch.cdist(x[rows], y, compute_mode=mode)


def nearest(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return distance and index (N,) of the point of y (M, d) nearest to each of x (N, d)."""
    distance, index = x.new_empty(len(x)), torch.empty(len(x), dtype=torch.long, device=x.device)
    for rows, block in pairwise(x, y):
        distance[rows], index[rows] = block.min(1)
    return distance, index


@metric(source="Dowson & Landau 1982; Heusel 2017, Eq. 6", direction="lower", range=(0, INF), perfect=0.0)
def frechet_distance(x_fake: Tensor, reference: Tensor) -> Tensor:
    r"""Squared distance of fitted Gaussians.

    Squared 2-Wasserstein distance between the Gaussians fitted to two samples.

    .. math:: \lVert \mu_1 - \mu_2 \rVert^2 + \mathrm{tr}(\Sigma_1 + \Sigma_2 - 2 (\Sigma_1 \Sigma_2)^{1/2})

    Biased upward by few samples: two N-samples of N(0, I_d) are about d (d + 5) / (2 N) apart. Print it with
    N, the split, the feature extractor, and ``kid`` beside it.

    Args:
        x_fake: (..., N, *sample): points, or features of images.
        reference: (M, *sample), reals.

    Returns:
        (...), in [0, inf), squared data units; lower is better.

    Raises:
        ValueError: If the shapes do not match or the reference is not finite.
    """
    points, known = flatten_pair(x_fake, reference)
    center, root, trace = _moments(known)

    def measure(run: Tensor) -> Tensor:
        own_center, own_root, own_trace = _moments(run)
        # tr (S1 S2)^(1/2) = sum of the singular values of S1^(1/2) S2^(1/2): no root of a rounded negative number.
        overlap = torch.linalg.svdvals(own_root @ root).sum()
        return ((own_center - center).square().sum() + own_trace + trace - 2 * overlap).clamp_min(0)

    return each_run(measure, points)


def _moments(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean (d,), square root (d, d) of the covariance, and its trace ()."""
    mean = x.mean(0)
    covariance = (x - mean).mT @ (x - mean) / (len(x) - 1)
    values, vectors = torch.linalg.eigh(covariance)
    return mean, (vectors * values.clamp_min(0).sqrt()) @ vectors.mT, values.sum()


@metric(source="Gretton 2012, Eq. 3; kernel of Binkowski 2018", direction="lower", range=(-INF, INF), perfect=0.0)
def kid(x_fake: Tensor, reference: Tensor) -> Tensor:
    """Kernel distance with a cubic kernel, unbiased.

    Unbiased squared maximum mean discrepancy with the kernel (x.y / d + 1)^3.

    Its mean over samples does not depend on N, and is 0 for identical laws: single values may be negative.

    Args:
        x_fake: (..., N, *sample): points, or features of images.
        reference: (M, *sample), reals.

    Returns:
        (...), in (-inf, inf), no unit; lower is better.

    Raises:
        ValueError: If the shapes do not match or the reference is not finite.
    """
    points, known = flatten_pair(x_fake, reference)
    within = _kernel_within(known)

    def measure(run: Tensor) -> Tensor:
        return _kernel_within(run) + within - 2 * _kernel_sum(run, known) / (len(run) * len(known))

    return each_run(measure, points)


def _kernel_sum(x: Tensor, y: Tensor) -> Tensor:
    return torch.stack([(rows @ y.mT / x.shape[-1] + 1).pow(3).sum() for rows in x.split(_ROWS)]).sum()


def _kernel_within(x: Tensor) -> Tensor:
    """Mean kernel between different samples: the diagonal would bias it."""
    diagonal = (x.square().sum(-1) / x.shape[-1] + 1).pow(3).sum()
    return (_kernel_sum(x, x) - diagonal) / (len(x) * (len(x) - 1))


@metric(source="Kantorovich 1942", direction="lower", range=(0, INF), perfect=0.0)
def wasserstein_2d(x_fake: Tensor, reference: Tensor, n: int = 512, order: int = 1, seed: int = 0) -> Tensor:
    """Exact W1 of 512 fakes and reals in the plane.

    Exact Wasserstein distance between n fakes and n reals in the plane, by the best one-to-one assignment.

    Two samples of one law are a positive distance apart, which shrinks slowly with n: compare values of one n only.

    Args:
        x_fake: (..., N, 2), points.
        reference: (M, 2), reals.
        n: Points on each side, chosen at random, in [2, inf); with fewer on a side, as many as the smaller one has.
        order: 1 for W1, the mean distance moved; 2 for W2, the root of the mean square.
        seed: Chooses the points, the same rows in every run.

    Returns:
        (...), in [0, inf), data units; lower is better.

    Raises:
        ValueError: If a sample is not a point in the plane.
    """
    points, known = flatten_pair(x_fake, reference)
    if points.shape[-1] != 2:
        raise ValueError(f"wasserstein_2d needs samples with 2 coordinates; got {points.shape[-1]}")
    order = int(check_choice("order", str(check_integer("order", order)), ("1", "2")))
    n = min(check_integer("n", n, 2), points.shape[-2], len(known))
    known = known[subset(len(known), n, seed, "reference", known.device)]
    points = points[..., subset(points.shape[-2], n, seed, "fake", points.device), :]

    def measure(run: Tensor) -> Tensor:
        cost = torch.cdist(run, known, compute_mode="donot_use_mm_for_euclid_dist").pow(order)
        from scipy.optimize import linear_sum_assignment  # here: SciPy takes longer to import than all the rest

        rows, columns = linear_sum_assignment(cost.cpu().numpy())
        return cost[torch.from_numpy(rows), torch.from_numpy(columns)].mean().pow(1 / order)

    return each_run(measure, points)


def neighbor_radii(x: Tensor, k: int) -> Tensor:
    """Return (N,): the distance of each point of x (N, d) to its k-th nearest other point."""
    radii = x.new_empty(len(x))
    for rows, distance in pairwise(x, x):
        radii[rows] = distance.kthvalue(k + 1, dim=-1).values  # k + 1: every point is its own nearest one
    return radii


def neighbor_scores(x_fake: Tensor, reference: Tensor, k: int = 5) -> dict[str, Tensor]:
    """Precision, recall, density and coverage from balls around each sample that reach its k-th neighbor.

    Precision: share of fakes inside some real ball. Recall: share of reals inside some fake ball. Density: real
    balls around a fake, in units of k; 1 for a perfect G, more for a G that crowds where reals are dense.
    Coverage: share of real balls with a fake inside; for identical laws and N = M = 1,000, k = 5 it is 0.969, not 1.

    Args:
        x_fake: (..., N, *sample): points, or features of images.
        reference: (M, *sample), reals.
        k: Which neighbor sets the radius, in [1, min(N, M) - 1].

    Returns:
        Name -> (...): three shares in [0, 1], and density in [0, inf); higher is better, density best at 1.

    Raises:
        ValueError: If the shapes do not match or k is too large.

    Reference:
        Kynkaanniemi et al. 2019, Eq. 2; Naeem et al. 2020, Eq. 2-3.
    """
    points, known = flatten_pair(x_fake, reference)
    k, most = check_integer("k", k, 1), min(points.shape[-2], len(known)) - 1
    if k > most:
        raise ValueError(f"k must be in [1, {most}]; got {k} for {points.shape[-2]} fakes and {len(known)} reals")
    radii = neighbor_radii(known, k)
    scores = each_run(lambda run: _neighbor_scores(run, known, radii, k), points, outputs=(4,))
    return dict(zip(("precision", "recall", "density", "coverage"), scores.unbind(-1), strict=True))


def _neighbor_scores(fake: Tensor, real: Tensor, radii: Tensor, k: int) -> Tensor:
    own_radii = neighbor_radii(fake, k)
    recalled = torch.zeros(len(real), dtype=torch.bool, device=real.device)
    covered, precise, balls = recalled.clone(), fake.new_empty(len(fake)), fake.new_empty(len(fake))
    for rows, distance in pairwise(fake, real):
        inside = distance < radii  # (rows, M): is this fake in the ball of that real?
        precise[rows] = inside.any(1).double()
        balls[rows] = inside.sum(1).double()
        covered |= inside.any(0)
        recalled |= (distance < own_radii[rows, None]).any(0)
    shares = [precise, recalled.double(), balls / k, covered.double()]
    return torch.stack([share.mean() for share in shares])


@metric(source="Kynkaanniemi 2019", direction="higher", range=(0, 1))
def precision(x_fake: Tensor, reference: Tensor, k: int = 5) -> Tensor:
    """Share of fakes among the reals; see ``neighbor_scores``."""
    return neighbor_scores(x_fake, reference, k)["precision"]


@metric(source="Kynkaanniemi 2019", direction="higher", range=(0, 1))
def recall(x_fake: Tensor, reference: Tensor, k: int = 5) -> Tensor:
    """Share of reals among the fakes; see ``neighbor_scores``."""
    return neighbor_scores(x_fake, reference, k)["recall"]


@metric(source="Naeem 2020", direction="target", range=(0, INF), perfect=1.0)
def density(x_fake: Tensor, reference: Tensor, k: int = 5) -> Tensor:
    """How many real neighborhoods hold a fake, over k; see ``neighbor_scores``."""
    return neighbor_scores(x_fake, reference, k)["density"]


@metric(source="Naeem 2020", direction="higher", range=(0, 1))
def coverage(x_fake: Tensor, reference: Tensor, k: int = 5) -> Tensor:
    """Share of real neighborhoods that hold a fake; see ``neighbor_scores``."""
    return neighbor_scores(x_fake, reference, k)["coverage"]


@metric(source="Meehan 2020, section 3", direction="target", range=(-INF, INF), perfect=0.0, needs="train")
def data_copying(x_fake: Tensor, reference: Tensor, *, train: Tensor, cells: int = 1, seed: int = 0) -> Tensor:
    """Nearness to the training set: far below 0 where G copies it.

    Data-copying statistic C_T: are fakes nearer to the training set than held-out reals are?

    The z-score of the Mann-Whitney U of the distances to the nearest training sample, fakes against held-out
    reals. 0: like fresh reals, standard normal with one cell; far above: G misses. Far below, fakes lie too near: a G
    that copies, but smooth fakes as well, which are near to any few reals. Hold it against reals of a stranger, too.
    With several cells (k-means of the training set) it is the mean of the cells' z-scores, weighted by their share
    of held-out reals: it sees copying in one region that is hidden by misses in another. Cells with fewer than
    10 fakes or 10 held-out reals are left out; where none is left the value is NaN.

    Args:
        x_fake: (..., N, *sample).
        reference: (M, *sample), reals that G has not been trained on.
        train: (T, *sample), the reals that it has been trained on.
        cells: Number of cells, in [1, T].
        seed: Chooses the first cell centers.

    Returns:
        (...), in (-inf, inf), standard deviations; closest to 0 is best.

    Raises:
        ValueError: If the shapes do not match.
    """
    points, known = flatten_pair(x_fake, reference)
    seen = flatten_pair(x_fake, train, "train")[1]
    centers = _cell_centers(seen, check_integer("cells", cells, 1, len(seen)), seed)
    real, real_cell = nearest(known, seen)[0], nearest(known, centers)[1]

    def measure(run: Tensor) -> Tensor:
        fake, fake_cell = nearest(run, seen)[0], nearest(run, centers)[1]
        scores, weights = [], []
        for cell in range(len(centers)):
            fakes, reals = fake[fake_cell == cell], real[real_cell == cell]
            if min(len(fakes), len(reals)) >= 10:
                scores.append(_rank_z(fakes, reals) * len(reals))
                weights.append(len(reals))
        return run.new_tensor(sum(scores) / sum(weights) if weights else torch.nan)

    return each_run(measure, points)


def _rank_z(x: Tensor, y: Tensor) -> float:
    """Return the z-score of Mann-Whitney's U, below 0 if x tends to be smaller; ties count half."""
    from scipy.stats import rankdata

    n, m = len(x), len(y)
    u = rankdata(torch.cat([x, y]).cpu().numpy())[:n].sum() - n * (n + 1) / 2
    return float((u - n * m / 2) / (n * m * (n + m + 1) / 12) ** 0.5)


def _cell_centers(x: Tensor, cells: int, seed: int, num_steps: int = 20) -> Tensor:
    """Return k-means centers (cells, d) of x (T, d), by Lloyd's steps from random points of x."""
    centers = x[subset(len(x), cells, seed, "cells", x.device)]
    for _ in range(num_steps if cells > 1 else 0):
        member = nearest(x, centers)[1]
        size = torch.bincount(member, minlength=cells)[:, None]
        total = torch.zeros_like(centers).index_add_(0, member, x)
        centers = torch.where(size > 0, total / size.clamp_min(1), centers)  # an empty cell stays where it is
    return centers

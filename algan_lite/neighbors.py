"""Floor 0: are fakes among the reals, reals among the fakes, or fakes copies of the training set?

Measures that look at nearest neighbors. As in ``distances``: ``x_fake`` (..., N, *sample) against tensors of reals
(M, *sample), (...) in float64; NaN for a run with a sample that is not finite.
"""

from __future__ import annotations

import torch
from scipy.stats import rankdata
from torch import Tensor

from algan_lite.checks import check_integer
from algan_lite.distances import each_run, flatten_pair, nearest, pairwise, subset


def neighbor_radii(x: Tensor, k: int) -> Tensor:
    """Return (N,): the distance of each point of x (N, d) to its k-th nearest other point."""
    # k + 1, since every point is its own nearest one.
    return torch.cat([distance.kthvalue(k + 1, dim=-1).values for _, distance in pairwise(x, x)])


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
    k = check_integer("k", k, 1, min(points.shape[-2], len(known)) - 1)
    radii = neighbor_radii(known, k)
    scores = each_run(lambda run: _neighbor_scores(run, known, radii, k), points, outputs=(4,))
    return dict(zip(("precision", "recall", "density", "coverage"), scores.unbind(-1), strict=True))


def _neighbor_scores(fake: Tensor, real: Tensor, radii: Tensor, k: int) -> Tensor:
    own_radii = neighbor_radii(fake, k)
    recalled = torch.zeros(len(real), dtype=torch.bool, device=real.device)
    covered, precise, balls = recalled.clone(), [], []
    for rows, distance in pairwise(fake, real):
        inside = distance < radii  # (rows, M): is this fake in the ball of that real?
        precise.append(inside.any(1))
        balls.append(inside.sum(1))
        covered |= inside.any(0)
        recalled |= (distance < own_radii[rows, None]).any(0)
    shares = [torch.cat(precise).double(), recalled.double(), torch.cat(balls).double() / k, covered.double()]
    return torch.stack([share.mean() for share in shares])


def precision(x_fake: Tensor, reference: Tensor, k: int = 5) -> Tensor:
    """Share of fakes that lie among the reals, (...) in [0, 1]; see ``neighbor_scores``."""
    return neighbor_scores(x_fake, reference, k)["precision"]


def recall(x_fake: Tensor, reference: Tensor, k: int = 5) -> Tensor:
    """Share of reals that lie among the fakes, (...) in [0, 1]; see ``neighbor_scores``."""
    return neighbor_scores(x_fake, reference, k)["recall"]


def density(x_fake: Tensor, reference: Tensor, k: int = 5) -> Tensor:
    """How many real neighborhoods hold a fake, over k, (...) in [0, inf); 1 is best; see ``neighbor_scores``."""
    return neighbor_scores(x_fake, reference, k)["density"]


def coverage(x_fake: Tensor, reference: Tensor, k: int = 5) -> Tensor:
    """Share of real neighborhoods that hold a fake, (...) in [0, 1]; see ``neighbor_scores``."""
    return neighbor_scores(x_fake, reference, k)["coverage"]


def data_copying(x_fake: Tensor, reference: Tensor, *, train: Tensor, cells: int = 1, seed: int = 0) -> Tensor:
    """Data-copying statistic C_T: are fakes nearer to the training set than held-out reals are?

    The z-score of the Mann-Whitney U of the distances to the nearest training sample, fakes against held-out
    reals. 0: like fresh reals, standard normal with one cell; far below 0 (-3, say): G copies; far above: G misses.
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

    Reference:
        Meehan, Chaudhuri, Dasgupta 2020, section 3.
    """
    points, known = flatten_pair(x_fake, reference)
    seen = flatten_pair(x_fake, train)[1]
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

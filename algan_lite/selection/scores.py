"""What a candidate is worth: what the strategies' scores are made of.

A score maps candidates (..., M, latent_dim) to utilities (..., M): higher is chosen first. Networks are called without
gradients and in evaluation mode, so that neither dropout (global RNG) nor running averages notice that we only looked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from algan_lite.core.checks import check_output
from algan_lite.core.precision import widened
from algan_lite.models.networks import evaluating
from algan_lite.objective.batch import View, num_heads, pull
from algan_lite.objective.losses import Loss


@dataclass(eq=False, slots=True)
class Request:
    """One checked question to a strategy.

    Attributes:
        G: Maps latents (..., M, latent_dim) to samples (..., M, *sample).
        D: Maps samples to logits (..., M).
        layers: Of both networks: their mode is set aside while we look.
        z_pool: Candidates, (..., M, latent_dim).
        n: How many are wanted, in [1, M].
        loss: Says which way the logits point (``realness``) and where D cannot tell (``boundary``).
        options: The strategy's options, complete and checked.
        chance: Uniform draws in [0, 1), (..., M), or None where the strategy draws nothing.
        seen: D's view of the pool where the caller has it already: then nothing is computed anew.
    """

    G: Callable[[Tensor], Tensor]
    D: Callable[[Tensor], Tensor]
    layers: Sequence[nn.Module]
    z_pool: Tensor
    n: int
    loss: Loss
    options: Mapping[str, Any]
    chance: Tensor | None = None
    seen: View | None = None

    @property
    def num_candidates(self) -> int:
        """M, the size of one run's pool."""
        return self.z_pool.shape[-2]


def no_score(request: Request) -> Tensor:
    """Return utility 0 for every candidate, without a call of the networks."""
    return torch.zeros(request.z_pool.shape[:-1], dtype=request.z_pool.dtype, device=request.z_pool.device)


@torch.no_grad()
def realness(request: Request, z: Tensor) -> Tensor:
    """How real D finds each candidate, (..., M)."""
    if request.seen is not None:
        return request.loss.realness(request.seen.logits)
    with evaluating(request.layers):
        return _realness(request, z)


def _realness(request: Request, z: Tensor) -> Tensor:
    logits = check_output("D", request.D(check_output("G", request.G(z))))
    _check_shape("D(G(z))", logits, z.shape[:-1])
    return request.loss.realness(widened(logits))


def _check_shape(what: str, value: Tensor, expected: tuple[int, ...]) -> None:
    if value.shape != expected:
        raise ValueError(f"{what} must have shape {tuple(expected)}, one value a candidate; got {tuple(value.shape)}")


def distance_to_boundary(request: Request, z: Tensor) -> Tensor:
    """How far realness is from where D cannot tell, (..., M), >= 0.

    Where the loss has no boundary (an offset of D changes nothing), the lower median of the pool stands in for it.
    """
    real = realness(request, z)
    boundary = _median(real) if request.loss.boundary is None else request.loss.boundary
    return (real - boundary).abs()


def _median(values: Tensor) -> Tensor:
    """Lower median over the last axis, kept with length 1.

    It is one of the values: the mean of the two middle ones would tie these two, and rounding would order them.
    """
    known = torch.nan_to_num(values, nan=torch.inf, posinf=torch.inf, neginf=torch.inf)
    count = (known < torch.inf).to(values.dtype).sum(-1, keepdim=True)  # those that are not finite have no say
    middle = ((count - 1).clamp_min(0) / 2).long()
    return known.sort(-1).values.gather(-1, middle)


@torch.no_grad()
def head_variance(request: Request, z: Tensor) -> Tensor:
    """Variance of realness over D's heads, (..., M), >= 0.

    Raises:
        ValueError: If D has fewer than two heads: one judge cannot disagree.
    """
    if (heads := num_heads(request.D)) < 2:
        raise ValueError(f"strategy 'disagreement' needs a D with num_heads in [2, inf); got {heads!r}")
    if request.seen is not None:
        return request.loss.realness(request.seen.heads).var(0, correction=0)
    with evaluating(request.layers):
        logits = check_output("D.heads", request.D.heads(request.G(z)))  # (H, ..., M)
    _check_shape("D.heads(G(z))", logits, (heads, *z.shape[:-1]))
    return request.loss.realness(logits).var(0, correction=0)


@torch.no_grad()
def features(request: Request, z: Tensor) -> Tensor:
    """D's features of each candidate's fake, (..., M, F).

    Raises:
        ValueError: If D has no ``features``.
    """
    if not hasattr(request.D, "features"):
        raise ValueError("space='features' needs a D with a method features(x); space must be 'z' for this D")
    with evaluating(request.layers):
        points = check_output("D.features", request.D.features(request.G(z)))
    _check_shape("D.features(G(z))[..., 0]", points[..., 0], tuple(z.shape[:-1]))
    return points


def log_gradient(request: Request, z: Tensor) -> Tensor:
    r"""Log of a bound, up to a factor, on the norm of each candidate's gradient for G, (..., M).

    .. math:: \log(b_i + c\, \bar b), \quad b_i = \lVert \nabla_x\, \ell_G(D(x)) \rVert \text{ at } x = G(z_i)

    What reaches G's weights from candidate i is this gradient, times what G's own layers make of it, whose size is
    bounded by a factor that all candidates share: so nothing needs to be known of G's layers. A share c (``floor``) of
    the pool's mean is added, so that no weight exceeds about (1 + c) / c times the plain one. A loss that pairs a fake
    with a real is taken at a real that D finds as real.

    It costs a pass forward through G and D, which ``num_calls`` counts, and one back through D, which it does not.

    Reference:
        Katharopoulos & Fleuret 2018, whose bound has the gradient before the last layer's activation, not behind it.
    """
    with evaluating(request.layers):
        with torch.no_grad():
            x_fake = check_output("G", request.G(z))
        with torch.enable_grad():
            fake, slope = pull(request.D, x_fake, request.loss, z.shape[:-1])
    logits = fake.logits.detach()
    bound = widened(slope).flatten(logits.ndim).norm(dim=-1) + 0 * logits  # NaN where the logit is not finite
    known = torch.nan_to_num(bound, nan=0.0, posinf=0.0)
    count = (bound < torch.inf).to(bound.dtype).sum(-1, keepdim=True).clamp_min(1)
    share = request.options["floor"] * known.sum(-1, keepdim=True) / count
    return torch.log(bound + share + torch.finfo(bound.dtype).tiny)


def farthest_first(points: Tensor, n: int) -> Tensor:
    """Greedy k-center: begin with the first point, then always take the point farthest from those already taken.

    The first of an i.i.d. pool is a random one, and any start keeps the guarantee: after n points the largest distance
    to the nearest center is at most twice the best possible. Points that are not finite are left out.

    Args:
        points: (..., M, F).
        n: Number of centers, in [1, M].

    Returns:
        Utilities (..., M): the squared distance to the nearest center taken before this point (for the first, which
        has none, the largest one); NaN for points that are not finite. Sorted in descending order, ties by index, they
        give the centers in their order.

    Reference:
        Gonzalez 1985; on GAN batches Sinha et al. 2020 (Small-GAN).
    """
    unknown = points.sum(-1) * 0  # (..., M): 0, or NaN for a point that is not finite
    center = (unknown == 0).to(points.dtype).sort(dim=-1, descending=True, stable=True).indices[..., :1]
    # The others stand where the first point stands: they cover nothing new.
    first = points.gather(-2, center.unsqueeze(-1).expand(*center.shape, points.shape[-1]))
    points = torch.where(unknown.unsqueeze(-1) == 0, points, first)
    columns = points.mT.contiguous()  # (..., F, M): sums over the second-last axis are several times faster
    distance = _squared_distance(columns, center)
    centers, reach = [center], [distance.amax(-1, keepdim=True)]
    distance = distance.scatter(-1, center, -1.0)  # -1: taken; without it duplicates of a center could repeat it
    for _ in range(n - 1):
        farthest, center = distance.max(-1, keepdim=True)  # of equal ones the first
        centers.append(center)
        reach.append(farthest)
        distance = torch.minimum(distance, _squared_distance(columns, center)).scatter(-1, center, -1.0)
    return distance.scatter(-1, torch.cat(centers, -1), torch.cat(reach, -1)) + unknown


def _squared_distance(columns: Tensor, index: Tensor) -> Tensor:
    """Squared distance of every point, a column of (..., F, M), to the point ``index`` (..., 1) of its run."""
    center = columns.gather(-1, index.unsqueeze(-2).expand(*columns.shape[:-1], 1))
    return (columns - center).square().sum(-2)


def ascend(request: Request) -> Tensor:
    r"""Move the first n candidates to where D finds them more real, (..., n, latent_dim).

    .. math:: z' = \mathrm{clip}\left(z + \alpha \frac{g}{\lVert g \rVert^2 + \beta}\right), \quad
              g = \nabla_z\, \mathrm{realness}(D(G(z)))

    With ``through=False`` the moved latents carry no gradient. With ``through=True`` they are a function of the
    parameters of G and D, as in LOGAN, whose players back-propagate through the move. LOGAN whole is this with
    ``d_fakes="selected"``, so that D sees moved fakes too, and ``regularizers={"transport": 0.1}``, the price of a move
    for both. What differs from it here: latents are normal and clipped at 3 (there uniform on [-1, 1]); all of a batch
    is moved (in a public re-implementation, StudioGAN, four fifths); G's own move is made anew by the D that it faces;
    any loss will do.

    Reference:
        Wu et al. 2019 (LOGAN), natural-gradient move. The clip suits N(0, I); uniform latents on [-1, 1] need clip=1.
    """
    options = request.options
    alpha, beta, clip, through = (options[name] for name in ("alpha", "beta", "clip", "through"))
    clip = min(clip, torch.finfo(request.z_pool.dtype).max)
    z = request.z_pool[..., : request.n, :].detach().requires_grad_(True)
    with torch.enable_grad(), evaluating(request.layers):
        for _ in range(options["steps"]):
            (gradient,) = torch.autograd.grad(_realness(request, z).sum(), z, create_graph=through)
            move = alpha * gradient / (gradient.square().sum(-1, keepdim=True) + beta)
            move = torch.where(move == move, move, 0.0)  # where D gives no direction (NaN), z stays
            z = (z + move).clamp(-clip, clip)
            z = z if through else z.detach().requires_grad_(True)
    return z if through else z.detach()

"""How n of M candidates are taken: the ``pick`` of ``selection``.

A pick also says how probable each taken candidate was, where chance decided: what ``reweight`` needs.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from algan_lite.selection.scores import Request


class Pick(NamedTuple):
    """Indices (..., n), and each one's probability of being among them (None: it was not left to chance)."""

    indices: Tensor
    inclusion: Tensor | None


def in_order(values: Tensor) -> Tensor:
    """Indices from the highest value to the lowest; equal values keep their order."""
    # For ONNX map aten.sort.stable to aten.sort: it becomes TopK, which breaks ties by index as well.
    return values.sort(dim=-1, descending=True, stable=True).indices


def _evenly(request: Request, like: Tensor) -> Tensor:
    """Everybody's chance when n of M are taken and no candidate is preferred."""
    return torch.full_like(like, request.n / request.num_candidates, dtype=request.z_pool.dtype)


def first(request: Request, utilities: Tensor) -> Pick:
    """The first n of the pool, which is as good as chance where candidates are independent."""
    places = torch.arange(request.n, device=utilities.device)
    indices = places.expand(*utilities.shape[:-1], request.n).contiguous()
    return Pick(indices, _evenly(request, indices))


def at_random(request: Request, utilities: Tensor) -> Pick:
    """The n of M with the largest uniform draws, whatever their utility."""
    indices = in_order(request.chance)[..., : request.n]
    return Pick(indices, _evenly(request, indices))


def best(request: Request, utilities: Tensor) -> Pick:
    """The n best; with a uniform share, the best for certain and the other seats by lot among the rest.

    Those whose utility is not finite are left out of the lot, too.
    """
    n, share = request.n, request.options.get("uniform_share", 0)
    if share == 0:
        return Pick(in_order(utilities)[..., :n], None)
    lots = max(1, round(share * n))
    certain = in_order(utilities)[..., : n - lots]
    known = utilities > -torch.inf
    lot = torch.where(known, request.chance, -0.5).scatter(-1, certain, -1.0)  # both below every uniform draw
    drawn = in_order(lot)[..., :lots]
    rest = known.to(utilities.dtype).sum(-1, keepdim=True) - (n - lots)
    chance = torch.where(torch.arange(n, device=certain.device) < n - lots, 1.0, lots / rest.clamp_min(lots))
    indices = torch.cat([certain, drawn], -1)
    return Pick(indices, chance.to(utilities.dtype).expand(indices.shape))


def gumbel(request: Request, utilities: Tensor) -> Pick:
    r"""Draws n of M one after another, each with probability softmax(utility / temperature) among those left.

    Given the (n+1)-th largest perturbed score kappa, candidate i is in with probability
    :math:`q_i = 1 - \exp(-\exp(\phi_i - \kappa))`.

    Reference:
        Yellott 1977; Vieira 2014; Kool et al. 2019 (the estimator).
    """
    log_p = (1 / request.options["temperature"] * utilities).log_softmax(-1)
    # A uniform float32 is a multiple of 2^-24 and may be 0, whose Gumbel is infinite: half a step stands for it.
    uniform = request.chance.clamp_min(2.0**-25).to(log_p.dtype)
    perturbed = log_p - torch.log(-torch.log1p(-uniform))
    order = in_order(perturbed)
    indices = order[..., : request.n]
    if request.n == request.num_candidates:
        return Pick(indices, _evenly(request, indices))
    kappa = perturbed.gather(-1, order[..., request.n : request.n + 1])
    # 1 - exp(-x) = 2t / (1 + t) with t = tanh(x / 2): exact for small x, also on a runtime whose expm1 is exp - 1.
    t = torch.tanh((log_p.gather(-1, indices) - kappa).exp() / 2)
    return Pick(indices, 2 * t / (1 + t))


def in_proportion(request: Request, utilities: Tensor) -> Pick:
    r"""Takes each candidate with a probability in proportion to exp(utility), n of them.

    Who would have more than 1 is in for certain, and the others share the rest: :math:`q_i = \min(1, c\,e^{u_i})` with
    c such that the sum is n. The candidates lie end to end, by size, each as long as its q; n marks, one apart and
    shifted by one draw, say who is in. Where all utilities are equal, so are the weights: with ``gumbel``, whose q
    depend on the draw, the sum of the weights varies even then. (Where fewer than n may be chosen, they are repeated.)

    Reference:
        Madow 1949 (systematic sampling with probability in proportion to size).
    """
    n, last = request.n, request.num_candidates - 1
    highest = utilities.amax(-1, keepdim=True).clamp_min(torch.finfo(utilities.dtype).min)
    sizes, order = (utilities - highest).exp().sort(dim=-1, stable=True)  # ascending; 0 for those that are never chosen
    if n > last:
        return Pick(order, _evenly(request, order))
    up_to = sizes.cumsum(-1)
    seats = torch.arange(n - last, n + 1, device=sizes.device)  # for this one and all that are smaller
    certain = seats * sizes > up_to
    count = certain.to(sizes.dtype).sum(-1, keepdim=True)
    others = up_to.gather(-1, (last - count).long()).clamp_min(torch.finfo(sizes.dtype).tiny)
    inclusion = torch.where(certain, 1.0, (n - count) * sizes / others)
    ends = inclusion.cumsum(-1)
    marks = (torch.arange(n, device=sizes.device) + 1 - request.chance[..., :1].to(sizes.dtype)) / n * ends[..., -1:]
    places = (ends.unsqueeze(-2) < marks.unsqueeze(-1)).to(sizes.dtype).sum(-1).long()  # marks lie in (0, end]
    return Pick(order.gather(-1, places), inclusion.gather(-1, places) * (n / ends[..., -1:]))

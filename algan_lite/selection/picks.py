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

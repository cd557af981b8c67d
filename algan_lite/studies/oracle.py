"""A judge that knows the true density ratio: what a choice by the best D there could be would do.

It is a yardstick of the studies and no strategy for users: on real data nobody has it, and it is not in ``STRATEGIES``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from algan_lite.core.checks import check_integer, check_number
from algan_lite.core.rng import draw, stream
from algan_lite.data.sources import Mixture
from algan_lite.models.networks import evaluating
from algan_lite.selection.scores import Request
from algan_lite.selection.strategies import Strategy


@dataclass(frozen=True, eq=False)
class LogRatio:
    r"""The score log p_data(x) - log p_G(x), both laws seen through one Gaussian kernel.

    p_G is the mean of the kernel over fakes of the present G. A kernel widens a law, and would make fakes at the modes
    look too rare; the data's normal modes, widened alike, are normal modes again, so that log p_data stays exact and
    the ratio of two equal laws stays 1 at any bandwidth.

    Attributes:
        wide: The data's law, its modes widened by the kernel.
        bandwidth: Standard deviation of the kernel, in data units.
        latents: Of the fakes behind p_G, (n, latent_dim): the same at every step and in every run.
    """

    wide: Mixture
    bandwidth: float
    latents: Tensor

    @torch.no_grad()
    def __call__(self, request: Request, z: Tensor) -> Tensor:
        """Return the log ratio at each candidate's fake, (..., M)."""
        with evaluating(request.layers):
            x, fakes = (request.G(latents.to(z)) for latents in (z, self.latents))
        return self.wide.log_prob(x) - log_kernel_density(x, fakes, self.bandwidth)


def log_kernel_density(x: Tensor, points: Tensor, bandwidth: float) -> Tensor:
    r"""Log density at x of points that are smoothed by a Gaussian kernel.

    .. math:: \log \frac1n \sum_j \mathcal{N}(x; x_j, h^2 I)

    Args:
        x: (..., M, d).
        points: (..., n, d), or (n, d) for every run.
        bandwidth: h > 0, in units of x.

    Returns:
        (..., M), in nats; a point further than 12 h away counts as if it were there.
    """
    a, b = x / bandwidth, points / bandwidth
    ones_a, ones_b = torch.ones_like(a[..., :1]), torch.ones_like(b[..., :1])
    # -|a - b|^2 / 2 as one product, in blocks that fit a core's cache; exponentials that float32 can hardly hold are
    # left out, since they take ten times as long.
    left = torch.cat([a, -a.square().sum(-1, keepdim=True) / 2, ones_a], -1)
    right = torch.cat([b, ones_b, -b.square().sum(-1, keepdim=True) / 2], -1)
    blocks = right.mT.split(128, -1)
    near = sum((left @ block).clamp_min(-75).exp().sum(-1) for block in blocks)
    norm = points.shape[-2] * (2 * torch.pi * bandwidth**2) ** (x.shape[-1] / 2)
    return torch.log(near / norm)


def oracle(
    source: Mixture, latent_dim: int = 2, *, num_fakes: int = 2048, bandwidth: float | None = None, seed: int = 0
) -> Strategy:
    """Return the strategy that takes the n candidates with the highest true density ratio.

    ``TrainConfig(strategy=oracle(source))`` trains with it. ``num_calls`` counts the candidates and the fakes behind
    p_G: both pass through G (and neither through D).

    Args:
        source: Normal modes, so that p_data is known.
        latent_dim: Of G, >= 1.
        num_fakes: Fakes behind p_G, >= 1.
        bandwidth: Of the kernel, > 0, in data units; by default a mode's own standard deviation.
        seed: Of the latents behind p_G.

    Raises:
        TypeError: If ``source`` has no normal modes, or another argument is of another kind.
        ValueError: If a number is out of range.
    """
    if not isinstance(source, Mixture):
        raise TypeError(f"source must be normal modes, such as al.data.ring(), whose density is known; got {source!r}")
    n, dims = check_integer("num_fakes", num_fakes, 1), check_integer("latent_dim", latent_dim, 1)
    h = source.std if bandwidth is None else check_number("bandwidth", bandwidth, 0, open_low=True)
    latents = draw(stream(check_integer("seed", seed, 0), "oracle"), (n, dims), "cpu")
    wide = Mixture(source.name, source.modes, (source.std**2 + h**2) ** 0.5, source.weights)
    return Strategy(
        name="oracle",
        doc="The n whose fakes the data's law has most of, compared with G's.",
        source="this book",
        fn=LogRatio(wide, h, latents),
        num_calls=_Calls(n),
    )


@dataclass(frozen=True)
class _Calls:
    """What a choice costs."""

    num_fakes: int

    def __call__(self, request: Request) -> int:
        return request.num_candidates + self.num_fakes

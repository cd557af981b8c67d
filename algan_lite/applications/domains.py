"""Two domains as one source: a sample is a point of A beside a point of B, drawn apart or as a pair."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from algan_lite.core import rng
from algan_lite.core.checks import check_kind, check_number, check_tensor
from algan_lite.data.sources import Mixture, Source

SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))
_IMAGES = 256  # at a time: a convolution of thousands of images holds many times their memory


class Both(Source):
    """Samples (a, b), flattened and joined: a from A, and b from B, which knows nothing of a."""

    def __init__(self, A: Source, B: Source) -> None:
        super().__init__(f"{A.name} | {B.name}", (math.prod(A.sample_shape) + math.prod(B.sample_shape),))
        self.A, self.B = A, B

    def _draw(self, n: int, stream: rng.Stream) -> Tensor:
        lead = (n,) if isinstance(stream, torch.Generator) else (len(stream), n)
        return torch.cat([one.sample(n, generator=stream).reshape(*lead, -1) for one in (self.A, self.B)], dim=-1)


def both(A: Source, B: Source) -> Both:
    """Two unpaired domains as one source of samples (a, b), drawn apart.

    Args:
        A: Source of the one domain, samples ``(..., N, *shape_A)``.
        B: Source of the other, samples ``(..., N, *shape_B)``.

    Returns:
        A source of (..., N, values_A + values_B): a, flattened, then b.

    Raises:
        TypeError: If one of them is no source.

    Example:
        >>> from algan_lite import data
        >>> both(data.ring(), data.grid()).sample(3, seed=0).shape
        torch.Size([3, 4])
    """
    for name, one in (("A", A), ("B", B)):
        check_kind(name, one, Source, "a source such as al.data.ring()")
    return Both(A, B)


def turn(x: Tensor, degrees: float) -> Tensor:
    """Return points (..., 2) turned around 0, counterclockwise."""
    if check_tensor("x", x, "(..., 2)").shape[-1:] != (2,):
        raise ValueError(f"x must be points (..., 2); got {tuple(x.shape)}")
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return torch.stack([cos * x[..., 0] - sin * x[..., 1], sin * x[..., 0] + cos * x[..., 1]], dim=-1)


def rotated(source: Mixture, degrees: float) -> Mixture:
    """The same modes in the plane, turned around 0: mode k of the result is where mode k went.

    Args:
        source: Normal modes in the plane, such as a ring.
        degrees: Of the turn, counterclockwise.

    Raises:
        TypeError: If the source has no normal modes.
        ValueError: If they do not lie in the plane.
    """
    check_kind("source", source, Mixture, "normal modes, such as al.data.ring()")
    degrees = check_number("degrees", degrees)
    if source.sample_shape != (2,):
        raise ValueError(f"source must have samples of shape (2,), points in the plane; got {source.sample_shape}")
    moved = Mixture(source.name, turn(source.modes.double(), degrees), source.std, source.weights)
    moved.parameters = {**source.parameters, "degrees": degrees}
    return moved


def edges(x: Tensor, threshold: float = 0.25) -> Tensor:
    """Return where an image changes: 1 where Sobel's gradient is above the threshold, and -1 elsewhere.

    Args:
        x: Images (..., 1, height, width) in [-1, 1]; beyond their border the values go on.
        threshold: In (0, 1]: of the largest length that a gradient along one axis can have.

    Returns:
        Images of the same shape, of -1 and 1; NaN where a value beside it is not finite.

    Raises:
        TypeError: If ``x`` is no floating tensor.
        ValueError: If ``x`` has no such shape or no pixels, or the threshold is out of range.

    Reference:
        Sobel & Feldman 1968.
    """
    if check_tensor("x", x, "(..., 1, height, width)").ndim < 4 or x.shape[-3] != 1 or 0 in x.shape[-2:]:
        raise ValueError(f"x must be images (..., 1, height, width); got {tuple(x.shape)}")
    least = check_number("threshold", threshold, 0, 1, open_low=True)
    across = x.new_tensor(SOBEL)
    kernels = torch.stack([across, across.mT]).unsqueeze(1) / 8  # a step from -1 to 1 has length 1
    flat = x.reshape(-1, *x.shape[-3:])
    found = torch.empty_like(flat)
    for part, out in zip(flat.split(_IMAGES), found.split(_IMAGES), strict=True):
        slope = conv2d(pad(part, (1, 1, 1, 1), mode="replicate"), kernels).norm(dim=1, keepdim=True)
        out.copy_(torch.where(slope > least, 1.0, -1.0).where(slope.isfinite(), torch.nan))
    return found.reshape(x.shape)

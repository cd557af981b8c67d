"""Which a to ask an oracle about: its answer is a pair, (a, b)."""

from __future__ import annotations

import torch
from torch import Tensor

from algan_lite.core.checks import check_integer, check_tensor


def disagreement(moved: Tensor) -> Tensor:
    """Return how much a committee of translators disagrees about each sample: the variance around its mean.

    Args:
        moved: What C translators make of the same N samples, (C, ..., N, values), C >= 2 and N >= 1.

    Returns:
        (..., N), >= 0, in squared data units; NaN where a translation is not finite.

    Raises:
        TypeError: If ``moved`` is no floating tensor.
        ValueError: If there are fewer than two translators, or no samples.

    Reference:
        Seung et al. 1992 (query by committee).
    """
    if check_tensor("moved", moved, "(C, ..., N, values)").ndim < 3 or len(moved) < 2 or not moved.numel():
        raise ValueError(f"moved must be (C, ..., N, values) with C >= 2 and N >= 1; got {tuple(moved.shape)}")
    return moved.detach().var(0, correction=0).sum(-1)


def farthest(x: Tensor, k: int) -> Tensor:
    """Return the numbers of k samples that lie far from each other, (k,): the first one, then always the farthest.

    Args:
        x: Samples (N, values), N >= 1, finite.
        k: How many, in [1, N].

    Raises:
        TypeError: If ``x`` is no floating tensor.
        ValueError: If ``k`` or the shape is out of range, or a sample is not finite.

    Reference:
        Gonzalez 1985.

    Example:
        >>> farthest(torch.tensor([[0.0], [1.0], [5.0], [9.0]]), 3)
        tensor([0, 3, 2])
    """
    if check_tensor("x", x, "(N, values)").ndim != 2 or not x.numel():
        raise ValueError(f"x must be (N, values) with N >= 1; got {tuple(x.shape)}")
    if not bool(x.isfinite().all()):
        raise ValueError(f"x must be finite; got {int((~x.isfinite()).sum())} values that are not")
    check_integer("k", k, 1, len(x))
    chosen = [0]
    distance = (x - x[0]).norm(dim=-1)
    while len(chosen) < k:
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, (x - x[chosen[-1]]).norm(dim=-1))
    return torch.tensor(chosen)

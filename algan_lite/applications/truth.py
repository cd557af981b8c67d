"""How right a translation is, where the truth is known: mode k of A belongs to mode k of B."""

from __future__ import annotations

import torch
from torch import Tensor

from algan_lite.core.checks import check_kind, check_tensor
from algan_lite.data.sources import Mixture


def right_share(a: Tensor, moved: Tensor, A: Mixture, B: Mixture) -> Tensor:
    """Return how often a sample of mode k of A is nearest to mode k of B, once it is translated.

    Args:
        a: Samples of A, (N, d) or (..., N, d), N >= 1.
        moved: Their translations, (..., N, d).
        A: Normal modes.
        B: As many modes, in the order of those of A that they belong to.

    Returns:
        (...) float64, in [0, 1]; a map that ignores its input has the largest weight of a mode. A translation that is
        not finite is wrong.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If the shapes or the numbers of modes differ.
    """
    for name, one in (("A", A), ("B", B)):
        check_kind(name, one, Mixture, "normal modes, such as al.data.ring()")
    if A.modes.shape != B.modes.shape:
        shapes = f"{tuple(A.modes.shape)} and {tuple(B.modes.shape)}"
        raise ValueError(f"A and B must have equally many modes of one shape; got {shapes}")
    check_tensor("a", a, "(..., N, d)"), check_tensor("moved", moved, "(..., N, d)")
    leads = a.shape[:-2], moved.shape[:-2]
    fits = min(a.ndim, moved.ndim) > 1 and a.shape[-2:] == moved.shape[-2:] and a.shape[-1:] == A.modes.shape[1:]
    if not (fits and a.numel() and leads[0] in ((), leads[1])):
        shapes = f"{tuple(a.shape)} and {tuple(moved.shape)}"
        raise ValueError(f"a and moved must be (..., N, {A.modes.shape[1]}), of equal N >= 1; got {shapes}")
    right = nearest_mode(a, A) == nearest_mode(moved, B)  # (..., N)
    return (right & moved.isfinite().all(-1)).double().mean(-1)


def nearest_mode(x: Tensor, source: Mixture) -> Tensor:
    """Return the number of the nearest mode, (..., N), of points (..., N, d)."""
    return torch.cdist(x.detach().double(), source.modes.to(x.device).double()).argmin(-1)

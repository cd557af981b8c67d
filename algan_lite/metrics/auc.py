"""How often one score is above another: the area under the ROC curve."""

from __future__ import annotations

import torch
from torch import Tensor

from algan_lite.core.checks import check_tensor


def auc(above: Tensor, below: Tensor) -> Tensor:
    """Chance that a score of the first kind is above one of the second: the area under the ROC curve.

    With D's logits on the reals that it was trained on, and on reals that it was not, this says how well D knows them
    by heart: 0.5, not at all; 1, every one of them.

    Args:
        above: Scores (..., N), N >= 1.
        below: Scores (..., M), M >= 1, with the same leading axes.

    Returns:
        (...), float64 in [0, 1]; ties count half; NaN where a score is NaN.

    Raises:
        TypeError: If one is no floating tensor.
        ValueError: If there is no score, or the leading axes differ.

    Example:
        >>> auc(torch.tensor([1.0, 3.0]), torch.tensor([0.0, 3.0])).item()
        0.625

    Reference:
        Mann and Whitney 1947; Hanley and McNeil 1982.
    """
    for name, value in (("above", above), ("below", below)):
        if not check_tensor(name, value, "(..., N)").ndim or not value.shape[-1]:
            raise ValueError(f"{name} must be (..., N) with N >= 1; got {tuple(value.shape)}")
    if above.shape[:-1] != below.shape[:-1]:
        shapes = f"{tuple(above.shape)} and {tuple(below.shape)}"
        raise ValueError(f"above and below must be (..., N) and (..., M) with equal leading axes; got {shapes}")
    ordered = below.detach().sort(-1).values.contiguous()
    ends = [torch.searchsorted(ordered, above.detach().contiguous(), right=right) for right in (False, True)]
    share = sum(end.double().mean(-1) for end in ends) / (2 * below.shape[-1])
    return torch.where(above.isnan().any(-1) | below.isnan().any(-1), torch.nan, share)

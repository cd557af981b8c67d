"""What completes a sample without any GAN: the baselines of in-painting.

Each takes known samples (T, *sample), questions x (N, *sample), and one mask (*sample) for all; it returns x with the
hidden values filled in, (N, *sample). Hidden values of x are never read.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from algan_lite.applications.inpaint import check_visible, paste
from algan_lite.core.checks import check_number, check_tensor


def mean_fill(known: Tensor, x: Tensor, visible: Tensor | np.ndarray) -> Tensor:
    """Fill in the mean of the known samples, whatever is visible."""
    x, mask = _checked(known, x, visible)
    return paste(x, mask, known.to(x).mean(0).expand_as(x))


def nearest_fill(known: Tensor, x: Tensor, visible: Tensor | np.ndarray) -> Tensor:
    """Fill in what the known sample has that agrees best where x is visible."""
    x, mask = _checked(known, x, visible)
    seen = mask[0].flatten().bool()
    distance = torch.cdist(x.flatten(1)[:, seen].double(), known.flatten(1)[:, seen].double())
    return paste(x, mask, known.to(x)[distance.argmin(-1)])


def ridge_fill(known: Tensor, x: Tensor, visible: Tensor | np.ndarray, alpha: float = 100.0) -> Tensor:
    """Fill in what ridge regression predicts of the hidden values from the visible ones.

    Args:
        known: (T, *sample), T >= 1.
        x: (N, *sample).
        visible: (*sample), True or 1 where a value is given.
        alpha: Weight of the squared coefficients, >= 0.
    """
    from sklearn.linear_model import Ridge  # here: importing it takes a second

    x, mask = _checked(known, x, visible)
    seen, out = mask[0].flatten().bool(), x.flatten(1).clone()
    alpha = check_number("alpha", alpha, 0)
    if seen.all():
        return x
    rows = known.detach().flatten(1).double()
    if not seen.any():  # nothing to regress on: its intercept is the mean
        return mean_fill(known, x, visible)
    fit = Ridge(alpha).fit(rows[:, seen].numpy(), rows[:, ~seen].numpy())
    told = fit.predict(x.flatten(1)[:, seen].double().numpy()).reshape(len(x), -1)
    out[:, ~seen] = torch.from_numpy(told).to(out)
    return out.reshape(x.shape)


def _checked(known: Tensor, x: Tensor, visible: Tensor | np.ndarray) -> tuple[Tensor, Tensor]:
    x, mask = check_visible(x, visible)
    if tuple(visible.shape) != tuple(x.shape[1:]):
        raise ValueError(f"visible must be {tuple(x.shape[1:])}, one mask for all; got {tuple(visible.shape)}")
    if check_tensor("known", known, "(T, *sample)").shape[1:] != x.shape[1:] or not len(known):
        raise ValueError(f"known must be (T, {', '.join(map(str, x.shape[1:]))}), T >= 1; got {tuple(known.shape)}")
    if not bool(known.isfinite().all()):
        raise ValueError(f"known must be finite; got {int((~known.isfinite()).sum())} values that are not")
    return x, mask

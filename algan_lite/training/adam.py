"""Adam at a pace of one's own: each run with its learning rate, and its clock, which stands while it skips a step."""

from __future__ import annotations

import torch
from torch import Tensor


def adam(
    weights: Tensor,
    gradient: Tensor,
    m: Tensor,
    v: Tensor,
    lr: Tensor | float,
    step: Tensor,
    betas: tuple[float, float],
    eps: float = 1e-8,
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Adam's update: new weights and moments.

    .. math:: w \leftarrow w - \frac{\eta\, m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    Args:
        weights: Any shape, as are ``gradient`` and the moments.
        gradient: Of the objective.
        m: Moving average of the gradient.
        v: Moving average of its square.
        lr: Learning rate, () or of a shape that broadcasts.
        step: t, the number of this step counted from 1, likewise.
        betas: Decay rates of m and v, each in [0, 1).
        eps: Added to the denominator.

    Reference:
        Kingma and Ba 2015, Algorithm 1; written as ``torch.optim.Adam`` computes it.
    """
    m = torch.lerp(m, gradient, 1 - betas[0])
    v = betas[1] * v + (1 - betas[1]) * gradient.square()
    size = v.sqrt() / (1 - betas[1] ** step).sqrt() + eps
    return weights - lr / (1 - betas[0] ** step) * m / size, m, v


@torch.no_grad()
def step_at_pace(optimizer: torch.optim.Adam, factor: Tensor | None, moves: Tensor | None) -> None:
    """Take a step of Adam in which each run has its own learning rate, and some none at all.

    Moments stay the optimizer's, under the names that it gives them; its clock ``step`` has a value a run.

    Args:
        optimizer: Of one player, whose weights (..., *own) have their gradients.
        factor: Of the learning rate, (...); None: 1.
        moves: Whether a run takes the step, (...), booleans; None: every run does. Where it does not, weights, moments
            and clock stay as they are.
    """
    group = optimizer.param_groups[0]
    moves = torch.ones_like(factor, dtype=torch.bool) if moves is None else moves
    factor = torch.ones_like(moves, dtype=torch.float32) if factor is None else factor
    for weight in group["params"]:
        if weight.grad is None:
            continue
        held = optimizer.state[weight]
        if not held:
            held["step"] = torch.zeros(moves.shape, device=weight.device)
            held["exp_avg"], held["exp_avg_sq"] = torch.zeros_like(weight), torch.zeros_like(weight)
        held["step"] += moves
        own = (*moves.shape, *[1] * (weight.ndim - moves.ndim))
        pace = group["lr"] * factor.reshape(own), held["step"].clamp_min(1).reshape(own)
        old = weight, held["exp_avg"], held["exp_avg_sq"]
        new = adam(weight, weight.grad, *old[1:], *pace, group["betas"])
        for place, value in zip(old, new, strict=True):
            place.copy_(torch.where(moves.reshape(own), value, place))

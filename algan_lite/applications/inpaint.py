"""In-painting by search: which latent's sample agrees with what is visible, and what does it show elsewhere?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from algan_lite.core import rng
from algan_lite.core.checks import as_tensor, ask, check_integer, check_number, check_tensor, shown
from algan_lite.models.doors import check_G, weights_like
from algan_lite.models.networks import evaluating, layers_of
from algan_lite.models.search import descend
from algan_lite.objective.losses import Loss, resolve_loss
from algan_lite.sampling.calibration import one_generator


@dataclass(frozen=True, eq=False)
class Completion:
    """K answers to each of N questions, the cheapest first.

    Attributes:
        z: The latents that were found, (K, N, latent_dim).
        drawn: What G draws of them, (K, N, *sample), the visible part too.
        filled: The same with the visible values pasted over it.
        visible_error: Mean squared difference over the visible values, (K, N); 0 where none is visible.
        cost: What the search minimized, (K, N).
    """

    z: Tensor
    drawn: Tensor
    filled: Tensor
    visible_error: Tensor
    cost: Tensor


def inpaint(
    G: nn.Module,
    x: Tensor,
    visible: Tensor | np.ndarray,
    *,
    D: nn.Module | None = None,
    starts: int = 4,
    tries: int = 100,
    steps: int = 100,
    lr: float = 0.05,
    prior: float = 0.02,
    realness: float = 0.0,
    loss: str | Loss = "non_saturating",
    generator: torch.Generator | None = None,
    seed: int | None = None,
    watch: Callable[[Tensor], None] | None = None,
) -> Completion:
    r"""Complete samples of which a part is visible, by a search among the latents of a trained G.

    .. math:: \min_z \; \text{mean}_{visible} (G(z) - x)^2 + a \, \text{mean}(z^2) - b \, D(G(z))

    Each sample is searched for ``starts`` times; each search begins at the best of ``tries`` latents of its own and
    goes down by Adam. Hidden values of ``x`` are never read: they may be anything, NaN too.

    Args:
        G: Maps latents (N, latent_dim) to samples; trained.
        x: Samples (N, *sample), in G's units.
        visible: Which values are given, True or 1, and which are not: (*sample) for all, or (N, *sample).
        D: The discriminator, where its view counts.
        starts: K, searches for each sample, >= 1.
        tries: Latents that a search chooses its start from, >= 1.
        steps: Of Adam, >= 0.
        lr: Its step, > 0.
        prior: a, the weight of the latents' mean square, >= 0: normal latents are short.
        realness: b, the weight of D's realness, >= 0; above 0 it takes a D.
        loss: What D was trained with; says which way its logits point.
        generator: The stream of the starts.
        seed: Shorthand for a stream.
        watch: Called with the latents, (K * N, latent_dim), before each step and after the last.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If a number is out of range, shapes do not fit, a visible value is not finite, or D is missing.

    Reference:
        Yeh et al. 2017, with this cost in place of theirs (L1, weighted near the hole, and D's loss).
    """
    check_G(G)
    if getattr(G, "runs", None) is not None:
        raise ValueError(f"G must be one network, G.member(k) of an ensemble; got {G.runs} runs")
    x, mask = check_visible(x, visible)
    like = weights_like(G)
    x, mask = x.to(like), mask.to(like)
    starts, tries = check_integer("starts", starts, 1), check_integer("tries", tries, 1)
    steps, lr = check_integer("steps", steps, 0), check_number("lr", lr, 0, open_low=True)
    cost = _Cost(x, mask.bool(), check_number("prior", prior, 0), _reality(D, realness, loss))
    source = one_generator(rng.resolve(generator, seed, "in-painting"))
    z = rng.draw(source, (starts, tries, G.latent_dim), like.device).to(like.dtype)
    with evaluating(layers_of(G)), torch.no_grad():
        z = torch.stack([_nearest(G, tried, x, mask) for tried in z])  # (K, N, latent_dim)
    z = descend(G, z.flatten(0, 1), cost, steps=steps, lr=lr, watch=watch).unflatten(0, (starts, len(x)))
    with evaluating(layers_of(G, *([] if D is None else [D]))), torch.no_grad():
        drawn = G(z)
        total, error = cost(z, drawn), masked_error(drawn, x, mask)
    order = total.argsort(0)  # (K, N), the cheapest first
    z, drawn, total, error = (torch.take_along_dim(v, _like(order, v), 0) for v in (z, drawn, total, error))
    return Completion(z, drawn, paste(x, mask, drawn), error, total)


@dataclass(frozen=True, eq=False)
class _Cost:
    """What a latent costs that stands for a sample.

    Attributes:
        x: (N, *sample); hidden values are 0.
        mask: True where visible; as ``x``.
        prior: Weight of the latents' mean square.
        reality: Samples -> weighted realness (...), or None.
    """

    x: Tensor
    mask: Tensor
    prior: float
    reality: Callable[[Tensor], Tensor] | None

    def __call__(self, z: Tensor, made: Tensor) -> Tensor:
        """Return the cost of latents (K * N, latent_dim) or (K, N, latent_dim), without the last axis."""
        rows = made.reshape(-1, *self.x.shape)  # (K, N, *sample)
        cost = _error(rows, self.x, self.mask).reshape(z.shape[:-1]) + self.prior * z.square().mean(-1)
        if self.reality is None:
            return cost
        realness = self.reality(made)
        if realness.shape != cost.shape:
            raise ValueError(f"D must return one logit a sample, {tuple(cost.shape)}; got {tuple(realness.shape)}")
        return cost - realness


def _reality(D: nn.Module | None, weight: float, loss: str | Loss) -> Callable[[Tensor], Tensor] | None:
    weight, loss = check_number("realness", weight, 0), resolve_loss(loss)
    if weight == 0:
        return None
    if not callable(D):
        raise ValueError(f"D must be the discriminator where realness is above 0; got {shown(D)}")
    return lambda made: weight * loss.realness(ask("D", D, made, "samples (..., N, *sample)"))


def check_visible(x: Tensor, visible: Tensor | np.ndarray) -> tuple[Tensor, Tensor]:
    """Return x with hidden values set to 0, and the mask as 0 and 1, both (N, *sample) floating.

    Raises:
        TypeError: If x is no floating tensor, or the mask no tensor or array.
        ValueError: If shapes do not fit, the mask holds other values, or a visible value is not finite.
    """
    mask = check_mask("visible", visible, x)
    x = torch.where(mask, x.detach(), 0.0)
    if not bool(x.isfinite().all()):
        raise ValueError(f"x must be finite where it is visible; got {int((~x.isfinite()).sum())} values that are not")
    return x, mask.to(x)


def check_mask(name: str, mask: Tensor | np.ndarray, x: Tensor) -> Tensor:
    """Return a mask (*sample) or (N, *sample) of samples x (N, *sample) as booleans of their shape."""
    if check_tensor("x", x, "(N, *sample)").ndim < 2 or not x.numel():
        raise ValueError(f"x must be (N, *sample) with N >= 1; got shape {tuple(x.shape)}")
    given = as_tensor(name, mask)
    if tuple(given.shape) not in (tuple(x.shape), tuple(x.shape[1:])):
        raise ValueError(f"{name} must be {tuple(x.shape[1:])} or {tuple(x.shape)}; got {tuple(given.shape)}")
    if not bool(((given == 0) | (given == 1)).all()):
        raise ValueError(f"{name} must be True or False, or 1 and 0; got {shown(mask)} with other values")
    return given.to(x.device).bool().expand_as(x)


def check_made(name: str, made: Tensor, x: Tensor) -> None:
    """Refuse answers that are not (..., N, *sample), as the samples x are."""
    if check_tensor(name, made, "(..., N, *sample)").shape[made.ndim - x.ndim :] != x.shape or made.ndim < x.ndim:
        raise ValueError(f"{name} must be (..., {', '.join(map(str, x.shape))}), as x is; got {tuple(made.shape)}")


def masked_error(made: Tensor, x: Tensor, mask: Tensor | np.ndarray) -> Tensor:
    """Mean squared difference where the mask is 1: the visible error; with ``~visible``, the hidden one.

    Args:
        made: (..., N, *sample).
        x: (N, *sample).
        mask: 0 and 1, or booleans, (*sample) or (N, *sample).

    Returns:
        (..., N); 0 where the mask is 0 everywhere.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If shapes do not fit, or the mask holds other values.
    """
    mask = check_mask("mask", mask, x)
    check_made("made", made, x)
    return _error(made, x, mask)


def _error(made: Tensor, x: Tensor, mask: Tensor) -> Tensor:
    squares = torch.where(mask, made - x, 0.0).square().flatten(made.ndim - x.ndim + 1).sum(-1)
    return squares / mask.flatten(1).sum(-1).clamp_min(1)


def paste(x: Tensor, visible: Tensor | np.ndarray, drawn: Tensor) -> Tensor:
    """Return what was drawn, (..., N, *sample), with the visible values of x (N, *sample) in their places.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If shapes do not fit, or ``visible`` holds other values than 0 and 1.
    """
    mask = check_mask("visible", visible, x)
    check_made("drawn", drawn, x)
    return torch.where(mask, x, drawn)


def _nearest(G: nn.Module, tried: Tensor, x: Tensor, mask: Tensor) -> Tensor:
    """Return for each x the latent, of (M, latent_dim), whose sample agrees best: (N, latent_dim)."""
    made = ask("G", G, tried, "latents (N, latent_dim)")
    if made.shape[1:] != x.shape[1:]:
        raise ValueError(f"x must be (N, {', '.join(map(str, made.shape[1:]))}), as G's are; got {tuple(x.shape)}")
    g, m = made.flatten(1), mask.flatten(1)
    # sum of m (g - x)^2 without its part that no g changes: two products of matrices, whatever the masks
    misfit = m @ g.square().T - 2 * (m * x.flatten(1)) @ g.T  # (N, M)
    return tried[misfit.argmin(-1)]


def _like(order: Tensor, values: Tensor) -> Tensor:
    return order.reshape(*order.shape, *[1] * (values.ndim - order.ndim))

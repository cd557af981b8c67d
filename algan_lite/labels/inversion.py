"""What G would have to be told to draw a given sample: latents found by descent, and what is left over."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from algan_lite.core import rng
from algan_lite.core.checks import ask, check_integer, check_number, check_tensor
from algan_lite.models.doors import check_G, weights_like
from algan_lite.models.networks import evaluating, layers_of
from algan_lite.models.search import descend
from algan_lite.sampling.calibration import one_generator


def invert(
    G: nn.Module,
    x: Tensor,
    *,
    starts: int = 500,
    steps: int = 60,
    lr: float = 0.05,
    generator: torch.Generator | None = None,
    seed: int | None = None,
) -> Tensor:
    r"""Find latents whose samples are as near as possible to given ones.

    .. math:: z(x) = \arg\min_z \lVert G(z) - x \rVert^2

    Each x begins at the nearest of ``starts`` samples of G and goes ``steps`` steps of Adam. A minimum found so is a
    local one: more of both finds a better one.

    Args:
        G: Maps latents (N, latent_dim) to samples; or an ``Ensemble`` of R, each of which inverts every x.
        x: Samples, (N, *sample).
        starts: Latents to choose the first from, >= 1.
        steps: Of Adam, >= 0.
        lr: Its step, > 0.
        generator: The stream of the starts (for an ensemble as well: all members begin with the same latents).
        seed: Shorthand for a stream.

    Returns:
        (N, latent_dim), or (R, N, latent_dim).

    Raises:
        TypeError: If G is no network with ``latent_dim``, or x no floating tensor.
        ValueError: If a number is out of range, or x is empty or has another shape than G's samples.

    Reference:
        Zhu et al. 2016; Creswell & Bharath 2018.
    """
    check_G(G)
    if check_tensor("x", x, "(N, *sample)").ndim < 2 or not len(x):
        raise ValueError(f"x must be (N, *sample) with N >= 1; got shape {tuple(x.shape)}")
    starts, steps = check_integer("starts", starts, 1), check_integer("steps", steps, 0)
    lr = check_number("lr", lr, 0, open_low=True)
    source = one_generator(rng.resolve(generator, seed, "inversion"))
    tried = rng.draw(source, (starts, G.latent_dim), x.device).to(weights_like(G).dtype)
    if (runs := getattr(G, "runs", None)) is not None:
        tried = tried.expand(runs, *tried.shape)
    with evaluating(layers_of(G)):
        z = _nearest(G, tried, x)
    return descend(G, z, lambda z, made: (made - x).square(), steps=steps, lr=lr)


def _nearest(G: nn.Module, z: Tensor, x: Tensor) -> Tensor:
    """Return for each x the latent, of (..., M, latent_dim), whose sample is nearest: (..., N, latent_dim)."""
    with torch.no_grad():
        made = ask("G", G, z, "latents (..., N, latent_dim)")
        if (shape := tuple(made.shape[z.ndim - 1 :])) != tuple(x.shape[1:]):
            raise ValueError(f"x must be (N, {', '.join(map(str, shape))}), as G's samples are; got {tuple(x.shape)}")
        rows, columns = x.flatten(1).float().expand(*z.shape[:-2], -1, -1), made.flatten(z.ndim - 1).float()
        distance = torch.cdist(rows, columns)  # (..., N, M)
    places = distance.argmin(-1, keepdim=True)
    return z.gather(-2, places.expand(*places.shape[:-1], z.shape[-1])).clone()


def reconstruct(G: nn.Module, x: Tensor, **options: object) -> Tensor:
    """Return what G draws in place of each sample, (N, *sample), or (R, N, *sample): options as for ``invert``."""
    z = invert(G, x, **options)
    with torch.no_grad(), evaluating(layers_of(G)):
        return G(z)


def residuals(G: nn.Module, x: Tensor, **options: object) -> Tensor:
    """Mean squared difference between each sample and G's best imitation, (N,), or (R, N); options as for ``invert``.

    Large where G cannot draw the sample: G's own uncertainty, as the article proposes it.
    """
    made = reconstruct(G, x, **options)
    return (made - x).square().flatten(made.ndim - x.ndim + 1).mean(-1)


def reconstruction_variance(G: nn.Module, x: Tensor, **options: object) -> Tensor:
    """Variance over an ensemble's members of what they draw in place of each sample, mean over coordinates, (N,).

    Raises:
        ValueError: If G is no ensemble of two members or more: one cannot disagree.
    """
    if (runs := getattr(G, "runs", None)) is None or runs < 2:
        raise ValueError(f"G must be an Ensemble of 2 or more; got {'one network' if runs is None else f'{runs} run'}")
    return reconstruct(G, x, **options).var(0, correction=0).flatten(1).mean(-1)

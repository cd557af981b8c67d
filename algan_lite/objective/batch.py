"""Everything that an objective may need, drawn and computed beforehand, once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from algan_lite.core.checks import ask, check_output, check_tensor, shown
from algan_lite.core.precision import widened
from algan_lite.core.rng import draw, resolve
from algan_lite.objective.losses import Loss, resolve_loss


class View(NamedTuple):
    """D's view of samples: logits (..., N), the mean over heads, and every head's, (H, ..., N); None for one head."""

    logits: Tensor
    heads: Tensor | None = None


class Batch(NamedTuple):
    """What the two players see in one step: first what is drawn, then what is computed from it, once.

    An optional runs axis leads every tensor.

    Attributes:
        x_real: Real samples, (..., N, *sample), in data units.
        loss: The loss pair.
        z_pool: Candidates, (..., M, latent_dim); the first N of them are a plain draw.
        chance: Uniform draws on [0, 1) for the choice among them, (..., M), where it needs them.
        z2: A second plain draw of latents, (..., N, latent_dim), where a regularizer needs it.
        noise: Uniform draws on [0, 1) for interpolation and perturbation, (..., N, *sample), likewise.
        state: Moving averages of the mean logits: ``real`` and ``fake``, (...).
        z: The latents of ``x_fake``, (..., N, latent_dim).
        z_start: Where these were before a strategy moved them, likewise, or None: nothing was moved.
        x_fake: G's samples, (..., N, *sample), attached to G's graph.
        real: D's view of the reals.
        fake: D's view of the fakes, before the same D.
        weights: Weights of a sum over the fakes, (..., N), or None for the mean.
        augment: What samples (..., N, *sample) go through before D sees them, -> likewise; None: nothing.
    """

    x_real: Tensor
    loss: Loss
    z_pool: Tensor | None = None
    chance: Tensor | None = None
    z2: Tensor | None = None
    noise: Tensor | None = None
    state: Mapping[str, Tensor] = MappingProxyType({})
    z: Tensor | None = None
    z_start: Tensor | None = None
    x_fake: Tensor | None = None
    real: View | None = None
    fake: View | None = None
    weights: Tensor | None = None
    augment: Callable[[Tensor], Tensor] | None = None

    def seen(self, x: Tensor) -> Tensor:
        """Return what D is shown of samples (..., N, *sample), reals or fakes."""
        return x if self.augment is None else self.augment(x)

    @property
    def logits_real(self) -> Tensor:
        """D's logits on the reals, (..., N)."""
        return self.real.logits

    @property
    def logits_fake(self) -> Tensor:
        """D's logits on the fakes, (..., N)."""
        return self.fake.logits


def player_loss(player: str, batch: Batch) -> Tensor:
    """Return the loss of ``D`` or ``G`` on the batch, (...): the mean over D's heads, each judged by itself."""
    pair = batch.loss.D if player == "D" else batch.loss.G
    real, fake, weights = batch.real, batch.fake, batch.weights
    if real.heads is None or fake.heads is None:
        return pair(real.logits, fake.logits, weights)
    return pair(real.heads, fake.heads, None if weights is None else weights.expand_as(fake.heads)).mean(0)


def pull(D: nn.Module, x_fake: Tensor, loss: Loss, lead: tuple[int, ...]) -> tuple[View, Tensor]:
    """Return D's view of fakes, and the gradient of G's loss at each of them, (..., N, *sample): of that fake alone.

    A paired loss, which compares a fake with a real, is taken at a real that D finds as real as the fake.
    """
    x_fake = x_fake.detach().requires_grad_()
    fake = judge(D, x_fake, lead)
    real = View(*(value if value is None else value.detach() for value in fake))
    each = torch.ones_like(fake.logits)  # a sum: every sample its own gradient, not 1/N of it
    value = player_loss("G", Batch(x_fake, loss, real=real, fake=fake, weights=each))
    (slope,) = torch.autograd.grad(value.sum(), x_fake)
    return fake, slope


def update_averages(state: Mapping[str, Tensor], real: Tensor, fake: Tensor, decay: float = 0.99) -> dict[str, Tensor]:
    """Return exponential moving averages of the mean logits, without the bias towards their start.

    Args:
        state: Earlier averages: ``real``, ``fake`` and ``weight``, each (...). Empty at the start, or with weight 0.
        real: Logits on reals, (..., N).
        fake: Logits on fakes, (..., N).
        decay: Share of the old average that is kept, in [0, 1).
    """
    mean = {"real": real.detach().mean(-1), "fake": fake.detach().mean(-1)}
    state = state or dict.fromkeys((*mean, "weight"), torch.zeros_like(mean["real"]))  # of weight 0: it counts nothing
    weight = state["weight"] * decay + (1 - decay)
    # A running mean whose first terms count as much as the weight collected so far allows.
    return {k: torch.lerp(state[k], mean[k], (1 - decay) / weight) for k in mean} | {"weight": weight}


def num_heads(D: Callable[[Tensor], Tensor]) -> int:
    """Return how many heads D has: more than one only where it has a method ``heads`` as well as ``num_heads``.

    A network of somebody's own may have a ``num_heads`` that means something else, such as that of its attention.
    """
    heads = getattr(D, "num_heads", 1)
    return heads if isinstance(heads, int) and inspect.ismethod(getattr(D, "heads", None)) else 1


def judge(D: nn.Module, x: Tensor, lead: tuple[int, ...]) -> View:
    """Return D's view of x.

    Raises:
        TypeError: If D returns something else than a tensor.
        ValueError: If D does not return one logit a sample, shape ``lead``; (N, 1) would pass for N runs.
    """
    heads = check_output("D.heads", D.heads(x)) if num_heads(D) > 1 else None
    logits = check_output("D", D(x)) if heads is None else heads.mean(0)
    logits = widened(logits)
    if logits.shape != lead:
        raise ValueError(f"D must return one logit a sample, {tuple(lead)}; got {tuple(logits.shape)}")
    return View(logits, heads)


def make_batch(
    G: nn.Module, D: nn.Module, x_real: Tensor, z: Tensor, loss: str | Loss = "non_saturating", seed: int = 0
) -> Batch:
    """Return a batch with every field filled, for trying a loss or a regularizer by hand.

    Args:
        G: Maps (..., N, latent_dim) to samples (..., N, *sample).
        D: Maps samples to logits (..., N).
        x_real: Reals, (..., N, *sample).
        z: Latents, (..., N, latent_dim), with the same N.
        loss: Name in ``LOSSES``, or a ``Loss``.
        seed: Seed of ``z2`` and ``noise``, at least 0.

    Raises:
        ValueError: If the leading axes of ``x_real`` and ``z`` differ, or D does not return one logit a sample.
    """
    check_tensor("x_real", x_real, "(..., N, *sample)")
    lead = tuple(check_tensor("z", z, "(..., N, latent_dim)").shape[:-1])
    if not lead:
        raise ValueError(f"z must be (..., N, latent_dim); got {tuple(z.shape)}")
    if tuple(x_real.shape[: len(lead)]) != lead:
        raise ValueError(f"x_real must begin with the axes of z, {lead}; got {tuple(x_real.shape)}")
    generator = resolve(None, seed, "penalties")
    noise = draw(generator, x_real.shape, x_real.device, "uniform").to(x_real.dtype)
    z2 = draw(generator, z.shape, z.device).to(z.dtype)
    x_real = x_real.detach().requires_grad_()
    for name, net in (("G", G), ("D", D)):
        if not callable(net):
            raise TypeError(f"{name} must be a network or another function of a tensor; got {shown(net)}")
    x_fake = ask("G", G, z, "latents (..., N, latent_dim)")
    try:
        real, fake = judge(D, x_real, lead), judge(D, x_fake, lead)
    except (RuntimeError, IndexError, AttributeError) as error:
        raise ValueError(f"D must take samples (..., N, *sample); it raised {type(error).__name__}: {error}") from error
    state = update_averages({}, real.logits, fake.logits)
    seen = {"z": z, "x_fake": x_fake, "real": real, "fake": fake}
    return Batch(x_real, resolve_loss(loss), z, z2=z2, noise=noise, state=state, **seen)

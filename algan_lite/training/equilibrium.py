"""When to stop: held-out D can no longer tell reals from fakes. It is a rule and not a proof."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from algan_lite.core.checks import check_integer, check_number
from algan_lite.core.rng import Stream, draw
from algan_lite.data.sources import Source, take
from algan_lite.models.doors import weights_like
from algan_lite.models.networks import evaluating, layers_of
from algan_lite.objective.losses import Loss


@dataclass(frozen=True)
class Equilibrium:
    """A stopping rule: in several checks in a row D's accuracy on held-out pairs is near 1/2, which is chance.

    The accuracy is the share of held-out pairs in which the real has the higher realness.
    """

    tolerance: float = 0.05  # largest distance of the accuracy from 1/2, in (0, 1/2]
    patience: int = 3  # checks in a row that must agree, >= 1
    every: int = 100  # steps between two checks, >= 1
    num_samples: int = 1024  # held-out pairs a check, >= 1

    def __post_init__(self) -> None:
        """Check every field."""
        check_number("tolerance", self.tolerance, 0, 0.5, open_low=True)
        for name in ("patience", "every", "num_samples"):
            check_integer(name, getattr(self, name), 1)


class Watch:
    """What the rule has seen of R runs so far; without a rule it never looks and never stops.

    Attributes:
        calm: Checks in a row at which each run was at equilibrium, (R,).
        accuracy: D's accuracy at the last check, (R,); NaN before the first.
        reached_at: Step at which the rule first held, (R,); -1 where it never did.
    """

    def __init__(self, rule: Equilibrium | None, runs: int, device: torch.device) -> None:
        self.rule = rule
        self.calm = torch.zeros(runs, dtype=torch.int64, device=device)
        self.accuracy = torch.full((runs,), math.nan, device=device)
        self.reached_at = torch.full((runs,), -1, device=device)

    def is_due(self, step: int) -> bool:
        """Return whether a check belongs to this step."""
        return self.rule is not None and step % self.rule.every == 0

    def check(self, G: nn.Module, D: nn.Module, source: Source, loss: Loss, stream: Stream, step: int) -> None:
        """Measure D on held-out pairs."""
        n, like = self.rule.num_samples, weights_like(G)
        x_real = _held_out(source, n, stream, like.device).to(like.dtype)
        z = draw(stream, (n, G.latent_dim), like.device).to(like.dtype)
        self.note(held_out_accuracy(G, D, x_real, z, loss), step)

    def note(self, accuracy: Tensor, step: int) -> None:
        """Count the checks in a row at which D could not tell, run by run; ``accuracy`` is (R,), or () for one GAN."""
        self.accuracy = accuracy.reshape(-1)
        calm = (self.accuracy - 0.5).abs() <= self.rule.tolerance
        self.calm = torch.where(calm, self.calm + 1, 0)
        reached = (self.reached_at < 0) & (self.calm >= self.rule.patience)
        self.reached_at = torch.where(reached, step, self.reached_at)

    def holds(self, lost: Tensor) -> bool:
        """Return whether the rule has held in every run but those that are ``lost``, (R,) booleans."""
        return bool(((self.reached_at >= 0) | lost).all())


@torch.no_grad()
def held_out_accuracy(G: nn.Module, D: nn.Module, x_real: Tensor, z: Tensor, loss: Loss) -> Tensor:
    """Return the share of pairs in which the real has the higher realness, (...); ties count one half.

    It is 1/2 for a D that cannot tell, whatever the loss and whatever offset D has.

    Args:
        G: The generator.
        D: The discriminator.
        x_real: Held-out reals, (..., n, *sample).
        z: Plain latents, (..., n, latent_dim).
        loss: Says which way the logits point.
    """
    with evaluating(layers_of(G, D)):
        return pair_accuracy(D(x_real), D(G(z)), loss)


def pair_accuracy(logits_real: Tensor, logits_fake: Tensor, loss: Loss) -> Tensor:
    """Return the share of pairs (real i, fake i) in which the real has the higher realness, (...); ties count half.

    Args:
        logits_real: D's logits on reals, (..., N).
        logits_fake: On as many fakes, (..., N).
        loss: Says which way the logits point.
    """
    ahead = loss.realness(logits_real) - loss.realness(logits_fake)
    return ((ahead > 0).float() + (ahead == 0).float() / 2).mean(-1)


def _held_out(source: Source, n: int, stream: Stream, device: torch.device) -> Tensor:
    """Draw reals that D was not trained on: from the validation part, or afresh from an endless source."""
    part = getattr(source, "validation", None)
    if part is None:
        return source.sample(n, generator=stream, device=device)
    return take(part, draw(stream, (n,), part.device, "index", high=len(part))).to(device)

"""A generator whose samples are letters: one-hot rows, and a gradient that passes them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from algan_lite.core.checks import check_choice, check_flag, check_integer, check_number, check_shape, check_tensor
from algan_lite.models.networks import MODELESS, Discriminator, Generator, check_module
from algan_lite.models.pairs import mlp_pair

# output -> whether noise is added to each letter's logits, and whether the letters are rows with one 1
LETTERS = {"argmax": (False, True), "gumbel": (True, True), "relaxed": (True, False), "softmax": (False, False)}


def straight_through(logits: Tensor, temperature: float = 1.0) -> Tensor:
    r"""Rows with one 1, at the largest logit, whose gradient is that of the softmax of logits / temperature.

    The argmax itself has a gradient of 0 wherever it has one. So the way back takes another function than the way
    there: a biased estimate that points, mostly, where the largest logit would have to go.

    Args:
        logits: (..., V).
        temperature: Above 0; the smaller, the more of the gradient goes to few letters.

    Returns:
        (..., V), exactly 0 and 1; not a number where the logits are not.

    Raises:
        TypeError: If ``logits`` is no floating tensor, or the temperature no number.
        ValueError: If there is no axis, or the temperature is out of range.

    Reference:
        Bengio et al. 2013, section 4 (straight through); Jang et al. 2017, section 2.2 (its softmax).
    """
    check_number("temperature", temperature, 0, open_low=True)
    if not check_tensor("logits", logits).ndim or not logits.shape[-1]:
        raise ValueError(f"logits must be (..., V), with V of 1 or more; got {tuple(logits.shape)}")
    soft = (logits / temperature).softmax(-1)
    hard = one_hot(logits.argmax(-1), logits.shape[-1]).to(soft)
    return hard + (soft - soft.detach())  # in this order: what is added is exactly 0


class Letters(nn.Module):
    """The last layer of a G that writes: logits (..., length * V), flat, to rows of letters, flat again.

    Args:
        num_letters: V, at least 2.
        hard: Rows with one 1 (``straight_through``), otherwise the softmax itself.
        temperature: Of the softmax, above 0.
    """

    def __init__(self, num_letters: int, hard: bool = True, temperature: float = 1.0) -> None:
        super().__init__()
        self.num_letters, self.hard = check_integer("num_letters", num_letters, 2), check_flag("hard", hard)
        self.temperature = check_number("temperature", temperature, 0, open_low=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return the letters, (..., length * V)."""
        logits = x.unflatten(-1, (-1, self.num_letters))
        if self.hard:
            return straight_through(logits, self.temperature).flatten(-2)
        return (logits / self.temperature).softmax(-1).flatten(-2)


class GumbelNoise(nn.Module):
    """Adds Gumbel noise to the logits of a network: the largest sum is then a draw from their softmax.

    The noise is made of further latents, one a logit, so that G stays a function of z: normal numbers, brought to
    Gumbel's law by their ranks.

    Args:
        net: Maps (..., num_latents) to logits.
        num_latents: How many of the latents are the net's own, those that come first.

    Reference:
        Jang et al. 2017 and Maddison et al. 2017 (Gumbel softmax).
    """

    def __init__(self, net: nn.Module, num_latents: int) -> None:
        super().__init__()
        check_module("net", net)
        self.net, self.num_latents = net, check_integer("num_latents", num_latents, 1)

    def forward(self, z: Tensor) -> Tensor:
        """Return logits with noise."""
        own, noise = z.tensor_split((self.num_latents,), dim=-1)
        u = torch.special.log_ndtr(noise.clamp(-10, 10))  # the log of a uniform number, exact at both of its ends
        return self.net(own) - (-u).log()


MODELESS |= {Letters, GumbelNoise}


def text_pair(
    latent_dim: int = 32,
    sample_shape: Sequence[int] = (11, 33),
    width: int = 128,
    depth: int = 2,
    *,
    seed: int = 0,
    num_heads: int = 1,
    output: str = "argmax",
    temperature: float = 1.0,
) -> tuple[Generator, Discriminator]:
    """Return dense networks for strings: G writes letters (length, V), D reads them.

    The layers and their first weights are those of ``mlp_pair``, but for leaky ReLU in G, too: with ReLU a G that
    trains through letters writes fewer different strings.

    Args:
        latent_dim: Latent coordinates that the string is made from, at least 1. Outputs with noise take length * V
            more: ``G.latent_dim`` counts them, too.
        sample_shape: Letters of a string, and of the alphabet (2 or more).
        width: Units of a hidden layer, at least 1.
        depth: Hidden layers, at least 1.
        seed: Seed of the initial weights, the same for every output.
        num_heads: Heads of D, at least 1.
        output: How logits become letters: ``argmax`` (the largest, ``straight_through``), ``gumbel`` (the same after
            noise of each letter's own), ``relaxed`` (with the noise, and the softmax instead of the largest) or
            ``softmax`` (without the noise). The last two give rows of positive numbers, which D can tell from letters.
        temperature: Of the softmax, above 0.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If a size or the temperature is out of range, or ``output`` is unknown.
    """
    shape = check_shape("sample_shape", sample_shape)
    if len(shape) != 2 or shape[1] < 2:
        raise ValueError(f"sample_shape must be (length, letters), with 2 letters or more; got {shape}")
    noise, hard = LETTERS[check_choice("output", output, LETTERS)]
    letters = Letters(shape[1], hard, temperature)
    G, D = mlp_pair(latent_dim, shape, width, depth, seed=seed, num_heads=num_heads)
    body = nn.Sequential(*(nn.LeakyReLU(0.2) if isinstance(layer, nn.ReLU) else layer for layer in G.body))
    body = GumbelNoise(body, G.latent_dim) if noise else body
    latents = G.latent_dim + noise * shape[0] * shape[1]
    return Generator(nn.Sequential(body, letters), latents, shape), D

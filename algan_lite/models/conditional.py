"""Conditional pairs: G draws the class that it is asked for, D judges a sample together with its class.

A conditional GAN is a GAN on pairs (x, y). A pair is one row of numbers, the flattened sample and behind it the class
with a one in its place (``data.with_labels`` makes such reals). So whoever trains, chooses noise or measures need not
know of classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from algan_lite.core.checks import check_choice, check_integer, check_shape, check_tensor, shown
from algan_lite.models.networks import MODELESS, Linear, check_module
from algan_lite.models.pairs import OUTPUTS, dense_layers, leaky, seeded_pair

READS = ("projection", "concatenation", "nothing")


class ConditionalGenerator(nn.Module):
    """Turns latents (..., N, latent_dim) into pairs (..., N, values + classes).

    The last ``classes`` latents choose the class, the greatest of them; of normal numbers each is equally likely to be
    that. The others are the noise that a plain G has.

    Args:
        body: Dense: maps (..., N, noise_dim + classes), the noise with the chosen class, to (..., N, values).
        noise_dim: Latents that are noise.
        values: Numbers of one sample.
        classes: C, how many classes there are.
    """

    def __init__(self, body: nn.Module, noise_dim: int, values: int, classes: int) -> None:
        super().__init__()
        check_module("body", body)
        self.body, self.noise_dim = body, check_integer("noise_dim", noise_dim, 1)
        self.classes = check_integer("classes", classes, 2)
        self.latent_dim = self.noise_dim + self.classes
        self.sample_shape = (check_integer("values", values, 1) + self.classes,)

    def forward(self, z: Tensor) -> Tensor:
        """Return the pairs: what G draws, and the class that it was asked for."""
        if check_tensor("z", z).ndim < 2 or z.shape[-1] != self.latent_dim:
            raise ValueError(f"z must be (..., N, {self.latent_dim}); got {tuple(z.shape)}")
        noise, choice = z.split([self.noise_dim, self.classes], -1)
        y = torch.zeros_like(choice).scatter(-1, choice.max(-1, keepdim=True).indices, 1.0)  # (..., N, C)
        return torch.cat([self.body(torch.cat([noise, y], -1)), y], -1)


class ConditionalDiscriminator(nn.Module):
    r"""Turns pairs (..., N, values + classes) into logits (..., N).

    ``concatenation`` gives the class to the first layer, beside the sample. ``projection`` looks at the sample alone
    and asks one question for each class:

    .. math:: D(x, y) = w^\top \varphi(x) + b + (V \varphi(x) + c)_y

    ``nothing`` does not read the class: the control. The class has no slope, so that a penalty of slopes asks about
    samples only.

    Args:
        trunk: Dense: maps samples, with the class behind them or not, to features :math:`\varphi`.
        num_features: Width of the trunk's output.
        values: Numbers of one sample.
        classes: C, how many classes there are.
        reads: ``projection``, ``concatenation`` or ``nothing``.

    Reference:
        Mirza & Osindero 2014 (concatenation); Miyato & Koyama 2018 (projection).
    """

    def __init__(self, trunk: nn.Module, num_features: int, values: int, classes: int, reads: str) -> None:
        super().__init__()
        check_module("trunk", trunk)
        self.trunk, self.values = trunk, check_integer("values", values, 1)
        self.classes, self.reads = check_integer("classes", classes, 2), check_choice("reads", reads, READS)
        self.sample_shape = (values + classes,)
        self.out = Linear(check_integer("num_features", num_features, 1), 1)
        self.by_class = Linear(num_features, classes) if reads == "projection" else None

    def _split(self, pairs: Tensor) -> tuple[Tensor, Tensor]:
        if check_tensor("x", pairs).ndim < 2 or pairs.shape[-1] != self.values + self.classes:
            raise ValueError(f"x must be pairs (..., N, {self.values + self.classes}); got {tuple(pairs.shape)}")
        x, y = pairs.split([self.values, self.classes], -1)
        return x, y.detach()

    def features(self, x: Tensor) -> Tensor:
        """Return the last hidden layer, (..., N, num_features)."""
        samples, y = self._split(x)
        return self.trunk(torch.cat([samples, y], -1) if self.reads == "concatenation" else samples)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (..., N)."""
        phi = self.features(x)
        logits = self.out(phi).squeeze(-1)
        return logits if self.by_class is None else logits + (self.by_class(phi) * self._split(x)[1]).sum(-1)


# What they do does not depend on a mode: a choice among the fakes may use the pass that trains (``networks``).
MODELESS.update({ConditionalGenerator, ConditionalDiscriminator})


def conditional_pair(
    noise_dim: int = 16,
    sample_shape: Sequence[int] = (1, 28, 28),
    classes: int = 10,
    width: int = 128,
    depth: int = 2,
    *,
    seed: int = 0,
    reads: str = "projection",
    output: str = "tanh",
) -> tuple[ConditionalGenerator, ConditionalDiscriminator]:
    """Return dense networks for pairs of a sample and its class, with ``depth`` hidden layers each.

    Args:
        noise_dim: Latents that are noise, at least 1; G takes ``classes`` more, which choose the class.
        sample_shape: Shape of one sample, such as (1, 28, 28); G and D see it flattened.
        classes: C, at least 2.
        width: Units of a hidden layer, at least 1.
        depth: Hidden layers, at least 1.
        seed: Seed of the initial weights; G and D have a stream each.
        reads: How D reads the class: ``projection``, ``concatenation``, or ``nothing``, the control.
        output: Last activation of G: ``linear``, ``tanh`` or ``sigmoid``.

    Raises:
        ValueError: If a size is out of range or a name is unknown.
    """
    for name, value in {"noise_dim": noise_dim, "width": width, "depth": depth}.items():
        check_integer(name, value, 1)
    check_integer("classes", classes, 2)
    values = math.prod(check_shape("sample_shape", sample_shape))
    check_choice("output", output, OUTPUTS)
    check_choice("reads", reads, READS)
    hidden = [width] * depth

    def build_G() -> ConditionalGenerator:
        body = [*dense_layers([noise_dim + classes, *hidden], nn.ReLU), Linear(width, values), OUTPUTS[output]()]
        return ConditionalGenerator(nn.Sequential(*body), noise_dim, values, classes)

    def build_D() -> ConditionalDiscriminator:
        seen = values + (classes if reads == "concatenation" else 0)
        trunk = nn.Sequential(*dense_layers([seen, *hidden], leaky))
        return ConditionalDiscriminator(trunk, width, values, classes, reads)

    return seeded_pair(build_G, build_D, seed)


def ask_for(z: Tensor, labels: Tensor, classes: int = 10) -> Tensor:
    """Return latents of a ``ConditionalGenerator`` that ask for given classes.

    Args:
        z: Noise, (..., N, noise_dim).
        labels: The class of each, integers in [0, classes), (N,) or (..., N).
        classes: C.

    Returns:
        (..., N, noise_dim + classes).

    Raises:
        TypeError: If ``z`` is no floating tensor, or ``labels`` are no tensor of integers.
        ValueError: If ``labels`` do not fit ``z``, or are out of range.

    Example:
        >>> ask_for(torch.zeros(1, 2), torch.tensor([1]), classes=3).tolist()
        [[0.0, 0.0, 0.0, 1.0, 0.0]]
    """
    classes = check_integer("classes", classes, 2)
    if check_tensor("z", z, "(..., N, noise_dim)").ndim < 2:
        raise ValueError(f"z must be (..., N, noise_dim); got {tuple(z.shape)}")
    if (
        not isinstance(labels, Tensor)
        or labels.is_floating_point()
        or labels.is_complex()
        or labels.dtype == torch.bool
    ):
        raise TypeError(f"labels must be a tensor of integers in [0, {classes - 1}]; got {shown(labels)}")
    if tuple(labels.shape) not in (tuple(z.shape[:-1]), tuple(z.shape[-2:-1])):
        raise ValueError(f"labels must be one for each latent, {tuple(z.shape[:-1])}; got {tuple(labels.shape)}")
    if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ValueError(f"labels must be in [0, {classes - 1}]; got {int(labels.min())} to {int(labels.max())}")
    y = one_hot(labels.long(), classes).to(z)
    return torch.cat([z, y.expand(*z.shape[:-1], classes)], -1)

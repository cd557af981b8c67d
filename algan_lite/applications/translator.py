"""Translators: T takes samples (a, b) of two domains, joined, and returns samples (a, b) of the same two.

``TwoWay`` turns each into the other domain, T(a, b) = (back(b), there(a)). So T applied twice is a cycle, and a pair
that is right is a point that T leaves where it is. ``OneWay`` has T(a, b) = (a, there(a)): the condition stays beside
its translation, as a conditional D wants to see it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from algan_lite.core.checks import check_flag, check_integer, check_kind, check_shape, check_tensor, shown
from algan_lite.core.rng import derive_seed
from algan_lite.models.networks import Discriminator, Generator, check_module
from algan_lite.models.pairs import mlp_pair


class OneWay(nn.Module):
    """T(a, b) = (a, there(a)).

    Args:
        there: Maps a, flattened, (..., N, values_A), to ``(..., N, *shape_B)``; says its ``latent_dim`` and
            ``sample_shape``.

    Raises:
        TypeError: If it says neither.
    """

    def __init__(self, there: nn.Module) -> None:
        super().__init__()
        self.there = _check_map("there", there)
        self.values_A = there.latent_dim
        self.latent_dim = there.latent_dim + math.prod(there.sample_shape)
        self.sample_shape = (self.latent_dim,)

    def forward(self, x: Tensor) -> Tensor:
        """Return (a, there(a)), (..., N, values_A + values_B), of (a, b), likewise."""
        a, _ = halves(self, x)
        return torch.cat([a, self.there(a).flatten(a.ndim - 1)], dim=-1)


class TwoWay(nn.Module):
    """T(a, b) = (back(b), there(a)).

    Args:
        there: Maps a, flattened, (..., N, values_A), to ``(..., N, *shape_B)``; says its ``latent_dim`` and
            ``sample_shape``.
        back: Maps b, flattened, to ``(..., N, *shape_A)``.
        residual: Whether each map only says what it adds to its input: there(a) becomes a + there(a).

    Raises:
        TypeError: If a map does not say its sizes.
        ValueError: If one does not undo the shape of the other, or a residual map would change the shape.
    """

    def __init__(self, there: nn.Module, back: nn.Module, residual: bool = False) -> None:
        super().__init__()
        self.there, self.back = _check_map("there", there), _check_map("back", back)
        self.residual = check_flag("residual", residual)
        sizes = [(net.latent_dim, math.prod(net.sample_shape)) for net in (there, back)]
        if sizes[0] != sizes[1][::-1]:
            raise ValueError(f"there and back must undo each other's shape; got (in, out) {sizes[0]} and {sizes[1]}")
        if residual and sizes[0][0] != sizes[0][1]:
            raise ValueError(f"residual maps must have as many values in as out; got {sizes[0]}")
        self.values_A, self.latent_dim = sizes[0][0], sum(sizes[0])
        self.sample_shape = (self.latent_dim,)

    def forward(self, x: Tensor) -> Tensor:
        """Return (back(b), there(a)), (..., N, values_A + values_B), of (a, b), likewise."""
        a, b = halves(self, x)
        moved = torch.cat([net(part).flatten(x.ndim - 1) for net, part in ((self.back, b), (self.there, a))], dim=-1)
        return moved + torch.cat([b, a], dim=-1) if self.residual else moved


class TwoJudges(nn.Module):
    """A D of two heads: the first judges the a of a sample (a, b), the second its b; each is trained by itself.

    Args:
        D_A: Maps ``(..., N, *shape_A)`` to logits (..., N); says ``sample_shape``.
        D_B: Likewise for B.

    Raises:
        TypeError: If one does not say its ``sample_shape``.
    """

    num_heads = 2

    def __init__(self, D_A: nn.Module, D_B: nn.Module) -> None:
        super().__init__()
        for name, net in (("D_A", D_A), ("D_B", D_B)):
            check_module(name, net)
            if not hasattr(net, "sample_shape"):
                raise TypeError(f"{name} must have sample_shape, that of its domain; got {type(net).__name__} without")
        self.D_A, self.D_B = D_A, D_B
        self.values_A = math.prod(D_A.sample_shape)
        self.sample_shape = (self.values_A + math.prod(D_B.sample_shape),)

    def heads(self, x: Tensor) -> Tensor:
        """Return the logits of a and of b, (2, ..., N), for x (..., N, values_A + values_B)."""
        parts = zip((self.D_A, self.D_B), halves(self, x), strict=True)
        return torch.stack([net(part.reshape(*x.shape[:-1], *net.sample_shape)) for net, part in parts])

    def forward(self, x: Tensor) -> Tensor:
        """Return the mean of both logits, (..., N)."""
        return self.heads(x).mean(0)


def halves(net: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return a (..., N, values_A) and b (..., N, values_B) of x (..., N, values_A + values_B)."""
    if check_tensor("x", x).ndim < 2 or tuple(x.shape[-1:]) != net.sample_shape:
        raise ValueError(f"x must be samples (a, b) of shape (..., N, {net.sample_shape[0]}); got {tuple(x.shape)}")
    return x[..., : net.values_A], x[..., net.values_A :]


def translated(T: Callable[[Tensor], Tensor], a: Tensor, values_B: int | None = None) -> Tensor:
    """Return there(a), flattened, of a translator or of an ensemble of them.

    Args:
        T: Maps (a, b), (..., N, values_A + values_B), to the same; what it makes of a does not depend on b.
        a: Samples of A, flattened, (..., N, values_A); without a runs axis they are given to every run.
        values_B: How many values a sample of B has; None: as many as one of A.

    Returns:
        (..., N, values_B).

    Raises:
        TypeError: If ``T`` cannot be called, or ``a`` is no floating tensor of the type of T's weights.
        ValueError: If ``a`` has no such shape.
    """
    check_kind("T", T, Callable, "a translator, such as the first of two_way_pair()")
    if check_tensor("a", a, "(..., N, values_A)").ndim < 2:
        raise ValueError(f"a must be (..., N, values_A); got {tuple(a.shape)}")
    weight = next(T.parameters(), a) if isinstance(T, nn.Module) else a
    if weight.dtype != a.dtype:
        raise TypeError(f"a must be {weight.dtype}, as T's weights are; got {a.dtype}")
    values = a.shape[-1] if values_B is None else check_integer("values_B", values_B, 1)
    nothing = a.new_zeros(*a.shape[:-1], values)
    return T(torch.cat([a, nothing], dim=-1))[..., a.shape[-1] :]


def two_way_pair(
    shape_A: Sequence[int] = (2,),
    shape_B: Sequence[int] = (2,),
    width: int = 64,
    depth: int = 2,
    *,
    seed: int = 0,
    residual: bool = True,
    output: str = "linear",
) -> tuple[TwoWay, TwoJudges]:
    """Return dense maps between A and B as one translator, and a dense D for each domain as its two heads.

    Args:
        shape_A: Shape of a sample of A.
        shape_B: Shape of a sample of B.
        width: Units of a hidden layer, at least 1.
        depth: Hidden layers of each network, at least 1.
        seed: Of the initial weights; each network has a stream of its own.
        residual: Whether each map only says what it adds to its input.
        output: Last activation of the maps: ``linear``, ``tanh`` or ``sigmoid``.

    Raises:
        ValueError: If a size is below 1, ``output`` is unknown, or residual maps would change the shape.

    Example:
        >>> T, D = two_way_pair(seed=1)
        >>> T.latent_dim, D.num_heads
        (4, 2)
    """
    A, B = check_shape("shape_A", shape_A), check_shape("shape_B", shape_B)
    how = {"width": width, "depth": depth, "output": output}
    there, D_B = mlp_pair(math.prod(A), B, seed=derive_seed(seed, "there"), **how)
    back, D_A = mlp_pair(math.prod(B), A, seed=derive_seed(seed, "back"), **how)
    return TwoWay(there, back, residual), TwoJudges(D_A, D_B)


def one_way_pair(
    shape_A: Sequence[int] = (2,),
    shape_B: Sequence[int] = (2,),
    width: int = 64,
    depth: int = 2,
    *,
    seed: int = 0,
    output: str = "linear",
) -> tuple[OneWay, Discriminator]:
    """Return a dense map from A to B, and a dense D that judges (a, b) together.

    Arguments and errors as for ``two_way_pair``.
    """
    A, B = math.prod(check_shape("shape_A", shape_A)), check_shape("shape_B", shape_B)
    how = {"width": width, "depth": depth}
    there, _ = mlp_pair(A, B, seed=derive_seed(seed, "there"), output=output, **how)
    _, D = mlp_pair(A, (A + math.prod(B),), seed=derive_seed(seed, "there"), **how)
    return OneWay(there), D


def _check_map(name: str, net: object) -> Generator | nn.Module:
    check_module(name, net)
    if not (hasattr(net, "latent_dim") and hasattr(net, "sample_shape")):
        raise TypeError(
            f"{name} must have latent_dim and sample_shape, how many values it takes and what it returns (wrap it: "
            f"al.models.Generator(net, latent_dim, sample_shape)); got {shown(type(net).__name__)}"
        )
    return net

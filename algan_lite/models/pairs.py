"""The networks of the book, as pairs (G, D) and as ensembles of pairs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import torch
from torch import nn

from algan_lite.core.checks import check_choice, check_flag, check_integer, check_shape, shown
from algan_lite.core.rng import derive_seed, lent, run_seeds
from algan_lite.models.ensemble import Ensemble
from algan_lite.models.networks import Discriminator, Generator, Linear, PixelNorm, with_spectral_norm

OUTPUTS = {"linear": nn.Identity, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


def dense_layers(sizes: Sequence[int], activation: Callable[[], nn.Module]) -> list[nn.Module]:
    """Return a dense layer and an activation for each step from one size to the next."""
    return [layer for a, b in pairwise(sizes) for layer in (Linear(a, b), activation())]


def leaky() -> nn.Module:
    """Return the activation of the book's D."""
    return nn.LeakyReLU(0.2)


def _seeded(build: Callable[[], nn.Module], seed: int, purpose: str) -> nn.Module:
    """Build a network with PyTorch's own initial weights, from its own stream; the global RNG is put back."""
    with lent(derive_seed(seed, purpose)), torch.device("cpu"):
        return build()


def seeded_pair(
    build_G: Callable[[], nn.Module], build_D: Callable[[], nn.Module], seed: int
) -> tuple[nn.Module, nn.Module]:
    """Build G and D, each from a stream of its own."""
    return _seeded(build_G, seed, "weights of G"), _seeded(build_D, seed, "weights of D")


def mlp_pair(
    latent_dim: int = 2,
    sample_shape: Sequence[int] = (2,),
    width: int = 64,
    depth: int = 2,
    *,
    seed: int = 0,
    num_heads: int = 1,
    output: str = "linear",
) -> tuple[Generator, Discriminator]:
    """Return dense networks G and D with ``depth`` hidden layers each (ReLU in G, leaky ReLU in D).

    Args:
        latent_dim: Latent coordinates, at least 1.
        sample_shape: Shape of one sample, such as (2,) or (1, 28, 28).
        width: Units of a hidden layer, at least 1.
        depth: Hidden layers, at least 1.
        seed: Seed of the initial weights; G and D have a stream each.
        num_heads: Heads of D, at least 1.
        output: Last activation of G: ``linear``, ``tanh`` or ``sigmoid``.

    Raises:
        ValueError: If a size is below 1 or ``output`` is unknown.
    """
    for name, value in {"latent_dim": latent_dim, "width": width, "depth": depth}.items():
        check_integer(name, value, 1)
    check_integer("num_heads", num_heads, 1)
    sample_shape = check_shape("sample_shape", sample_shape)
    check_choice("output", output, OUTPUTS)
    hidden, num_values = [width] * depth, math.prod(sample_shape)

    def build_G() -> Generator:
        body = dense_layers([latent_dim, *hidden], nn.ReLU)
        return Generator(nn.Sequential(*body, Linear(width, num_values), OUTPUTS[output]()), latent_dim, sample_shape)

    def build_D() -> Discriminator:
        trunk = nn.Sequential(*dense_layers([num_values, *hidden], leaky))
        return Discriminator(trunk, width, sample_shape, num_heads)

    return seeded_pair(build_G, build_D, seed)


def article_pair(latent_dim: int = 100, *, seed: int = 0, output: str = "tanh") -> tuple[Generator, Discriminator]:
    """Return the article's dense networks for 28 x 28 images: G 100-128-128-1024-784, D 784-128-128-1, all ReLU.

    The article gives G no output activation (``output="linear"``); ours has tanh, since the data lie in [-1, 1].
    """
    check_integer("latent_dim", latent_dim, 1)
    check_choice("output", output, OUTPUTS)
    shape = (1, 28, 28)

    def build_G() -> Generator:
        body = dense_layers([latent_dim, 128, 128, 1024], nn.ReLU)
        return Generator(nn.Sequential(*body, Linear(1024, 784), OUTPUTS[output]()), latent_dim, shape)

    def build_D() -> Discriminator:
        return Discriminator(nn.Sequential(*dense_layers([784, 128, 128], nn.ReLU)), 128, shape)

    return seeded_pair(build_G, build_D, seed)


def conv_pair(
    latent_dim: int = 64, channels: int = 16, *, seed: int = 0, num_heads: int = 1, spectral_norm: bool = False
) -> tuple[Generator, Discriminator]:
    """Return convolutional networks for 28 x 28 images in [-1, 1], without BatchNorm.

    G: dense to 7 x 7, then twice (double the size, 3 x 3 convolution), each with ReLU and ``PixelNorm``, then tanh.
    D: two strided convolutions, one plain, then dense. About 0.2 M parameters each at 16 channels.

    Args:
        latent_dim: Latent coordinates, at least 1.
        channels: Channels at full size, at least 1; the coarser layers have 2 and 4 times as many.
        seed: Seed of the initial weights; G and D have a stream each.
        num_heads: Heads of D, at least 1.
        spectral_norm: Divide every weight of D by its largest singular value (Miyato 2018).
    """
    check_integer("latent_dim", latent_dim, 1)
    latent_dim, channels = check_integer("latent_dim", latent_dim, 1), check_integer("channels", channels, 1)
    check_flag("spectral_norm", spectral_norm)
    shape, c = (1, 28, 28), channels

    def build_G() -> Generator:
        coarse = [nn.Linear(latent_dim, 4 * c * 49), nn.Unflatten(1, (4 * c, 7, 7)), nn.ReLU(), PixelNorm()]
        middle = [nn.Upsample(scale_factor=2), nn.Conv2d(4 * c, 2 * c, 3, padding=1), nn.ReLU(), PixelNorm()]
        fine = [nn.Upsample(scale_factor=2), nn.Conv2d(2 * c, c, 3, padding=1), nn.ReLU(), PixelNorm()]
        return Generator(
            nn.Sequential(*coarse, *middle, *fine, nn.Conv2d(c, 1, 3, padding=1), nn.Tanh()), latent_dim, shape
        )

    def build_D() -> Discriminator:
        halve = {"stride": 2, "padding": 1}
        steps = [nn.Conv2d(1, c, 3, **halve), leaky(), nn.Conv2d(c, 2 * c, 3, **halve), leaky()]
        dense = [nn.Conv2d(2 * c, 4 * c, 3, padding=1), leaky(), nn.Flatten(), nn.Linear(4 * c * 49, 4 * c), leaky()]
        D = Discriminator(nn.Sequential(*steps, *dense), 4 * c, shape, num_heads)
        return with_spectral_norm(D) if spectral_norm else D

    G, D = seeded_pair(build_G, build_D, seed)
    # The layout that CPU convolutions are fastest in: half the time of the default.
    return G.to(memory_format=torch.channels_last), D.to(memory_format=torch.channels_last)


def make_pair(factory: Callable[..., object], seed: int, options: Mapping[str, object]) -> tuple[nn.Module, nn.Module]:
    """Return ``factory(seed=seed, **options)`` if it is a pair."""
    pair = factory(seed=seed, **options)
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise TypeError(f"factory must return a pair (G, D); got {shown(pair)}")
    return pair


def ensemble(
    factory: Callable[..., tuple[nn.Module, nn.Module]],
    runs: int | None = None,
    seed: int | Sequence[int] = 0,
    **options: object,
) -> tuple[Ensemble, Ensemble]:
    """Return R pairs from ``factory`` as two ensembles; run k equals ``factory(seed=seed + k, **options)``.

    Args:
        factory: ``mlp_pair`` or another function that returns (G, D) for a ``seed``.
        runs: Number of runs R, at least 1; may be left out where ``seed`` is a sequence.
        seed: The first run's seed, or one seed a run (equal seeds give equal initial weights).
        **options: Passed to ``factory``.

    Raises:
        ValueError: If ``runs`` and the number of seeds differ.
    """
    if not callable(factory):
        raise TypeError(
            f"factory must be a function of seed= that returns (G, D), such as mlp_pair; got {shown(factory)}"
        )
    seeds = run_seeds(seed, runs)
    pairs = [make_pair(factory, one, options) for one in seeds]
    return Ensemble([G for G, _ in pairs]), Ensemble([D for _, D in pairs])

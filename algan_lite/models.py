"""Floor 0: generators, discriminators, and ensembles of them.

G maps latents (..., N, latent_dim) to samples (..., N, *sample_shape); D maps samples to raw logits
(..., N). There is no BatchNorm: it mixes samples, breaks per-sample penalties and makes scoring stateful.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.utils import parametrize

from algan_lite.checks import check_choice, check_integer
from algan_lite.rng import derive_seed

OUTPUTS = {"linear": nn.Identity, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


class Linear(nn.Linear):
    """A dense layer whose weights may carry a runs axis: then x (R, N, in) gives (R, N, out), run by run."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x W^T + b, (..., N, out)."""
        if self.weight.ndim == 2:
            return super().forward(x)
        return torch.baddbmm(self.bias.unsqueeze(-2), x, self.weight.mT)


def _is_dense(net: nn.Module) -> bool:
    """Return whether every weight sits in a ``Linear``: such a network takes a runs axis as it is."""
    return all(isinstance(m, Linear) or not list(m.parameters(recurse=False)) for m in net.modules())


class Generator(nn.Module):
    """Turns latents (..., N, latent_dim) into samples (..., N, *sample_shape).

    Args:
        body: Maps (B, latent_dim) to B samples of ``sample_shape`` (flat or not); dense layers see (..., N, latent_dim).
        latent_dim: Number of latent coordinates.
        sample_shape: Shape of one sample.
    """

    def __init__(self, body: nn.Module, latent_dim: int, sample_shape: Sequence[int]) -> None:
        super().__init__()
        self.body, self.latent_dim, self.sample_shape = body, latent_dim, tuple(sample_shape)
        self._dense = _is_dense(body)

    def forward(self, z: Tensor) -> Tensor:
        """Return G(z), (..., N, *sample_shape)."""
        if z.ndim < 2 or z.shape[-1] != self.latent_dim:
            raise ValueError(f"z must be (..., N, {self.latent_dim}); got {tuple(z.shape)}")
        samples = self.body(z if self._dense else z.reshape(-1, self.latent_dim))
        return samples.reshape(*z.shape[:-1], *self.sample_shape)


class Discriminator(nn.Module):
    """Turns samples (..., N, *sample_shape) into raw logits (..., N): higher means more real.

    Args:
        trunk: Maps (B, *sample_shape) to features (B, num_features); dense layers see (..., N, values).
        num_features: Width of the trunk's output.
        sample_shape: Shape of one sample.
        num_heads: One linear head, or a committee of small networks on the same features.
    """

    def __init__(self, trunk: nn.Module, num_features: int, sample_shape: Sequence[int], num_heads: int = 1) -> None:
        super().__init__()
        check_integer("num_heads", num_heads, 1)
        self.trunk, self.sample_shape, self.num_heads = trunk, tuple(sample_shape), num_heads
        self._dense = _is_dense(trunk)
        self.outputs = nn.ModuleList(_head(num_features, num_heads) for _ in range(num_heads))

    def features(self, x: Tensor) -> Tensor:
        """Return the last hidden layer, (..., N, num_features)."""
        axes = len(self.sample_shape)
        if x.ndim <= axes or tuple(x.shape[-axes:]) != self.sample_shape:
            wanted = ", ".join(map(str, self.sample_shape))
            raise ValueError(f"x must be (..., N, {wanted}); got {tuple(x.shape)}")
        if self._dense:
            return self.trunk(x.flatten(x.ndim - axes))
        return self.trunk(x.reshape(-1, *self.sample_shape)).reshape(*x.shape[:-axes], -1)

    def heads(self, x: Tensor) -> Tensor:
        """Return every head's logits, (H, ..., N)."""
        features = self.features(x)
        return torch.stack([output(features).squeeze(-1) for output in self.outputs])

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (..., N): the mean over the heads."""
        if self.num_heads == 1:
            return self.outputs[0](self.features(x)).squeeze(-1)
        return self.heads(x).mean(0)


def _head(num_features: int, num_heads: int) -> nn.Module:
    if num_heads == 1:
        return Linear(num_features, 1)
    # Linear heads on one trunk would end up equal: the loss is convex in them. Small networks may differ.
    return nn.Sequential(Linear(num_features, num_features), nn.LeakyReLU(0.2), Linear(num_features, 1))


def heads_of(D: nn.Module, x: Tensor) -> Tensor:
    """Return D's logits with a leading heads axis, (H, ..., N); H = 1 for a network without heads."""
    return D.heads(x) if getattr(D, "num_heads", 1) > 1 else D(x)[None]


class _SpectralNorm(nn.Module):
    """Divides a weight by its largest singular value, computed exactly: no buffers, so vmap and resuming work."""

    def forward(self, weight: Tensor) -> Tensor:
        return weight / torch.linalg.matrix_norm(weight.flatten(1), ord=2)


def _with_spectral_norm(net: nn.Module) -> nn.Module:
    for layer in [m for m in net.modules() if isinstance(m, nn.Linear | nn.Conv2d)]:
        parametrize.register_parametrization(layer, "weight", _SpectralNorm())
    return net


def _layers(sizes: Sequence[int], activation: Callable[[], nn.Module]) -> list[nn.Module]:
    return [layer for a, b in pairwise(sizes) for layer in (Linear(a, b), activation())]


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.2)


def _seeded(build: Callable[[], nn.Module], seed: int, purpose: str) -> nn.Module:
    """Build a network with PyTorch's own initial weights, from its own stream; the global RNG is put back."""
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.manual_seed(derive_seed(seed, purpose))
        return build()


def _pair(build_G: Callable[[], nn.Module], build_D: Callable[[], nn.Module], seed: int) -> tuple[nn.Module, nn.Module]:
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
    check_choice("output", output, OUTPUTS)
    hidden, num_values = [width] * depth, math.prod(sample_shape)

    def build_G() -> Generator:
        body = _layers([latent_dim, *hidden], nn.ReLU)
        return Generator(nn.Sequential(*body, Linear(width, num_values), OUTPUTS[output]()), latent_dim, sample_shape)

    def build_D() -> Discriminator:
        trunk = nn.Sequential(*_layers([num_values, *hidden], _leaky))
        return Discriminator(trunk, width, sample_shape, num_heads)

    return _pair(build_G, build_D, seed)


def article_pair(latent_dim: int = 100, *, seed: int = 0, output: str = "tanh") -> tuple[Generator, Discriminator]:
    """Return the article's dense networks for 28 x 28 images: G 100-128-128-1024-784, D 784-128-128-1, all ReLU.

    The article gives G no output activation (``output="linear"``); ours has tanh, since the data lie in [-1, 1].
    """
    check_integer("latent_dim", latent_dim, 1)
    check_choice("output", output, OUTPUTS)
    shape = (1, 28, 28)

    def build_G() -> Generator:
        body = _layers([latent_dim, 128, 128, 1024], nn.ReLU)
        return Generator(nn.Sequential(*body, Linear(1024, 784), OUTPUTS[output]()), latent_dim, shape)

    def build_D() -> Discriminator:
        return Discriminator(nn.Sequential(*_layers([784, 128, 128], nn.ReLU)), 128, shape)

    return _pair(build_G, build_D, seed)


def conv_pair(
    latent_dim: int = 64, channels: int = 16, *, seed: int = 0, num_heads: int = 1, spectral_norm: bool = False
) -> tuple[Generator, Discriminator]:
    """Return convolutional networks for 28 x 28 images in [-1, 1], without BatchNorm.

    G: dense to 7 x 7, then twice (double the size, 3 x 3 convolution), then tanh. D: two strided convolutions,
    one plain, then dense. About 0.2 M parameters together at 16 channels.

    Args:
        latent_dim: Latent coordinates, at least 1.
        channels: Channels at full size, at least 1; the coarser layers have 2 and 4 times as many.
        seed: Seed of the initial weights; G and D have a stream each.
        num_heads: Heads of D, at least 1.
        spectral_norm: Divide every weight of D by its largest singular value (Miyato 2018).
    """
    check_integer("latent_dim", latent_dim, 1)
    check_integer("channels", channels, 1)
    shape, c = (1, 28, 28), channels

    def build_G() -> Generator:
        coarse = [nn.Linear(latent_dim, 4 * c * 49), nn.Unflatten(1, (4 * c, 7, 7)), nn.ReLU()]
        middle = [nn.Upsample(scale_factor=2), nn.Conv2d(4 * c, 2 * c, 3, padding=1), nn.ReLU()]
        fine = [nn.Upsample(scale_factor=2), nn.Conv2d(2 * c, c, 3, padding=1), nn.ReLU()]
        return Generator(nn.Sequential(*coarse, *middle, *fine, nn.Conv2d(c, 1, 3, padding=1), nn.Tanh()), latent_dim, shape)

    def build_D() -> Discriminator:
        steps = [nn.Conv2d(1, c, 3, stride=2, padding=1), _leaky(), nn.Conv2d(c, 2 * c, 3, stride=2, padding=1), _leaky()]
        dense = [nn.Conv2d(2 * c, 4 * c, 3, padding=1), _leaky(), nn.Flatten(), nn.Linear(4 * c * 49, 4 * c), _leaky()]
        D = Discriminator(nn.Sequential(*steps, *dense), 4 * c, shape, num_heads)
        return _with_spectral_norm(D) if spectral_norm else D

    G, D = _pair(build_G, build_D, seed)
    # The layout that CPU convolutions are fastest in: half the time of the default.
    return G.to(memory_format=torch.channels_last), D.to(memory_format=torch.channels_last)


class _Call(nn.Module):
    """A network whose other methods can be called through ``functional_call`` too."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, method: str) -> Tensor:
        return getattr(self.net, method)(x)


class Ensemble(nn.Module):
    """R independent copies of one network, run as one batched call; run k never sees another run.

    Inputs gain a leading runs axis: latents (R, N, latent_dim), samples (R, N, *sample). An input without
    it is given to every run. Parameters are stacked, (R, ...), so one optimizer trains all runs.

    Args:
        members: R networks of one architecture, without buffers.

    Raises:
        ValueError: If there is no member, or a member has buffers (BatchNorm, for instance).
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        if not members:
            raise ValueError("members must hold at least 1 network; got none")
        calls = [_Call(member) for member in members]
        params, buffers = stack_module_state(calls)
        if buffers:
            raise ValueError(f"members must have no buffers (no BatchNorm); got {', '.join(buffers)}")
        self.runs, self._dense = len(members), _is_dense(members[0])
        for name in ("latent_dim", "sample_shape", "num_heads"):
            if hasattr(members[0], name):
                setattr(self, name, getattr(members[0], name))
        self._names = list(params)
        self._template = (copy.deepcopy(calls[0]).to("meta"),)  # in a tuple: not a submodule
        for name, value in params.items():
            self.register_parameter(name.replace(".", "/"), nn.Parameter(value.detach().clone()))

    def _weights(self) -> dict[str, Tensor]:
        return dict(zip(self._names, self._parameters.values(), strict=True))

    def _call(self, x: Tensor, method: str, own_ndim: int) -> Tensor:
        def one(weights: dict[str, Tensor], x: Tensor) -> Tensor:
            return functional_call(self._template[0], weights, (x, method))

        if x.ndim == own_ndim:
            x = x.expand(self.runs, *x.shape)
        if x.shape[0] != self.runs:
            raise ValueError(f"the runs axis must have length {self.runs}; got shape {tuple(x.shape)}")
        if self._dense:  # its layers take the runs axis themselves, faster than vmap
            return one(self._weights(), x)
        return vmap(one, out_dims=int(method == "heads"))(self._weights(), x)

    def forward(self, x: Tensor) -> Tensor:
        """Return every run's output, (R, N, ...), for x (R, N, ...) or, shared by all runs, (N, ...)."""
        return self._call(x, "forward", self._own_ndim)

    def features(self, x: Tensor) -> Tensor:
        """Return every run's features of D, (R, N, num_features)."""
        return self._call(x, "features", self._own_ndim)

    def heads(self, x: Tensor) -> Tensor:
        """Return every head of every run's D, (H, R, N)."""
        return self._call(x, "heads", self._own_ndim)

    @property
    def _own_ndim(self) -> int:
        return 2 if hasattr(self, "latent_dim") else 1 + len(self.sample_shape)

    def member(self, k: int) -> nn.Module:
        """Return run k as a network of its own, with copied weights."""
        check_integer("k", k, 0, self.runs - 1)
        weights = {name: value[k].detach().clone() for name, value in self._weights().items()}
        device = next(self.parameters()).device
        call = copy.deepcopy(self._template[0]).to_empty(device=device)
        call.load_state_dict(weights)
        return call.net


def ensemble(
    factory: Callable[..., tuple[nn.Module, nn.Module]], runs: int | None = None, seed: int | Sequence[int] = 0, **options: object
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
    seeds = run_seeds(seed, runs)
    pairs = [factory(seed=one, **options) for one in seeds]
    return Ensemble([G for G, _ in pairs]), Ensemble([D for _, D in pairs])


def run_seeds(seed: int | Sequence[int], runs: int | None) -> list[int]:
    """Return one seed a run: ``seed``, ``seed + 1`` ... for an integer, or the given sequence."""
    if isinstance(seed, Sequence):
        if runs is not None and len(seed) != runs:
            raise ValueError(f"seed must hold {runs} seeds, one a run; got {len(seed)}")
        return [check_integer("seed", one, 0) for one in seed]
    first = check_integer("seed", seed, 0)
    return list(range(first, first + check_integer("runs", 1 if runs is None else runs, 1)))

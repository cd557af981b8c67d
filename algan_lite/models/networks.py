"""What a generator and a discriminator are.

G maps latents (..., N, latent_dim) to samples (..., N, *sample_shape); D maps samples to raw logits
(..., N). There is no BatchNorm: it mixes samples, breaks per-sample penalties and makes scoring stateful.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.utils import parametrize

from algan_lite.core.checks import check_integer, check_shape, check_tensor, shown


class Linear(nn.Linear):
    """A dense layer whose weights may carry a runs axis: then x (R, N, in) gives (R, N, out), run by run."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x W^T + b, (..., N, out)."""
        if self.weight.ndim == 2:
            return linear(x, self.weight, self.bias)
        return torch.baddbmm(self.bias.unsqueeze(-2), x, self.weight.mT)


class PixelNorm(nn.Module):
    """Divide the channels at every pixel by their root mean square (Karras 2018): no weights, samples never mix.

    Without it a convolutional G that learns fast overshoots: its last layer grows until tanh is flat, every fake is
    black and no gradient is left.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return x (..., C, H, W) with a mean square of about 1 over the channels; nearly 0 stays nearly 0."""
        return x * torch.rsqrt(x.square().mean(-3, keepdim=True) + 1e-4)  # larger than usual: rounding is not amplified


def check_module(name: str, value: object) -> None:
    """Refuse what is no network."""
    if not isinstance(value, nn.Module):
        raise TypeError(f"{name} must be a network, a torch.nn.Module; got {shown(value)}")


def is_dense(net: nn.Module) -> bool:
    """Return whether every weight sits in a ``Linear``: such a network takes a runs axis as it is."""
    return all(isinstance(m, Linear) or not list(m.parameters(recurse=False)) for m in net.modules())


class Generator(nn.Module):
    """Turns latents (..., N, latent_dim) into samples (..., N, *sample_shape).

    Args:
        body: Maps (B, latent_dim) to B samples of ``sample_shape``, flat or not; a dense body, (..., N, latent_dim).
        latent_dim: Number of latent coordinates.
        sample_shape: Shape of one sample.
    """

    def __init__(self, body: nn.Module, latent_dim: int, sample_shape: Sequence[int]) -> None:
        super().__init__()
        check_module("body", body)
        self.body, self.latent_dim = body, check_integer("latent_dim", latent_dim, 1)
        self.sample_shape = check_shape("sample_shape", sample_shape)
        self._dense = is_dense(body)

    def forward(self, z: Tensor) -> Tensor:
        """Return G(z), (..., N, *sample_shape)."""
        if check_tensor("z", z).ndim < 2 or z.shape[-1] != self.latent_dim:
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
        check_module("trunk", trunk)
        check_integer("num_features", num_features, 1)
        check_integer("num_heads", num_heads, 1)
        self.trunk, self.sample_shape, self.num_heads = trunk, check_shape("sample_shape", sample_shape), num_heads
        self._dense = is_dense(trunk)
        self.outputs = nn.ModuleList(_head(num_features, num_heads) for _ in range(num_heads))

    def features(self, x: Tensor) -> Tensor:
        """Return the last hidden layer, (..., N, num_features)."""
        axes = len(self.sample_shape)
        if check_tensor("x", x).ndim <= axes or tuple(x.shape[-axes:]) != self.sample_shape:
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


class _SpectralNorm(nn.Module):
    """Divides a weight by its largest singular value, computed exactly: no buffers, so vmap and resuming work."""

    def forward(self, weight: Tensor) -> Tensor:
        return weight / torch.linalg.matrix_norm(weight.flatten(1), ord=2)


def with_spectral_norm(net: nn.Module) -> nn.Module:
    """Return ``net`` with every weight divided by its largest singular value (Miyato 2018)."""
    for layer in [m for m in net.modules() if isinstance(m, nn.Linear | nn.Conv2d)]:
        parametrize.register_parametrization(layer, "weight", _SpectralNorm())
    return net


# Layers that do the same in training and in evaluation: to put their modes aside at every look would cost a twentieth
# of a step of small networks.
MODELESS = {nn.Sequential, nn.ModuleList, Linear, nn.Linear, nn.Conv2d, nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Identity}
MODELESS |= {nn.Sigmoid, nn.Flatten, nn.Unflatten, nn.Upsample, PixelNorm, Generator, Discriminator}


def layers_of(*networks: Callable[[Tensor], Tensor]) -> list[nn.Module]:
    """Return the layers of the networks, themselves included, that may notice their mode.

    Of a function, such as ``lambda z: G(z, y)``, those modules count that it names or that are bound to it, of a method
    its object; a module that it finds in another way (in a list, say) is not seen, and keeps its mode.
    """
    modules = [layer for network in networks for module in _held_by(network) for layer in module.modules()]
    shared = [getattr(module, "template", None) for module in modules]  # an ensemble's layers are no submodules of it
    modules += [layer for template in shared if isinstance(template, nn.Module) for layer in template.modules()]
    return [layer for layer in modules if type(layer) not in MODELESS]


def _held_by(call: object, seen: frozenset[int] = frozenset()) -> list[nn.Module]:
    """Return the modules that a callable is made of: itself, or what a function, method or partial refers to."""
    if isinstance(call, nn.Module):
        return [call]
    if inspect.ismethod(call):
        return _held_by(call.__self__, seen)
    if isinstance(call, partial):
        parts = [call.func, *call.args, *call.keywords.values()]
    elif inspect.isfunction(call):
        found = inspect.getclosurevars(call)
        parts = [*found.nonlocals.values(), *found.globals.values(), *(call.__defaults__ or ())]
        parts += (call.__kwdefaults__ or {}).values()
    elif inspect.isclass(call) or inspect.ismodule(call) or not hasattr(call, "__dict__"):
        parts = []
    else:
        parts = list(vars(call).values())
    seen = seen | {id(call)}
    return [module for part in parts if _may_hold(part) and id(part) not in seen for module in _held_by(part, seen)]


def _may_hold(part: object) -> bool:
    """Return whether to look for modules there: in modules and in functions, but not in those of PyTorch."""
    if inspect.isfunction(part):
        return not (part.__module__ or "").startswith("torch")
    return isinstance(part, nn.Module | partial) or inspect.ismethod(part)


@contextmanager
def evaluating(layers: Iterable[nn.Module]) -> Iterator[None]:
    """Look in evaluation mode (no dropout from the global RNG, no moving averages), then put every mode back."""
    training = [layer for layer in layers if layer.training]
    try:
        for layer in training:  # vars(): Module.__setattr__ would cost as much as a forward pass of a small network
            vars(layer)["training"] = False
        yield
    finally:
        for layer in training:
            vars(layer)["training"] = True

"""What a pair (G, D) must be, asked once at the doors that take one."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from algan_lite.core.checks import ask, check_integer, shown
from algan_lite.core.rng import lent
from algan_lite.models.networks import check_module, evaluating, layers_of

WRAP_G = (
    "wrap a G that takes something else: al.models.Generator(net, latent_dim, sample_shape), for (N, nz, 1, 1) with "
    "net = nn.Sequential(nn.Unflatten(-1, (nz, 1, 1)), G); give a conditional G its labels inside of a module"
)

CHANNELS = "images are (n, channels, height, width): move the axis of the channels, or add it with unsqueeze(1)"


def check_pair(G: object, D: object) -> None:
    """Refuse what cannot train as a pair: no networks, swapped ones, no ``latent_dim``, other numbers of runs.

    Raises:
        TypeError: If one is no network, or G does not say its ``latent_dim``.
        ValueError: If G and D do not hold equally many runs.
    """
    for name, net in (("G", G), ("D", D)):
        check_module(name, net)
    check_G(G, "G and D seem to be swapped" if hasattr(D, "latent_dim") else WRAP_G)
    check_runs(G, D)


def check_G(G: object, why: str = WRAP_G) -> None:
    """Refuse a generator that cannot be called, or does not say how many numbers it takes."""
    if not callable(G):
        raise TypeError(f"G must be a network, a torch.nn.Module; got {shown(G)}")
    if not hasattr(G, "latent_dim"):
        raise TypeError(f"G must have latent_dim, how many numbers it takes ({why}); got {type(G).__name__} without")
    check_integer("G.latent_dim", G.latent_dim, 1)


def check_runs(G: object, D: object) -> int | None:
    """Return R of two ensembles, None of two single networks; refuse other pairs."""
    runs = getattr(G, "runs", None)
    if runs != getattr(D, "runs", None):
        got = f"{shown(runs)} and {shown(getattr(D, 'runs', None))} (None: no ensemble)"
        raise ValueError(f"G and D must hold the same number of runs; got {got}")
    return runs


def weights_like(*networks: object) -> Tensor:
    """Return a tensor of the device and dtype of the first floating weights; on the CPU and float32 without any."""
    found = (p for net in networks if isinstance(net, nn.Module) for p in (*net.parameters(), *net.buffers()))
    return next((p for p in found if p.is_floating_point()), torch.empty(0, device="cpu"))


def try_out(G: nn.Module, D: nn.Module, n: int, sample_shape: tuple[int, ...] | None) -> None:
    """Call the networks once on n latents of zeros, and refuse what does not fit the contract.

    Modes, averages and the global generator stay as they are.

    Args:
        G: Passed ``check_pair``.
        D: Likewise.
        n: N, latents a run.
        sample_shape: Shape of one real sample, or None where it is not known.

    Raises:
        ValueError: If G or D fails, or returns another shape.
        TypeError: If one returns something else than a tensor.
    """
    runs, like = getattr(G, "runs", None), weights_like(G)
    lead = (n,) if runs is None else (runs, n)
    z = torch.zeros((*lead, G.latent_dim), dtype=like.dtype, device=like.device)
    with torch.no_grad(), lent(), evaluating(layers_of(G, D)):
        # Not G(z): whoever counts passes by hooks would count this look.
        x_fake = ask("G", getattr(G, "forward", G), z, "latents (..., N, latent_dim)", WRAP_G)
        wanted = (*lead, *(x_fake.shape[len(lead) :] if sample_shape is None else sample_shape))
        if tuple(x_fake.shape) != wanted:
            hint = WRAP_G if x_fake.numel() != math.prod(wanted) else CHANNELS
            raise ValueError(f"G must return one sample a latent, {wanted}; got {tuple(x_fake.shape)}; {hint}")
        logits = ask("D", getattr(D, "forward", D), x_fake, "samples (..., N, *sample)")
    if tuple(logits.shape) != lead:
        hint = "end D with nn.Flatten(0), or logits.squeeze(-1)"
        raise ValueError(f"D must return one logit a sample, {lead}; got {tuple(logits.shape)}; {hint}")


def duplicate(net: nn.Module) -> nn.Module:
    """Return a deep copy, of a network with ``weight_norm`` or ``spectral_norm`` too.

    PyTorch refuses to copy what their hooks have computed from weights; the copy computes it anew at its next call.
    """
    computed = (v for m in net.modules() for v in vars(m).values() if isinstance(v, Tensor) and not v.is_leaf)
    return copy.deepcopy(net, {id(value): value.detach().clone() for value in computed})

"""What several test files share: tiny networks, comparisons by norm, and a look at what must not change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

import algan_lite as al

RING = al.data.ring(modes=4, radius=1.0, std=0.1)


def tiny(runs: int | None = None, seed: int = 0, **options: object) -> tuple[nn.Module, nn.Module]:
    """Return a small pair for points in the plane, or an ensemble of ``runs`` of them."""
    options = {"width": 8, "depth": 1, "latent_dim": 3, **options}
    if runs is None:
        return al.models.mlp_pair(seed=seed, **options)
    return al.models.ensemble(al.models.mlp_pair, runs=runs, seed=seed, **options)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def assert_near(actual: Tensor, expected: Tensor, share: float = 1e-5) -> None:
    """Assert that two tensors differ by less than ``share`` of the norm of the expected one."""
    assert actual.shape == expected.shape
    gap, norm = (actual - expected).norm().item(), expected.norm().item()
    assert gap <= share * norm + 1e-12, f"differs by {gap:.3g}, norm {norm:.3g}"


def slices(run: int, net: nn.Module, alone: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """Pair each parameter of an ensemble's run with that of the same network alone."""
    mine, its = dict(net.member(run).named_parameters()), dict(alone.named_parameters())
    assert mine.keys() == its.keys()
    return [(mine[name], its[name]) for name in its]


@contextmanager
def untouched(*nets: nn.Module) -> Iterator[None]:
    """Assert that parameters, their gradients, modes and the global random state are left as they are."""

    def look() -> list[object]:
        parameters = [p.detach().clone() for net in nets for p in net.parameters()]
        gradients = [None if p.grad is None else p.grad.clone() for net in nets for p in net.parameters()]
        modes = [m.training for net in nets for m in net.modules()]
        return [*parameters, *gradients, *modes, torch.get_rng_state()]

    before = look()
    yield
    for old, new in zip(before, look(), strict=True):
        assert torch.equal(old, new) if isinstance(old, Tensor) else old == new

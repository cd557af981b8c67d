"""What several test files share: tiny networks, comparisons by norm, and a look at what must not change."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

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


class Checkout:
    """A git repository of a test's own, whose commits are made at noon of a day of January 2026."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, day: int = 1) -> None:
        names = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org"}
        names |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in names.items()}
        dates = {f"GIT_{who}_DATE": f"2026-01-{day:02d}T12:00:00+00:00" for who in ("AUTHOR", "COMMITTER")}
        environment = {**os.environ, **names, **dates}
        subprocess.run(["git", "-C", str(self.folder), *arguments], check=True, capture_output=True, env=environment)

    def commit(self, files: Mapping[str, str], day: int) -> None:
        """Write files and commit them, all that there is."""
        for name, text in files.items():
            (self.folder / name).parent.mkdir(exist_ok=True, parents=True)
            (self.folder / name).write_text(text, encoding="utf-8")
        self.git("add", "-A")
        self.git("commit", "-qm", "a", day=day)

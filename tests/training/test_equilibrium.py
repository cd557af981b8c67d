"""The stopping rule: when it holds, when not, and what it leaves alone."""

from __future__ import annotations

import pytest
import torch
from helpers import RING, normal, tiny
from torch import Tensor, nn
from training.shared import config, run, same_weights

import algan_lite as al
from algan_lite.objective.losses import LOSSES
from algan_lite.training.equilibrium import Watch


def frozen(D: nn.Module, weight: float) -> nn.Module:
    with torch.no_grad():
        for parameter in D.parameters():
            parameter.fill_(weight)
    return D


@pytest.mark.parametrize("loss", LOSSES)
def test_a_D_that_cannot_tell_stops_after_its_patience(loss: str) -> None:
    G, D = tiny()
    rule = al.Equilibrium(tolerance=0.01, patience=3, every=4, num_samples=64)
    settings = config(num_steps=100, equilibrium=rule, lr_D=1e-30, loss=loss, log_every=50)
    history = al.train(G, frozen(D, 0.0), RING, settings, progress=False)
    frame = history.frame()
    assert history.equilibrium_at.tolist() == [12]
    assert history.steps == [1, 12]
    assert frame.accuracy.isna().tolist() == [True, False]
    assert frame.accuracy.iloc[-1] == 0.5  # every pair a tie, which counts one half


@pytest.mark.parametrize("loss", ["non_saturating", "energy"])
def test_a_D_that_tells_does_not_stop(loss: str) -> None:
    class Far(nn.Module):  # reals lie within 2 of the origin, fakes at 10
        def __init__(self, sign: int) -> None:
            super().__init__()
            self.sign, self.bias = sign, nn.Parameter(torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            return self.sign * (5 - x.norm(dim=-1)) + self.bias

    G, _ = tiny()
    with torch.no_grad():
        G.body[-2].bias.fill_(10.0)
    rule = al.Equilibrium(tolerance=0.4, patience=1, every=2, num_samples=32)
    D = Far(LOSSES[loss].sign)
    settings = config(equilibrium=rule, lr=1e-9, loss=loss)
    history = al.train(G, D, RING, settings, progress=False)
    assert history.steps[-1] == 10
    assert history.equilibrium_at.tolist() == [-1]
    assert history.frame().accuracy.iloc[-1] == 1


def test_the_patience_counts_checks_in_a_row() -> None:
    watch = Watch(al.Equilibrium(patience=2, tolerance=0.1), 3, torch.device("cpu"))
    for step, accuracy in enumerate([[0.5, 0.5, 0.9], [0.9, 0.55, 0.9], [0.45, 0.9, 0.9], [0.5, 0.9, 0.5]], start=1):
        watch.note(torch.tensor(accuracy), step)
    assert watch.reached_at.tolist() == [4, 2, -1]
    assert not watch.holds(torch.tensor([False, False, False]))
    assert watch.holds(torch.tensor([False, False, True]))


def test_watching_for_the_equilibrium_changes_nothing() -> None:
    rule = al.Equilibrium(tolerance=1e-9, every=1, num_samples=7)
    watched_run = run(config(equilibrium=rule), runs=2)
    for one, other in zip(watched_run[:2], run(config(), runs=2)[:2], strict=True):
        assert same_weights(one, other)


def test_held_out_points_are_not_those_of_training() -> None:
    asked = []

    class Finite:
        train, validation = normal(50, 2), normal(50, 2, seed=1) + 100

        def sample(self, n: int, generator: torch.Generator, device: str) -> Tensor:
            return self.train[:n]

    class Listening(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.zeros(2))

        def forward(self, x: Tensor) -> Tensor:
            asked.append(x.detach())
            return x @ self.w

    rule = al.Equilibrium(every=5, num_samples=16)
    al.train(tiny()[0], Listening(), Finite(), config(num_steps=5, equilibrium=rule), progress=False)
    held_out = [x for x in asked if x[0, 0] > 50]
    assert [len(x) for x in held_out] == [16]
    assert bool((held_out[0][:, None] == Finite.validation).all(-1).any(-1).all())


@pytest.mark.parametrize(
    "changes", [{"tolerance": 0}, {"tolerance": 0.6}, {"patience": 0}, {"every": 0}, {"num_samples": 0}]
)
def test_bad_stopping_rules_are_refused_by_name(changes: dict) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(changes))} must be in "):
        al.Equilibrium(**changes)

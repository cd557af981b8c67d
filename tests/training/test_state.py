"""What a run carries: averages, moments, and the marks of runs that diverged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from helpers import RING, assert_near, tiny
from torch import Tensor, nn
from training.shared import config, run, same_weights

import algan_lite as al
from algan_lite.objective.regularizers import REGULARIZERS
from algan_lite.training.state import TrainState


def poison(net: nn.Module, k: int | None, at: int) -> Callable[[TrainState], None]:
    """Return a callback that breaks a weight of run k (of the only run for None) after step ``at``."""

    def callback(state: TrainState) -> None:
        if state.step == at:
            with torch.no_grad():
                weight = next(net.parameters())
                (weight if k is None else weight[k]).fill_(float("nan"))

    return callback


ARMS = {
    "r1": {"regularizers": {"r1": 0.1}},
    "softmax": {"strategy": "softmax", "pool_factor": 3},
    "core_set": {"strategy": "core_set", "pool_factor": 3},
    "everything": {"regularizers": dict.fromkeys(REGULARIZERS, 0.05), "strategy": "softmax", "pool_factor": 2},
}


@pytest.mark.parametrize("arm", ARMS)
def test_a_diverged_run_is_marked_and_stays_a_row_and_the_others_do_not_notice(arm: str) -> None:
    settings = config(**ARMS[arm])
    healthy_G, healthy_D, _ = run(settings, runs=3)
    G, D = tiny(runs=3)
    history = al.train(G, D, RING, settings, progress=False, callbacks=[poison(G, 1, 4), poison(D, 1, 4)])
    assert history.diverged_at.tolist() == [-1, 5, -1]
    frame = history.frame()
    assert frame.run.value_counts().to_dict() == {0: 3, 1: 3, 2: 3}
    broken = frame[frame.run == 1].set_index("step")
    assert np.isfinite(broken.loss_D[1])
    assert broken.loss_D[[5, 10]].isna().all()
    for one, other in ((G, healthy_G), (D, healthy_D)):
        for mine, its in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.equal(mine[[0, 2]], its[[0, 2]])
    assert all(bool(torch.isfinite(p[[0, 2]]).all()) for p in history.G_ema.parameters())


def test_a_lambda_that_overflows_ends_its_own_run_only() -> None:
    def schedule(step: int) -> Tensor:
        return torch.tensor([0.1, 0.1 if step < 3 else float("inf")])

    _, _, history = run(config(regularizers={"r1": schedule}), runs=2)
    assert history.diverged_at.tolist() == [-1, 4]


@pytest.mark.parametrize("runs", [None, 2])
def test_it_raises_when_no_run_is_left(runs: int | None) -> None:
    G, D = tiny(runs=runs)
    breaks = [poison(G, None, 2)] if runs is None else [poison(G, 0, 2), poison(G, 1, 6)]
    last = 3 if runs is None else 7
    with pytest.raises(al.TrainingDiverged, match=f"at step {last}$") as caught:
        al.train(G, D, RING, config(num_steps=40), seed=0, progress=False, callbacks=breaks)
    assert caught.value.step == last


def test_divergence_is_not_taken_for_equilibrium() -> None:
    G, D = tiny()
    rule = al.Equilibrium(every=1000)
    with pytest.raises(al.TrainingDiverged, match=r"at step 4$"):
        al.train(G, D, RING, config(equilibrium=rule, log_every=7), progress=False, callbacks=[poison(G, None, 3)])


def test_the_average_of_G_is_its_twin() -> None:
    G, D = tiny()
    twin = [p.detach().clone() for p in G.parameters()]

    def average(state: TrainState) -> None:
        for mean, live in zip(twin, state.G.parameters(), strict=True):
            mean.mul_(0.8).add_(0.2 * live.detach())

    history = al.train(G, D, RING, config(ema_decay=0.8), progress=False, callbacks=[average])
    for mean, mine, live in zip(twin, history.G_ema.parameters(), G.parameters(), strict=True):
        assert_near(mine, mean, 1e-6)
        assert not torch.equal(mine, live)
        assert not mine.requires_grad
    assert same_weights(run(config(ema_decay=0.0))[2].G_ema, run(config())[0])
    assert same_weights(run(config(ema_decay=1.0))[2].G_ema, tiny()[0])


def test_averages_of_logits_are_carried_from_step_to_step() -> None:
    weights: list[float] = []
    settings = config(num_steps=3, d_steps=2, regularizers={"lecam": 0.1})
    run(settings, callbacks=[lambda state: weights.append(state.averages["weight"].item())])
    assert weights == pytest.approx([1 - 0.99**updates for updates in (2, 4, 6)], abs=1e-6)


def test_no_gradient_is_left_behind() -> None:
    G, D, _ = run(config())
    assert all(p.grad is None for net in (G, D) for p in net.parameters())

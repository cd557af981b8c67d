"""The loop: runs of an ensemble, divergence, averages, history, and the six steps on one screen."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable

import numpy as np
import pytest
import torch
from helpers import RING, assert_near, normal, slices, tiny
from torch import Tensor, nn
from training.shared import config, run, same_weights

import algan_lite as al
from algan_lite.core import rng
from algan_lite.objective.losses import LOSSES, alpha
from algan_lite.objective.regularizers import REGULARIZERS
from algan_lite.selection.select import STRATEGIES
from algan_lite.training import loop as training
from algan_lite.training.state import TrainState

ARMS: dict[str, dict] = {
    **{f"loss {name}": {"loss": name, "regularizers": {"r1": 0.1}} for name in LOSSES},
    "loss alpha(0.5, 1)": {"loss": alpha(0.5, 1), "regularizers": {"r1": 0.1}},
    **{f"regularizer {name}": {"regularizers": {name: 0.1}} for name in REGULARIZERS},
    **{f"relativistic with {name}": {"loss": "relativistic", "regularizers": {name: 0.1}} for name in REGULARIZERS},
    **{f"strategy {name}": {"strategy": name, "pool_factor": 3} for name in STRATEGIES},
    **{
        f"strategy {name}, selected": {"strategy": name, "pool_factor": 3, "d_fakes": "selected"} for name in STRATEGIES
    },
    "a lambda a run": {"regularizers": {"r1": torch.tensor([0.0, 0.5, 2.0]), "consensus": torch.tensor(0.1)}},
    "a schedule of lambdas": {"regularizers": {"r1": lambda step: torch.tensor([0.0, 0.1, 0.2]) * step}},
    "reweighted": {"strategy": "softmax", "pool_factor": 3, "reweight": True},
    "reweighted, selected": {"strategy": "softmax", "pool_factor": 3, "reweight": True, "d_fakes": "selected"},
    "uniform share": {
        "strategy": "top_k",
        "pool_factor": 3,
        "reweight": True,
        "strategy_options": {"uniform_share": 0.5},
    },
    "keep": {"strategy": "top_k", "keep_decay": 0.7, "steps_per_epoch": 2, "d_fakes": "selected", "loss": "hinge"},
    "through": {"strategy": "latent_ascent", "strategy_options": {"through": True}, "d_fakes": "selected"},
    "core set of features": {"strategy": "core_set", "strategy_options": {"space": "features"}, "pool_factor": 2},
    "everything": {
        "regularizers": dict.fromkeys(REGULARIZERS, 0.05),
        "strategy": "softmax",
        "pool_factor": 2,
        "d_steps": 2,
    },
}


def lams_of(settings: dict, k: int) -> dict:
    """Return the settings of run k alone."""

    def pick(lam: object) -> object:
        if callable(lam):
            return lambda step: float(lam(step)[k])
        return float(lam[k]) if isinstance(lam, Tensor) and lam.ndim else lam

    return {**settings, "regularizers": {name: pick(lam) for name, lam in settings.get("regularizers", {}).items()}}


@pytest.mark.parametrize("arm", ARMS)
def test_run_k_of_an_ensemble_is_the_run_alone(arm: str) -> None:
    settings = ARMS[arm]
    heads = 2 if settings.get("strategy") == "disagreement" else 1
    Gs, Ds, together = run(config(**settings), runs=3, seed=20, num_heads=heads)
    frame = together.frame()
    for k in (0, 2):
        G, D, alone = run(config(**lams_of(settings, k)), seed=20 + k, num_heads=heads)
        for nets, net in ((Gs, G), (Ds, D), (together.G_ema, alone.G_ema)):
            for mine, its in slices(k, nets, net):
                assert_near(mine, its)
        its_frame = alone.frame().drop(columns="run")
        mine_frame = frame[frame.run == k].drop(columns="run").reset_index(drop=True)
        assert list(mine_frame) == list(its_frame)
        np.testing.assert_allclose(mine_frame.to_numpy(), its_frame.to_numpy(), rtol=1e-3, atol=1e-5)
        assert together.num_calls == alone.num_calls


def test_runs_of_an_ensemble_differ() -> None:
    Gs, _, _ = run(config(), runs=2)
    assert all(not torch.equal(p[0], p[1]) for p in Gs.parameters())


def poison(net: nn.Module, k: int | None, at: int) -> Callable[[TrainState], None]:
    """Return a callback that breaks a weight of run k (of the only run for None) after step ``at``."""

    def callback(state: TrainState) -> None:
        if state.step == at:
            with torch.no_grad():
                weight = next(net.parameters())
                (weight if k is None else weight[k]).fill_(float("nan"))

    return callback


@pytest.mark.parametrize("arm", ["regularizer r1", "strategy softmax", "strategy core_set", "everything"])
def test_a_diverged_run_is_marked_and_stays_a_row_and_the_others_do_not_notice(arm: str) -> None:
    healthy_G, healthy_D, _ = run(config(**ARMS[arm]), runs=3)
    G, D = tiny(runs=3)
    history = al.train(
        G, D, RING, config(**ARMS[arm]), seed=0, progress=False, callbacks=[poison(G, 1, 4), poison(D, 1, 4)]
    )
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


def test_callbacks_see_the_state_after_every_step() -> None:
    seen: list[tuple[int, int]] = []
    run(config(num_steps=4), callbacks=[lambda s: seen.append((s.step, 1)), lambda s: seen.append((s.step, 2))])
    assert seen == [(step, which) for step in (1, 2, 3, 4) for which in (1, 2)]


def test_the_frame() -> None:
    settings = config(num_steps=12, regularizers={"r1": 0.1, "mode_seeking": 0.01, "consensus": 0.1})
    _, _, history = run(settings, runs=2, seed=7)
    frame = history.frame()
    assert list(frame)[:3] == ["run", "seed", "step"]
    wanted = {"loss_D", "loss_G", "R_r1", "R_mode_seeking", "R_consensus", "logit_real", "logit_fake"}
    assert set(frame) == wanted | {"run", "seed", "step"}
    assert frame.step.tolist() == [1, 1, 5, 5, 10, 10, 12, 12]
    assert frame.run.tolist() == [0, 1] * 4
    assert frame.seed.tolist() == [7, 8] * 4
    assert history.diverged_at.tolist() == history.equilibrium_at.tolist() == [-1, -1]
    assert np.isfinite(frame.to_numpy()).all()


def test_the_first_row_is_the_start() -> None:
    G, D = tiny(seed=2)
    x = RING.sample(8, generator=rng.stream(2, "data"))
    logits_real, logits_fake = D(x), D(G(torch.randn(8, 3, generator=rng.stream(2, "candidates 0"))))
    row = run(config(num_steps=1), seed=2)[2].frame().iloc[0]
    assert row.logit_real == pytest.approx(logits_real.mean().item(), abs=1e-6)
    assert row.logit_fake == pytest.approx(logits_fake.mean().item(), abs=1e-6)
    assert row.loss_D == pytest.approx(LOSSES["minimax"].D(logits_real, logits_fake).item(), abs=1e-6)


@pytest.mark.parametrize(("strategy", "calls"), [("random", 0), ("random_k", 0), ("top_k", 24), ("latent_ascent", 8)])
def test_num_calls_counts_what_was_scored_only_to_choose(strategy: str, calls: int) -> None:
    assert run(config(strategy=strategy, pool_factor=3))[2].num_calls == 10 * calls
    assert run(config(strategy=strategy, pool_factor=3, d_steps=2))[2].num_calls == 20 * calls


def test_training_leaves_the_global_stream_and_repeats_itself(capsys: pytest.CaptureFixture[str]) -> None:
    before = torch.get_rng_state()
    settings = config(strategy="softmax", pool_factor=2, regularizers={"dragan": 0.1, "mode_seeking": 0.1})
    one, other = run(settings, runs=2), run(settings, runs=2)
    assert torch.equal(before, torch.get_rng_state())
    assert same_weights(one[0], other[0])
    assert one[2].frame().equals(other[2].frame())
    assert capsys.readouterr() == ("", "")


def test_the_source_s_own_tensor_is_left_alone() -> None:
    class Same:
        x = normal(8, 2)

        def sample(self, n: int, generator: torch.Generator, device: str) -> Tensor:
            return self.x

    before = Same.x.clone()
    al.train(*tiny(), Same(), config(num_steps=2, regularizers={"r1": 0.1}), progress=False)
    assert torch.equal(Same.x, before)
    assert not Same.x.requires_grad


def test_the_loop_is_six_steps_on_one_screen() -> None:
    text = textwrap.dedent(inspect.getsource(training.train))
    function = ast.parse(text).body[0]
    docstring = function.body[0]
    assert len(text.splitlines()) - (docstring.end_lineno - docstring.lineno + 1) <= 50
    lines = [line.strip() for line in text.splitlines()]
    assert [line[2] for line in lines if line[:2] == "# " and line[2].isdigit() and line[3] == "."] == list("123456")

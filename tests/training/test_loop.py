"""The loop: runs of an ensemble, divergence, averages, history, and the six steps on one screen."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
from helpers import RING, assert_near, normal, slices, tiny
from torch import Tensor
from training.shared import config, run, same_weights

import algan_lite as al
from algan_lite.objective.losses import LOSSES, alpha
from algan_lite.objective.regularizers import REGULARIZERS
from algan_lite.selection.select import STRATEGIES
from algan_lite.training import BALANCES
from algan_lite.training import loop as training

POOL = {"pool_factor": 3}
ARMS: dict[str, dict] = {
    **{f"loss {name}": {"loss": name, "regularizers": {"r1": 0.1}} for name in LOSSES},
    "loss alpha(0.5, 1)": {"loss": alpha(0.5, 1), "regularizers": {"r1": 0.1}},
    **{f"regularizer {name}": {"regularizers": {name: 0.1}} for name in REGULARIZERS},
    **{f"relativistic with {name}": {"loss": "relativistic", "regularizers": {name: 0.1}} for name in REGULARIZERS},
    **{
        f"balance {name}": {"balance": name, "regularizers": {"r1": 0.1}, "augment": ["jitter"], "d_steps": 2}
        for name in BALANCES
    },
    **{f"strategy {name}": {"strategy": name} | POOL for name in STRATEGIES},
    **{f"strategy {name}, selected": {"strategy": name, "d_fakes": "selected"} | POOL for name in STRATEGIES},
    "a lambda a run": {"regularizers": {"r1": torch.tensor([0.0, 0.5, 2.0]), "consensus": torch.tensor(0.1)}},
    "a schedule of lambdas": {"regularizers": {"r1": lambda step: torch.tensor([0.0, 0.1, 0.2]) * step}},
    "reweighted": {"strategy": "softmax", "reweight": True} | POOL,
    "reweighted, selected": {"strategy": "softmax", "reweight": True, "d_fakes": "selected"} | POOL,
    "uniform share": {"strategy": "top_k", "reweight": True, "strategy_options": {"uniform_share": 0.5}} | POOL,
    "keep": {"strategy": "top_k", "keep_decay": 0.7, "steps_per_epoch": 2, "d_fakes": "selected", "loss": "hinge"},
    "through": {"strategy": "latent_ascent", "strategy_options": {"through": True}, "d_fakes": "selected"},
    "core set of features": {"strategy": "core_set", "strategy_options": {"space": "features"}, "pool_factor": 2},
    "augmented": {
        "augment": {"rotation": 0.4, "jitter": 0.2},
        "augment_p": 0.6,
        "regularizers": {"r1": 0.1, "dragan": 0.1},
    },
    "everything": {"regularizers": dict.fromkeys(REGULARIZERS, 0.05), "strategy": "softmax", "d_steps": 2} | POOL,
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


COSTS: dict[str, tuple[dict, int, int]] = {  # settings; passes through G to train on, and only to choose, of 8 latents
    "random": ({}, 8, 0),
    "random_k": ({"strategy": "random_k"} | POOL, 16, 0),
    "top_k": ({"strategy": "top_k"} | POOL, 16, 24),
    "top_k of N": ({"strategy": "top_k"}, 8, 0),
    "top_k, selected": ({"strategy": "top_k", "d_fakes": "selected"} | POOL, 8, 24),
    "keep": ({"strategy": "top_k", "keep_decay": 0.7, "steps_per_epoch": 2}, 8, 0),
    "core set of z": ({"strategy": "core_set"} | POOL, 16, 0),
    "softmax": ({"strategy": "softmax", "reweight": True} | POOL, 16, 24),
    "latent_ascent": ({"strategy": "latent_ascent"}, 16, 8),
    "three steps": ({"strategy": "latent_ascent", "strategy_options": {"steps": 3}, "d_fakes": "selected"}, 8, 24),
    "through": ({"strategy": "latent_ascent", "strategy_options": {"through": True}, "d_fakes": "selected"}, 16, 16),
    "through, all": ({"strategy": "latent_ascent", "strategy_options": {"through": True}}, 24, 16),
    "through in three": (
        {"strategy": "latent_ascent", "strategy_options": {"through": True, "steps": 3}, "d_fakes": "selected"}, 16, 48
    ),
}  # fmt: skip


@pytest.mark.parametrize("runs", [None, 2])
@pytest.mark.parametrize("arm", COSTS)
def test_num_calls_counts_all_that_passed_through_G_only_to_choose(arm: str, runs: int | None) -> None:
    settings, trained, chosen = COSTS[arm]
    G, D = tiny(runs=runs)
    passed: list[int] = []
    G.register_forward_hook(lambda net, inputs, out: passed.append(inputs[0].shape[-2]))  # no hook sees the door
    history = al.train(G, D, RING, config(num_steps=3, **settings), progress=False)
    assert history.num_calls == 3 * chosen
    assert sum(passed) == 3 * (trained + chosen)


def test_num_calls_counts_every_step_of_D() -> None:
    assert run(config(strategy="top_k", pool_factor=3, d_steps=2))[2].num_calls == 10 * 2 * 24
    through = config(strategy="latent_ascent", strategy_options={"through": True}, d_steps=2)
    assert run(through)[2].num_calls == 10 * (2 + 1) * 8  # G's own move faces the new D


@pytest.mark.parametrize(("d_steps", "d_fakes", "steps"), [(1, "all", 1), (1, "selected", 3), (2, "all", 1)])
def test_num_calls_counts_the_moves_before_the_new_D_too(d_steps: int, d_fakes: str, steps: int) -> None:
    options = {"through": True, "steps": steps}
    settings = config(strategy="latent_ascent", strategy_options=options, d_steps=d_steps, d_fakes=d_fakes)
    G, D = tiny()
    passed: list[int] = []
    handle = G.register_forward_hook(lambda net, inputs, out: passed.append(inputs[0].shape[-2]))
    history = al.train(G, D, RING, settings, progress=False)
    handle.remove()
    # In each step of D, and before G's: the moves, and what is trained on; "all": a plain draw. No hook sees the door.
    plain = 10 * 8 * (d_steps + 1) + (10 * 8 * d_steps if d_fakes == "all" else 0)
    assert history.num_calls == sum(passed) - plain == 10 * 8 * steps * (d_steps + 1)


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
    text = inspect.getsource(training.six_steps)
    assert len(text.splitlines()) <= 50
    lines = [line.strip() for line in text.splitlines()]
    assert [line[2] for line in lines if line[:2] == "# " and line[2].isdigit() and line[3] == "."] == list("123456")

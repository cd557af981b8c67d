"""The graph takes the steps that PyTorch takes: the same draws, choices and marks, and weights up to rounding."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from export.shared import onnxruntime  # noqa: F401 - skips without it
from helpers import RING, assert_near, tiny
from torch import Tensor, nn

import algan_lite as al
from algan_lite.export.engine import Graph, unfit
from algan_lite.training.state import TrainState

STEPS = 10  # a longer training is chaotic: agreement would be luck
LAMS = dict.fromkeys(al.REGULARIZERS, 0.3) | {"mode_seeking": 1e-3}
CONFIG = al.TrainConfig(num_steps=STEPS, batch_size=16, log_every=1, regularizers={"r1": 0.1}, strategy="top_k")
KINDS = {f"loss {name}": {"loss": name} for name in al.LOSSES}
KINDS |= {f"R {name}": {"regularizers": {name: LAMS[name]}} for name in al.REGULARIZERS}
KINDS |= {f"strategy {name}": {"strategy": name, "pool_factor": 2} for name in al.STRATEGIES}
KINDS |= {
    "LOGAN": {
        "strategy": "latent_ascent",
        "strategy_options": {"through": True},
        "d_fakes": "selected",
        "regularizers": {"transport": 0.1},
    },
    "keep": {"keep_decay": 0.7, "steps_per_epoch": 3},
    "keep, selected": {"keep_decay": 0.7, "steps_per_epoch": 3, "d_fakes": "selected", "pool_factor": 2},
    "selected": {"strategy": "softmax", "pool_factor": 2, "reweight": True, "d_fakes": "selected"},
    "schedule": {"regularizers": {"r2": lambda step: 0.1 * step, "lecam": 0.3}, "lr_D": 3e-3},
    "pool of one batch": {"strategy": "uncertain", "loss": "relativistic"},
}


def trained(
    config: al.TrainConfig, engine: str, runs: int | None, seed: int = 0, **options: object
) -> tuple[TrainState, al.History]:
    heads = 3 if config.strategy == "disagreement" else 1
    states: list[TrainState] = []
    pair = tiny(runs, seed=seed, width=16, depth=2, num_heads=heads)
    history = al.train(
        *pair, RING, config, seed=seed, engine=engine, callbacks=[states.append], progress=False, **options
    )
    return states[-1], history


def flat(values: list[Tensor], runs: int | None) -> Tensor:
    return torch.cat([value.detach().reshape(runs or 1, -1) for value in values], -1)


def assert_same(mine: TrainState, its: TrainState, share: float = 1e-5) -> None:
    """Compare weights tensor by tensor, within ``share`` of their norm, and moments player by player, run by run.

    Where one run's norm is below the mean over the runs, that counts: a bias that is one number may just cross 0.
    A weight whose gradients are nothing but rounding is left out: Adam turns 7e-9 into 6e-4.
    """
    for player in "GD":
        nets = [getattr(state, player) for state in (mine, its)]
        moments = [
            [state.optimizers[player].state[p] for p in net.parameters()]
            for state, net in zip((mine, its), nets, strict=True)
        ]
        for name in ("exp_avg", "exp_avg_sq"):
            ours, theirs = (flat([memory[name] for memory in all_of], its.runs) for all_of in moments)
            assert bool(((ours - theirs).norm(dim=-1) <= 10 * share * theirs.norm(dim=-1)).all()), (player, name)
        sizes = [memory["exp_avg_sq"].max().sqrt() for memory in moments[1]]
        for (name, its_weight), my_weight, size in zip(
            nets[1].named_parameters(), nets[0].parameters(), sizes, strict=True
        ):
            gap, norm = (flat([v], its.runs).norm(dim=-1) for v in (my_weight - its_weight, its_weight))
            near = bool((gap <= share * norm.clamp_min(norm.mean())).all())
            assert near or size < 1e-6 * max(sizes), (player, name, gap / norm)
    for mine_average, its_average in zip(mine.history.G_ema.parameters(), its.history.G_ema.parameters(), strict=True):
        assert_near(mine_average, its_average, share)


OTHER_RUNS = [("loss hinge", 1), ("R r1", 1), ("R wgan_gp", 16), ("strategy softmax", 16), ("pool of one batch", 16)]


@pytest.mark.parametrize(("kind", "runs"), [*((kind, runs) for kind in KINDS for runs in (None, 4)), *OTHER_RUNS])
def test_graph_is_eager(kind: str, runs: int | None) -> None:
    config = replace(CONFIG, **KINDS[kind])
    (graph, mine), (eager, its) = (trained(config, engine, runs) for engine in ("graph", "eager"))
    assert_same(graph, eager)
    assert mine.num_calls == its.num_calls
    assert torch.equal(mine.diverged_at, its.diverged_at)
    one, other = mine.frame(), its.frame()
    assert list(one) == list(other)
    for name in other:
        scale = other[name].abs().max()
        assert (one[name] - other[name]).abs().max() <= 2e-5 * scale + 1e-6, name


def test_fifty_seeds() -> None:
    """Ten steps of the bed that speed is measured on: a run in fifty that differed would be seen."""
    config = replace(CONFIG, batch_size=64)
    seeds, source, states = range(50), al.data.ring(), {}
    for engine in ("graph", "eager"):
        pair = al.models.ensemble(al.models.mlp_pair, seed=seeds, width=32)
        kept: list[TrainState] = []
        al.train(*pair, source, config, seed=seeds, engine=engine, callbacks=[kept.append], progress=False)
        states[engine] = kept[-1]
    assert_same(states["graph"], states["eager"])


@pytest.mark.parametrize("runs", [4, 16])
def test_a_row_is_that_run_alone(runs: int) -> None:
    """Within 1e-6 of each tensor's norm, for the first, a middle and the last run."""
    config = replace(CONFIG, regularizers={"r1": 0.1, "lecam": 0.3})
    together, _ = trained(config, "graph", runs)
    for k in (0, runs // 2, runs - 1):
        alone, _ = trained(config, "graph", 1, seed=k)
        for mine, its in ((together.G, alone.G), (together.D, alone.D)):
            for name, weight in its.member(0).named_parameters():
                assert_near(dict(mine.member(k).named_parameters())[name], weight, 1e-6)


def test_every_run_has_its_own_lambda() -> None:
    lams = torch.tensor([0.0, 0.1, 10.0])
    graph, mine = trained(replace(CONFIG, regularizers={"r1": lams}), "graph", 3)
    eager, _ = trained(replace(CONFIG, regularizers={"r1": lams}), "eager", 3)
    assert_same(graph, eager)
    assert mine.frame()["R_r1"].iloc[-3:].is_monotonic_decreasing


@pytest.mark.parametrize(("first", "then"), [("graph", "eager"), ("eager", "graph"), ("graph", "graph")])
@pytest.mark.parametrize("runs", [None, 3])
def test_one_engine_continues_what_another_began(first: str, then: str, runs: int | None, tmp_path: Path) -> None:
    path, config = tmp_path / "run.safetensors", replace(CONFIG, regularizers={"lecam": 0.3})
    whole, history = trained(config, first, runs)
    trained(replace(config, num_steps=4), first, runs, checkpoint=path)
    resumed, its = trained(config, then, runs, checkpoint=path, resume=True)
    assert_same(resumed, whole)
    assert list(history.frame()) == list(its.frame())
    assert len(history.frame()) == len(its.frame())
    if first == then:  # to the last bit
        for mine, other in zip(resumed.G.parameters(), whole.G.parameters(), strict=True):
            assert torch.equal(mine, other)


def test_a_run_that_diverges_is_marked_and_the_others_do_not_notice() -> None:
    results = {}
    for engine in ("graph", "eager"):
        G, D = tiny(3, width=16, depth=2)
        with torch.no_grad():
            next(G.parameters())[1].fill_(torch.inf)
        results[engine] = G, al.train(G, D, RING, CONFIG, engine=engine, progress=False)
    marks = [history.diverged_at for _, history in results.values()]
    assert torch.equal(*marks)
    assert marks[0].tolist()[0] == marks[0].tolist()[2] == -1
    assert marks[0].tolist()[1] > 0
    mine, its = (G.member(2) for G, _ in results.values())
    for weight, other in zip(mine.parameters(), its.parameters(), strict=True):
        assert_near(weight, other)


def test_what_a_callback_sees_is_the_present() -> None:
    seen: dict[str, list[Tensor]] = {"graph": [], "eager": []}
    for engine, kept in seen.items():
        look = lambda state, kept=kept: kept.append(next(state.G.parameters()).detach().clone())  # noqa: E731
        al.train(*tiny(), RING, CONFIG, engine=engine, callbacks=[look], progress=False)
    assert len(seen["graph"]) == STEPS
    for mine, its in zip(*seen.values(), strict=True):
        assert_near(mine, its)


def test_the_stopping_rule_looks_at_the_present() -> None:
    rule = al.Equilibrium(tolerance=0.5, patience=2, every=3, num_samples=64)
    (graph, mine), (eager, its) = (trained(replace(CONFIG, equilibrium=rule), e, 2) for e in ("graph", "eager"))
    assert graph.step == eager.step == 6
    assert torch.equal(mine.equilibrium_at, its.equilibrium_at)
    assert_near(graph.watch.accuracy, eager.watch.accuracy, 1e-3)


CANNOT = {
    "several steps of D": (tiny, {"d_steps": 2}, "d_steps must be 1"),
    "a rule of balance": (tiny, {"balance": "gap_aware"}, "balance must be None"),
    "convolutions": (al.models.conv_pair, {}, "no translation into ONNX"),
    "float64": (lambda: [net.double() for net in tiny()], {}, "float32"),
}


@pytest.mark.parametrize("case", CANNOT)
def test_what_the_graph_cannot_do_eager_does_and_says_why(case: str) -> None:
    pair, options, reason = CANNOT[case]
    config = replace(CONFIG, num_steps=2, batch_size=4, **options)
    source = RING if pair is not al.models.conv_pair else al.data.array(torch.rand(40, 1, 28, 28))
    found = []
    for engine in ("eager", "graph"):
        G, D = pair()
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            al.train(G, D, source, config, engine=engine, progress=False)
        found.append(next(G.parameters()).detach())
    assert torch.equal(*found)
    assert [reason in str(warning.message) for warning in said] == [True]
    assert said[0].filename == __file__
    assert reason in unfit(config, *pair())


def test_unfit_says_nothing_of_what_the_graph_can_do() -> None:
    assert unfit(CONFIG, *tiny()) is None
    assert unfit(CONFIG, *tiny(2)) is None


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=f"pip install {package}$"):
        al.train(*tiny(), RING, CONFIG, engine="graph", progress=False)
    assert f"pip install {package}" in unfit(CONFIG, *tiny())


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ValueError, match=r"engine must be one of eager, graph; got 'onnx'"):
        al.train(*tiny(), RING, CONFIG, engine="onnx", progress=False)


def test_a_sigmoid_at_the_end_of_D_is_said() -> None:
    G, D = tiny()
    D.outputs[0] = nn.Sequential(D.outputs[0], nn.Sigmoid())
    with pytest.warns(UserWarning, match="D seems to end in a sigmoid") as said:
        al.train(G, D, RING, replace(CONFIG, num_steps=2), engine="graph", progress=False)
    assert said[0].filename == __file__


def test_an_interrupt_leaves_the_networks_at_the_last_whole_step(tmp_path: Path) -> None:
    def interrupt(state: TrainState) -> None:
        if state.step == 3:
            raise KeyboardInterrupt

    path, (G, D) = tmp_path / "run.safetensors", tiny()
    with pytest.raises(KeyboardInterrupt):
        al.train(G, D, RING, CONFIG, engine="graph", callbacks=[interrupt], checkpoint=path, progress=False)
    al.train(G, D, RING, CONFIG, engine="graph", checkpoint=path, resume=True, progress=False)
    whole = tiny()
    al.train(*whole, RING, CONFIG, engine="graph", progress=False)
    for mine, its in zip(G.parameters(), whole[0].parameters(), strict=True):
        assert torch.equal(mine, its)


def test_a_session_has_one_thread() -> None:
    """Several chunks at once share the cores: none takes a second one."""
    state = TrainState.start(*tiny(2), CONFIG, 0)
    assert Graph(state).session.get_session_options().intra_op_num_threads == 1


def test_a_callback_that_does_not_look_spares_the_writing() -> None:
    G, D = tiny()
    first = next(G.parameters()).detach().clone()
    seen: list[bool] = []

    def note(state: TrainState) -> None:
        seen.append(torch.equal(next(G.parameters()), first))

    note.looks = False
    al.train(G, D, RING, CONFIG, engine="graph", callbacks=[note], progress=False)
    assert seen == [True] * STEPS
    assert not torch.equal(next(G.parameters()), first)

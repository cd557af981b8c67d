"""Which runs train together, and on which engine."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from studies.crew import FEW, pair, same, sweep

import algan_lite as al
from algan_lite.studies import groups as module
from algan_lite.studies.groups import Group, together

runs_module = sys.modules["algan_lite.studies.runs"]
ARMS = {"weak": FEW, "strong": replace(FEW, regularizers={"r1": 3.0}), "other": replace(FEW, loss="hinge")}


def grouped(arms: dict, seeds: int, done: object = (), most: int = 64, workers: int = 1, engine: str = "graph") -> list:
    return list(together(arms, range(seeds), set(done), engine_of=lambda arm: engine, most=most, workers=workers))


def sizes(seeds: int, **options: object) -> list[int]:
    return [len(group.runs) for group in grouped({"a": FEW}, seeds, **options)]


@pytest.mark.parametrize(
    ("seeds", "workers", "most", "expected"),
    [
        (1, 1, 64, [1]),
        (16, 1, 64, [16]),
        (17, 1, 64, [8, 9]),
        (20, 1, 64, [10, 10]),
        (50, 1, 64, [12, 13, 12, 13]),
        (20, 1, 5, [5, 5, 5, 5]),
        (40, 2, 64, [10, 10, 10, 10]),
        (16, 2, 64, [8, 8]),
        (6, 2, 64, [6]),
        (20, 16, 64, [4, 4, 4, 4, 4]),
    ],
)
def test_graphs_are_even_small_and_enough(seeds: int, workers: int, most: int, expected: list[int]) -> None:
    assert sizes(seeds, workers=workers, most=most) == expected


def test_ensembles_are_as_large_as_they_may_be() -> None:
    assert sizes(70, engine="eager") == [64, 6]
    assert sizes(5, most=2, engine="eager", workers=2) == [2, 2, 1]


def test_runs_train_together_if_seeds_and_constant_lambdas_are_all_that_differs() -> None:
    found = grouped(ARMS, 2)
    assert [group.runs for group in found] == [
        (("weak", 0), ("weak", 1), ("strong", 0), ("strong", 1)), (("other", 0), ("other", 1))
    ]  # fmt: skip


@pytest.mark.parametrize("engine", ["graph", "eager"])
def test_what_is_left_trains_in_the_groups_that_it_would_have_had(engine: str) -> None:
    whole = grouped(ARMS, 40, engine=engine)
    done = set(whole[1].runs)
    assert grouped(ARMS, 40, done, engine=engine) == [group for group in whole if group != whole[1]]
    assert not grouped(ARMS, 40, [run for group in whole for run in group.runs], engine=engine)


def test_halves_hold_all_runs_and_one_run_has_none() -> None:
    group = Group((("a", 0), ("a", 1), ("a", 2)), "graph")
    assert [half.runs for half in group.halves()] == [group.runs[:1], group.runs[1:]]
    assert {half.engine for half in group.halves()} == {"graph"}
    assert Group((("a", 0),)).halves() == ()


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Let a fake engine run what is no hinge; return what each training ran on, with its number of runs."""
    taken: list[tuple[str, int]] = []
    real = runs_module.train

    def unfit(config: al.TrainConfig, networks: object) -> str | None:
        return "hinge has no graph" if config.loss == "hinge" else None

    def train(*args: object, engine: str = "eager", **options: object) -> object:
        taken.append((engine, len(options["seed"])))
        return real(*args, **options)

    monkeypatch.setattr(module, "_unfit", unfit)
    monkeypatch.setattr(runs_module, "train", train)
    return taken


@pytest.mark.parametrize("grouping", [{"runs_at_once": 3}, {"runs_at_once": 1}, {"seeds": [8, 3]}, {"seeds": [5]}])
def test_a_row_of_the_graph_does_not_depend_on_its_group(grouping: dict) -> None:
    pytest.importorskip("onnxruntime", reason="the package onnxruntime is not installed")
    config = al.TrainConfig(num_steps=60, batch_size=20, strategy="top_k", regularizers={"r1": 0.1, "lecam": 0.1})
    options = {
        "configs": {"a": config, "b": replace(config, regularizers={"r1": 1.0, "lecam": 0.1})},
        "engine": "graph",
    }
    whole = sweep(**options, seeds=range(9))
    assert whole.attrs["engines"] == {"a": ("graph", "it can")}
    some = sweep(**options, **{"seeds": range(9), **grouping})
    kept = (
        whole[whole["seed"].isin(some["seed"].unique())]
        .set_index(["arm", "seed"])
        .loc[list(zip(some["arm"], some["seed"], strict=True))]
    )
    same(some, kept.reset_index())


def test_auto_takes_the_graph_where_it_can(engines: list) -> None:
    options = {"configs": ARMS, "seeds": range(9), "runs_at_once": 64}
    table = sweep(**options, engine="auto")
    assert engines == [("graph", 9), ("graph", 9), ("eager", 9)]
    same(table, sweep(**{**options, "runs_at_once": 9}))
    engines.clear()
    sweep(**options, engine="eager")
    assert engines == [("eager", 18), ("eager", 9)]


def test_graph_is_refused_where_it_cannot_be(engines: list) -> None:
    message = "engine must be 'auto' or 'eager' for arm 'other': hinge has no graph; got 'graph'"
    with pytest.raises(ValueError, match=message):
        sweep(configs=ARMS, engine="graph")
    assert not engines
    with pytest.raises(ValueError, match="engine must be one of auto, graph, eager; got 'onnx'"):
        sweep(engine="onnx")


def test_networks_that_cannot_be_made_are_no_reason_to_stop(engines: list, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with pytest.warns(RuntimeWarning, match="2 of 8 runs failed"):
        table = sweep(engine="auto", sizes={"bad": (0,)})
    assert table["error"].str.contains("seed must be another").sum() == 2
    with pytest.raises(ValueError, match="for arm 'a'"):
        sweep(engine="graph", pair=pair, sizes={"bad": (0,)})

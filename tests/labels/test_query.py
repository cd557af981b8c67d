"""The contract of every query, and what the door refuses."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from helpers import untouched
from labels.shared import Nearest, X, Y, needs, pair, pool
from torch import Tensor

from algan_lite.labels import QUERIES, Pool, Question, activeml, given, query

NAMES = (
    "random", "margin", "entropy", "core_set", "badge", "typi_clust", "prob_cover", "gold", "gaal", "unlike_labeled",
    "residual", "g_disagreement",
)  # fmt: skip
OPTIONS = {"prob_cover": {"num_classes": 3}, "residual": {"steps": 2}, "g_disagreement": {"steps": 2}}


def ask(name: str, its: Pool, n: int = 5, **changes: object) -> Tensor:
    return query(its, name, n, **{"seed": 0, **needs(name), **OPTIONS.get(name, {}), **changes})


def test_the_table_holds_what_the_book_speaks_of() -> None:
    assert tuple(QUERIES) == NAMES
    assert all(entry.doc.endswith(".") and entry.source for entry in QUERIES.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_query_names_samples_without_a_label_and_asks_nobody(name: str) -> None:
    its = pool((3, 17, 4))
    chosen = ask(name, its)
    assert chosen.shape == (5,)
    assert chosen.dtype == torch.int64
    assert len(set(chosen.tolist()) - {3, 4, 17}) == 5
    assert its.spent == 3
    everything = ask(name, its, 27)
    assert sorted(everything.tolist()) == its.unlabeled.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_says_all_and_the_global_generator_nothing(name: str) -> None:
    its, state = pool(), torch.random.get_rng_state()
    first = ask(name, its)
    np.random.seed(len(name))  # noqa: NPY002 - what a library may read behind our back
    torch.manual_seed(len(name))
    assert torch.equal(first, ask(name, its))
    others = [ask(name, its, seed=seed) for seed in range(1, 9)]
    assert any(not torch.equal(first, other) for other in others) or not QUERIES[name].draws or name in SETTLED
    torch.random.set_rng_state(state)


SETTLED = ("core_set", "prob_cover")  # only ties are left to chance


@pytest.mark.parametrize("name", NAMES)
def test_labels_that_nobody_paid_for_change_nothing(name: str) -> None:
    other = Y + 1
    other[[0, 1]] = Y[[0, 1]]
    chosen = [ask(name, Pool(X, truth.__getitem__, labeled=[0, 1])) for truth in (Y, other)]
    assert torch.equal(*chosen)


@pytest.mark.parametrize("name", ["gold", "gaal", "residual", "g_disagreement"])
def test_networks_are_left_as_they_were(name: str) -> None:
    its = needs(name)
    with untouched(its["G"], its["D"]):
        query(pool(), name, 3, seed=0, **its, **OPTIONS.get(name, {}))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_query_needs_is_said(name: str) -> None:
    for lacking in QUERIES[name].needs:
        with pytest.raises(ValueError, match=rf"query '{name}' needs {lacking}=.*; got None"):
            ask(name, pool(), **{lacking: None})


def test_a_function_of_ones_own_and_known_scores_are_strategies() -> None:
    def most_right(question: Question) -> Tensor:
        return question.candidates[:, 0]

    its = pool()
    by_hand = [k for k in X[:, 0].argsort(descending=True).tolist() if k not in (0, 1)]
    assert query(its, most_right, 6).tolist() == by_hand[:6]
    assert query(its, given(X[:, 0]), 6).tolist() == by_hand[:6]
    flat = torch.zeros(30)
    assert query(its, given(flat), 4).tolist() == [2, 3, 4, 5]
    flat[[7, 9]] = torch.tensor([torch.nan, 1.0])
    assert query(its, given(flat), 27).tolist()[:2] == [9, 2]
    with pytest.raises(ValueError, match=r"utilities must hold 28 or more that are above -inf; got 27"):
        query(its, given(flat), 28)


def test_any_strategy_of_scikit_activeml_answers_with_our_model_or_with_its_own() -> None:
    from skactiveml.classifier import ParzenWindowClassifier
    from skactiveml.pool import QueryByCommittee, UncertaintySampling

    its, ours = pool((0, 1, 2)), Nearest()
    strategy = UncertaintySampling(method="margin_sampling", random_state=0)
    assert torch.equal(query(its, strategy, 4, model=ours), query(its, "margin", 4, model=ours))
    theirs = ParzenWindowClassifier(classes=range(3), random_state=0)
    assert len(set(query(its, strategy, 4, model=theirs).tolist()) - {0, 1, 2}) == 4
    committee = QueryByCommittee(random_state=0)
    chosen = query(its, committee, 2, ensemble=[theirs, ParzenWindowClassifier(classes=range(3), class_prior=1.0)])
    assert len(chosen) == 2
    with pytest.raises(TypeError, match=r"QueryByCommittee has the options .*; got committee="):
        query(its, committee, 2, committee=[])
    with pytest.raises(ValueError, match=r"UncertaintySampling needs model="):
        query(its, strategy, 2)
    said = activeml._said(np.zeros((2, 1)), np.full((2, 3), 1 / 3))
    with pytest.raises(ValueError, match=r"model must be a classifier of scikit-activeml"):
        said.predict_proba(np.ones((2, 1)))


def test_without_scikit_activeml_the_extra_is_named_and_the_others_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skactiveml.pool", None)
    with pytest.raises(ImportError, match=r"\(the extra labels\): pip install scikit-activeml"):
        ask("badge", pool())
    for name in ("random", "margin", "entropy", "gold", "gaal", "unlike_labeled", "residual"):
        assert len(ask(name, pool())) == 5


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"n": 29}, ValueError, r"n must be in \[1, 28\]; got 29"),
        ({"n": 0}, ValueError, r"n must be in \[1, 28\]; got 0"),
        ({"pool": X}, TypeError, "pool must be a Pool; got Tensor"),
        ({"strategy": "bald"}, ValueError, "query must be one of random, margin, .*; got 'bald'"),
        ({"strategy": 3}, TypeError, "strategy must be a name .*; got 3"),
        ({"strategy": lambda question: X}, ValueError, r"utilities must be \(28,\), one a candidate"),
        ({"strategy": "random", "seed": None}, ValueError, "exactly one of generator= and seed="),
        ({"temperature": 1}, ValueError, "options of query margin must be one of none; got 'temperature'"),
        ({"strategy": "gold", "sign": 0}, ValueError, "sign must be 1 or -1; got 0"),
        ({"strategy": "gold", "loss": "hinge"}, ValueError, "loss must be one of .*; got 'hinge'"),
        ({"strategy": "gold", "D": lambda x: x}, ValueError, r"D\(x\) must have shape \(28,\)"),
        ({"strategy": "gaal", "tries": 0}, ValueError, r"tries must be in \[1, inf\)"),
        ({"strategy": "g_disagreement", "G": pair()[0]}, ValueError, "G must be an Ensemble of 2 or more"),
        ({"strategy": "core_set", "features": lambda x: x[:, 0]}, ValueError, r"features\(x\) must have shape"),
        ({"strategy": given(torch.zeros(3))}, ValueError, r"scores must be \(30,\)"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict, error: type[Exception], words: str) -> None:
    call = {"pool": pool(), "strategy": "margin", "n": 3, "seed": 0, **needs("margin"), **arguments}
    with pytest.raises(error, match=words):
        query(**call)

"""The loop and its curve."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from labels.shared import CENTERS, Nearest, X, Y, pool
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelSpreading

from algan_lite.labels import Pool, area, error_rate, from_sklearn, labels_to_reach, learning_curve, query

LEARNERS = {
    "logistic": from_sklearn(LogisticRegression, num_classes=3),
    "spreading": from_sklearn(lambda: LabelSpreading(kernel="knn", n_neighbors=9), num_classes=3, semi=True),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_a_curve_is_the_loop_by_hand(name: str) -> None:
    learner, asked = LEARNERS[name], torch.Generator().manual_seed(7)
    its, errors = pool((0, 1), budget=8), []
    for k in range(4):
        model = learner(its)
        wrong = sum(int(p.argmax() != y) for p, y in zip(model.predict_proba(X), Y, strict=True))
        errors.append(wrong / 30)
        if k < 3:
            its.ask(query(its, "margin", 2, model=model, generator=asked))
    again = pool((0, 1), budget=8)
    curve = learning_curve(again, learner, "margin", X, Y, query_size=2, rounds=3, seed=0)
    assert curve.labels.tolist() == [2, 4, 6, 8]
    np.testing.assert_allclose(curve.errors, errors)
    assert curve.asked.tolist() == its.labeled.tolist()
    assert again.left == 0
    assert curve.area == pytest.approx(np.mean([(a + b) / 2 for a, b in pairwise(errors)]))
    assert curve.seconds > 0
    assert errors[0] >= 0.3  # no label of the third class at first
    assert errors[-1] == 0


def test_the_start_decides_nothing_for_an_oracle_that_is_never_asked() -> None:
    curve = learning_curve(pool((4,)), lambda its: Nearest(), "random", X, Y, rounds=0, seed=0)
    assert (curve.labels.tolist(), curve.asked.tolist(), curve.seconds) == ([1], [4], 0.0)
    assert curve.area == curve.errors[0] == 0


@pytest.mark.parametrize("options", [{"labeled": ()}, {"labeled": (0,), "budget": 4}])
def test_a_pool_without_a_start_or_without_the_money_is_refused(options: dict) -> None:
    with pytest.raises(ValueError, match=r"pool must hold a label or more and a budget that leaves 2 x 2"):
        learning_curve(pool(**options), LEARNERS["logistic"], "random", X, Y, query_size=2, rounds=2, seed=0)


def test_a_model_speaks_of_classes_that_it_has_not_met() -> None:
    learner = from_sklearn(LogisticRegression, num_classes=5)
    its = Pool(X, Y.__getitem__, labeled=[1, 2, 4])  # classes 1 and 2
    p = learner(its).predict_proba(CENTERS)
    assert p.shape == (3, 5)
    torch.testing.assert_close(p.sum(1), torch.ones(3, dtype=torch.float64))
    assert (p[:, [0, 3, 4]] == 0).all()
    assert p[1:, 1:3].argmax(1).tolist() == [0, 1]


def test_a_sample_that_no_label_reaches_has_equal_probabilities() -> None:
    p = LEARNERS["spreading"](pool((0, 1))).predict_proba(CENTERS)  # three clusters, two of them with a label
    torch.testing.assert_close(p, torch.tensor([[1.0, 0, 0], [0, 1, 0], [0.5, 0.5, 0]], dtype=torch.float64))


def test_features_are_what_the_learner_sees() -> None:
    seen = []

    def features(x: torch.Tensor) -> torch.Tensor:
        seen.append(len(x))
        return x[:, :1]

    learner = from_sklearn(LogisticRegression, features=features, num_classes=3)
    model = learner(pool((0, 1, 2)))
    assert error_rate(model, X, Y) == pytest.approx(1 / 3, abs=0.05)  # the first coordinate cannot tell 0 from 2
    assert seen == [3, 30]
    with pytest.raises(ValueError, match=r"num_classes must be in \[2, inf\); got 1"):
        from_sklearn(LogisticRegression, num_classes=1)


def test_area_and_labels_by_hand() -> None:
    labels, errors = [20, 40, 100], [0.5, 0.3, 0.1]
    assert area(labels, errors) == pytest.approx((20 * 0.4 + 60 * 0.2) / 80)
    assert area([5], [0.25]) == 0.25
    assert labels_to_reach(labels, errors, 0.5) == 20
    assert labels_to_reach(labels, errors, 0.35) == pytest.approx(35)
    assert labels_to_reach(labels, errors, 0.2) == pytest.approx(70)
    assert labels_to_reach(labels, errors, 0.05) == float("inf")
    assert labels_to_reach([1, 2, 3, 4], [0.4, 0.2, 0.3, 0.1], 0.25) == pytest.approx(1.75)  # the first time
    for wrong in ([40, 20, 100], [20, 20, 100], [20, 40]):
        with pytest.raises(ValueError, match="labels must ascend"):
            area(wrong, errors)
    with pytest.raises(ValueError, match=r"error must be in \[0, 1\]"):
        labels_to_reach(labels, errors, 1.5)

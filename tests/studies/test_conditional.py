"""The study of conditional digits: measures by hand, sentinels with known faults, and the choice within a class."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from helpers import normal

import algan_lite as al
from algan_lite.metrics.digits import digit_features
from algan_lite.models import conditional_pair
from algan_lite.studies.conditional import (
    CHOOSES,
    IN_EACH_CLASS,
    PLAIN,
    SIZES,
    answers,
    conditional_runs,
    measured_by_class,
    sentinel_runs,
)

MNIST = al.data.mnist()
SHORT = replace(PLAIN, num_steps=2, batch_size=8)


def test_the_answers_have_one_noise_and_all_classes() -> None:
    G, _ = conditional_pair(**SIZES)
    z = normal(3, 16)
    made = answers(G, z)
    assert made.shape == (10, 3, 1, 28, 28)
    for c in (0, 7):
        pairs = G(al.models.ask_for(z, torch.full((3,), c)))
        torch.testing.assert_close(made[c].flatten(1), pairs[:, :784])
        assert (pairs[:, 784:].argmax(-1) == c).all()
    both = al.models.ensemble(conditional_pair, seed=[0, 1], **SIZES)[0]
    torch.testing.assert_close(answers(both, z)[0], made)


def test_the_measures_are_those_of_the_table_class_by_class() -> None:
    x = normal(2, 10, 8, 1, 28, 28).clamp(-1, 1)
    found = measured_by_class(x, MNIST, "validation")
    own = [MNIST.validation[MNIST.validation_labels == c] for c in range(10)]
    for name in ("kid", "precision", "recall", "coverage"):
        by_hand = sum(al.METRICS[f"digit_{name}"](x[1, c], own[c]) for c in range(10)) / 10
        torch.testing.assert_close(found[f"class_{name}"][1], by_hand, rtol=1e-4, atol=1e-4)
    whole = al.METRICS["kid"](digit_features(x[1].flatten(0, 1)), digit_features(MNIST.validation))
    torch.testing.assert_close(found["digit_kid"][1], whole, rtol=1e-4, atol=1e-3)


def test_reals_of_the_class_obey_and_those_of_the_next_do_not() -> None:
    own = torch.stack([MNIST.test[MNIST.test_labels == c][:20] for c in range(10)])
    assert measured_by_class(own, MNIST)["asked"] > 0.97
    moved = measured_by_class(own.roll(1, 0), MNIST)
    assert moved["asked"] < 0.03
    assert moved["class_kid"] > 500
    torch.testing.assert_close(moved["digit_kid"], measured_by_class(own, MNIST)["digit_kid"])


def test_sentinels_have_the_faults_that_they_are_named_for() -> None:
    found = {name: sentinel_runs(name, [1, 2], 30) for name in ("copycat", "copies", "one a class", "perfect")}
    assert (found["copies"]["class_kid"] < 40).all()
    assert (found["perfect"]["asked"] > 0.97).all()
    assert (found["one a class"]["asked"] == 1).all()
    assert (found["one a class"]["class_recall"] < 0.05).all()
    assert (found["one a class"]["class_kid"] > 10 * found["copies"]["class_kid"].mean()).all()
    assert (found["copycat"]["digit_kid"] < 10).all()  # real digits ...
    assert (found["copycat"]["asked"] < 0.25).all()  # ... of any class
    assert (found["copycat"]["class_kid"] > 1000).all()


def test_a_seed_has_its_numbers_whatever_else_trains() -> None:
    both = conditional_runs(SHORT, "projection", [7, 8], 6, "validation", "eager")
    alone = conditional_runs(SHORT, "projection", [8], 6, "validation", "eager")
    assert both["seed"].tolist() == [7, 8]
    for name in ("class_kid", "digit_kid"):
        assert both[name][1] == pytest.approx(alone[name][0], rel=1e-4)
    assert (both["diverged_at"] == -1).all()


def test_the_choice_within_a_class_takes_the_best_of_each() -> None:
    _, D = conditional_pair(**SIZES)
    G, _ = conditional_pair(**SIZES, seed=2)
    z = normal(60, 26)
    with torch.no_grad():
        logits, asked = D(G(z)), z[:, 16:].argmax(-1)
    chosen = al.select_noise(G, D, z, 30, IN_EACH_CLASS).indices
    for c in range(10):
        places = (asked == c).nonzero().squeeze(1)
        mine = [k for k in chosen.tolist() if asked[k] == c]
        assert abs(len(mine) - len(places) / 2) <= 1
        best = places[logits[places].argsort(descending=True)][: len(mine)]
        assert set(mine) == set(best.tolist())


@pytest.mark.parametrize("strategy", ["top_k", IN_EACH_CLASS])
def test_a_choice_among_the_batch_costs_no_pass(strategy: object) -> None:
    config = replace(SHORT, strategy=strategy, **CHOOSES)
    G, D = conditional_pair(**SIZES)
    history = al.train(G, D, al.data.with_labels(MNIST), config, progress=False)
    assert history.num_calls == 0

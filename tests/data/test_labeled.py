"""Pairs of a sample and its class."""

from __future__ import annotations

import pytest
import torch
from helpers import normal

import algan_lite as al

LABELS = torch.arange(40) % 4
SOURCE = al.data.array(normal(40, 1, 2, 3), LABELS)
PAIRS = al.data.with_labels(SOURCE)


def test_pairs_are_the_samples_with_their_classes() -> None:
    pairs = al.data.with_labels(SOURCE)
    assert pairs.sample_shape == (10,)
    assert (pairs.classes, pairs.own_shape) == (4, (1, 2, 3))
    for part in ("train", "validation", "test"):
        x, labels = pairs.split(getattr(pairs, part))
        assert torch.equal(x, getattr(SOURCE, part))
        assert torch.equal(labels, getattr(SOURCE, f"{part}_labels"))
        assert torch.equal(getattr(pairs, f"{part}_labels"), labels)
        assert torch.equal(pairs.join(x, labels), getattr(pairs, part))


def test_a_draw_is_that_of_the_samples_and_runs_have_their_own() -> None:
    pairs = al.data.with_labels(SOURCE)
    drawn = pairs.sample(9, generator=[al.rng.stream(seed, "data") for seed in (1, 2)])
    x, labels = pairs.split(drawn)
    assert torch.equal(x[1], SOURCE.sample(9, seed=2))
    assert labels.shape == (2, 9)
    own = {tuple(row.tolist()): int(y) for row, y in zip(pairs.train[:, :6], pairs.train_labels, strict=True)}
    assert [own[tuple(row.tolist())] for row in x[0].flatten(1)] == labels[0].tolist()


def test_classes_may_be_more_than_there_are_and_the_key_knows() -> None:
    more = al.data.with_labels(SOURCE, classes=6)
    assert more.sample_shape == (12,)
    assert more.key() != al.data.with_labels(SOURCE).key()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: al.data.with_labels(al.data.ring()), TypeError, "source must be finite data.*; got Mixture"),
        (lambda: al.data.with_labels(al.data.array(normal(20, 2))), ValueError, "source must have a label for each"),
        (lambda: al.data.with_labels(SOURCE, classes=3), ValueError, r"classes must be in \[4, inf\); got 3"),
        (lambda: al.data.with_labels(al.data.array(normal(40, 2), LABELS - 1)), ValueError, r"labels in \[0.*got -1"),
        (
            lambda: al.data.with_labels(al.data.with_labels(SOURCE)),
            TypeError,
            "source must be samples without.*already",
        ),
        (lambda: PAIRS.join(normal(4, 5), LABELS[:4]), ValueError, r"x must be \(\.\.\., N, 1, 2, 3\); got \(4, 5\)"),
        (lambda: PAIRS.join(SOURCE.train[:4].numpy(), LABELS[:4]), TypeError, "x must be a floating tensor"),
        (lambda: PAIRS.join(SOURCE.train[:4], LABELS[:4].float()), TypeError, "labels must be an int64 tensor"),
        (
            lambda: PAIRS.join(SOURCE.train[:4], LABELS[:3]),
            ValueError,
            r"labels must be one for each .*\(4,\); got \(3,\)",
        ),
        (lambda: PAIRS.join(SOURCE.train[:4], LABELS[:4] + 1), ValueError, r"labels must be in \[0, 3\]; got 1 to 4"),
        (lambda: al.data.with_labels(SOURCE).split(normal(3, 9)), ValueError, r"pairs must be .*10\); got \(3, 9\)"),
    ],
)
def test_refusals(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()

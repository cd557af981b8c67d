"""Fewer reals: which are left, which fold holds what, and a source for each run."""

from __future__ import annotations

import pytest
import torch
from helpers import assert_near, normal, slices, tiny

import algan_lite as al
from algan_lite import data
from algan_lite.core import rng


def rows(x: torch.Tensor) -> set[bytes]:
    return {row.numpy().tobytes() for row in x}


@pytest.mark.parametrize("n", [1, 50, 97, 1258])
def test_few_keeps_n_different_samples_with_their_labels_and_every_class_its_share(n: int) -> None:
    whole = data.digits()
    less = data.few(whole, n, seed=3)
    assert len(less.train) == len(rows(less.train)) == n
    assert rows(less.train) <= rows(whole.train)
    share = whole.train_labels.bincount() * n / 1258
    assert (less.train_labels.bincount(minlength=10) - share).abs().max() <= 1
    label_of = dict(zip((row.numpy().tobytes() for row in whole.train), whole.train_labels.tolist(), strict=True))
    assert [label_of[row.numpy().tobytes()] for row in less.train] == less.train_labels.tolist()
    assert torch.equal(less.test, whole.test)
    assert torch.equal(less.validation_labels, whole.validation_labels)


def test_few_and_folds_depend_on_their_seed_only() -> None:
    whole = data.digits()
    for make in (lambda seed: data.few(whole, 50, seed), lambda seed: data.folds(whole, 5, seed)[0]):
        assert torch.equal(make(0).train, make(0).train)
        assert not torch.equal(make(0).train, make(1).train)


@pytest.mark.parametrize("k", [2, 5, 7])
def test_each_real_is_held_out_by_one_fold_and_trained_on_by_the_others(k: int) -> None:
    whole = data.few(data.digits(), 103)
    parts = data.folds(whole, k)
    assert len(parts) == k
    sizes = [len(part.validation) for part in parts]
    assert sum(sizes) == 103
    assert max(sizes) - min(sizes) <= 1
    assert set().union(*(rows(part.validation) for part in parts)) == rows(whole.train)
    for part in parts:
        assert rows(part.train) | rows(part.validation) == rows(whole.train)
        assert not rows(part.train) & rows(part.validation)
        assert (part.validation_labels.bincount(minlength=10) - 103 / 10 / k).abs().max() < 2
        assert (len(part.train_labels), len(part.validation_labels)) == (len(part.train), len(part.validation))
        assert torch.equal(part.test, whole.test)


def test_without_labels_too() -> None:
    whole = data.array(normal(40, 2))
    assert data.few(whole, 7).train_labels is None
    assert [len(part.train) for part in data.folds(whole, 4)] == [21] * 4


def test_run_k_draws_from_source_k_what_it_draws_alone() -> None:
    sources = [data.few(data.digits(), n, seed=n) for n in (5, 20, 60)]
    streams = rng.stream([4, 5, 6], "data")
    together = data.each(sources).sample(30, generator=streams)
    for one, seed, mine in zip(sources, (4, 5, 6), together, strict=True):
        assert torch.equal(mine, one.sample(30, generator=rng.stream(seed, "data")))


def test_folds_train_at_once_as_each_would_alone() -> None:
    parts = data.folds(data.array(normal(60, 2), seed=1), 3)
    settings = al.TrainConfig(num_steps=5, batch_size=8)
    Gs, Ds = tiny(runs=3)
    al.train(Gs, Ds, data.each(parts), settings, progress=False)
    G, D = tiny(seed=1)
    al.train(G, D, parts[1], settings, seed=1, progress=False)
    for mine, its in slices(1, Gs, G):
        assert_near(mine, its)


def test_what_does_not_fit_is_refused() -> None:
    two = data.each([data.digits(), data.digits()])
    for stream, got in ((rng.stream(0, "data"), 1), (rng.stream([0, 1, 2], "data"), 3)):
        with pytest.raises(ValueError, match=f"generator must be 2 generators, one a source; got {got}"):
            two.sample(3, generator=stream)
    with pytest.raises(ValueError, match=r"samples of one shape; got shapes \[\(1, 8, 8\), \(2,\)\]"):
        data.each([data.digits(), data.ring()])
    with pytest.raises(ValueError, match="sources must be 1 or more"):
        data.each([])
    with pytest.raises(TypeError, match=r"source must be finite data.*; got Mixture"):
        data.few(data.ring(), 5)
    with pytest.raises(ValueError, match=r"n must be in \[1, 1258\]; got 1259"):
        data.few(data.digits(), 1259)
    with pytest.raises(ValueError, match=r"k must be in \[2, 1258\]; got 1"):
        data.folds(data.digits(), 1)

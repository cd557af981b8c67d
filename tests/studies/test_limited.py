"""The study of few data: runs with reals of their own, measured as the table of metrics measures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import normal

import algan_lite as al
from algan_lite.studies.limited import PLAIN, SIZES, few_runs, fold_runs, known_by_heart, measured, sentinel_runs

SHORT = replace(PLAIN, num_steps=2)
MNIST = al.data.mnist()


def test_the_measures_are_those_of_the_table() -> None:
    sources = [al.data.few(MNIST, 30, seed) for seed in (3, 4)]
    x = normal(2, 12, 1, 28, 28).clamp(-1, 1)
    found = measured(x, sources, "validation")
    for name, values in found.items():
        for k in range(2):
            own = {"train": sources[k].train} if name == "data_copying" else {}
            expected = al.METRICS[name](x[k], MNIST.validation, **own)
            torch.testing.assert_close(values[k], expected)


def test_what_D_knows_is_asked_run_by_run() -> None:
    sources = al.data.folds(al.data.few(MNIST, 40), 2)
    _, D = al.models.ensemble(al.models.mlp_pair, runs=2, seed=5, **SIZES)
    with torch.no_grad():
        found = known_by_heart(D, sources)
        for k, source in enumerate(sources):
            alone = al.models.mlp_pair(seed=5 + k, **SIZES)[1]
            for name, part in (("auc", source.test), ("auc_held", source.validation)):
                above, below = alone(source.train), alone(part)
                by_pairs = (above[:, None] > below[None]).double().mean()
                assert abs(found[name][k] - by_pairs) < 1e-3
    assert not torch.allclose(found["auc"], found["auc_held"])


def test_a_seed_has_its_reals_and_its_numbers_whatever_else_trains() -> None:
    both, alone = few_runs(SHORT, 20, [7, 8], 15), few_runs(SHORT, 20, [8, 9], 15)
    assert both["seed"].tolist() == [7, 8]
    for name in ("data_copying", "digit_kid", "auc", "shrunken_digit_kid"):
        assert both[name][1] == pytest.approx(alone[name][0], rel=1e-3)
    assert both["digit_kid"][0] != both["digit_kid"][1]
    assert np.isnan(both["p"]).all()
    assert (both["diverged_at"] == -1).all()
    ada = replace(SHORT, augment=["translation"], balance=al.BALANCES["ada"](images=64, every=1))
    assert np.isfinite(few_runs(ada, 20, [7, 8], 15)["p"]).all()


def test_every_fold_meets_every_seed() -> None:
    found = fold_runs(SHORT, 20, 2, [3, 4, 5], 15)
    assert list(zip(found["fold"].tolist(), found["seed"].tolist(), strict=True)) == [
        (fold, seed) for fold in range(2) for seed in (3, 4, 5)
    ]
    assert len(set(found["auc_held"].tolist())) > 2


def test_a_copycat_is_caught_and_real_digits_are_not() -> None:
    copies, digits = (sentinel_runs(name, 50, [1, 2], 200) for name in ("copycat", "perfect"))
    assert (copies["data_copying"] < -20).all()
    assert (np.abs(digits["data_copying"]) < 4).all()
    assert (copies["digit_kid"] < 60).all()  # and the distance does not see it

"""The study of in-painting: measures by hand, the same questions for every arm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import normal
from torch import Tensor, nn

import algan_lite as al
from algan_lite.studies.inpainting import PLAIN, fill_runs, masks, measured, questions, search_runs, sharpness

MNIST = al.data.mnist()


class Ink(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((-3, -2, -1))


def test_a_bed_hides_what_it_says() -> None:
    hidden = {bed: (~visible).nonzero() for bed, visible in masks().items()}
    assert {bed: len(where) for bed, where in hidden.items()} == {"lower": 14 * 28, "center": 12 * 12}
    assert hidden["lower"][:, 1].min() == 14
    assert hidden["center"][:, 1:].float().mean(0).tolist() == [13.5, 13.5]


def test_questions_are_chosen_by_the_seed_and_the_others_are_left() -> None:
    x, labels, others = questions(MNIST, 3, 20)
    again, different = questions(MNIST, 3, 20), questions(MNIST, 4, 20)
    assert torch.equal(x, again[0])
    assert not torch.equal(x, different[0])
    assert (len(x), len(labels), len(others)) == (20, 20, len(MNIST.test) - 20)
    rows = {tuple(row.tolist()) for row in torch.cat([x, others]).flatten(1).int()}
    assert rows == {tuple(row.tolist()) for row in MNIST.test.flatten(1).int()}


def test_measures_by_hand() -> None:
    x, labels, others = questions(MNIST, 0, 6)
    visible = masks()["lower"]
    filled = torch.where(visible, x, normal(3, 6, 1, 28, 28).clamp(-1, 1))
    found = measured(filled, x, labels, visible, others, Ink())
    errors = torch.tensor([[(filled[k, n] - x[n])[~visible].square().mean() for n in range(6)] for k in range(3)])
    assert found["hidden_mse"] == pytest.approx(errors[0].mean().item(), rel=1e-5)
    assert found["one_mse"] == pytest.approx(errors.mean().item(), rel=1e-5)
    assert found["best_mse"] == pytest.approx(errors.amin(0).mean().item(), rel=1e-5)
    inkiest = [max(range(3), key=lambda k: filled[k, n].mean().item()) for n in range(6)]
    assert found["D_mse"] == pytest.approx(np.mean([errors[k, n] for n, k in enumerate(inkiest)]), rel=1e-5)
    mean = (filled.mean(0) - x)[:, ~visible].square().mean().item()
    assert found["mean_mse"] == pytest.approx(mean, rel=1e-5)
    gaps = [(filled[a] - filled[b])[:, ~visible].square().mean().item() for a, b in ((0, 1), (0, 2), (1, 2))]
    assert found["diversity"] == pytest.approx(np.mean(gaps), rel=1e-5)
    assert found["sharpness"] > 1  # noise


def test_the_truth_and_blur_are_told_apart() -> None:
    x, labels, others = questions(MNIST, 1, 40)
    visible = masks()["center"]
    truth = measured(x[None], x, labels, visible, others)
    assert truth["hidden_mse"] == truth["diversity"] == 0
    assert truth["sharpness"] == 1
    assert truth["read"] > 0.95
    assert np.isnan(truth["D_mse"])
    blurred = nn.functional.avg_pool2d(x, 5, 1, 2, count_include_pad=False)
    assert measured(torch.where(visible, x, blurred)[None], x, labels, visible, others)["sharpness"] < 0.7


def test_sharpness_by_hand() -> None:
    x = torch.tensor([[[0.0, 1, 9], [2, 2, 9]]])[None]
    where = torch.tensor([[[True, True, False], [True, True, False]]])
    assert sharpness(x, where).item() == pytest.approx((1 + 0 + 2 + 1) / 4)


def test_every_arm_answers_the_same_questions() -> None:
    fills = fill_runs({"ridge": ("ridge", {"alpha": 100.0}), "mean": ("mean", {})}, [3, 4], 12, "validation")
    short = replace(PLAIN, num_steps=2, batch_size=8)
    few = {"starts": 2, "tries": 3, "steps": 2}
    searches = {"a": few, "b": {**few, "realness": 0.1}}
    gan = search_runs("gan", short, searches, [3, 4], 12, "validation")
    vae = search_runs("vae", 2, {"c": few}, [3, 4], 12, "validation")
    assert list(zip(gan["seed"], gan["bed"], gan["arm"], strict=True))[:4] == [
        (3, bed, arm) for bed in ("lower", "center") for arm in "ab"
    ]
    assert np.isfinite(gan["D_mse"]).all()
    assert np.isnan(vae["D_mse"]).all()
    assert len(set(gan["hidden_mse"].tolist())) == 8
    for seed, bed, arm, error in zip(*(fills[k] for k in ("seed", "bed", "arm", "hidden_mse")), strict=True):
        x, _, _ = questions(MNIST, seed, 12, "validation")
        visible = masks()[bed]
        fill = {"ridge": al.applications.ridge_fill, "mean": al.applications.mean_fill}[arm]
        alone = al.applications.masked_error(fill(MNIST.train, x, visible), x, ~visible).mean()
        assert error == pytest.approx(alone.item(), rel=1e-4)
    alone = search_runs("gan", short, {"a": few}, [4], 12, "validation")
    assert alone["hidden_mse"][0] == pytest.approx(gan["hidden_mse"][4], rel=1e-4)

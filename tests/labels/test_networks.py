"""Layers of unit rows, noise on request, and a G of images."""

from __future__ import annotations

import pytest
import torch
from helpers import normal

from algan_lite.labels.networks import DenseClassifier, UnitLinear, make_classifier, make_generator


def test_rows_of_norm_one_whatever_the_weights() -> None:
    layer = UnitLinear(5, 4)
    x = torch.eye(5)
    before = layer(x)
    assert before.detach().square().sum(0) == pytest.approx([1.0] * 4)
    with torch.no_grad():
        layer.weight.mul_(7)
    torch.testing.assert_close(layer(x), before)
    assert not layer.scale.requires_grad
    scaled = UnitLinear(5, 4, scaled=True)
    with torch.no_grad():
        scaled.scale.fill_(3)
    assert scaled(x).detach().square().sum(0) == pytest.approx([9.0] * 4)


def test_data_set_the_scales_of_the_hidden_layers() -> None:
    x = 5 + 3 * normal(400, 1, 3, 3)
    D = make_classifier("dense", x, 3, seed=0)
    hidden = x.flatten(1)
    for layer in D.layers:
        before = layer(hidden)
        torch.testing.assert_close(before.mean(0), torch.zeros(before.shape[1]), atol=1e-3, rtol=0)
        torch.testing.assert_close(before.std(0), torch.ones(before.shape[1]), atol=1e-3, rtol=0)
        hidden = before.relu()
    assert (D.output.scale == 1).all()
    lone = make_classifier("dense", x[:1], 3, seed=0)
    assert lone(x).isfinite().all()


def test_noise_only_where_there_is_a_generator() -> None:
    D = make_classifier("dense", normal(20, 1, 3, 3), 3, seed=0)
    x = normal(2, 1, 3, 3)
    assert torch.equal(D(x), D(x))
    one, two = (D(x, torch.Generator().manual_seed(k)) for k in (0, 1))
    assert not torch.equal(one, D(x))
    assert not torch.equal(one, two)


def test_the_noise_has_the_spread_that_it_says() -> None:
    D = DenseClassifier(400, 2, hidden=(), input_noise=0.0, hidden_noise=0.25)
    x = torch.zeros(5000, 400)
    logits = D(x, torch.Generator().manual_seed(0))  # unit rows: noise of .25 a pixel is noise of .25 a logit
    assert logits.std(0).tolist() == pytest.approx([0.25, 0.25], rel=0.05)


def test_first_weights_are_the_seeds_and_nobody_elses() -> None:
    before = torch.get_rng_state()
    one, again, other = (make_classifier("conv", normal(2, 1, 8, 8), 3, seed=k) for k in (0, 0, 1))
    assert torch.equal(one.output.weight, again.output.weight)
    assert not torch.equal(one.output.weight, other.output.weight)
    assert torch.equal(torch.get_rng_state(), before)
    assert make_generator(3, 64, seed=0)(normal(5, 3)).shape == (5, 64)

"""Two domains as one source, a ring that is turned, and edges: known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from helpers import normal

import algan_lite as al
from algan_lite.applications import both, edges, rotated

RING = al.data.ring(std=0.1)


def test_both_gives_a_beside_b_and_neither_knows_of_the_other() -> None:
    source = both(RING, rotated(RING, 15.0))
    x = source.sample(4000, seed=3)
    assert x.shape == (4000, 4)
    a, b = x[:, :2], x[:, 2:]
    for part, domain in ((a, RING), (b, rotated(RING, 15.0))):
        assert 0.98 < al.METRICS["quality_3sigma"](part, domain) < 0.995
    mode_a, mode_b = (torch.cdist(p, d.modes).argmin(1) for p, d in ((a, RING), (b, rotated(RING, 15.0))))
    shares = torch.bincount(8 * mode_a + mode_b, minlength=64) / 4000
    assert (shares - 1 / 64).abs().max() < 0.01


def test_a_run_draws_what_it_would_draw_alone() -> None:
    source = both(RING, al.data.grid())
    together = source.sample(5, generator=al.rng.stream([4, 5], "data"))
    assert torch.equal(together[1], source.sample(5, generator=al.rng.stream(5, "data")))


def test_both_flattens_images_and_keeps_a_first() -> None:
    images = al.data.array(torch.arange(8.0).reshape(2, 1, 2, 2), validation=0, test=0)
    x = both(RING, images).sample(6, seed=0)
    assert x.shape == (6, 6)
    assert set(map(tuple, x[:, 2:].tolist())) <= {(0, 1, 2, 3), (4, 5, 6, 7)}


def test_a_turned_ring_has_its_modes_in_the_same_order() -> None:
    turned = rotated(RING, 90.0)
    x, y = RING.modes.T
    torch.testing.assert_close(turned.modes, torch.stack([-y, x], -1))
    torch.testing.assert_close(rotated(RING, 45.0).modes[0], RING.modes[1])
    assert turned.std == RING.std
    assert turned.key() != RING.key()
    lopsided = al.data.ring(weights=range(1, 9))
    assert torch.equal(rotated(lopsided, 15.0).weights, lopsided.weights)


def test_edges_of_a_step_lie_beside_it_and_a_plain_image_has_none() -> None:
    step = torch.full((1, 1, 6, 8), -1.0)
    step[..., 4:] = 1.0
    found = edges(step)
    assert found.unique().tolist() == [-1, 1]
    assert (found[0, 0] == 1).all(0).tolist() == [False, False, False, True, True, False, False, False]
    assert (edges(step.mT)[0, 0] == 1).all(1).nonzero().squeeze().tolist() == [3, 4]
    for value in (-1.0, 0.3, 1.0):  # nor does its border count as one
        assert (edges(torch.full((2, 1, 5, 5), value)) == -1).all()


def test_edges_are_those_of_scipy_on_a_digit() -> None:
    from scipy import ndimage

    x = al.data.mnist().train[3]
    image = x[0].double().numpy()
    length = np.hypot(ndimage.sobel(image, 0, mode="nearest"), ndimage.sobel(image, 1, mode="nearest")) / 8
    assert np.array_equal(edges(x[None])[0, 0].numpy() > 0, length > 0.25)
    assert edges(x.expand(2, 3, 1, 28, 28)).shape == (2, 3, 1, 28, 28)


def test_edges_of_many_images_are_those_of_each_and_NaN_stays() -> None:
    x = normal(600, 1, 6, 6)  # more than are taken at a time
    assert torch.equal(edges(x), torch.cat([edges(one[None]) for one in x]))
    x[0, 0, 0, 0] = math.nan
    assert edges(x)[0, 0, :3, :3].isnan().tolist() == [[True, True, False], [True, True, False], [False] * 3]
    assert edges(x)[1:].isfinite().all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: both(RING, torch.zeros(3, 2)), r"B must be a source such as al\.data\.ring\(\); got Tensor"),
        (lambda: rotated(al.data.two_moons(), 3), r"source must be normal modes.*; got Curve"),
        (lambda: rotated(al.data.grid(dim=3), 3), r"source must have samples of shape \(2,\)"),
        (lambda: rotated(RING, math.nan), r"degrees must be in \(-inf, inf\); got nan"),
        (lambda: edges(normal(28, 28)), r"x must be images \(\.\.\., 1, height, width\); got \(28, 28\)"),
        (lambda: edges(normal(2, 3, 8, 8)), r"x must be images"),
        (lambda: edges(torch.zeros(2, 1, 0, 8)), r"x must be images"),
        (lambda: edges(np.zeros((1, 1, 8, 8))), r"x must be a floating tensor"),
        (lambda: edges(normal(1, 1, 8, 8), 0), r"threshold must be in \(0, 1\]; got 0"),
    ],
)
def test_what_does_not_fit_is_refused(call, message: str) -> None:  # noqa: ANN001 - a function without arguments
    with pytest.raises((TypeError, ValueError), match=message):
        call()

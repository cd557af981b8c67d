"""In-painting: costs by hand, answers that algebra knows, and the two ends: all is visible, nothing is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import normal, tiny, untouched
from torch import Tensor, nn

import algan_lite as al
from algan_lite.applications import inpaint, masked_error, mean_fill, nearest_fill, paste, ridge_fill

VISIBLE = torch.tensor([True, True, False, True])
LONG = {"starts": 1, "steps": 1500, "lr": 0.02, "seed": 0}


def linear(latent_dim: int = 2, values: int = 4, seed: int = 0) -> al.models.Generator:
    """Return G(z) = W z + b."""
    layer = al.models.networks.Linear(latent_dim, values)
    with torch.no_grad():
        layer.weight.copy_(normal(values, latent_dim, seed=seed))
        layer.bias.copy_(normal(values, seed=seed + 1))
    return al.models.Generator(layer, latent_dim, (values,))


class Plus(nn.Module):
    """A D whose logit is the first value."""

    def forward(self, x: Tensor) -> Tensor:
        return x[..., 0]


def test_the_identity_gives_back_what_is_visible() -> None:
    G = al.models.Generator(nn.Identity(), 4, (4,))
    x = normal(3, 4, seed=2)
    found = inpaint(G, x, VISIBLE, prior=0.0, **LONG)
    torch.testing.assert_close(found.drawn[0][:, VISIBLE], x[:, VISIBLE], rtol=0, atol=1e-3)
    assert found.cost.max() < 1e-6
    # with a prior, each visible latent is that of ridge regression, and the hidden ones are 0
    found = inpaint(G, x, VISIBLE, prior=0.3, **LONG)
    shrunken = x * VISIBLE * (1 / 3) / (1 / 3 + 0.3 / 4)
    torch.testing.assert_close(found.z[0], shrunken, rtol=0, atol=1e-3)


def test_a_linear_G_recovers_the_truth_from_enough_values() -> None:
    G, z = linear(), normal(5, 2, seed=4)
    with torch.no_grad():
        x = G(z)
    found = inpaint(G, x, VISIBLE, prior=0.0, **LONG)
    torch.testing.assert_close(found.z[0], z, rtol=0, atol=2e-3)
    torch.testing.assert_close(found.filled[0], x, rtol=0, atol=5e-3)


@pytest.mark.parametrize("prior", [0.05, 0.5])
def test_the_prior_is_ridge_regression_on_the_latents(prior: float) -> None:
    G, x = linear(), normal(6, 4, seed=3)
    W, b = G.body.weight.detach()[VISIBLE], G.body.bias.detach()[VISIBLE]
    # d/dz of |W z + b - x|^2 / 3 + prior |z|^2 / 2 is 0
    by_hand = torch.linalg.solve(W.T @ W / 3 + prior / 2 * torch.eye(2), W.T @ (x[:, VISIBLE] - b).T / 3).T
    found = inpaint(G, x, VISIBLE, prior=prior, **LONG)
    torch.testing.assert_close(found.z[0], by_hand, rtol=0, atol=2e-3)


def test_the_cost_by_hand() -> None:
    G, x = linear(), torch.tensor([[1.0, 2.0, 9.0, 3.0]])
    found = inpaint(G, x, VISIBLE, D=Plus(), prior=0.5, realness=0.25, steps=0, starts=3, seed=1)
    for k in range(3):
        drawn = G(found.z[k])[0]
        error = ((drawn[0] - 1) ** 2 + (drawn[1] - 2) ** 2 + (drawn[3] - 3) ** 2) / 3
        torch.testing.assert_close(found.visible_error[k, 0], error)
        torch.testing.assert_close(found.cost[k, 0], error + 0.5 * found.z[k, 0].square().mean() - 0.25 * drawn[0])
        assert torch.equal(found.drawn[k, 0], drawn)
        assert found.filled[k, 0].tolist() == [1.0, 2.0, drawn[2].item(), 3.0]
    assert found.cost[:, 0].diff().min() >= 0  # the cheapest first
    energy = inpaint(G, x, VISIBLE, D=Plus(), prior=0.5, realness=0.25, loss="energy", steps=0, starts=3, seed=1)
    assert not torch.allclose(energy.cost.sort(0).values, found.cost.sort(0).values)  # the other sign


def test_D_pulls_the_answer_its_way() -> None:
    G, x = linear(), normal(4, 4, seed=3)
    plain = inpaint(G, x, VISIBLE, prior=0.1, **LONG)
    pulled = inpaint(G, x, VISIBLE, D=Plus(), realness=0.5, prior=0.1, **LONG)
    assert (pulled.drawn[0, :, 0] > plain.drawn[0, :, 0] + 0.05).all()
    assert (pulled.visible_error > plain.visible_error).all()


def test_all_visible_and_nothing_visible() -> None:
    G, _ = tiny()
    x = normal(4, 2)
    everything = inpaint(G, x, torch.ones(2), steps=3, seed=0)
    assert torch.equal(everything.filled, x.expand(4, -1, -1))
    nothing = inpaint(G, torch.full((4, 2), torch.nan), torch.zeros(2), prior=0.1, seed=0)
    assert torch.equal(nothing.filled, nothing.drawn)
    assert (nothing.visible_error == 0).all()
    torch.testing.assert_close(nothing.cost, 0.1 * nothing.z.square().mean(-1))


def test_hidden_values_are_never_read() -> None:
    G, _ = tiny(latent_dim=3, sample_shape=(4,))
    x = normal(5, 4)
    other = torch.where(VISIBLE, x, torch.nan)
    one, two = (inpaint(G, given, VISIBLE, steps=5, seed=3) for given in (x, other))
    assert torch.equal(one.filled, two.filled)
    known = normal(30, 4, seed=5)
    for fill in (mean_fill, nearest_fill, ridge_fill):
        assert torch.equal(fill(known, x, VISIBLE), fill(known, other, VISIBLE))


def test_each_sample_may_have_its_own_mask() -> None:
    G, _ = tiny(latent_dim=3, sample_shape=(4,))
    x, masks = normal(2, 4), torch.tensor([[1, 1, 0, 0], [0, 1, 1, 1]])
    both = inpaint(G, x, masks, steps=20, seed=3)
    for k in range(2):
        alone = inpaint(G, x[k : k + 1], masks[k].numpy().astype(bool), steps=20, seed=3)
        torch.testing.assert_close(both.filled[:, k], alone.filled[:, 0], rtol=0, atol=1e-5)
        assert torch.equal(both.filled[:, k][:, masks[k] == 1], x[k][masks[k] == 1].expand(4, -1))


def test_more_tries_and_steps_cost_less_and_nothing_is_changed() -> None:
    G, D = tiny(latent_dim=3, sample_shape=(4,))
    x = normal(20, 4)
    with untouched(G, D):
        costs = {
            (tries, steps): inpaint(G, x, VISIBLE, D=D, realness=0.01, tries=tries, steps=steps, seed=0).cost.mean()
            for tries in (1, 100)
            for steps in (0, 50)
        }
    assert costs[1, 0] > costs[100, 0] > costs[100, 50]
    assert costs[1, 0] > costs[1, 50]


def test_numbers_are_those_of_the_networks() -> None:
    G, _ = (net.double() for net in tiny(latent_dim=3, sample_shape=(4,)))
    found = inpaint(G, normal(2, 4), VISIBLE, steps=2, seed=0)
    assert found.filled.dtype == torch.float64


def test_errors_by_hand() -> None:
    made, x = torch.tensor([[[1.0, 2, 3]], [[0, 0, 0]]]), torch.tensor([[0.0, 0, 1]])
    assert masked_error(made, x, torch.tensor([1, 0, 1])).tolist() == [[2.5], [0.5]]
    assert masked_error(made, x, torch.zeros(3)).tolist() == [[0.0], [0.0]]
    assert paste(x, torch.tensor([1, 0, 1]), made).tolist() == [[[0.0, 2, 1]], [[0, 0, 1]]]


def test_fills_by_hand() -> None:
    known = torch.tensor([[0.0, 0, 1], [1, 1, 3], [2, 2, 5]], requires_grad=True)
    x, visible = torch.tensor([[0.9, 1.2, -7]]), torch.tensor([True, True, False])
    torch.testing.assert_close(mean_fill(known, x, visible), torch.tensor([[0.9, 1.2, 3.0]]))
    torch.testing.assert_close(nearest_fill(known, x, visible), torch.tensor([[0.9, 1.2, 3.0]]))
    # the columns say the same: the hidden value is 1 + a + b, and a little ridge keeps that
    torch.testing.assert_close(ridge_fill(known, x, visible, 1e-6), torch.tensor([[0.9, 1.2, 3.1]]), rtol=0, atol=1e-3)
    torch.testing.assert_close(ridge_fill(known, x, visible, 1e6), mean_fill(known, x, visible), rtol=0, atol=1e-3)
    for fill in (mean_fill, nearest_fill, ridge_fill):
        assert torch.equal(fill(known, x, torch.ones(3)), x)
    for fill in (mean_fill, ridge_fill):
        torch.testing.assert_close(fill(known, x, np.zeros(3)), torch.tensor([[1.0, 1, 3]]))


def test_ridge_is_ahead_of_the_mean_where_the_data_are_linear() -> None:
    basis = normal(2, 6)
    known, x = normal(100, 2, seed=1) @ basis, normal(10, 2, seed=2) @ basis
    visible = torch.tensor([1, 1, 1, 0, 0, 0])
    ridge, mean = ridge_fill(known, x, visible, 0.01), mean_fill(known, x, visible)
    errors = [masked_error(filled, x, 1 - visible).mean() for filled in (ridge, mean)]
    assert errors[0] < 1e-4 < 0.5 < errors[1]


G, D = tiny(latent_dim=3, sample_shape=(4,))
GIVEN = normal(3, 4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: inpaint(G, GIVEN, VISIBLE), ValueError, "give exactly one of generator= and seed="),
        (lambda: inpaint(G, GIVEN, torch.ones(3), seed=0), ValueError, r"visible must be \(4,\) or .*; got \(3,\)"),
        (lambda: inpaint(G, GIVEN, 0.5 * VISIBLE, seed=0), ValueError, "visible must be True or False, or 1 and 0"),
        (lambda: inpaint(G, GIVEN, [1, 1, 0, 1], seed=0), TypeError, "visible must be a tensor or an array; got list"),
        (lambda: inpaint(G, GIVEN / 0, VISIBLE, seed=0), ValueError, "x must be finite where it is visible"),
        (lambda: inpaint(G, GIVEN[:, :3], VISIBLE[:3], seed=0), ValueError, r"x must be \(N, 4\), as G's are"),
        (lambda: inpaint(G, GIVEN.numpy(), VISIBLE, seed=0), TypeError, "x must be a floating tensor"),
        (lambda: inpaint(G, GIVEN, VISIBLE, realness=0.1, seed=0), ValueError, "D must be the discriminator .*None"),
        (
            lambda: inpaint(G, GIVEN, VISIBLE, D=nn.Identity(), realness=1, seed=0),
            ValueError,
            "D must return one logit",
        ),
        (lambda: ridge_fill(GIVEN / 0, GIVEN, VISIBLE), ValueError, "known must be finite; got 12 values"),
        (lambda: inpaint(G, GIVEN, VISIBLE, prior=-1, seed=0), ValueError, r"prior must be in \[0, inf\); got -1"),
        (lambda: inpaint(G, GIVEN, VISIBLE, starts=0, seed=0), ValueError, r"starts must be in \[1, inf\); got 0"),
        (lambda: inpaint(tiny(2)[0], normal(3, 2), torch.ones(2), seed=0), ValueError, "G must be one network"),
        (lambda: inpaint(nn.Identity(), GIVEN, VISIBLE, seed=0), TypeError, "G must have latent_dim"),
        (lambda: ridge_fill(GIVEN, GIVEN, VISIBLE.expand(3, 4)), ValueError, r"visible must be \(4,\), one mask"),
        (lambda: nearest_fill(GIVEN[:0], GIVEN, VISIBLE), ValueError, r"known must be \(T, 4\), T >= 1; got \(0, 4\)"),
        (lambda: ridge_fill(GIVEN, GIVEN, VISIBLE, alpha=-1.0), ValueError, r"alpha must be in \[0, inf\); got -1"),
    ],
)
def test_refusals(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()

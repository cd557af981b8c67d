"""Letters: exactly one 1 a row, and the gradient of another function."""

from __future__ import annotations

import pytest
import torch
from helpers import assert_near, normal, slices
from scipy.stats import chisquare, kstest

import algan_lite as al
from algan_lite import models
from algan_lite.models.strings import LETTERS

SHAPE = (4, 5)


def pair(**options: object) -> tuple[models.Generator, models.Discriminator]:
    return models.text_pair(**{"latent_dim": 3, "sample_shape": SHAPE, "width": 6, "depth": 1} | options)


def test_straight_through_is_exactly_the_argmax_with_the_softmax_s_gradient() -> None:
    logits = normal(6, 4, 5).double().requires_grad_()
    up = normal(6, 4, 5, seed=1).double()
    for temperature in (0.3, 1.0, 4.0):
        letters = models.straight_through(logits, temperature)
        assert torch.equal(letters, torch.nn.functional.one_hot(logits.argmax(-1), 5).double())
        (found,) = torch.autograd.grad((letters * up).sum(), logits)
        p = (logits / temperature).softmax(-1)
        by_hand = p * (up - (p * up).sum(-1, keepdim=True)) / temperature
        torch.testing.assert_close(found, by_hand)
        assert found.abs().max() > 0.01


def test_float32_rows_are_exact_and_not_a_number_stays_seen() -> None:
    rows = models.straight_through(3 * normal(5000, 7))
    assert torch.equal(rows.unique(), torch.tensor([0.0, 1.0]))
    assert torch.equal(rows.sum(-1), torch.ones(5000))
    assert models.straight_through(torch.tensor([0.0, torch.nan])).isnan().all()


@pytest.mark.parametrize("output", LETTERS)
def test_every_output_gives_rows_that_sum_to_one(output: str) -> None:
    G, D = pair(output=output)
    noise, hard = LETTERS[output]
    assert G.latent_dim == 3 + 20 * noise
    x = G(normal(9, G.latent_dim))
    assert x.shape == (9, *SHAPE)
    torch.testing.assert_close(x.sum(-1), torch.ones(9, 4))
    assert bool(((x == 0) | (x == 1)).all()) is hard
    assert D(x).shape == (9,)
    (slope,) = torch.autograd.grad(D(x).sum(), G.body[0].net[0].weight if noise else G.body[0][0].weight)
    assert slope.abs().max() > 0


def test_outputs_of_a_seed_have_the_same_weights_and_noise_decides_nothing_else() -> None:
    plain, noisy = pair(seed=4)[0], pair(seed=4, output="gumbel")[0]
    z = normal(50, 3)
    logits, noise = plain.body[0](z), normal(50, 20, seed=1)
    sums = noisy.body[0](torch.cat([z, noise], -1))
    gumbel = (sums - logits).double()
    by_hand = -(-(torch.special.ndtr(noise.double())).log()).log()
    torch.testing.assert_close(gumbel, by_hand, rtol=1e-4, atol=1e-4)


def test_gumbel_noise_draws_from_the_softmax() -> None:
    body = models.GumbelNoise(torch.nn.Identity(), 3)
    logits, noise = torch.tensor([0.0, 1.0, 2.0]), normal(20_000, 3)
    sums = body(torch.cat([logits.expand(20_000, 3), noise], -1))
    assert kstest((sums - logits)[:, 0].numpy(), "gumbel_r").pvalue > 1e-3
    counts = sums.argmax(-1).bincount(minlength=3)
    assert chisquare(counts, 20_000 * logits.double().softmax(0)).pvalue > 1e-3
    assert body(torch.full((1, 6), 99.0)).isfinite().all()  # a latent that no normal draw reaches


@pytest.mark.parametrize("output", LETTERS)
def test_seeds_train_at_once_as_each_would_alone(output: str) -> None:
    config = al.TrainConfig(num_steps=4, batch_size=8, regularizers={"r1": 0.5}, strategy="top_k", pool_factor=2)
    source = al.data.array(torch.eye(5)[torch.randint(5, (40, 4), generator=torch.Generator().manual_seed(0))])
    sizes = {"latent_dim": 3, "sample_shape": SHAPE, "width": 6, "depth": 1, "output": output}
    Gs, Ds = models.ensemble(models.text_pair, runs=2, seed=7, **sizes)
    al.train(Gs, Ds, source, config, seed=7, progress=False)
    G, D = models.text_pair(seed=8, **sizes)
    al.train(G, D, source, config, seed=8, progress=False)
    for mine, its in slices(1, Gs, G):
        assert_near(mine, its)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pair(output="linear"), ValueError, "output must be one of argmax, gumbel, relaxed, softmax; got 'lin"),
        (lambda: pair(sample_shape=(4,)), ValueError, r"sample_shape must be \(length, letters\).*; got \(4,\)"),
        (lambda: pair(sample_shape=(4, 1)), ValueError, r"sample_shape must be .*2 letters or more; got \(4, 1\)"),
        (lambda: pair(temperature=0.0), ValueError, r"temperature must be in \(0, inf\); got 0.0"),
        (lambda: pair(width=0), ValueError, r"width must be in \[1, inf\); got 0"),
        (lambda: models.straight_through(torch.tensor(1.0)), ValueError, r"logits must be \(\.\.\., V\)"),
        (lambda: models.straight_through(torch.tensor([1, 2])), TypeError, "logits must be a floating tensor"),
        (lambda: models.Letters(1), ValueError, r"num_letters must be in \[2, inf\); got 1"),
    ],
)
def test_what_does_not_fit_is_named(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()

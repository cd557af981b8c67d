"""Autoencoders: the closed forms, the same decoder as a G, and runs that never mix."""

from __future__ import annotations

import math

import pytest
import torch
from helpers import normal
from torch import nn
from torch.distributions import Bernoulli, Normal, kl_divergence

from algan_lite.models import VAE, Encoder, Generator, fit_vae, mlp_encoder, mlp_pair, mlp_vae, normal_kl

SMALL = {"latent_dim": 2, "sample_shape": (1, 3, 4), "width": 8, "depth": 1}


def images(n: int = 7) -> torch.Tensor:
    return 2 * torch.rand(n, 1, 3, 4, generator=torch.Generator().manual_seed(0)) - 1


def test_the_divergence_is_the_closed_form() -> None:
    mean, log_var = normal(5, 3, 4), normal(5, 3, 4, seed=1)
    twin = kl_divergence(Normal(mean, (log_var / 2).exp()), Normal(0.0, 1.0)).sum(-1)
    torch.testing.assert_close(normal_kl(mean, log_var), twin)
    assert normal_kl(torch.zeros(4), torch.zeros(4)) == 0
    one = normal_kl(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0]))
    assert one.item() == pytest.approx((1 + math.exp(2) - 1 - 2) / 2)


def test_the_divergence_is_a_mean_of_log_ratios() -> None:
    mean, log_var = normal(3, 2), normal(3, 2, seed=1)
    q, prior = Normal(mean, (log_var / 2).exp()), Normal(0.0, 1.0)
    z = mean + (log_var / 2).exp() * normal(200_000, 3, 2, seed=2)
    drawn = (q.log_prob(z) - prior.log_prob(z)).sum(-1)
    error = 4 * drawn.std(0) / len(z) ** 0.5
    assert ((drawn.mean(0) - normal_kl(mean, log_var)).abs() < error).all()


@pytest.mark.parametrize("output", ["tanh", "sigmoid"])
def test_the_loss_is_misfit_and_divergence_by_hand(output: str) -> None:
    vae, x, noise = mlp_vae(**SMALL, output=output), images(), normal(7, 2)
    x = x if output == "tanh" else (x + 1) / 2
    mean, log_var = vae.encode(x)
    made = vae(mean + (log_var / 2).exp() * noise)
    p, share = ((made + 1) / 2, (x + 1) / 2) if output == "tanh" else (made, x)
    misfit = -(share * p.log() + (1 - share) * (1 - p).log()).flatten(1).sum(1)
    for beta in (1.0, 0.25):
        torch.testing.assert_close(vae.loss(x, noise, beta), (misfit + beta * vae.kl(x)).mean())


def test_black_and_white_pixels_cost_what_a_bernoulli_draw_does() -> None:
    vae, x, z = mlp_vae(**SMALL), images().sign(), normal(7, 2)
    twin = -Bernoulli(logits=2 * vae.decoder(z)).log_prob((x + 1) / 2).flatten(1).sum(1)
    torch.testing.assert_close(vae.misfit(x, z), twin)


def test_a_vae_of_zero_weights_pays_log_2_a_pixel() -> None:
    vae, x = mlp_vae(**SMALL), images()
    for net in (vae.encoder, vae.decoder):
        for weight in net.parameters():
            nn.init.zeros_(weight)
    torch.testing.assert_close(vae.loss(x, normal(7, 2)), 12 * torch.tensor(2.0).log())
    with torch.no_grad():
        vae.encoder.body[-1].bias.copy_(torch.tensor([1.0, 0.0, 0.0, 2.0]))  # means (1, 0), log variances (0, 2)
    gap = vae.loss(x, normal(7, 2)) - 12 * torch.tensor(2.0).log()
    assert gap.item() == pytest.approx((1 + math.exp(2) - 1 - 2) / 2, rel=1e-5)


def test_the_loss_bounds_what_an_exact_sum_gives() -> None:
    """-ELBO >= -log p(x), here of a decoder with one latent, whose integral a fine grid gives."""
    vae, x = mlp_vae(latent_dim=1, sample_shape=(1, 3, 4), width=8, depth=1), images().sign()
    with torch.no_grad():
        vae.decoder.body[-2].weight.mul_(20)
        z = torch.linspace(-8, 8, 4001)[:, None, None].expand(-1, 7, 1)
        joint = Normal(0.0, 1.0).log_prob(z).squeeze(-1) - vae.misfit(x, z)
        exact = -(joint.logsumexp(0) + math.log(16 / 4000)).mean()
        bound = torch.stack([vae.loss(x, normal(7, 1, seed=k)) for k in range(400)])
    gap = (bound.mean() - exact) / (bound.std() / 20)
    assert gap > 3


def test_extreme_outputs_stay_finite() -> None:
    vae, x = mlp_vae(**SMALL), images().sign()
    with torch.no_grad():
        vae.decoder.body[-2].bias.fill_(200.0)
    loss = vae.loss(x, normal(7, 2))
    loss.backward()
    assert loss.item() == pytest.approx(400 * (x < 0).float().flatten(1).sum(1).mean().item(), rel=0.02)
    assert all(weight.grad.isfinite().all() for weight in vae.parameters())


def test_the_decoder_is_the_G_of_a_pair() -> None:
    G, _ = mlp_pair(**SMALL, seed=3, output="tanh")
    vae, z = mlp_vae(**SMALL, seed=3), normal(5, 2)
    assert torch.equal(vae(z), G(z))
    vae.decoder.load_state_dict(mlp_pair(**SMALL, seed=9)[0].state_dict())
    assert not torch.equal(vae(z), G(z))
    assert (vae.latent_dim, vae.sample_shape) == (G.latent_dim, G.sample_shape)


def test_runs_are_what_they_are_alone() -> None:
    x = images(40)
    many, losses = mlp_vae(**SMALL, seed=[4, 5]), {}
    losses["both"] = fit_vae(many, x, num_steps=5, batch_size=8, seed=[4, 5])
    for k, seed in enumerate((4, 5)):
        alone = mlp_vae(**SMALL, seed=seed)
        own = fit_vae(alone, x, num_steps=5, batch_size=8, seed=seed)
        torch.testing.assert_close(losses["both"][:, k], own)
        torch.testing.assert_close(many.member(k).means(x), alone.means(x), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(many.means(x)[k], alone.means(x), atol=1e-4, rtol=1e-4)
    assert losses["both"].shape == (5, 2)


def test_a_fitted_vae_explains_more_than_pixel_means() -> None:
    x = (torch.rand(200, 1, generator=torch.Generator().manual_seed(0)) > 0.5).float().expand(200, 20)
    sizes = {"latent_dim": 1, "sample_shape": (20,), "width": 16, "depth": 1, "output": "sigmoid"}
    vae, again = mlp_vae(**sizes), mlp_vae(**sizes)
    losses = fit_vae(vae, x, num_steps=400)
    # one bit for twenty pixels: log 2 nats at best; independent pixels would pay 20 log 2 = 13.9
    assert 0.69 < losses[-20:].mean().item() < 3
    assert torch.equal(losses, fit_vae(again, x, num_steps=400))
    assert torch.equal(vae.means(x), again.means(x))


def test_a_frozen_decoder_stays_and_its_encoder_learns() -> None:
    vae, x = mlp_vae(**SMALL), images(40)
    vae.decoder.requires_grad_(False)
    before = {name: weight.clone() for name, weight in vae.state_dict().items()}
    fit_vae(vae, x, num_steps=3, batch_size=8)
    for name, weight in vae.state_dict().items():
        assert torch.equal(weight, before[name]) == name.startswith("decoder.")


def test_without_the_divergence_the_code_may_go_where_it_likes() -> None:
    x, spread = images(60), {}
    for beta in (0.0, 1.0):
        vae = mlp_vae(**SMALL)
        fit_vae(vae, x, num_steps=300, batch_size=32, lr=1e-2, beta=beta)
        spread[beta] = vae.kl(x).mean().item()
    assert spread[0.0] > 5 * spread[1.0]


REFUSED = {
    "no network": (lambda: VAE(3, mlp_pair()[0]), TypeError, "encoder must be a network"),
    "no sizes": (lambda: VAE(nn.Linear(2, 2), nn.Linear(2, 2)), TypeError, "latent_dim"),
    "an output": (lambda: mlp_vae(output="linear"), ValueError, "output must be one of"),
    "pixels out of range": (lambda: fit_vae(mlp_vae(**SMALL), 3 * images()), ValueError, r"x must be in \[-1, 1\]"),
    "NaN": (lambda: fit_vae(mlp_vae(**SMALL), images() * torch.nan), ValueError, r"x must be in \[-1, 1\].*nan"),
    "another shape": (lambda: fit_vae(mlp_vae(**SMALL), normal(7, 12)), ValueError, r"x must be \(N, 1, 3, 4\)"),
    "no VAE": (lambda: fit_vae(mlp_pair()[0], images()), TypeError, "vae must be a VAE"),
    "a shape to encode": (lambda: mlp_vae(**SMALL).means(normal(7, 12)), ValueError, r"x must be \(..., N, 1, 3, 4\)"),
    "a short code": (
        lambda: VAE(mlp_encoder(1, (1, 3, 4)), mlp_pair(2, (1, 3, 4))[0]).means(images()),
        ValueError,
        r"encoder must return \(..., N, 4\)",
    ),
    "no lr": (lambda: fit_vae(mlp_vae(**SMALL), images(), lr=0), ValueError, r"lr must be in \(0"),
    "codes of two shapes": (lambda: normal_kl(normal(3, 2), normal(2)), ValueError, "must have one shape"),
    "integer codes": (lambda: normal_kl(torch.ones(2, dtype=torch.int64), normal(2)), TypeError, "mean"),
    "noise of another length": (
        lambda: mlp_vae(**SMALL).loss(images(), normal(1, 2)),
        ValueError,
        r"noise must be \(..., 7, 2",
    ),
    "noise of another size": (
        lambda: mlp_vae(**SMALL).loss(images(), normal(7, 3)),
        ValueError,
        r"noise must be .* \(7, 3\)",
    ),
    "an empty batch": (lambda: mlp_vae(**SMALL).loss(images(0), normal(0, 2)), ValueError, "N >= 1 images"),
    "an array as noise": (lambda: mlp_vae(**SMALL).loss(images(), normal(7, 2).numpy()), TypeError, "noise must be"),
    "double precision": (lambda: mlp_vae(**SMALL).means(images().double()), TypeError, "x must be torch.float32"),
    "seeds without runs": (
        lambda: fit_vae(mlp_vae(**SMALL), images(), seed=[1, 2]),
        TypeError,
        "seed must be an integer",
    ),
    "nothing to learn": (
        lambda: fit_vae(mlp_vae(**SMALL).requires_grad_(False), images()),
        ValueError,
        "weights that learn",
    ),
    "a member of one": (lambda: mlp_vae(**SMALL).member(0), TypeError, "vae must hold runs"),
    "one encoder for two": (
        lambda: VAE(mlp_vae(**SMALL).encoder, mlp_vae(**SMALL, seed=[1, 2]).decoder),
        ValueError,
        "same number of runs; got None and 2",
    ),
    "a negative beta": (lambda: fit_vae(mlp_vae(**SMALL), images(), beta=-1), ValueError, "beta"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_by_its_name(name: str) -> None:
    call, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message):
        call()


def test_a_loss_that_is_lost_is_said() -> None:
    with pytest.raises(FloatingPointError, match="smaller lr than 10000"):
        fit_vae(mlp_vae(**SMALL), images(20), num_steps=20, batch_size=4, lr=1e4)


def test_arrays_and_double_precision_are_taken() -> None:
    x = images(20)
    one, two, three = mlp_vae(**SMALL), mlp_vae(**SMALL), mlp_vae(**SMALL).double()
    losses = fit_vae(one, x, num_steps=2, batch_size=4)
    assert torch.equal(losses, fit_vae(two, x.double().numpy(), num_steps=2, batch_size=4))
    assert fit_vae(three, x, num_steps=2, batch_size=4).isfinite().all()


def test_networks_of_ones_own_will_do() -> None:
    encoder = Encoder(nn.Linear(12, 4), (1, 3, 4))
    vae = VAE(encoder, Generator(nn.Linear(2, 12), 2, (1, 3, 4)))
    assert fit_vae(vae, images(20), num_steps=2, batch_size=4).shape == (2,)

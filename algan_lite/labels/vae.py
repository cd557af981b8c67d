"""A small variational autoencoder of images: features of an image without any label, and without a game."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from algan_lite.core.checks import check_integer, check_number
from algan_lite.core.rng import derive_seed, fresh, lent, stream


class VAE(nn.Module):
    """Encoder and decoder with one hidden layer each; pixels are Bernoulli, latents normal."""

    def __init__(self, num_pixels: int, latent_dim: int, width: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(num_pixels, width), nn.ReLU(), nn.Linear(width, 2 * latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, width), nn.ReLU(), nn.Linear(width, num_pixels))

    def means(self, x: Tensor) -> Tensor:
        """Return the means of q(z | x), (N, latent_dim): the features."""
        with torch.no_grad():
            return self.encoder(x.flatten(1)).chunk(2, -1)[0]

    def loss(self, x: Tensor, noise: Tensor) -> Tensor:
        """Return -ELBO, in nats an image, the mean over a batch.

        Args:
            x: Images in [0, 1], (N, ...).
            noise: Standard normal draws, (N, latent_dim).
        """
        x = x.flatten(1)
        mean, log_var = self.encoder(x).chunk(2, -1)
        pixels = self.decoder(mean + (log_var / 2).exp() * noise)
        misfit = binary_cross_entropy_with_logits(pixels, x, reduction="none").sum(-1)
        divergence = (mean.square() + log_var.exp() - 1 - log_var).sum(-1) / 2  # KL(q(z | x), N(0, I))
        return (misfit + divergence).mean()


def fit_vae(
    x: Tensor, *, latent_dim: int = 24, width: int = 256, num_steps: int = 4000, lr: float = 2e-3, seed: int = 0
) -> VAE:
    """Fit a VAE to images by Adam, with a learning rate that falls linearly to 0.

    Args:
        x: Images (N, ...) in [0, 1].
        latent_dim: Coordinates of z, >= 1.
        width: Of the hidden layers, >= 1.
        num_steps: Batches of 128, >= 1.
        lr: Learning rate at first.
        seed: Of weights and draws.

    Reference:
        Kingma and Welling 2014.
    """
    check_integer("num_steps", num_steps, 1)
    check_number("lr", lr, 0, open_low=True)
    with lent(derive_seed(seed, "weights of a VAE")):
        vae = VAE(x[0].numel(), check_integer("latent_dim", latent_dim, 1), check_integer("width", width, 1))
    adam, draws = torch.optim.Adam(vae.parameters(), lr=lr, fused=True), stream(seed, "VAE")
    for step in range(num_steps):
        adam.param_groups[0]["lr"] = lr * (1 - step / num_steps)
        batch = x[fresh(draws, (128,), "cpu", "index", len(x))]
        loss = vae.loss(batch, fresh(draws, (128, latent_dim), "cpu"))
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
    return vae

"""Variational autoencoders: a decoder that could be a G, an encoder beside it, and no game.

The decoder gives the pixels *before* their last activation, so that no logarithm meets a 0. ``VAE`` applies the
activation where images are wanted: it maps latents to images as a G does, and goes wherever a G goes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from algan_lite.core.checks import as_tensor, check_choice, check_integer, check_number, check_shape, check_tensor
from algan_lite.core.rng import derive_seed, fresh, lent, run_seeds, stream
from algan_lite.models.doors import check_G, weights_like
from algan_lite.models.ensemble import Ensemble
from algan_lite.models.networks import Linear, check_module
from algan_lite.models.pairs import mlp_pair

LOWEST = {"tanh": -1.0, "sigmoid": 0.0}  # of a pixel, by the activation that makes it; the highest is 1


class Encoder(nn.Module):
    """Turns samples ``(..., N, *sample_shape)`` into what describes their q(z | x): means, then log variances.

    Args:
        body: Maps flat samples (..., N, values) to (..., N, 2 latent_dim).
        sample_shape: Shape of one sample.
    """

    def __init__(self, body: nn.Module, sample_shape: Sequence[int]) -> None:
        super().__init__()
        check_module("body", body)
        self.body, self.sample_shape = body, check_shape("sample_shape", sample_shape)

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., N, 2 latent_dim)."""
        return self.body(x.flatten(x.ndim - len(self.sample_shape)))


class VAE(nn.Module):
    r"""An encoder q(z | x) and a decoder p(x | z), with z ~ N(0, I); pixels are Bernoulli, given z.

    With ``output="tanh"`` images lie in [-1, 1] as those of the book's pairs do. The pixel x counts as the share
    (1 + x) / 2 of white, and the decoder's output a is half of its logit, for :math:`(1 + \tanh a) / 2 = \sigma(2 a)`.
    So ``mlp_pair(output="linear")[0]`` is the decoder of ``mlp_pair(output="tanh")[0]``: same weights, same images.
    With ``output="sigmoid"`` images lie in [0, 1] and a is the logit.

    A gray pixel is no draw of a Bernoulli variable: for gray images the bound is a score, not a log probability.

    Args:
        encoder: Maps images (..., N, *sample) to (..., N, 2 latent_dim): means and log variances of q.
        decoder: Maps latents (..., N, latent_dim) to images (..., N, *sample) before the activation; says its
            ``latent_dim`` and ``sample_shape``. Two ensembles make R autoencoders.
        output: ``tanh`` or ``sigmoid``.

    Raises:
        TypeError: If one is no network, or the decoder does not say its sizes.
        ValueError: If ``output`` is unknown, or one holds runs and the other not as many.

    Reference:
        Kingma and Welling 2014.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, output: str = "tanh") -> None:
        super().__init__()
        check_module("encoder", encoder)
        check_module("decoder", decoder)
        check_G(decoder, "the decoder stands where a G would")
        if not hasattr(decoder, "sample_shape"):
            raise TypeError(f"decoder must have sample_shape, the shape of an image; got {type(decoder).__name__}")
        self.encoder, self.decoder, self.output = encoder, decoder, check_choice("output", output, LOWEST)
        self.latent_dim, self.sample_shape = decoder.latent_dim, tuple(decoder.sample_shape)
        runs, others = getattr(decoder, "runs", None), getattr(encoder, "runs", None)
        if runs != others:
            raise ValueError(f"encoder and decoder must hold the same number of runs; got {others} and {runs}")
        if runs is not None:
            self.runs = runs

    def forward(self, z: Tensor) -> Tensor:
        """Return images (..., N, *sample), the pixels' means, for latents (..., N, latent_dim)."""
        return getattr(torch, self.output)(self.decoder(z))

    def logits(self, z: Tensor) -> Tensor:
        """Return the pixels' Bernoulli logits, (..., N, *sample)."""
        return self.decoder(z) * (1 - LOWEST[self.output])

    def shares(self, x: Tensor) -> Tensor:
        """Return the pixels as shares of white, in [0, 1]."""
        low = LOWEST[self.output]
        return (check_tensor("x", x) - low) / (1 - low)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log variances of q(z | x), (..., N, latent_dim) each.

        Raises:
            TypeError: If x is no floating tensor, or of another dtype than the weights.
            ValueError: If x is not (..., N, *sample), or the encoder returns another shape.
        """
        axes = len(self.sample_shape)
        if check_tensor("x", x).ndim <= axes or tuple(x.shape[-axes:]) != self.sample_shape:
            raise ValueError(f"x must be (..., N, {', '.join(map(str, self.sample_shape))}); got {tuple(x.shape)}")
        if x.dtype != (dtype := weights_like(self.encoder).dtype):
            raise TypeError(f"x must be {dtype}, as the weights are; got {x.dtype}")
        code = self.encoder(x)
        if code.shape[-1] != 2 * self.latent_dim:
            raise ValueError(f"encoder must return (..., N, {2 * self.latent_dim}); got {tuple(code.shape)}")
        return code.chunk(2, -1)

    def means(self, x: Tensor) -> Tensor:
        """Return the means of q(z | x), (..., N, latent_dim), without gradient: features of x, or a way back to z."""
        with torch.no_grad():
            return self.encode(x)[0]

    def kl(self, x: Tensor) -> Tensor:
        """Return KL(q(z | x), N(0, I)), (..., N), in nats."""
        return normal_kl(*self.encode(x))

    def misfit(self, x: Tensor, z: Tensor) -> Tensor:
        """Return -log p(x | z), (..., N), in nats, for images (..., N, *sample) and latents (..., N, latent_dim)."""
        logits, start = self.logits(z), -len(self.sample_shape)
        shares = self.shares(x).expand_as(logits)
        return binary_cross_entropy_with_logits(logits, shares, reduction="none").flatten(start).sum(-1)

    def loss(self, x: Tensor, noise: Tensor, beta: float = 1.0) -> Tensor:
        """Return -ELBO, in nats an image, the mean over a batch.

        Args:
            x: Images (..., N, *sample), in the units of ``output``.
            noise: Standard normal draws, (..., N, latent_dim).
            beta: Weight of the KL; with another than 1 this is no bound (Higgins 2017).

        Returns:
            (...), >= 0; smaller is better.

        Raises:
            TypeError: If one is no floating tensor.
            ValueError: If ``noise`` does not hold ``latent_dim`` draws for each image, or there is no image.
        """
        mean, log_var = self.encode(x)
        if check_tensor("noise", noise).shape[-2:] != mean.shape[-2:] or not len(x):
            raise ValueError(
                f"noise must be (..., {mean.shape[-2]}, {self.latent_dim}), a draw for each of N >= 1 images; "
                f"got {tuple(noise.shape)}"
            )
        z = mean + (log_var / 2).exp() * noise
        return (self.misfit(x, z) + beta * normal_kl(mean, log_var)).mean(-1)

    def member(self, k: int) -> VAE:
        """Return run k of R as an autoencoder of its own, with copied weights.

        Raises:
            TypeError: If this is one autoencoder, without runs.
            ValueError: If k is not in [0, R - 1].
        """
        if not hasattr(self, "runs"):
            raise TypeError("vae must hold runs, such as mlp_vae(seed=[0, 1]); got one without")
        return VAE(self.encoder.member(k), self.decoder.member(k), self.output)


def normal_kl(mean: Tensor, log_var: Tensor) -> Tensor:
    r"""Return the divergence of a diagonal Gaussian from the standard normal, in closed form.

    .. math:: KL(N(\mu, \sigma^2), N(0, I)) = \tfrac12 \sum_i (\mu_i^2 + \sigma_i^2 - 1 - \log \sigma_i^2)

    Args:
        mean: (..., latent_dim).
        log_var: Logarithms of the variances, (..., latent_dim).

    Returns:
        (...), >= 0, in nats; 0 for mean 0 and variance 1.

    Raises:
        TypeError: If one is no floating tensor.
        ValueError: If the shapes differ.

    Reference:
        Kingma and Welling 2014, appendix B.
    """
    if check_tensor("mean", mean).shape != check_tensor("log_var", log_var).shape:
        raise ValueError(f"mean and log_var must have one shape; got {tuple(mean.shape)} and {tuple(log_var.shape)}")
    return (mean.square() + log_var.exp() - 1 - log_var).sum(-1) / 2


def mlp_encoder(
    latent_dim: int = 2, sample_shape: Sequence[int] = (1, 28, 28), width: int = 64, depth: int = 2, *, seed: int = 0
) -> Encoder:
    """Return a dense encoder with ``depth`` hidden layers of ReLU.

    Args:
        latent_dim: Latent coordinates, at least 1.
        sample_shape: Shape of one sample.
        width: Units of a hidden layer, at least 1.
        depth: Hidden layers, at least 1.
        seed: Seed of the initial weights; the encoder has a stream of its own.

    Raises:
        ValueError: If a size is below 1.
    """
    sizes = {"latent_dim": latent_dim, "width": width, "depth": depth}
    latent_dim, width, depth = (check_integer(name, value, 1) for name, value in sizes.items())
    sample_shape = check_shape("sample_shape", sample_shape)
    with lent(derive_seed(seed, "weights of an encoder")), torch.device("cpu"):
        pairs = pairwise([math.prod(sample_shape), *[width] * depth])
        hidden = [layer for a, b in pairs for layer in (Linear(a, b), nn.ReLU())]
        return Encoder(nn.Sequential(*hidden, Linear(width, 2 * latent_dim)), sample_shape)


def mlp_vae(
    latent_dim: int = 2,
    sample_shape: Sequence[int] = (1, 28, 28),
    width: int = 64,
    depth: int = 2,
    *,
    seed: int | Sequence[int] = 0,
    output: str = "tanh",
) -> VAE:
    """Return a dense autoencoder whose decoder is the G of ``mlp_pair`` of the same sizes and seed.

    Args:
        latent_dim: Latent coordinates, at least 1.
        sample_shape: Shape of one image.
        width: Units of a hidden layer, at least 1.
        depth: Hidden layers of encoder and decoder, at least 1.
        seed: Seed of the initial weights; of a sequence, one autoencoder a seed, as ensembles.
        output: Last activation, ``tanh`` or ``sigmoid``.

    Raises:
        ValueError: If a size is below 1 or ``output`` is unknown.
    """
    sizes = {"latent_dim": latent_dim, "sample_shape": sample_shape, "width": width, "depth": depth}
    if not isinstance(seed, Sequence):
        return VAE(mlp_encoder(**sizes, seed=seed), mlp_pair(**sizes, seed=seed)[0], output)
    parts = [mlp_vae(**sizes, seed=one, output=output) for one in run_seeds(seed, None)]
    return VAE(Ensemble([one.encoder for one in parts]), Ensemble([one.decoder for one in parts]), output)


def fit_vae(
    vae: VAE,
    x: Tensor,
    *,
    num_steps: int = 4000,
    batch_size: int = 128,
    lr: float = 2e-3,
    beta: float = 1.0,
    seed: int | Sequence[int] = 0,
) -> Tensor:
    """Fit an autoencoder in place by Adam, with a learning rate that falls linearly to 0.

    Weights that need no gradient stay as they are: so an encoder can be fitted to a decoder that is given.

    Args:
        vae: One, or R of them as ensembles.
        x: Images (N, *sample) in the units of ``vae.output``, such as ``source.train``; all runs learn from them.
        num_steps: Batches, >= 1.
        batch_size: Images a batch, drawn with replacement, >= 1.
        lr: Learning rate at first, > 0.
        beta: Weight of the KL, >= 0.
        seed: Of the draws; R of them for R runs.

    Returns:
        The loss of each step, (num_steps,) or (num_steps, R), in nats an image.

    Raises:
        TypeError: If ``vae`` is none, or an argument is of another kind.
        ValueError: If images have another shape or leave the pixels' range, a number is out of range, or no weight can
            learn.
        FloatingPointError: If the loss has stopped being finite in every run.

    Reference:
        Kingma and Welling 2014; beta: Higgins 2017.
    """
    x = _check_images(vae, x)
    num_steps, batch_size = check_integer("num_steps", num_steps, 1), check_integer("batch_size", batch_size, 1)
    lr, beta = check_number("lr", lr, 0, open_low=True), check_number("beta", beta, 0)
    runs = getattr(vae, "runs", None)
    draws = stream(check_integer("seed", seed, 0) if runs is None else run_seeds(seed, runs), "VAE")
    learns = [weight for weight in vae.parameters() if weight.requires_grad]
    if not learns:
        raise ValueError("vae must have weights that learn; got only such that need no gradient")
    adam, losses = torch.optim.Adam(learns, lr=lr, fused=True), []
    for step in range(num_steps):
        adam.param_groups[0]["lr"] = lr * (1 - step / num_steps)
        batch = x[fresh(draws, (batch_size,), x.device, "index", len(x))]
        loss = vae.loss(batch, fresh(draws, (batch_size, vae.latent_dim), x.device), beta)
        adam.zero_grad(set_to_none=True)
        loss.sum().backward()
        adam.step()
        losses.append(loss.detach())
    if not losses[-1].isfinite().any():
        raise FloatingPointError(
            f"the loss is not finite any more after {num_steps} steps: try a smaller lr than {lr:g}"
        )
    return torch.stack(losses)


def _check_images(vae: object, x: object) -> Tensor:
    """Return images on the device and in the dtype of the weights, if an autoencoder can learn from them."""
    if not isinstance(vae, VAE):
        raise TypeError(f"vae must be a VAE, such as al.models.mlp_vae(); got {type(vae).__name__}")
    x, like = as_tensor("x", x, "images (N, *sample)"), weights_like(vae)
    if x.ndim != 1 + len(vae.sample_shape) or tuple(x.shape[1:]) != vae.sample_shape or not len(x):
        raise ValueError(f"x must be (N, {', '.join(map(str, vae.sample_shape))}) with N >= 1; got {tuple(x.shape)}")
    low, high = LOWEST[vae.output], 1.0
    if not (low <= x.min() and x.max() <= high):  # NaN too
        raise ValueError(
            f"x must be in [{low:g}, {high:g}], the range of {vae.output}; got {x.min():.3g} to {x.max():.3g}"
        )
    return x.to(device=like.device, dtype=like.dtype)

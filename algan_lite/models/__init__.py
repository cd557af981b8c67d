"""What G and D are: networks, the book's pairs of them, and ensembles that run R pairs as one.

In: sizes and seeds. Out: modules with G (..., N, latent_dim) -> (..., N, *sample) and D (..., N, *sample) -> (..., N),
raw logits. No network has buffers or mixes samples. ``vae`` fits a G without a D. Any room above may call.
"""

from algan_lite.models.conditional import (
    ConditionalDiscriminator,
    ConditionalGenerator,
    ask_for,
    conditional_pair,
)
from algan_lite.models.ensemble import Ensemble
from algan_lite.models.networks import Discriminator, Generator, PixelNorm
from algan_lite.models.pairs import article_pair, conv_pair, ensemble, mlp_pair
from algan_lite.models.strings import GumbelNoise, Letters, straight_through, text_pair
from algan_lite.models.vae import VAE, Encoder, fit_vae, mlp_encoder, mlp_vae, normal_kl

__all__ = [
    "VAE", "ConditionalDiscriminator", "ConditionalGenerator", "Discriminator", "Encoder", "Ensemble", "Generator",
    "GumbelNoise", "Letters", "PixelNorm", "article_pair", "ask_for", "conditional_pair", "conv_pair", "ensemble",
    "fit_vae", "mlp_encoder", "mlp_pair", "mlp_vae", "normal_kl", "straight_through", "text_pair",
]  # fmt: skip

"""What G and D are: networks, the book's pairs of them, and ensembles that run R pairs as one.

In: sizes and seeds. Out: modules with G (..., N, latent_dim) -> (..., N, *sample) and D (..., N, *sample) -> (..., N),
raw logits. No network has buffers or mixes samples. Any room above may call.
"""

from algan_lite.models.ensemble import Ensemble
from algan_lite.models.networks import Discriminator, Generator, PixelNorm
from algan_lite.models.pairs import article_pair, conv_pair, ensemble, mlp_pair
from algan_lite.models.strings import GumbelNoise, Letters, straight_through, text_pair

__all__ = [
    "Discriminator", "Ensemble", "Generator", "GumbelNoise", "Letters", "PixelNorm", "article_pair", "conv_pair",
    "ensemble", "mlp_pair", "straight_through", "text_pair",
]  # fmt: skip

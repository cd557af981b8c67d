"""Which noise G trains on: propose -> score -> pick -> weigh.

In: G, D and a pool of candidates (..., M, latent_dim). Out: a ``Selection`` of n of them with weights, and how many
candidates passed through the networks only to choose. Networks are left as they were. ``training`` and above may call.
"""

from algan_lite.selection.select import Selection, select_noise
from algan_lite.selection.strategies import STRATEGIES, Strategy

__all__ = ["STRATEGIES", "Selection", "Strategy", "select_noise"]

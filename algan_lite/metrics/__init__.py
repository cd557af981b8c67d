"""How good fakes are, and how sure one can be of it.

In: fakes (..., N, *sample) and a source or held-out reals; or numbers, one a seed. Out: values (...) in float64;
intervals and tests. Nothing here trains. Rooms above may call.
"""

from algan_lite.metrics.digits import class_shares
from algan_lite.metrics.modes import quality_ceiling
from algan_lite.metrics.sentinels import SENTINELS, Sentinel, data_box, training_set
from algan_lite.metrics.table import METRICS, Metric, held_out, real_against_real
from algan_lite.metrics.textures import texture_features

__all__ = [
    "METRICS", "SENTINELS", "Metric", "Sentinel", "class_shares", "data_box", "held_out", "quality_ceiling",
    "real_against_real", "texture_features", "training_set",
]  # fmt: skip

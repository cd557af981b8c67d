"""What a trained GAN is used for.

In: trained networks, and samples that something is wanted of. Out: tensors of samples, and what was minimized to find
them. Nothing here changes a network that it is given. Rooms above may call.
"""

from algan_lite.applications.fills import mean_fill, nearest_fill, ridge_fill
from algan_lite.applications.inpaint import Completion, inpaint, masked_error, paste

__all__ = [
    "Completion",
    "inpaint",
    "masked_error",
    "mean_fill",
    "nearest_fill",
    "paste",
    "ridge_fill",
]
"""What a GAN is for, once it trains: images, strings, and translations between two domains.

In: sources, networks and the settings of ``train()``. Out: trained networks with their history, and measures against a
known truth. The loop, the losses and the regularizers are those of the rooms below. Rooms above may call.
"""

from algan_lite.applications.domains import Both, both, edges, rotated
from algan_lite.applications.questions import disagreement, farthest
from algan_lite.applications.translate import gap, train_translation
from algan_lite.applications.translator import OneWay, TwoJudges, TwoWay, one_way_pair, translated, two_way_pair
from algan_lite.applications.truth import right_share

__all__ = ["Both", "both", "edges", "rotated"]
__all__ += ["disagreement", "farthest"]
__all__ += ["gap", "train_translation"]
__all__ += ["OneWay", "TwoJudges", "TwoWay", "one_way_pair", "translated", "two_way_pair"]
__all__ += ["right_share"]

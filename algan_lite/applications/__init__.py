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

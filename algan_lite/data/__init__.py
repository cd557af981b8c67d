"""Where reals come from: laws in the plane with known answers, real images, and your own data.

In: sizes and spreads, an array, a loader or a folder of images. Out: a ``Source``, whose ``sample(n, generator=g)``
gives (n, *sample) float32, or (R, n, *sample) for R generators. All randomness comes from the generator. Points in the
plane lie in about [-2.5, 2.5]; images are (channels, height, width) with values in [-1, 1], -1 the background; strings
are (length, letters), rows of 0 with one 1. Any room above may call.
"""

from algan_lite.data.dates import Alphabet, Strings, dates
from algan_lite.data.fewer import Each, each, few, folds
from algan_lite.data.finite import Finite, array, from_pixels
from algan_lite.data.folder import folder
from algan_lite.data.images import digits, mnist
from algan_lite.data.labeled import Labeled, with_labels
from algan_lite.data.plane import grid, imbalanced_ring, ring, swiss_roll, two_moons
from algan_lite.data.sources import SOURCES, Curve, Mixture, Source

__all__ = [
    "SOURCES", "Alphabet", "Curve", "Each", "Finite", "Labeled", "Mixture", "Source", "Strings", "array", "dates",
    "digits", "each", "few", "folder", "folds", "from_pixels", "grid", "imbalanced_ring", "mnist", "ring", "swiss_roll",
    "two_moons", "with_labels",
]  # fmt: skip

"""What a GAN is used for, and how that is measured: each file is one use, with its baselines.

In: a trained G or D, or what it made, and the data. Out: samples, scores. Rooms above may call.
"""

from algan_lite.applications.ngrams import NGram as NGram
from algan_lite.applications.strings import expected_scores as expected_scores
from algan_lite.applications.strings import field_gap as field_gap
from algan_lite.applications.strings import flaws as flaws
from algan_lite.applications.strings import misprints as misprints
from algan_lite.applications.strings import string_scores as string_scores

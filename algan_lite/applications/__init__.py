"""What a GAN is for, once it trains: holes filled in, translations between two domains, strings.

In: sources, networks (trained ones, or those that ``train_translation`` trains as ``train()`` does), and samples that
something is wanted of. Out: samples, histories, and measures against a known truth, with the baselines that need no
GAN. Rooms above may call.
"""

from algan_lite.applications.domains import Both, both, edges, rotated
from algan_lite.applications.fills import mean_fill, nearest_fill, ridge_fill
from algan_lite.applications.inpaint import Completion, inpaint, masked_error, paste
from algan_lite.applications.ngrams import NGram
from algan_lite.applications.questions import disagreement, farthest
from algan_lite.applications.strings import expected_scores, field_gap, flaws, misprints, string_scores
from algan_lite.applications.translate import gap, train_translation
from algan_lite.applications.translator import OneWay, TwoJudges, TwoWay, one_way_pair, translated, two_way_pair
from algan_lite.applications.truth import right_share

__all__ = [
    "Both", "Completion", "NGram", "OneWay", "TwoJudges", "TwoWay", "both", "disagreement", "edges", "expected_scores",
    "farthest", "field_gap", "flaws", "gap", "inpaint", "masked_error", "mean_fill", "misprints", "nearest_fill",
    "one_way_pair", "paste", "ridge_fill", "right_share", "rotated", "string_scores", "train_translation",
    "translated", "two_way_pair",
]  # fmt: skip

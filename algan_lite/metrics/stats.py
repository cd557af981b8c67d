"""What may be concluded from a handful of seeds: ``al.stats``, the door to the files beside it.

``intervals``: of a mean, of a rate. ``paired``: a test, and Holm's correction. ``arms``: a table of runs compared with
a baseline. ``profiles``: whole distributions of runs. ``yardstick``: sentinels in the same table, means with intervals.
``auc``: how often one score is above another.
"""

from algan_lite.metrics.arms import compare_arms
from algan_lite.metrics.auc import auc
from algan_lite.metrics.intervals import Interval, bootstrap_interval, iqm, wilson_interval
from algan_lite.metrics.paired import PairedTest, holm, paired_permutation_test
from algan_lite.metrics.profiles import performance_profile, probability_of_improvement
from algan_lite.metrics.yardstick import sentinel_runs, summarize, with_sentinels

__all__ = [
    "Interval", "PairedTest", "auc", "bootstrap_interval", "compare_arms", "holm", "iqm", "paired_permutation_test",
    "performance_profile", "probability_of_improvement", "sentinel_runs", "summarize", "wilson_interval",
    "with_sentinels",
]  # fmt: skip

"""Which samples get a label.

In: a ``Pool`` of samples, whose labels an oracle sells one by one. A *learner* is a function ``fit(pool) -> model``: it
sees ``pool.x`` and ``pool.targets`` (-1: no label), and its model has ``predict_proba(x)``, which maps samples
(M, *sample) to probabilities (M, C) of the classes 0 ... C - 1. Out: indices to ask about, and what the answers bought.
Rooms above may call.
"""

from algan_lite.labels.curve import Curve, area, error_rate, labels_to_reach, learning_curve
from algan_lite.labels.estimators import from_sklearn
from algan_lite.labels.human import Labeling
from algan_lite.labels.inversion import invert, reconstruct, reconstruction_variance, residuals
from algan_lite.labels.learners import LEARNERS, Learner
from algan_lite.labels.pool import UNKNOWN, Oracle, Pool
from algan_lite.labels.query import given, query
from algan_lite.labels.semi import SemiConfig, SemiGAN, train_semi
from algan_lite.labels.semi_losses import feature_matching, labeled_loss, real_logit, unlabeled_loss
from algan_lite.labels.table import QUERIES, Query, Question

__all__ = [
    "LEARNERS", "QUERIES", "UNKNOWN", "Curve", "Labeling", "Learner", "Oracle", "Pool", "Query", "Question",
    "SemiConfig", "SemiGAN", "area", "error_rate", "feature_matching", "from_sklearn", "given", "invert",
    "labeled_loss", "labels_to_reach", "learning_curve", "query", "real_logit", "reconstruct",
    "reconstruction_variance", "residuals", "train_semi", "unlabeled_loss",
]  # fmt: skip

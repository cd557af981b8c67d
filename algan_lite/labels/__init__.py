"""Which samples get a label.

In: a ``Pool`` of samples, whose labels an oracle sells one by one. A *learner* is a function ``fit(pool) -> model``: it
sees ``pool.x`` and ``pool.targets`` (-1: no label), and its model has ``predict_proba(x)``, which maps samples
(M, *sample) to probabilities (M, C) of the classes 0 ... C - 1. Out: indices to ask about, and what the answers bought.
Rooms above may call.
"""

from algan_lite.labels.pool import UNKNOWN, Oracle, Pool

__all__ = ["UNKNOWN", "Oracle", "Pool"]

"""What each player minimizes: losses, the terms R(G, D), and the one function where lambda meets R.

In: a ``Batch``, which holds what both players see, drawn and computed once. Out: values (...), or (R,) for R runs. Pure
functions of raw logits; nothing here draws, trains or chooses. Rooms from ``selection`` upward may call.
"""

from algan_lite.objective.batch import Batch, make_batch
from algan_lite.objective.losses import LOSSES, Loss
from algan_lite.objective.players import objective
from algan_lite.objective.regularizers import REGULARIZERS

__all__ = ["LOSSES", "REGULARIZERS", "Batch", "Loss", "make_batch", "objective"]

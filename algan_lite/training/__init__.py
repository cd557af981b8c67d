"""The article's six steps as one loop, and what they carry from step to step.

In: networks, a source, a ``TrainConfig``, a seed. Out: the networks trained in place and a ``History``. It asks
``selection`` for the noise and ``objective`` for what to minimize; it knows no strategy, loss or regularizer by name.
Rooms above may call.
"""

from algan_lite.training.augment import AUGMENTATIONS, Augmentation
from algan_lite.training.balance import BALANCES
from algan_lite.training.callbacks import Snapshots
from algan_lite.training.config import TrainConfig
from algan_lite.training.dials import Balance, Dials
from algan_lite.training.equilibrium import Equilibrium
from algan_lite.training.history import History, TrainingDiverged
from algan_lite.training.loop import six_steps, train
from algan_lite.training.state import TrainState
from algan_lite.training.step import Step

__all__ = [
    "AUGMENTATIONS", "BALANCES", "Augmentation", "Balance", "Dials", "Equilibrium", "History", "Snapshots", "Step",
    "TrainConfig", "TrainState", "TrainingDiverged", "six_steps", "train",
]  # fmt: skip

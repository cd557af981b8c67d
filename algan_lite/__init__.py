"""Active learning for generative adversarial networks, small enough to read in one sitting.

Axis letters, used in every shape: R runs, N batch, M candidates, C classes, K modes, H heads of D.
Latents are (..., N, latent_dim), samples (..., N, *sample), logits (..., N); the dots are an optional runs axis (R).
"""

from algan_lite import data, export, losses, models, plots, stats, widgets
from algan_lite.batch import Batch, make_batch
from algan_lite.config import Equilibrium, TrainConfig
from algan_lite.history import History, TrainingDiverged
from algan_lite.losses import LOSSES
from algan_lite.metrics import METRICS
from algan_lite.notebook import setup_notebook, show_source
from algan_lite.regularizers import REGULARIZERS
from algan_lite.sampling import SAMPLERS
from algan_lite.selection import STRATEGIES, Selection, select_noise
from algan_lite.studies import load_study
from algan_lite.sweep import sweep
from algan_lite.training import train

__version__ = "0.1.0"

__all__ = [
    "LOSSES",
    "METRICS",
    "REGULARIZERS",
    "SAMPLERS",
    "STRATEGIES",
    "Batch",
    "Equilibrium",
    "History",
    "Selection",
    "TrainConfig",
    "TrainingDiverged",
    "data",
    "export",
    "load_study",
    "losses",
    "make_batch",
    "models",
    "plots",
    "select_noise",
    "setup_notebook",
    "show_source",
    "stats",
    "sweep",
    "train",
    "widgets",
]

"""Active learning for generative adversarial networks, small enough to read in one sitting.

Axis letters, used in every shape: R runs, N batch, M candidates, C classes, K modes, H heads of D.
Latents are (..., N, latent_dim), samples (..., N, *sample), logits (..., N); the dots are an optional runs axis (R).
"""

from importlib import import_module

from algan_lite import data, models
from algan_lite.core import rng
from algan_lite.core.version import __version__ as __version__
from algan_lite.metrics import METRICS, SENTINELS
from algan_lite.notebook import near, setup_notebook, show_source
from algan_lite.objective import LOSSES, REGULARIZERS, Batch, losses, make_batch
from algan_lite.sampling import SAMPLERS
from algan_lite.selection import STRATEGIES, Selection, select_noise
from algan_lite.training import (
    AUGMENTATIONS,
    BALANCES,
    Balance,
    Dials,
    Equilibrium,
    History,
    TrainConfig,
    TrainingDiverged,
    train,
)

# Imported when they are first asked for: they bring matplotlib, pandas or SciPy, which take longer than all the rest.
_ROOMS_LATER = {
    "applications": "applications",
    "export": "export",
    "labels": "labels",
    "plots": "plots",
    "stats": "metrics.stats",
    "widgets": "widgets",
}
_NAMES_LATER = dict.fromkeys(("equal_passes", "load_study", "passes_a_step", "show_plan", "sweep", "tune"), "studies")

__all__ = [
    "AUGMENTATIONS", "BALANCES", "LOSSES", "METRICS", "REGULARIZERS", "SAMPLERS", "SENTINELS", "STRATEGIES", "Balance",
    "Batch", "Dials", "Equilibrium", "History", "Selection", "TrainConfig", "TrainingDiverged", "applications", "data",
    "equal_passes", "export", "labels", "load_study", "losses", "make_batch", "models", "near", "passes_a_step",
    "plots", "rng", "select_noise", "setup_notebook", "show_plan", "show_source", "stats", "sweep", "train", "tune",
    "widgets",
]  # fmt: skip


def __getattr__(name: str) -> object:
    if name in _ROOMS_LATER:
        return import_module(f"algan_lite.{_ROOMS_LATER[name]}")
    if name in _NAMES_LATER:
        return getattr(import_module(f"algan_lite.{_NAMES_LATER[name]}"), name)
    raise AttributeError(f"module 'algan_lite' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS_LATER, *_NAMES_LATER})

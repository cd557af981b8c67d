"""What the widgets call things, and how they print a measure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from algan_lite.objective.losses import LOSSES
from algan_lite.objective.regularizers import REGULARIZERS
from algan_lite.plots.style import COLORS, VERDICT
from algan_lite.selection.select import STRATEGIES

NAMES = {
    "r1": "R1", "r2": "R2", "wgan_gp": "WGAN-GP", "dragan": "DRAGAN", "lecam": "LeCam", "top_k": "top-k",
    "bottom_k": "bottom-k", "random_k": "random-k", "core_set": "core-set", "random": "random (plain GAN)",
    "imbalanced_ring": "uneven ring", "wasserstein": "Wasserstein", "non_saturating": "non-saturating",
    "uniform_box": "uniform noise", "shapeless": "a shape without features",
}  # fmt: skip

MEASURES = {  # name -> label, kind, color, and what it says
    "modes": ("Modes kept", "count", "real", "modes with at least a quarter of their fair share of the fakes"),
    "quality": ("Quality", "share", "chosen", "share of fakes within 3σ of a mode"),
    "reverse_kl": ("Reverse KL", "number", "softmax", "0 nats where modes get equal shares"),
    "loss_D": ("Loss of D", "number", "D", ""),
    "loss_G": ("Loss of G", "number", "G", ""),
}


def name_of(key: str) -> str:
    """Return how a page writes the key of a table: ``mode_seeking`` -> "mode seeking"."""
    return NAMES.get(key, key.replace("_", " "))


def describe(key: str) -> str:
    """Return one line on a loss, regularizer or strategy; empty for one that the package does not have."""
    none = {"none": "is switched off: D follows its loss alone."}
    return {**LOSSES.describe(), **REGULARIZERS.describe(), **STRATEGIES.describe(), **none}.get(key, "")


def verdict_stops(count: int = 17) -> list[list[int]]:
    """Return colors of D's verdict from fake to real, [red, green, blue] each in [0, 255]."""
    return [[round(255 * part) for part in VERDICT(k / (count - 1))[:3]] for k in range(count)]


def measure(name: str) -> dict[str, object]:
    """Return name, label, kind (``count``, ``share`` or ``number``), color and explanation of a measure."""
    label, kind, color, about = MEASURES.get(name, (name_of(name), "number", "plain", ""))
    return {"name": name, "label": label, "kind": kind, "color": COLORS[color], "about": about}


def limits(name: str, values: np.ndarray, num_modes: int) -> tuple[float, float]:
    """Return the ends of a measure's axis: what is possible, or else the middle 96 % of what was measured.

    Args:
        name: A measure.
        values: All its values on one data set, any shape.
        num_modes: Of the data set; 0 where it has none.
    """
    if name == "modes" and num_modes > 0:
        return 0.0, float(num_modes)
    if name == "quality":
        return 0.0, 1.0
    if name == "reverse_kl" and num_modes > 1:
        return 0.0, math.log(num_modes)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = np.quantile(finite, [0.02, 0.98])
    step = 10.0 ** np.floor(np.log10(max(high - low, 1e-3)) - 1)  # ends of two digits
    return float(np.floor(low / step) * step), float((np.floor(high / step) + 1) * step)


def short(number: float) -> str:
    """Return a number with two digits that count: 0.0316 -> "0.032", 100 -> "100"."""
    return f"{float(f'{number:.2g}'):g}"


def nearest(numbers: Sequence[float], value: float) -> int:
    """Return the index of the number nearest to ``value``."""
    return int(np.abs(np.asarray(numbers, dtype=float) - value).argmin())

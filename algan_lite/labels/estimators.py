"""Learners out of scikit-learn's classifiers: those that need labels, and those that read samples without one too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from algan_lite.core.checks import check_integer
from algan_lite.labels.pool import Pool


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted classifier of scikit-learn as a model: probabilities of all C classes, also of those it has not met."""

    classifier: Any
    features: Callable[[Tensor], Tensor]
    num_classes: int

    def predict_proba(self, x: Tensor) -> Tensor:
        """Map samples (M, *sample) to probabilities (M, C), float64; all alike for one that no label has reached."""
        with np.errstate(invalid="ignore"):  # LabelSpreading divides 0 by 0 in a part of its graph without a label
            found = self.classifier.predict_proba(_array(self.features, x))
        found = np.nan_to_num(found, nan=1 / found.shape[1])
        whole = torch.zeros(len(x), self.num_classes, dtype=torch.float64)
        whole[:, torch.from_numpy(np.asarray(self.classifier.classes_, dtype=np.int64))] = torch.from_numpy(found)
        return whole


def from_sklearn(
    make: Callable[[], Any],
    *,
    features: Callable[[Tensor], Tensor] | None = None,
    num_classes: int = 10,
    semi: bool = False,
) -> Callable[[Pool], Fitted]:
    """Return a learner that fits a classifier of scikit-learn.

    Args:
        make: Returns a new classifier with ``predict_proba``.
        features: Maps samples (M, *sample) to points (M, F); by default the flat samples.
        num_classes: C, >= 2.
        semi: Whether it reads samples without a label too, marked with -1, as ``LabelSpreading`` does.

    Raises:
        TypeError: If ``num_classes`` is no integer.
        ValueError: If it is below 2.
    """
    num_classes = check_integer("num_classes", num_classes, 2)
    where = (lambda x: x.flatten(1)) if features is None else features

    def fit(pool: Pool) -> Fitted:
        rows = torch.arange(len(pool)) if semi else pool.labeled
        y = pool.targets if semi else pool.y
        return Fitted(make().fit(_array(where, pool.x[rows]), y.numpy()), where, num_classes)

    return fit


def _array(features: Callable[[Tensor], Tensor], x: Tensor) -> np.ndarray:
    with torch.no_grad():
        return features(x).double().cpu().numpy()

"""Half precision: an autocast gives values of few digits, which are widened before they are compared or averaged."""

from __future__ import annotations

import torch
from torch import Tensor

HALF = (torch.float16, torch.bfloat16)


def widened(values: Tensor) -> Tensor:
    """Return values of half precision as float32, others as they are."""
    return values.float() if values.dtype in HALF else values

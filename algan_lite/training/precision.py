"""In which precision a run computes: that of G's weights, or what an autocast of the caller says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

WIDE_ENOUGH = (torch.float32, torch.float64)


def check_precision(G: nn.Module, D: nn.Module) -> None:
    """Refuse weights whose steps would be rounded away.

    Raises:
        ValueError: If a weight is neither float32 nor float64, or not all have one dtype.
    """
    found = {weight.dtype for net in (G, D) for weight in net.parameters() if weight.is_floating_point()}
    if len(found) > 1 or not found <= {*WIDE_ENOUGH}:
        raise ValueError(
            f"G and D must have weights of one dtype, float32 or float64 (for half precision train them under "
            f"torch.autocast, which keeps the weights); got {', '.join(sorted(map(str, found)))}"
        )


@contextmanager
def fresh_casts() -> Iterator[None]:
    """Under an autocast of the caller cast the weights at every call: its cache would keep those of the first step."""
    cached = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(False)
    try:
        yield
    finally:
        torch.set_autocast_cache_enabled(cached)
        torch.clear_autocast_cache()

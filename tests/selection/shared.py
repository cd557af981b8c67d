"""What the tests of selection share: small networks, pools, and a D whose logits are given."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from algan_lite.models.pairs import mlp_pair
from algan_lite.selection.select import Selection, select_noise

NAMES = ["random", "random_k", "top_k", "bottom_k", "uncertain", "softmax", "importance", "core_set", "latent_ascent"]
NAMES += ["disagreement"]
RANKING = ["top_k", "bottom_k", "uncertain", "core_set", "disagreement"]
M, N, LATENT = 12, 5, 3
CASES = [(name, {}) for name in NAMES] + [
    ("core_set", {"space": "features"}),
    ("latent_ascent", {"steps": 3}),
    ("latent_ascent", {"through": True}),
    ("softmax", {"sign": -1, "temperature": 0.3, "reweight": True}),
    ("importance", {"floor": 0.0, "loss": "relativistic"}),
    ("top_k", {"keep": 2}),
    ("top_k", {"uniform_share": 0.4, "reweight": True}),
    ("uncertain", {"loss": "wasserstein"}),
]
case = pytest.mark.parametrize(("name", "options"), CASES, ids=lambda value: str(value))


def networks() -> tuple[nn.Module, nn.Module]:
    return mlp_pair(latent_dim=LATENT, sample_shape=(2,), width=8, depth=2, seed=1, num_heads=2)


def pool(*lead: int, seed: int = 0) -> Tensor:
    return torch.randn((*lead, M, LATENT), generator=torch.Generator().manual_seed(seed))


def value_as_logit(x: Tensor) -> Tensor:
    return x[..., 0]


def choose(logits: Tensor, n: int, strategy: str, **options: Any) -> Selection:  # noqa: ANN401
    """Select from a pool whose candidate i has logit ``logits[..., i]``."""
    return select_noise(nn.Identity(), value_as_logit, logits.unsqueeze(-1), n, strategy, **options)

"""What a run leaves behind."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import RING, tiny
from training.shared import config, run

from algan_lite.core import rng
from algan_lite.objective.losses import LOSSES


def test_the_frame() -> None:
    settings = config(num_steps=12, regularizers={"r1": 0.1, "mode_seeking": 0.01, "consensus": 0.1})
    _, _, history = run(settings, runs=2, seed=7)
    frame = history.frame()
    assert list(frame)[:3] == ["run", "seed", "step"]
    wanted = {"loss_D", "loss_G", "R_r1", "R_mode_seeking", "R_consensus", "logit_real", "logit_fake"}
    assert set(frame) == wanted | {"run", "seed", "step"}
    assert frame.step.tolist() == [1, 1, 5, 5, 10, 10, 12, 12]
    assert frame.run.tolist() == [0, 1] * 4
    assert frame.seed.tolist() == [7, 8] * 4
    assert history.diverged_at.tolist() == history.equilibrium_at.tolist() == [-1, -1]
    assert np.isfinite(frame.to_numpy()).all()


def test_the_first_row_is_the_start() -> None:
    G, D = tiny(seed=2)
    x = RING.sample(8, generator=rng.stream(2, "data"))
    logits_real, logits_fake = D(x), D(G(torch.randn(8, 3, generator=rng.stream(2, "candidates 0"))))
    row = run(config(num_steps=1), seed=2)[2].frame().iloc[0]
    assert row.logit_real == pytest.approx(logits_real.mean().item(), abs=1e-6)
    assert row.logit_fake == pytest.approx(logits_fake.mean().item(), abs=1e-6)
    assert row.loss_D == pytest.approx(LOSSES["minimax"].D(logits_real, logits_fake).item(), abs=1e-6)

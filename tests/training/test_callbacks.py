"""What looks at a run while it trains."""

from __future__ import annotations

import pytest
import torch
from training.shared import config, run

from algan_lite.training.callbacks import Snapshots


def test_snapshots_are_copies_of_their_steps() -> None:
    keep = Snapshots([1, 3])
    G, _, _ = run(config(num_steps=3), callbacks=[keep])
    assert list(keep.pairs) == [1, 3]
    z = torch.ones(1, 3)
    assert torch.equal(keep.pairs[3][0](z), G(z))
    assert not torch.equal(keep.pairs[1][0](z), G(z))
    with pytest.raises(ValueError, match=r"steps must be in \[1, inf\); got 0"):
        Snapshots([0])


def test_callbacks_see_the_state_after_every_step() -> None:
    seen: list[tuple[int, int]] = []
    run(config(num_steps=4), callbacks=[lambda s: seen.append((s.step, 1)), lambda s: seen.append((s.step, 2))])
    assert seen == [(step, which) for step in (1, 2, 3, 4) for which in (1, 2)]

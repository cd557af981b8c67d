"""What both players see, drawn and computed once."""

from __future__ import annotations

import pytest
import torch
from helpers import normal, tiny
from objective.shared import some_batch
from torch import Tensor, nn

import algan_lite as al
from algan_lite.objective.batch import player_loss, update_averages
from algan_lite.objective.losses import LOSSES


def test_logits_in_a_column_are_refused() -> None:
    G, _ = tiny()
    with pytest.raises(ValueError, match=r"D must return one logit a sample, \(5,\); got \(5, 1\)"):
        al.make_batch(G, nn.Linear(2, 1), normal(5, 2), normal(5, 3))


def test_make_batch_checks_its_axes() -> None:
    G, D = tiny()
    with pytest.raises(ValueError, match=r"x_real must begin with the axes of z, \(5,\); got \(4, 2\)"):
        al.make_batch(G, D, normal(4, 2), normal(5, 3))
    with pytest.raises(ValueError, match="loss must be one of"):
        al.make_batch(G, D, normal(5, 2), normal(5, 3), "mse")


def test_each_head_is_judged_by_itself() -> None:
    G, D = tiny(num_heads=3)
    batch = some_batch(G, D, 5)
    loss, value = LOSSES["non_saturating"], player_loss("D", batch).item()
    apart = [loss.D(real, fake) for real, fake in zip(batch.real.heads, batch.fake.heads, strict=True)]
    assert value == pytest.approx(torch.stack(apart).mean().item(), abs=1e-6)
    assert value != pytest.approx(loss.D(batch.logits_real, batch.logits_fake).item(), abs=1e-7)
    weights = torch.tensor([0.5, 0.5, 0, 0, 0])
    apart = [LOSSES["hinge"].G(r, f, weights) for r, f in zip(batch.real.heads, batch.fake.heads, strict=True)]
    weighed = batch._replace(loss=LOSSES["hinge"], weights=weights)
    assert player_loss("G", weighed).item() == pytest.approx(torch.stack(apart).mean().item(), abs=1e-6)


def test_moving_averages_by_hand() -> None:
    state: dict[str, Tensor] = {}
    means = [torch.tensor([1.0, 0.0]), torch.tensor([3.0, -1.0]), torch.tensor([-2.0, 5.0])]
    for mean in means:
        logits = torch.stack([mean - 1, mean + 1], -1)  # (2 runs, 2 samples)
        state = update_averages(state, logits, 2 * logits, decay=0.9)
    shares = [0.1 * 0.9**age for age in (2, 1, 0)]
    expected = sum(share * mean for share, mean in zip(shares, means, strict=True)) / sum(shares)
    torch.testing.assert_close(state["real"], expected)
    torch.testing.assert_close(state["fake"], 2 * expected)

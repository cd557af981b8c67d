"""The AUC: by counting pairs, ties, runs, and what is refused."""

from __future__ import annotations

import pytest
import torch
from helpers import normal

import algan_lite as al


def test_it_counts_pairs_and_ties_half() -> None:
    above, below = normal(3, 40).round(decimals=1), normal(3, 30, seed=1).round(decimals=1) - 0.5
    pairs = above.unsqueeze(-1) - below.unsqueeze(-2)
    assert (pairs == 0).any()
    expected = ((pairs > 0).double() + (pairs == 0).double() / 2).mean((-2, -1))
    torch.testing.assert_close(al.stats.auc(above, below), expected)
    torch.testing.assert_close(al.stats.auc(above[1], below[1]), expected[1])
    torch.testing.assert_close(al.stats.auc(below, above), 1 - expected)


def test_known_answers() -> None:
    ordered = torch.arange(10.0)
    assert al.stats.auc(ordered + 10, ordered) == 1.0
    assert al.stats.auc(ordered, ordered + 10) == 0.0
    assert al.stats.auc(ordered, ordered) == 0.5
    assert abs(al.stats.auc(normal(20_000) + 1, normal(20_000, seed=1)) - 0.7602) < 0.01  # Phi(1 / sqrt 2)


def test_a_run_with_nan_has_no_auc() -> None:
    above = torch.tensor([[1.0, torch.nan], [1.0, 2.0]])
    assert al.stats.auc(above, torch.zeros(2, 3)).isnan().tolist() == [True, False]


def test_it_refuses_by_name() -> None:
    with pytest.raises(ValueError, match=r"equal leading axes; got \(2, 3\) and \(3,\)"):
        al.stats.auc(normal(2, 3), normal(3))
    with pytest.raises(ValueError, match=r"below must be \(..., N\) with N >= 1; got \(0,\)"):
        al.stats.auc(normal(3), normal(0))
    with pytest.raises(TypeError, match="above must be a floating tensor"):
        al.stats.auc(torch.arange(3), normal(3))

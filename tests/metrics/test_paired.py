"""Paired permutation tests and Holm's correction: known answers."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from metrics.shared import numbers

from algan_lite.metrics.paired import holm, paired_permutation_test


def test_exact_permutation_p_values() -> None:
    a, b = numbers(0, 8) + 0.7, numbers(1, 8)
    d = a - b
    flips = [abs(np.mean(d * signs)) for signs in itertools.product([1, -1], repeat=8)]
    expected = np.mean([flip >= abs(d.mean()) - 1e-12 for flip in flips])
    found = paired_permutation_test(a, b)
    assert found.p_value == pytest.approx(expected, abs=1e-12)
    assert found.difference == pytest.approx(d.mean())
    assert (found.n, found.exact) == (8, True)
    assert paired_permutation_test(b, a).p_value == pytest.approx(expected, abs=1e-12)
    assert paired_permutation_test(np.arange(5) + 9, np.arange(5)).p_value == pytest.approx(2 / 2**5)
    assert paired_permutation_test([1, 2, 3], [1, 2, 3]).p_value == 1


def test_drawn_permutations_agree_with_exact_ones() -> None:
    a, b = numbers(2, 12) + 0.5, numbers(3, 12)
    exact = paired_permutation_test(a, b)
    drawn = paired_permutation_test(a, b, seed=5, num_resamples=3000)
    assert exact.exact
    assert not drawn.exact
    assert drawn.p_value == pytest.approx(exact.p_value, abs=4 * math.sqrt(exact.p_value / 3000) + 1 / 3000)
    assert drawn == paired_permutation_test(a, b, seed=5, num_resamples=3000)


def test_permutation_p_is_uniform_without_a_difference() -> None:
    values = [paired_permutation_test(numbers(i, 7), numbers(10_000 + i, 7)).p_value for i in range(300)]
    rate = np.mean(np.array(values) <= 0.125 + 1e-12)
    assert abs(rate - 0.125) < 4 * math.sqrt(0.125 * 0.875 / 300)


def test_pairs_must_match() -> None:
    with pytest.raises(ValueError, match="one value a pair; got 3 and 2"):
        paired_permutation_test([1, 2, 3], [1, 2])


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]).tolist() == [1.0, 1.0]
    assert holm([0.2]).tolist() == [0.2]
    assert holm([]).tolist() == []
    with pytest.raises(ValueError, match=r"p_values must be in \[0, 1\]; got -0.1 to 0.5"):
        holm([-0.1, 0.5])
    with pytest.raises(ValueError, match="p_values must be finite"):
        holm([0.1, math.nan])

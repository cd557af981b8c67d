"""How right a map is, and which points a committee disagrees about: known answers."""

from __future__ import annotations

import math

import pytest
import torch
from helpers import normal

import algan_lite as al
from algan_lite.applications import disagreement, farthest, right_share, rotated
from algan_lite.applications.domains import turn

A = al.data.ring(std=0.05)
B = rotated(A, 15.0)


@pytest.mark.parametrize(("degrees", "expected"), [(15.0, 1.0), (60.0, 0.0), (20.0, 1.0), (-30.0, 0.0)])
def test_a_rotation_is_right_if_it_ends_nearer_to_the_true_mode(degrees: float, expected: float) -> None:
    a = A.sample(300, seed=0)
    assert right_share(a, turn(a, degrees), A, B).item() == expected


def test_a_reflection_is_right_about_two_modes_and_a_constant_about_one() -> None:
    a = A.sample(4000, seed=0)
    mirrored = turn(a * torch.tensor([1.0, -1.0]), 15.0)
    constant = B.modes[3].expand_as(a)
    found = right_share(a, torch.stack([mirrored, constant]), A, B)
    assert abs(found[0].item() - 0.25) < 0.03
    assert abs(found[1].item() - 0.125) < 0.02


def test_what_is_not_finite_is_wrong() -> None:
    assert right_share(A.modes, torch.full_like(A.modes, math.nan), A, B).item() == 0


def test_disagreement_by_hand() -> None:
    moved = torch.tensor([[[0.0, 0.0], [1.0, 1.0]], [[2.0, 0.0], [1.0, 1.0]]])  # two maps, two points
    assert disagreement(moved).tolist() == [1.0, 0.0]  # the means are (1, 0) and (1, 1)
    assert disagreement(normal(3, 5, 7, 2)).shape == (5, 7)


def test_the_second_of_the_farthest_lies_opposite() -> None:
    ring = al.data.ring(modes=8).modes
    assert farthest(ring, 2).tolist() == [0, 4]
    assert sorted(farthest(ring, 4).tolist()) == [0, 2, 4, 6]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: right_share(A.modes, A.modes, A, al.data.ring(modes=4)), r"A and B must have equally many modes"),
        (lambda: right_share(A.modes, A.modes[:3], A, B), r"a and moved must be \(\.\.\., N, 2\)"),
        (lambda: right_share(normal(2, 3, 2), normal(4, 3, 2), A, B), r"got \(2, 3, 2\) and \(4, 3, 2\)"),
        (lambda: right_share(A.modes[:0], A.modes[:0], A, B), r"of equal N >= 1; got \(0, 2\)"),
        (lambda: disagreement(normal(2, 0, 2)), r"with C >= 2 and N >= 1; got \(2, 0, 2\)"),
        (lambda: farthest(torch.full((3, 2), math.nan), 2), r"x must be finite; got 6 values"),
        (lambda: farthest(normal(0, 2), 1), r"x must be \(N, values\) with N >= 1; got \(0, 2\)"),
        (lambda: turn(normal(4, 3), 5.0), r"x must be points \(\.\.\., 2\); got \(4, 3\)"),
        (lambda: right_share(A.modes, A.modes, A, None), r"B must be normal modes"),
        (lambda: disagreement(normal(1, 4, 2)), r"moved must be \(C, \.\.\., N, values\) with C >= 2"),
        (lambda: farthest(normal(4, 2), 5), r"k must be in \[1, 4\]; got 5"),
        (lambda: farthest(normal(4), 1), r"x must be \(N, values\)"),
    ],
)
def test_what_does_not_fit_is_refused(call, message: str) -> None:  # noqa: ANN001 - a function without arguments
    with pytest.raises((TypeError, ValueError), match=message):
        call()

"""Translators and their judges: which part goes where, alone and in an ensemble."""

from __future__ import annotations

import pytest
import torch
from helpers import normal
from torch import nn

import algan_lite as al
from algan_lite.applications import OneWay, TwoJudges, TwoWay, one_way_pair, translated, two_way_pair
from algan_lite.models import Generator


class Affine(nn.Module):
    """Multiplies by a number."""

    def __init__(self, factor: float, size: int = 2) -> None:
        super().__init__()
        self.factor, self.latent_dim, self.sample_shape = nn.Parameter(torch.tensor(factor)), size, (size,)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * x


def test_two_ways_cross_and_a_residual_map_adds() -> None:
    x = normal(5, 4)
    a, b = x[:, :2], x[:, 2:]
    T = TwoWay(Affine(3.0), Affine(0.5))
    torch.testing.assert_close(T(x), torch.cat([0.5 * b, 3 * a], -1))
    torch.testing.assert_close(translated(T, a), 3 * a)
    residual = TwoWay(Affine(3.0), Affine(0.5), residual=True)
    torch.testing.assert_close(residual(x), torch.cat([1.5 * b, 4 * a], -1))
    inverse = TwoWay(Affine(2.0), Affine(0.5))
    torch.testing.assert_close(inverse(inverse(x)), x)  # there and back


def test_one_way_keeps_its_input() -> None:
    x = normal(3, 5)
    there = Generator(nn.Linear(2, 3), 2, (3,))
    T = OneWay(there)
    torch.testing.assert_close(T(x), torch.cat([x[:, :2], there(x[:, :2])], -1))
    assert (T.latent_dim, T.values_A) == (5, 2)
    torch.testing.assert_close(translated(T, x[:, :2], 3), there(x[:, :2]))


def test_each_judge_sees_its_own_part() -> None:
    _, D = two_way_pair((2,), (1, 2, 2), residual=False, seed=3)
    x = normal(7, 6)
    heads = D.heads(x)
    torch.testing.assert_close(heads[0], D.D_A(x[:, :2]))
    torch.testing.assert_close(heads[1], D.D_B(x[:, 2:].reshape(7, 1, 2, 2)))
    torch.testing.assert_close(D(x), heads.mean(0))


def test_an_ensemble_is_its_members() -> None:
    T, D = al.models.ensemble(two_way_pair, runs=3, seed=5, width=8)
    x = normal(6, 4)
    for k in range(3):
        alone = two_way_pair(seed=5 + k, width=8)
        torch.testing.assert_close(T(x)[k], alone[0](x))
        torch.testing.assert_close(D.heads(x)[:, k], alone[1].heads(x))
    assert D.num_heads == 2


def test_weights_of_the_four_networks_differ_and_follow_the_seed() -> None:
    T, D = two_way_pair(seed=2)
    assert not torch.equal(T.there.body[0].weight, T.back.body[0].weight)
    assert not torch.equal(D.D_A.trunk[0].weight, D.D_B.trunk[0].weight)
    again = two_way_pair(seed=2)[0]
    assert torch.equal(T.there.body[0].weight, again.there.body[0].weight)


def test_no_samples_have_no_translation() -> None:
    for pair in (two_way_pair, one_way_pair):
        assert translated(pair(width=4)[0], normal(0, 2)).shape == (0, 2)


def test_a_convolutional_map_of_ones_own_fits() -> None:
    def conv() -> Generator:
        return Generator(nn.Sequential(nn.Unflatten(-1, (1, 8, 8)), nn.Conv2d(1, 1, 3, padding=1)), 64, (1, 8, 8))

    T = TwoWay(conv(), conv(), residual=True)
    assert T(normal(4, 128)).shape == (4, 128)
    many = al.models.Ensemble([TwoWay(conv(), conv()) for _ in range(2)])
    torch.testing.assert_close(many(normal(4, 128))[1], many.member(1)(normal(4, 128)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: OneWay(nn.Linear(2, 2)), r"there must have latent_dim and sample_shape.*got 'Linear'"),
        (lambda: TwoWay(Affine(1.0), Affine(1.0, 3)), r"undo each other's shape; got .* \(2, 2\) and \(3, 3\)"),
        (lambda: two_way_pair((2,), (3,)), r"residual maps must have as many values in as out; got \(2, 3\)"),
        (lambda: TwoJudges(nn.Linear(2, 1), Affine(1.0)), r"D_A must have sample_shape"),
        (lambda: two_way_pair()[0](normal(3, 3)), r"x must be samples .* of shape \(\.\.\., N, 4\); got \(3, 3\)"),
        (lambda: two_way_pair()[1](normal(4)), r"x must be samples"),
        (lambda: translated("T", normal(3, 2)), r"T must be a translator.*; got str"),
        (lambda: translated(two_way_pair()[0], normal(2)), r"a must be \(\.\.\., N, values_A\); got \(2,\)"),
        (
            lambda: translated(two_way_pair()[0], normal(3, 2).double()),
            r"a must be torch\.float32, .*got torch\.float64",
        ),
        (lambda: translated(two_way_pair()[0], normal(3, 2), -1), r"values_B must be in \[1, inf\); got -1"),
        (lambda: two_way_pair(width=0), r"width must be in \[1, inf\)"),
        (lambda: one_way_pair(output="relu"), r"output must be one of linear, tanh, sigmoid"),
    ],
)
def test_what_does_not_fit_is_refused(call, message: str) -> None:  # noqa: ANN001 - a function without arguments
    with pytest.raises((TypeError, ValueError), match=message):
        call()

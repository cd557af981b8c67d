"""Equal keys, equal values; and what cannot be told from others is refused."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import algan_lite as al
from algan_lite import data
from algan_lite.core.keys import content_key

SCALE = 1.0
alpha, energy = al.losses.alpha, al.losses.energy


def scaled(step: int) -> float:
    return SCALE * step


def doubled(step: int) -> float:
    return 2 * scaled(step)


def shifted(step: int, by: float = 1.0) -> float:
    return step + by


@torch.no_grad()
def wrapped(step: int) -> float:
    return step / 2


@cache
def cached(step: int) -> float:
    return step / 3


class Warm:
    slope = 0.1

    def __init__(self, start: float) -> None:
        self.start = start

    def __call__(self, step: int) -> float:
        return self.start + self.slope * step


class Cold(Warm):
    def __call__(self, step: int) -> float:
        return self.start - self.slope * step


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: float) -> None:
        self.value = value


@dataclass(frozen=True)
class Setting:
    a: int
    b: float = 0.0


def curve(u: torch.Tensor) -> torch.Tensor:
    return torch.stack([u, u], -1)


def other_curve(u: torch.Tensor) -> torch.Tensor:
    return torch.stack([u, -u], -1)


X = torch.arange(60.0).reshape(20, 3)
CHANGED = X.clone()
CHANGED[19, 2] += 1e-5  # one number, in the last item

# Each line holds things that must all have different keys.
DIFFERENT: dict[str, list[object]] = {
    "numbers": [0, 1, -1, 0.0, -0.0, 1.0, True, "1", b"1", None, 1j, float("nan"), np.float32(0.1), 0.1],
    "nesting": [[[1], 2], [[1, 2]], [1, 2], [1, [2]], [[1], [2]], [12], ["12"], ["1", "2"], [], [[]], [None]],
    "mappings": [{"a": 1}, {"a": 2}, {"b": 1}, {"a": {"b": 1}}, {1: "a"}, {"1": "a"}, {"a": 1, "b": 2}],
    "sets": [{1}, {2}, {1, 2}, frozenset({"1"})],
    "tensors": [X, CHANGED, X.reshape(3, 20), X.double(), X.half(), X.bfloat16(), X.int(), X.numpy(), X[:19], X.T],
    "arrays": [np.ones(2), np.ones(2, "f4"), np.ones(2, ">f8"), np.array(["a"]), np.array([1, "a"], dtype=object)],
    "functions": [scaled, doubled, shifted, wrapped, cached, partial(shifted, by=2.0), partial(shifted, by=3.0), max,
                  np.exp, torch.exp, torch.neg, str.upper, Warm(1.0).__call__, Warm(2.0).__call__],
    "objects": [Warm, Cold, Warm(1.0), Warm(2.0), Cold(1.0), Slotted(1.0), Slotted(2.0), Setting(1), Setting(1, 1.0)],
    "networks": [nn.Tanh(), nn.Identity(), nn.LeakyReLU(0.1), nn.LeakyReLU(0.2), al.models.mlp_pair()[0],
                 al.models.mlp_pair(seed=1)[0]],
    "sources": [data.two_moons(), data.two_moons(1.0), data.ring(), data.ring(std=0.03), data.swiss_roll(),
                data.ring(radius=2.1), data.ring(weights=[2.0] + [1.0] * 7), data.ring(modes=9), data.grid(),
                data.grid(spacing=1.1), data.imbalanced_ring(), data.imbalanced_ring(share=0.8),
                data.Curve("mine", curve, 0.1), data.Curve("mine", other_curve, 0.1)],
    "arrays as sources": [data.array(X), data.array(CHANGED), data.array(X, seed=1), data.array(X, test=0.3),
                          data.array(X, np.zeros(20, int)), data.array(X, np.arange(20) % 2)],
    "losses": [*al.LOSSES.values(), alpha(0.5, 1), alpha(0.5, 2), alpha(3, 1), alpha(0.5, 1, saturating=False),
               energy(2.0)],
}  # fmt: skip
EQUAL: dict[str, list[object]] = {
    "containers": [[1, 2], (1, 2), range(1, 3)],
    "orders": [{"a": 1, "b": (2, {"c": 3, "d": 4})}, {"b": [2, {"d": 4, "c": 3}], "a": 1}],
    "NumPy numbers": [0.5, np.float64(0.5), np.float16(0.5)],
    "strides": [X.T, X.T.contiguous(), X.T.clone()],
    "sources": [data.array(X), data.array(X.numpy())],
    "mixtures": [data.ring(), data.ring(8, 2, 0.02)],
    "losses": [alpha(0.5, 1), alpha(0.5, 1)],
    "objects": [Warm(1.0), Warm(1.0)],
}


@pytest.mark.parametrize("kind", DIFFERENT)
def test_different_values_have_different_keys(kind: str) -> None:
    keys = [content_key(value) for value in DIFFERENT[kind]]
    assert len(set(keys)) == len(keys), [
        value for value, key in zip(DIFFERENT[kind], keys, strict=True) if keys.count(key) > 1
    ]
    assert all(len(key) == 16 and int(key, 16) >= 0 for key in keys)


@pytest.mark.parametrize("kind", EQUAL)
def test_equal_values_have_equal_keys(kind: str) -> None:
    assert len({content_key(value) for value in EQUAL[kind]}) == 1
    assert content_key(*EQUAL[kind]) != content_key(EQUAL[kind][0])


def test_what_a_function_of_yours_refers_to_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [content_key(scaled), content_key(doubled), content_key(shifted), content_key(Warm(1.0))]
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    monkeypatch.setattr(Warm, "slope", 0.2)
    after = [content_key(scaled), content_key(doubled), content_key(shifted), content_key(Warm(1.0))]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, False, True, False]


def local(value: float) -> Callable[[int], float]:
    return lambda step: step + value


@pytest.mark.parametrize(
    "value",
    [lambda step: 1.0, local(1.0), partial(local(1.0), 3), {"a": [local(1.0)]}, Slotted(local(1.0)), torch.Generator(),
     threading.Lock(), iter([1]), data.Curve("mine", lambda u: curve(u), 0.1)],
)  # fmt: skip
def test_what_cannot_be_told_from_others_is_refused_where_it_must_be(value: object) -> None:
    with pytest.raises(TypeError, match=r"needs (functions|values)"):
        content_key(value)
    content_key(value, strict=False)


def test_without_strictness_local_functions_count_by_code_and_by_what_they_hold() -> None:
    keys = [content_key(one, strict=False) for one in (local(1.0), local(1.0), local(2.0), lambda step: step)]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_a_key_is_the_same_in_another_process() -> None:
    values = "{'b': {3.0, 'x', None}, 'a': al.losses.alpha(0.5, 1)}, al.data.ring(), al.models.mlp_pair(), al.METRICS"
    code = f"import algan_lite as al; from algan_lite.core.keys import content_key; print(content_key({values}))"
    printed = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=Path(__file__).parents[2])
    assert printed.strip() == eval(f"content_key({values})")


def test_sources_say_their_parameters() -> None:
    assert repr(data.two_moons(1.0)) == "two_moons(noise=1.0)"
    assert repr(data.ring(weights=[1, 2], modes=2)) == "ring(modes=2, radius=2.0, std=0.02, weights=(1.0, 2.0))"
    assert repr(data.grid(spacing=2)) == "grid(side=5, spacing=2.0, std=0.05, dim=2)"
    one, other = data.array(X), data.array(CHANGED)
    assert one.key() in repr(one)
    assert one.key() != other.key()

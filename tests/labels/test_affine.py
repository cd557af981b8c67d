"""Turns, sizes and shifts: known answers on small pictures."""

from __future__ import annotations

import pytest
import torch
from helpers import normal
from torch import Tensor

from algan_lite.labels import affine as module
from algan_lite.labels.affine import affine


def drawn(monkeypatch: pytest.MonkeyPatch, *draws: float) -> None:
    """Let the uniform draws of one image be these: angle, size, right, down in [-1, 1]."""
    values = (torch.tensor([draws]) + 1) / 2
    monkeypatch.setattr(module, "fresh", lambda *_: values)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def picture() -> Tensor:
    return torch.rand(1, 1, 6, 6, generator=torch.Generator().manual_seed(1))


def test_no_strength_is_the_identity() -> None:
    x = torch.rand(5, 1, 14, 10, generator=generator())
    torch.testing.assert_close(affine(x, generator(), degrees=0, scale=0, shift=0), x)


def test_a_quarter_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn(monkeypatch, 1, 0, 0, 0)
    turned = affine(picture(), generator(), degrees=90, scale=0, shift=0)
    torch.testing.assert_close(turned[0, 0], picture()[0, 0].rot90(1))


def test_a_half_turn_of_an_oblong(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn(monkeypatch, 1, 0, 0, 0)
    x = torch.rand(1, 1, 4, 9, generator=generator())
    torch.testing.assert_close(affine(x, generator(), degrees=180, scale=0, shift=0), x.flip(2, 3))


def test_a_quarter_turn_of_an_oblong_keeps_the_size_of_things(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn(monkeypatch, 1, 0, 0, 0)
    x = torch.zeros(1, 1, 4, 8)
    x[..., 1:3, 2:6] = torch.rand(2, 4, generator=generator())  # fits into the middle square
    turned = affine(x, generator(), degrees=90, scale=0, shift=0)
    torch.testing.assert_close(turned[0, 0, :, 2:6], x[0, 0, :, 2:6].rot90(1))


def test_a_shift_of_whole_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn(monkeypatch, 0, 0, 1, -1)
    x = picture()
    shifted = affine(x, generator(), degrees=0, scale=0, shift=2)
    torch.testing.assert_close(shifted[..., 2:, :4], x[..., :4, 2:])
    assert shifted[..., :2, :].abs().max() == 0
    assert shifted[..., 4:].abs().max() == 0


def test_a_larger_size_of_a_disc(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn(monkeypatch, 0, 1, 0, 0)
    x = torch.zeros(1, 1, 40, 40)
    x[..., 10:30, 10:30] = 1
    grown = affine(x, generator(), degrees=0, scale=0.5, shift=0)
    assert grown.sum().item() == pytest.approx(1.5**2 * x.sum().item(), rel=0.02)


def test_every_image_has_its_own_draw_and_a_seed_repeats_them() -> None:
    x = picture().expand(4, 1, 6, 6)
    first = affine(x, generator())
    assert torch.equal(first, affine(x, generator()))
    assert all(not torch.equal(first[0], first[k]) for k in range(1, 4))


def test_a_stream_goes_on_alike_at_any_strength() -> None:
    a, b = generator(), generator()
    affine(picture(), a)
    affine(picture(), b, degrees=0, scale=0, shift=0)
    assert torch.equal(torch.rand(3, generator=a), torch.rand(3, generator=b))


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"x": normal(2, 6, 6)}, ValueError, r"x must be \(N, 1, height, width\)"),
        ({"x": torch.zeros(1, 1, 6, 6, dtype=torch.uint8)}, TypeError, "x must be a floating tensor"),
        ({"degrees": -1}, ValueError, r"degrees must be in \[0, 180\]; got -1"),
        ({"scale": 1}, ValueError, r"scale must be in \[0, 0.9\]; got 1"),
        ({"shift": float("nan")}, ValueError, "shift must be in"),
    ],
)
def test_refusals(given: dict[str, object], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        affine(**{"x": picture(), "generator": generator(), **given})

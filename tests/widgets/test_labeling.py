"""The labeling panel: buttons and keys do what the session does, wrong answers show, a still picture stays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from widgets.shared import PNG

import algan_lite as al
from algan_lite.labels.human import Labeling
from algan_lite.widgets.panel import labeling
from algan_lite.widgets.panel import still as still_module
from algan_lite.widgets.panel.labeling import LabelingPanel

DIGITS = al.data.digits()
SMALL = {"num_pool": 60, "budget": 6}


@pytest.fixture
def panel(monkeypatch: pytest.MonkeyPatch) -> Iterator[LabelingPanel]:
    """Return a panel whose picture costs nothing."""
    monkeypatch.setattr(labeling, "picture", lambda asked, errors, random: PNG + bytes([len(errors)]))
    one = LabelingPanel(DIGITS, **SMALL)
    yield one
    one.close()


def truth(panel: LabelingPanel) -> int:
    return int(DIGITS.train_labels[panel.session.question])


def test_the_buttons_label_and_the_curve_moves(panel: LabelingPanel) -> None:
    for count in range(1, 7):
        panel.drive(label=truth(panel))
        assert len(panel.session.errors) == count
        assert f"{count} of 6 labels, test error {panel.session.errors[-1, 0]:.1%}" in panel._state.value
        assert panel._image.value == PNG + bytes([count])
    assert panel.session.question is None
    assert panel.controls["7"].disabled
    assert "Done" in panel._state.value
    assert panel.session.errors[-1, 0] < panel.session.errors[0, 0]
    with pytest.raises(ValueError, match="no question left: 6 of 6"):
        panel.drive(label=1)


@pytest.mark.parametrize("digit", range(10))
def test_every_button_gives_its_own_label(panel: LabelingPanel, digit: int) -> None:
    asked = panel.session.question
    panel.drive(label=digit)
    assert panel.session.answers == [(asked, digit)]


def test_keys_do_what_the_buttons_do(panel: LabelingPanel) -> None:
    panel.drive(keys="7s31")
    typed = list(panel.session.actions)
    assert [label for _, label in typed] == [7, None, 3, 1]
    panel.drive(reset=True)
    assert panel.controls["keys"].value == ""
    panel.drive(label=7, skip=True)
    panel.drive(label=3)
    panel.drive(label=1)
    assert panel.session.actions == typed
    assert panel.controls["keys"].value == "7s31"  # the field holds what was done, whoever did it


def test_backspace_takes_back_and_the_same_digit_is_asked_again(panel: LabelingPanel) -> None:
    first = panel.session.question
    panel.drive(keys="7")
    second = panel.session.question
    panel.drive(keys="72")
    panel.drive(keys="7")
    assert panel.session.question == second
    panel.drive(undo=True)
    assert panel.session.question == first
    assert panel.session.errors.shape == (0, 2)
    assert panel.controls["undo"].disabled
    with pytest.raises(ValueError, match="undo takes an answer or a skip back; there is none"):
        panel.drive(undo=True)


def test_typing_that_comes_in_one_lump_loses_nothing(panel: LabelingPanel) -> None:
    panel.controls["keys"].value = "712"
    assert [label for _, label in panel.session.answers] == [7, 1, 2]


def test_what_cannot_be_typed_changes_nothing_and_says_why(panel: LabelingPanel) -> None:
    panel.drive(keys="71")
    before = list(panel.session.actions)
    for text, words in (("91", "at the end"), ("71x", "keys must be one of 0, 1, .*; got 'x'")):
        with pytest.raises(ValueError, match=words):
            panel.drive(keys=text)
        assert panel.session.actions == before
        assert panel.controls["keys"].value == "71"
        assert 'role="alert"' in panel._trouble.value
    panel.drive(label=3)
    assert panel._trouble.value == ""


def test_a_wrong_label_is_kept_counted_and_priced(panel: LabelingPanel) -> None:
    for _ in range(5):
        panel.drive(label=truth(panel))
    asked, right = panel.session.question, truth(panel)
    wrong = (right + 1) % 10
    panel.drive(label=wrong)
    assert panel.session.mistakes == [(asked, wrong, right)]
    assert f"1 unlike the file (you {wrong}, file {right})" in panel._state.value
    with_mine, with_truth = panel.session.errors[-1]
    assert with_mine != with_truth
    assert (panel.session.errors[:5, 0] == panel.session.errors[:5, 1]).all()


def test_noise_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labeling, "picture", lambda *_: PNG)
    panel = LabelingPanel(DIGITS, num_pool=150, budget=40)
    for k in range(40):
        panel.drive(label=(truth(panel) + (k % 2)) % 10)  # every second label is wrong
    assert len(panel.session.mistakes) == 20
    mine, true = panel.session.errors[-1]
    assert mine > true + 0.1
    panel.close()


def test_random_curves_are_those_of_the_file(panel: LabelingPanel) -> None:
    assert panel.random.shape == (labeling.ORDERS, 6)
    assert ((panel.random >= 0) & (panel.random <= 1)).all()
    assert panel.random[:, -1].mean() < panel.random[:, 0].mean()
    assert panel.random[:, 0].min() > 0.8  # one label, one class: about nine of ten are wrong
    again = panel.session.random_curves(labeling.ORDERS)
    assert np.array_equal(again, panel.random)


@pytest.mark.parametrize("strategy", labeling.STRATEGIES)
def test_the_strategy_asks(panel: LabelingPanel, strategy: str) -> None:
    panel.drive(strategy=strategy, label=truth(panel))
    for _ in range(3):
        panel.drive(label=truth(panel))
    session = panel.session
    if strategy == "random":
        return
    pool, model = session._pool(), session._model
    best = al.labels.query(pool, strategy, 1, model=model)[0]
    assert session.question == best


def test_another_strategy_asks_other_questions(panel: LabelingPanel) -> None:
    def asked() -> list[int]:
        panel.drive(reset=True)
        for _ in range(4):
            panel.drive(label=truth(panel))
        return [index for index, _ in panel.session.answers]

    by_chance = asked()
    assert by_chance == asked()
    panel.drive(strategy="margin")
    assert asked() != by_chance


def test_skipped_digits_cost_nothing_and_do_not_come_back(panel: LabelingPanel) -> None:
    skipped = []
    for _ in range(20):
        skipped.append(panel.session.question)
        panel.drive(skip=True)
    assert len(set(skipped)) == 20
    assert panel.session.skipped == skipped
    assert panel.session.errors.shape == (0, 2)
    for _ in range(6):
        assert panel.session.question not in skipped
        panel.drive(label=1)


def test_when_all_are_skipped_there_is_no_question_left() -> None:
    x, y = torch.arange(6.0).view(3, 2), torch.tensor([0, 1, 0])
    session = Labeling(x, y, x, y, lambda pool: None, budget=2, num_classes=2)
    for _ in range(3):
        session.skip()
    assert session.question is None
    with pytest.raises(ValueError, match="no question left: 0 of 2"):
        session.skip()
    session.undo()
    assert session.question is not None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"gamma": 1}, "drive must be one of label, keys, .*; got 'gamma'"),
        ({"label": 10}, r"label must be in \[0, 9\]; got 10"),
        ({"strategy": "badge"}, "strategy must be one of random, margin, entropy; got 'badge'"),
        ({"skip": False}, "skip must be True; got False"),
    ],
)
def test_drive_refuses(panel: LabelingPanel, values: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        panel.drive(**values)
    assert panel.session.actions == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"budget": 0}, "budget"),
        ({"budget": 61}, "budget"),
        ({"strategy": "core_set"}, "strategy must be one of random, margin, entropy"),
        ({"num_pool": 0}, "num_pool"),
        ({"seed": -1}, "seed"),
        ({"source": al.data.array(torch.zeros(20, 1, 8, 8))}, "source must have labels"),
    ],
)
def test_the_panel_refuses(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        LabelingPanel(**{"source": DIGITS, **SMALL, **settings})


def test_a_still_picture_where_no_kernel_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = LabelingPanel(DIGITS, **SMALL)
    shown: list[dict[str, object]] = []
    monkeypatch.setattr(still_module, "display", lambda bundle, raw: shown.append(bundle))
    panel.drive(label=truth(panel))
    panel._ipython_display_()
    picture, view = shown
    assert view[still_module.VIEW]["model_id"] == panel.box.model_id
    monkeypatch.setenv(still_module.STATIC, "1")
    panel._ipython_display_()
    assert shown[2:] == [picture]
    assert picture.keys() == {"text/plain", "text/html", "image/png"}
    assert picture["text/plain"].startswith("LabelingPanel: random questions; 1 of 6 labels, test error ")
    assert "run this notebook to label digits yourself" in picture["text/html"]
    assert bytes(panel._image.value).startswith(PNG)
    before = bytes(panel._image.value)
    panel.drive(label=truth(panel))
    assert bytes(panel._image.value) != before
    panel.close()


def test_the_global_random_state_stays(panel: LabelingPanel) -> None:
    before = torch.get_rng_state()
    panel.drive(label=1, skip=True)
    assert torch.equal(torch.get_rng_state(), before)

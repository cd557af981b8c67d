"""What the panel refuses, errors in its thread, and its life beside the rest of the kernel."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from collections.abc import Callable
from time import monotonic, sleep

import pytest
import torch
from widgets.shared import SMALL, trained, weights

import algan_lite as al
from algan_lite.widgets.panel import panel, scene, session
from algan_lite.widgets.panel.panel import LivePanel


def wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    end = monotonic() + seconds
    while not what() and monotonic() < end:
        sleep(0.01)
    assert what()


def test_lambda_counts_from_the_next_step_on_and_breaks_nothing_off(live: LivePanel) -> None:
    live.drive(step=5, lam=1.0)
    live.drive(step=5)
    assert torch.equal(weights(live), trained(10, regularizers={"r1": lambda step: 0.1 if step < 5 else 1.0}))
    assert not torch.equal(weights(live), trained(10))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"gamma": 1}, "drive must be one of data, loss, .*reset; got 'gamma'"),
        ({"data": "mnist"}, "data must be one of ring, .*; got 'mnist'"),
        ({"loss": None}, "loss must be one of minimax, .*; got None"),
        ({"lam": 0.123}, "lam must be one of 0, 0.001, .*; got 0.123"),
        ({"lam": math.nan}, "lam must be one of .*; got nan"),
        ({"seed": -1}, "seed must be in .*; got -1"),
        ({"step": 0}, "step must be in .*; got 0"),
        ({"play": False}, "play must be True; got False"),
    ],
)
def test_drive_refuses(live: LivePanel, values: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        live.drive(**values)
    live.drive(step=1)  # and goes on


@pytest.mark.parametrize(
    "settings",
    [
        *({"data": "digits"}, {"loss": "x"}, {"regularizer": "x"}, {"strategy": "x"}, {"lam": -1}, {"seed": -1}),
        *({"width": 0}, {"depth": 0}, {"batch_size": 0}),
    ],
)
def test_the_panel_refuses(settings: dict[str, object]) -> None:
    threads = threading.active_count()
    (name,) = settings
    with pytest.raises(ValueError, match=name):
        LivePanel(**settings)
    assert threading.active_count() == threads


def test_a_broken_callback_is_raised_and_shown(live: LivePanel, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> None:
        raise ZeroDivisionError("broken on <purpose>")

    monkeypatch.setattr(live._session, "change", broken)
    with pytest.raises(ZeroDivisionError, match="broken on <purpose>"):
        live.drive(loss="hinge")
    assert "ZeroDivisionError: broken on &lt;purpose&gt;" in live._trouble.value
    monkeypatch.undo()
    live.drive(loss="minimax")  # raised once, and gone from the panel when something works again
    assert live._trouble.value == ""


def test_somebody_elses_broken_callbacks_are_raised(live: LivePanel) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError

    live.controls["step"].on_click(broken)
    with pytest.raises(ZeroDivisionError):
        live.drive(step=1)
    live.controls["lam"].observe(broken, "value")
    with pytest.raises(ZeroDivisionError):
        live.drive(lam=0)


def test_a_callback_that_breaks_under_a_hand_is_raised_at_the_next_drive(
    live: LivePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live._session, "change", lambda **_: 1 / 0)
    live.controls["loss"].value = "hinge"
    assert "ZeroDivisionError" in live._trouble.value
    with pytest.raises(ZeroDivisionError):
        live.drive(step=1)


def test_an_error_in_the_thread_is_raised_and_shown(live: LivePanel, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: scene.Frame) -> bytes:
        raise ZeroDivisionError("no picture")

    with monkeypatch.context() as patch:
        patch.setattr(panel, "picture", broken)
        with pytest.raises(ZeroDivisionError, match="no picture"):
            live.drive(data="grid")
    assert "no picture" in live._trouble.value
    live.drive(step=2)
    assert live._trouble.value == ""


def test_a_panel_that_cannot_begin_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = threading.active_count()
    monkeypatch.setattr(panel, "picture", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        LivePanel(**SMALL)
    assert threading.active_count() == threads


def test_divergence_is_raised_and_a_reset_mends_it(live: LivePanel) -> None:
    with torch.no_grad():
        next(live.G.parameters()).fill_(math.nan)
    with pytest.raises(al.TrainingDiverged, match="at step 1"):
        live.drive(step=3)
    assert "TrainingDiverged" in live._trouble.value
    assert not live.playing
    live.drive(reset=True, step=3)
    assert torch.equal(weights(live), trained(3))


def test_the_kernel_stays_free_while_it_plays(live: LivePanel) -> None:
    live.drive(play=True)
    first, slowest = live.step, 0.0
    for _ in range(20):
        begin = monotonic()
        sum(range(10_000))
        slowest = max(slowest, monotonic() - begin)
        sleep(0.02)
    wait_for(lambda: live.step > first)
    assert slowest < 1  # seconds, for a third of a millisecond of work on a crowded machine
    assert live.playing


def test_pictures_follow_while_it_plays(drawn: LivePanel) -> None:
    live = drawn
    live.drive(play=True)
    before = bytes(live._image.value)
    wait_for(lambda: bytes(live._image.value) != before)
    shown = live._frame.step
    wait_for(lambda: live._frame.step > shown)
    assert live._frame.rate > 0


def test_play_ends_by_itself(live: LivePanel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MOST_STEPS", 30)
    live.drive(play=True)
    wait_for(lambda: not live.playing)
    live._session.settle()
    assert live.step == 30


def test_a_panel_that_nobody_sees_any_more_pauses(live: LivePanel) -> None:
    live.box._view_count = 1  # as the front end says
    live.drive(play=True)
    live.box._view_count = 0
    live._session.settle()
    assert not live.playing


def test_two_panels_side_by_side(live: LivePanel) -> None:
    other = LivePanel(seed=5, **SMALL)
    other.drive(play=True)
    live.drive(step=5)
    other.close()
    assert torch.equal(weights(live), trained(5))


def test_close_ends_the_thread_and_the_widgets() -> None:
    one = LivePanel(**SMALL)
    one.drive(play=True)
    thread = one._session._thread
    assert thread.is_alive()
    assert thread.daemon
    one.close()
    assert not thread.is_alive()
    assert one.box.comm is None
    with pytest.raises(RuntimeError, match="closed"):
        one._session.play()


@pytest.mark.slow
def test_a_process_ends_while_a_panel_plays() -> None:
    code = "from algan_lite.widgets.panel.panel import LivePanel; LivePanel(width=8).drive(play=True)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

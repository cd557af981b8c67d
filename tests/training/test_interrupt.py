"""An interrupt loses nothing: the step ends, a checkpoint is written, the history is reachable, networks are clean."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from helpers import RING, tiny

import algan_lite as al
from algan_lite.core.files import load_checkpoint
from algan_lite.training.interrupt import Patience
from algan_lite.training.state import TrainState

AT = 7
SETTINGS = al.TrainConfig(num_steps=12, batch_size=8, log_every=5, regularizers={"r1": 0.1})


@pytest.fixture(autouse=True)
def usual_handler() -> Iterator[None]:
    """Take interrupts, though whoever started the tests may ignore them (as ``&`` in a script does)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def raised(state: TrainState) -> None:
    if state.step == AT:
        raise KeyboardInterrupt


def signaled(state: TrainState) -> None:
    if state.step == AT:
        signal.raise_signal(signal.SIGINT)


class Nervous:
    """A source in whose middle Ctrl-C is pressed, once or several times."""

    def __init__(self, presses: int = 1) -> None:
        self.presses, self.calls = presses, 0

    def sample(self, n: int, **options: object) -> torch.Tensor:
        self.calls += 1
        if self.calls == AT:
            for _ in range(self.presses):
                signal.raise_signal(signal.SIGINT)
        return RING.sample(n, **options)


def interrupted(path: Path | None, source: object = RING, runs: int | None = None, **options: object) -> tuple:
    G, D = tiny(runs=runs)
    with pytest.raises(KeyboardInterrupt) as caught:
        al.train(G, D, source, SETTINGS, checkpoint=path, progress=False, **options)
    return G, D, caught.value


CTRL_C: dict[str, Callable[[], dict]] = {
    "raised in a callback": lambda: {"callbacks": [raised]},
    "pressed in a callback": lambda: {"callbacks": [signaled]},
    "pressed in the middle of a step": lambda: {"source": Nervous()},
}


@pytest.mark.parametrize("runs", [None, 2])
@pytest.mark.parametrize("how", CTRL_C)
def test_an_interrupt_loses_nothing(tmp_path: Path, how: str, runs: int | None) -> None:
    path = tmp_path / "run.ckpt"
    G, D, error = interrupted(path, runs=runs, **CTRL_C[how]())
    assert load_checkpoint(path)[1]["step"] == AT
    assert os.listdir(tmp_path) == ["run.ckpt"]
    assert error.history.steps == [1, 5]
    assert len(error.history.frame()) == 2 * (runs or 1)
    assert f"stopped after step {AT}" in error.__notes__[0]
    assert error.__notes__[1] == f"checkpoint {path}: of step {AT}"
    assert all(p.grad is None and p.requires_grad for net in (G, D) for p in net.parameters())
    assert all(layer.training for net in (G, D) for layer in net.modules())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if how.endswith("callback"):  # the other source is another one
        G, D = tiny(runs=runs)
        resumed = al.train(G, D, RING, SETTINGS, checkpoint=path, resume=True, progress=False)
        whole = tiny(runs=runs)
        assert al.train(*whole, RING, SETTINGS, progress=False).frame().equals(resumed.frame())
        assert all(torch.equal(p, q) for p, q in zip(G.parameters(), whole[0].parameters(), strict=True))


def test_without_a_path_the_history_is_reachable() -> None:
    _, _, error = interrupted(None, callbacks=[signaled])
    assert error.history.steps == [1, 5]
    assert len(error.__notes__) == 1


def test_a_second_interrupt_comes_at_once_and_an_earlier_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    G, _, error = interrupted(path, Nervous(presses=2), checkpoint_every=3)
    assert load_checkpoint(path)[1]["step"] == 6
    assert "not written in the middle of a step" in error.__notes__[1]
    assert all(p.grad is None for p in G.parameters())


def test_an_interrupt_in_the_last_step_is_not_swallowed(tmp_path: Path) -> None:
    def last(state: TrainState) -> None:
        if state.step == SETTINGS.num_steps:
            signal.raise_signal(signal.SIGINT)

    interrupted(tmp_path / "run.ckpt", callbacks=[last])
    assert load_checkpoint(tmp_path / "run.ckpt")[1]["step"] == SETTINGS.num_steps


def test_a_file_that_cannot_be_written_any_more_does_not_hide_the_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("algan_lite.core.files.os.replace", full)
    _, _, error = interrupted(tmp_path / "run.ckpt", callbacks=[raised])
    assert "not written: no space left on device" in error.__notes__[1]
    assert not os.listdir(tmp_path)


def test_the_handler_is_given_back_however_the_training_ends() -> None:
    def fails(state: TrainState) -> None:
        raise LookupError

    with pytest.raises(LookupError) as caught:
        al.train(*tiny(), RING, SETTINGS, callbacks=[fails], progress=False)
    assert caught.tb is not None  # its frames are alive, and so is whatever the loop holds
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.fixture
def own_handler() -> Iterator[list[int]]:
    seen: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    yield seen
    signal.signal(signal.SIGINT, usual)


def test_a_handler_of_your_own_is_asked_at_the_end_of_the_step(own_handler: list[int]) -> None:
    asked: list[int] = []

    def callback(state: TrainState) -> None:
        asked.append(len(own_handler))
        signaled(state)

    history = al.train(*tiny(), RING, SETTINGS, callbacks=[callback], progress=False)
    assert history.steps[-1] == SETTINGS.num_steps
    assert own_handler == [signal.SIGINT]
    assert asked == [0] * AT + [1] * (SETTINGS.num_steps - AT)


def test_other_threads_train_without_signals() -> None:
    steps: list[int] = []

    def work() -> None:
        with Patience():
            steps.extend(al.train(*tiny(), RING, SETTINGS, progress=False).steps)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert steps == [1, 5, 10, 12]


def test_callbacks_may_be_a_generator() -> None:
    seen: list[int] = []
    al.train(*tiny(), RING, SETTINGS, callbacks=(call for call in [lambda s: seen.append(s.step)]), progress=False)
    assert seen == list(range(1, 13))

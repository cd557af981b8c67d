"""Settings of a notebook."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import pytest
import torch

import algan_lite as al
from algan_lite.notebook import setup
from algan_lite.notebook.setup import setup_notebook
from algan_lite.plots import style

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("ALGAN_LITE_PROFILE", raising=False)
    monkeypatch.delenv("ALGAN_LITE_DEVICE", raising=False)
    threads = torch.get_num_threads()
    with mpl.rc_context():
        yield
    torch.set_num_threads(threads)
    plt.close("all")


def test_setup_twice_is_the_same_silent_and_leaves_the_rng_alone(capsys: pytest.CaptureFixture[str]) -> None:
    before = torch.get_rng_state()
    assert setup_notebook(device="cpu") == setup_notebook(device="cpu")
    assert torch.equal(before, torch.get_rng_state())
    assert capsys.readouterr() == ("", "")
    assert mpl.rcParams["text.color"] == style.INK


def test_setup_shows_itself_as_one_line() -> None:
    line = repr(setup_notebook(7, profile="full", device="cpu"))
    assert line == f"algan_lite {al.__version__} · torch {torch.__version__} · CPU, 1 thread · profile full · seed 7"
    assert "CPU, 3 threads ·" in repr(setup_notebook(device="cpu", threads=3))


@pytest.mark.parametrize(("given", "threads"), [({}, 1), ({"threads": 2}, 2), ({"threads": "all"}, 3)])
def test_threads_are_one_unless_asked(given: dict[str, object], threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "ALL_THREADS", 3)
    torch.set_num_threads(2)
    assert setup_notebook(device="cpu", **given).threads == threads
    assert torch.get_num_threads() == threads


def test_all_threads_are_those_of_the_beginning_and_a_refusal_changes_none() -> None:
    torch.set_num_threads(2)
    for bad in (0, -1, 1.5, True, "two", "2", None):
        with pytest.raises((TypeError, ValueError), match=r"threads must be .*; got "):
            setup_notebook(threads=bad)
    assert torch.get_num_threads() == 2
    assert setup_notebook(threads="all").threads == setup.ALL_THREADS >= 1


def test_profile_and_device_come_from_the_environment_unless_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert setup_notebook().profile == "book"
    monkeypatch.setenv("ALGAN_LITE_PROFILE", "smoke")
    monkeypatch.setenv("ALGAN_LITE_DEVICE", "cpu")
    settings = setup_notebook()
    assert (settings.profile, settings.device) == ("smoke", CPU)
    assert setup_notebook(profile="full").profile == "full"


@pytest.mark.parametrize(("profile", "picked"), [("smoke", 1), ("book", 2), ("full", 3)])
def test_pick(profile: str, picked: int) -> None:
    assert setup_notebook(profile=profile, device="cpu").pick(smoke=1, book=2, full=3) == picked


def test_device_follows_what_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert setup.resolve_device("auto") == CPU
    with pytest.raises(ValueError, match=r"device must be 'auto' or 'cpu' here: .* got 'cuda'"):
        setup_notebook(device="cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert setup.resolve_device("auto") == setup.resolve_device("cuda") == torch.device("cuda")
    assert setup.resolve_device("cpu") == CPU


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, r"seed must be in \[0, inf\); got -1"),
        ({"profile": "fast"}, "profile must be one of smoke, book, full; got 'fast'"),
        ({"device": "tpu"}, "device must be one of auto, cpu, cuda; got 'tpu'"),
    ],
)
def test_setup_refuses(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        setup_notebook(**arguments)


def test_a_bad_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGAN_LITE_PROFILE", "bok")
    with pytest.raises(ValueError, match="profile must be one of smoke, book, full; got 'bok'"):
        setup_notebook()

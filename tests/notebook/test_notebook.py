"""Notebook helpers: settings, shown source, snapshots, the check of the machine, the picture of the first page."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import pytest
import torch

import algan_lite as al
from algan_lite.notebook import machine, setup
from algan_lite.notebook.machine import check_machine
from algan_lite.notebook.setup import setup_notebook
from algan_lite.notebook.source import show_source
from algan_lite.plots import style
from tools.assets import make_readme_figure

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("ALGAN_LITE_PROFILE", raising=False)
    monkeypatch.delenv("ALGAN_LITE_DEVICE", raising=False)
    with mpl.rc_context():
        yield
    plt.close("all")


def test_setup_twice_is_the_same_silent_and_leaves_the_rng_alone(capsys: pytest.CaptureFixture[str]) -> None:
    before = torch.get_rng_state()
    assert setup_notebook(device="cpu") == setup_notebook(device="cpu")
    assert torch.equal(before, torch.get_rng_state())
    assert capsys.readouterr() == ("", "")
    assert mpl.rcParams["text.color"] == style.INK


def test_setup_shows_itself_as_one_line() -> None:
    line = repr(setup_notebook(7, profile="full", device="cpu"))
    assert line == f"algan_lite {al.__version__} · torch {torch.__version__} · CPU · profile full · seed 7"


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


def example(x: int) -> int:
    """Return x.

    With `````many backticks`````.
    """
    # first
    y = x  # then
    return y  # last


def test_source_is_the_real_one_without_its_docstring() -> None:
    shown = show_source(example).data
    assert shown == (
        "```python\n# notebook/test_notebook.py\ndef example(x: int) -> int:\n"
        "    # first\n    y = x  # then\n    return y  # last\n```"
    )


def test_source_with_docstring_has_a_longer_fence() -> None:
    shown = show_source(example, docstring=True).data
    assert shown.startswith("``````python\n")
    assert shown.endswith("\n``````")
    assert "Return x." in shown


def test_part_of_a_source() -> None:
    assert "y = x" in show_source(example, start="# first", stop="# last").data
    assert show_source(example, start="# then", stop="# last").data.splitlines()[2:-1] == ["y = x  # then"]
    for arguments in ({"start": "nowhere"}, {"start": "# last", "stop": "# first"}):
        with pytest.raises(ValueError, match="must occur in the source"):
            show_source(example, **arguments)


def test_source_of_the_package_compiles_and_six_steps_can_be_cut_out() -> None:
    code = "\n".join(show_source(al.train).data.splitlines()[1:-1])
    compile("from __future__ import annotations\n" + code, "train", "exec")
    assert "G(chosen.z)" in show_source(al.train, start="# 3.", stop="# 4.").data


def test_class_and_method_can_be_shown_and_numbers_cannot() -> None:
    assert show_source(al.TrainConfig).data.count("def ") >= 3
    assert show_source(al.TrainConfig.lams).data.splitlines()[2].startswith("def lams")
    for bad in (3, len):
        with pytest.raises(TypeError, match="obj must be a function, class or method written in Python"):
            show_source(bad)


def test_machine_is_checked_for_real_and_shows_itself() -> None:
    before = torch.get_rng_state()
    found = check_machine("cpu")
    assert torch.equal(before, torch.get_rng_state())
    names = [finding.what for finding in found.findings]
    assert names == [
        "Python",
        "PyTorch",
        "other packages",
        "memory",
        "writing files",
        "GPU",
        "the book's data",
        "speed",
    ]
    assert found.ready
    assert repr(found).count("\n") == len(names)
    table = found._repr_html_()
    assert table.count("<tr>") == len(names) + 1
    assert table.count("scope='row'") == len(names)
    speed = re.search(r"(\d+) ms a step", repr(found))
    assert speed is not None
    assert int(speed[1]) > 0


def verdicts(found: machine.MachineCheck) -> dict[str, str]:
    return {finding.what: finding.verdict for finding in found.findings}


def test_every_defect_is_told_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))
    monkeypatch.setattr(machine.torch, "__version__", "2.5.1+cpu")
    monkeypatch.setattr(machine, "PACKAGES", ("numpy", "no_such_package"))
    monkeypatch.setattr(machine, "memory_gb", lambda: 1.0)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=2e8))

    def unreadable() -> None:
        raise OSError("<truncated>")

    monkeypatch.setattr(machine, "mnist", unreadable)
    found = machine.check_machine("cpu")
    bad = {name for name, verdict in verdicts(found).items() if verdict == machine.BAD}
    assert bad == {"Python", "PyTorch", "other packages", "memory", "writing files", "the book's data"}
    assert all(f.advice != "nothing to do" for f in found.findings if f.verdict == machine.BAD)
    assert not found.ready
    assert "Not ready" in found.summary
    assert "install no_such_package" in repr(found)
    assert "&lt;truncated&gt;" in found._repr_html_()


def test_slow_machine_is_ready_but_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "step_ms", lambda device, source: 740.0)
    found = machine.check_machine("cpu")
    assert verdicts(found)["speed"] == machine.SLOW
    assert found.ready
    assert "slower" in found.summary
    assert "up to 30.0 min" in repr(found)  # 1.5 minutes at 37 ms


def test_fast_machine_is_not_promised_less_than_the_book_took(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "step_ms", lambda device, source: 3.0)
    found = machine.check_machine("cpu")
    assert verdicts(found)["speed"] == machine.GOOD
    assert "up to 1.5 min" in repr(found)


def test_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    missing = machine._disk(tmp_path / "missing")
    assert missing.verdict == machine.BAD
    assert str(tmp_path) in missing.found
    assert machine._disk(tmp_path).verdict in (machine.GOOD, machine.BAD)
    assert list(tmp_path.iterdir()) == []


def test_memory_is_the_smaller_of_machine_and_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2_000_000}.__getitem__)
    for text, expected in (("max\n", 8.192), ("1000000000\n", 1.0), ("99000000000\n", 8.192)):
        monkeypatch.setattr(Path, "read_text", lambda self, text=text: text)
        assert machine.memory_gb() == pytest.approx(expected)

    def absent(self: Path) -> str:
        raise FileNotFoundError(self)

    monkeypatch.setattr(Path, "read_text", absent)
    assert machine.memory_gb() == pytest.approx(8.192)
    monkeypatch.delattr(os, "sysconf")
    assert machine.memory_gb() is None
    assert machine._memory().verdict == machine.GOOD


def test_picture_is_transparent_and_not_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "readme.png"
    make_readme_figure.draw(target, steps=(1, 2))
    pixels = plt.imread(target)
    assert pixels.shape[2] == 4
    assert pixels[0, 0, 3] == 0
    assert 0.2 < float((pixels[..., 3] > 0.5).mean()) < 0.95
    shipped = plt.imread(make_readme_figure.TARGET)
    assert shipped[0, 0, 3] == 0
    assert shipped.shape[1] >= 1200

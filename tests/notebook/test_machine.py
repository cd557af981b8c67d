"""The check of the machine."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from algan_lite.notebook import machine
from algan_lite.notebook.machine import check_machine


def test_machine_is_checked_for_real_and_shows_itself() -> None:
    before = torch.get_rng_state()
    found = check_machine("cpu")
    assert torch.equal(before, torch.get_rng_state())
    names = [finding.what for finding in found.findings]
    asked = "Python, PyTorch, other packages, memory, writing files, GPU, the book's data, speed"
    assert ", ".join(names) == asked
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


@pytest.mark.parametrize(("step", "verdict", "minutes"), [(1580.0, machine.SLOW, 30.0), (3.0, machine.GOOD, 1.5)])
def test_minutes_follow_the_speed_but_are_never_less_than_the_book_took(
    monkeypatch: pytest.MonkeyPatch, step: float, verdict: str, minutes: float
) -> None:
    monkeypatch.setattr(machine, "step_ms", lambda device, source: step)
    found = machine.check_machine("cpu")
    assert verdicts(found)["speed"] == verdict
    assert found.ready
    assert ("slower" in found.summary) is (verdict == machine.SLOW)
    assert f"up to {minutes} min" in repr(found)  # 1.5 minutes at 79 ms


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

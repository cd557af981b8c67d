"""What git says, or None."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from helpers import Checkout

from algan_lite.core.git import commits, git, is_before, is_changed


def test_what_git_prints_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert git(tmp_path, "--version").startswith("git version")
    assert git(tmp_path, "no-such-command") is None
    monkeypatch.setenv("PATH", "")
    assert git(tmp_path, "--version") is None


def test_commits_of_a_file_the_oldest_first(tmp_path: Path) -> None:
    checkout, file = Checkout(tmp_path), tmp_path / "room" / "a.txt"
    assert commits(file) == []
    checkout.commit({"room/a.txt": "1"}, day=1)
    assert not is_changed(file)
    checkout.commit({"room/b.txt": "1"}, day=2)
    checkout.commit({"room/a.txt": "2"}, day=3)
    first, second = commits(file)
    assert [one.time for one in (first, second)] == [datetime(2026, 1, day, 12, tzinfo=UTC) for day in (1, 3)]
    assert is_before(file, first, second)
    assert not is_before(file, second, first)
    assert not is_before(file, first, first)
    file.write_text("3")
    assert is_changed(file)
    assert is_changed(tmp_path / "room" / "new.txt") is False  # there is none to differ
    (tmp_path / "room" / "new.txt").write_text("1")
    assert is_changed(tmp_path / "room" / "new.txt")


def test_without_its_history_a_checkout_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    assert commits(tmp_path / "plain" / "a.txt") is None
    checkout = Checkout(tmp_path / "whole")
    for day in (1, 2):
        checkout.commit({"a.txt": str(day)}, day=day)
    shallow = tmp_path / "shallow"
    assert git(tmp_path, "clone", "-q", "--depth", "1", (tmp_path / "whole").as_uri(), str(shallow)) is not None
    assert (shallow / "a.txt").read_text() == "2"
    assert commits(shallow / "a.txt") is None

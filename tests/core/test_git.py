"""What git says, or None."""

from __future__ import annotations

from pathlib import Path

import pytest

from algan_lite.core.git import git


def test_what_git_prints_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert git(tmp_path, "--version").startswith("git version")
    assert git(tmp_path, "no-such-command") is None
    monkeypatch.setenv("PATH", "")
    assert git(tmp_path, "--version") is None

"""``make results`` says what it will take before it starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from algan_lite.studies.study import RESULTS
from tools.book import results


def test_the_minutes_are_those_of_the_records(tmp_path: Path) -> None:
    for name, seconds in {"a": 600, "b": 61}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"seconds": seconds}))
    lines = results.forecast(["a", "b", "new"], tmp_path).splitlines()
    assert [line.split(None, 1)[1] for line in lines[:3]] == ["about 10 minutes", "about 1 minutes", "not made yet"]
    assert lines[3].split()[:4] == ["together", "about", "11", "minutes"]


def test_they_are_said_before_the_first_study_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    monkeypatch.setattr(results, "remake", lambda notebook: said.append(capsys.readouterr().out) or 2.5)
    monkeypatch.setenv("ALGAN_LITE_PROFILE", "smoke")
    assert results.main(["selection"]) == 0
    minutes = json.loads((RESULTS / "selection.json").read_text())["seconds"] / 60
    assert said[0].splitlines()[0].split() == ["selection", "about", f"{minutes:.0f}", "minutes"]
    assert capsys.readouterr().out == "selection 2.5 minutes\n"


def test_an_unknown_study_is_refused() -> None:
    with pytest.raises(SystemExit, match=r"STUDY must be one of .*selection.*; got gamma"):
        results.main(["gamma"])

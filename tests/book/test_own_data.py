"""The page on own data keeps its word: ten lines, and no file outside of its own folder."""

from __future__ import annotations

import re

import nbformat

from tools.book.pages import source


def test_ten_lines_are_ten_lines_and_all_files_lie_at_home() -> None:
    code = [cell for cell in nbformat.read(source("book/own_data"), as_version=4).cells if cell.cell_type == "code"]
    (lines,) = (cell.source.splitlines() for cell in code if "ten-lines" in cell.metadata.get("tags", []))
    assert len(lines) <= 10
    assert max(map(len, lines)) <= 74
    everything = "\n".join(cell.source for cell in code)
    files = re.findall(r"^(csv|file|bad) = (.+)$", everything, flags=re.MULTILINE)
    assert len(files) == 3
    assert all("home.name" in where for _, where in files)

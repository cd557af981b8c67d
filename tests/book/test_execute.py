"""The book's notebooks are executed side by side, into a cache that Sphinx finds them in."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from jupyter_cache import get_cache
from nbformat.v4 import new_code_cell, new_notebook

from tools.audit.seconds import CELL, NOTEBOOK, too_slow
from tools.book.execute import execute


def written(path: Path, *cells: str) -> Path:
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata=kernel), path)
    return path


def test_outputs_and_seconds_are_kept_and_faults_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    good = written(tmp_path / "good.ipynb", "import time", "time.sleep(0.3)\nprint(6 * 7)")
    bad = written(tmp_path / "bad.ipynb", "1 / 0")
    failed = execute([good, bad], tmp_path / "cache", timeout=60)
    assert list(failed) == [bad]
    assert "ZeroDivisionError" in failed[bad]
    cache = get_cache(str(tmp_path / "cache"))
    again = nbformat.read(good, as_version=4)
    executed = cache.get_cache_bundle(cache.match_cache_notebook(again).pk).nb
    assert executed.cells[1].outputs[0].text == "42\n"
    first, second = executed.metadata["cell_seconds"]
    assert 0 <= first < 0.3 <= second < 5
    before = cache.list_cache_records()[0].created
    assert execute([good], tmp_path / "cache", timeout=60) == {}  # nothing changed: nothing runs
    assert cache.list_cache_records()[0].created == before


def test_slow_cells_and_notebooks_are_named() -> None:
    assert too_slow([1.0, CELL, NOTEBOOK - CELL - 1]) == []
    assert too_slow([1.0, CELL + 1]) == [f"code cell 2 takes {CELL + 1} s (at most {CELL})"]
    assert too_slow([CELL, CELL]) == [f"the notebook takes {2 * CELL} s (at most {NOTEBOOK})"]

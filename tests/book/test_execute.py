"""The book's notebooks are executed side by side, into a cache that Sphinx finds them in."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from jupyter_cache import get_cache
from nbformat.v4 import new_code_cell, new_notebook

from tools.audit.seconds import CELL, NOTEBOOK, too_slow
from tools.book.build import fresh_cache, package_key
from tools.book.execute import ENVIRONMENT, Measures, book_notebooks, execute, measured

HUNGRY = "import ipywidgets\nipywidgets.IntSlider()\nmuch = bytearray(b'x' * 300_000_000)\ndel much"
MOST_GB = 0.9


def written(path: Path, *cells: str) -> Path:
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata=kernel), path)
    return path


def test_outputs_and_seconds_are_kept_and_faults_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    good = written(tmp_path / "good.ipynb", "import time", "time.sleep(0.3)\nprint(6 * 7)", HUNGRY)
    bad = written(tmp_path / "bad.ipynb", "1 / 0")
    failed = execute([good, bad], tmp_path / "cache", timeout=60)
    assert list(failed) == [bad]
    assert "ZeroDivisionError" in failed[bad]
    cache = get_cache(str(tmp_path / "cache"))
    again = nbformat.read(good, as_version=4)
    executed = cache.get_cache_bundle(cache.match_cache_notebook(again).pk).nb
    assert executed.cells[1].outputs[0].text == "42\n"
    assert "widgets" not in executed.metadata  # the third cell made some
    found = measured([good], tmp_path / "cache")[good]
    assert [seconds >= 0 for seconds in found.cells] == [True] * 3
    assert found.cells[1] < 5
    assert 0.001 < found.product < 5
    assert 0.29 < found.peak_gb < 2  # the fourth cell held 300 MB for a moment
    assert "GB" in str(found)
    before = cache.list_cache_records()[0].created
    assert execute([good], tmp_path / "cache", timeout=60) == {}  # nothing changed: nothing runs
    assert cache.list_cache_records()[0].created == before


def test_slow_cells_and_notebooks_are_named_whatever_the_machine() -> None:
    for product in (0.01, 0.11, 1.0):
        assert too_slow(Measures((1.0 * product, CELL * product, 400 * product), product, 0.5)) == []
        long = Measures((1.0, 1.1 * CELL * product), product, 0.5)
        assert too_slow(long) == [f"code cell 2 takes {1.1 * CELL:.0f} products (at most {CELL})"]
        both = Measures((CELL * product, CELL * product), product, 0.5)
        assert too_slow(both) == [f"the notebook takes {2 * CELL} products (at most {NOTEBOOK})"]


@pytest.mark.slow
def test_no_kernel_of_the_book_needs_more_than_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the profile of the book, as `make book` runs it, and into its cache: what ran here, it need not run again."""
    monkeypatch.delenv("ALGAN_LITE_PROFILE", raising=False)
    monkeypatch.delenv("MPLBACKEND", raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    cache = fresh_cache(package_key())
    assert execute(book_notebooks(), cache, timeout=300) == {}
    peaks = {path.stem: found.peak_gb for path, found in measured(book_notebooks(), cache).items()}
    print("GB of each kernel:", ", ".join(f"{name} {peak:.2f}" for name, peak in peaks.items()))
    assert {name: round(peak, 3) for name, peak in peaks.items() if peak > MOST_GB} == {}
    assert min(peaks.values()) > 0.1

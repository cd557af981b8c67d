"""Remake the studies that ship with the package: every notebook of book/studies, executed with ``profile=full``.

What a killed run had finished is kept in _build/results, and is not computed again.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import papermill

from tools.book.pages import ROOT

STUDIES = ROOT / "book" / "studies"
PARTS = ROOT / "_build" / "results"


def remake(notebook: Path) -> float:
    """Execute one study; return the minutes that it took.

    Args:
        notebook: Its notebook, with a parameter ``folder`` for unfinished parts.
    """
    begin, folder = time.perf_counter(), PARTS / notebook.stem
    folder.mkdir(parents=True, exist_ok=True)
    papermill.execute_notebook(
        notebook, folder / notebook.name, parameters={"remake": True, "folder": str(folder)}, progress_bar=True
    )
    return (time.perf_counter() - begin) / 60


def main(names: list[str]) -> int:
    """Remake the studies named, or all of them."""
    os.environ["ALGAN_LITE_PROFILE"] = "full"
    for notebook in sorted(STUDIES.glob("*.ipynb")):
        if not names or notebook.stem in names:
            print(f"{notebook.stem} {remake(notebook):.1f} minutes", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Remake the studies that ship with the package: every notebook of book/studies, executed with ``profile=full``.

What a killed run had finished is kept in _build/results, and is not computed again. Before the first one starts, the
minutes of each are said, as the shipped studies keep them.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import papermill

from algan_lite.studies.study import RESULTS, read_record
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


def expected(name: str, results: Path = RESULTS) -> float | None:
    """Return the minutes of computing that a study took when it was made; None where it never was.

    They are summed over its runs: several processes need fewer.
    """
    record = results / f"{name}.json"
    return read_record(record)["seconds"] / 60 if record.exists() else None


def forecast(names: list[str], results: Path = RESULTS) -> str:
    """Return a line a study with its minutes, and one with their sum."""
    minutes = {name: expected(name, results) for name in names}
    lines = [f"{name:12} {'not made yet' if m is None else f'about {m:.0f} minutes'}" for name, m in minutes.items()]
    total = sum(filter(None, minutes.values()))
    return "\n".join([*lines, f"{'together':12} about {total:.0f} minutes of computing; what is finished is kept"])


def main(names: list[str]) -> int:
    """Remake the studies named, or all of them.

    Raises:
        SystemExit: If there is no study of a name; the message lists those that there are.
    """
    os.environ["ALGAN_LITE_PROFILE"] = "full"
    known = {notebook.stem: notebook for notebook in sorted(STUDIES.glob("*.ipynb"))}
    if unknown := sorted(set(names) - set(known)):
        raise SystemExit(f"STUDY must be one of {', '.join(known)}; got {unknown[0]}")
    chosen = [name for name in known if not names or name in names]
    print(forecast(chosen), flush=True)
    for name in chosen:
        print(f"{name} {remake(known[name]):.1f} minutes", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

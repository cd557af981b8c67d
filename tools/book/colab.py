"""Run every notebook as on Colab: its pins, an empty folder, and a package that only the first cell can install.

The environment is .venv-colab. The first cell is that of a published copy, with the wheel of this checkout in dist/
where a copy has the commit on GitHub; no index is asked.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import nbformat

from tools.book.first_cell import first_cell, wheel
from tools.book.pages import ROOT

PLACE = ROOT / ".venv-colab"
PYTHON = PLACE / "bin" / "python"
PINS = ROOT / "requirements-colab.txt"
NBVAL = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120", "-q", "-p", "no:cacheprovider"]


def environment() -> None:
    """Make the environment, or make it anew after a change of its pins."""
    stamp = PLACE / "pins.txt"
    if not stamp.exists() or stamp.read_bytes() != PINS.read_bytes():
        venv.create(PLACE, clear=True, with_pip=True)
        subprocess.run([PYTHON, "-m", "pip", "install", "-q", "-r", PINS], check=True)
        shutil.copy2(PINS, stamp)


def run(notebook: Path, package: Path) -> bool:
    """Run one notebook alone in an empty folder; return whether it passed.

    Args:
        notebook: Its file.
        package: The package's wheel.
    """
    subprocess.run([PYTHON, "-m", "pip", "uninstall", "-q", "-y", "algan-lite"], check=True)
    hidden = {"PIP_NO_INDEX": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
    environ = {**os.environ, "ALGAN_LITE_PROFILE": "smoke", "ALGAN_LITE_PROGRESS": "0", **hidden}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / notebook.name
        published = nbformat.read(notebook, as_version=4)
        next(cell for cell in published.cells if cell.cell_type == "code").source = first_cell(f"'{package}'")
        nbformat.write(published, copy)
        command = [PYTHON, "-m", "pytest", *NBVAL, copy]
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)
    print(f"{notebook.relative_to(ROOT)}: {done.stdout.strip().splitlines()[-1]}", flush=True)
    if done.returncode:
        print(done.stdout[-3000:])
    return done.returncode == 0


def main(names: list[str]) -> int:
    """Run the notebooks named, or all; return the exit status."""
    environment()
    notebooks = [path for path in sorted((ROOT / "book").rglob("*.ipynb")) if not names or path.stem in names]
    passed = [run(notebook, ROOT / "dist" / wheel()) for notebook in notebooks]
    print(f"{sum(passed)} of {len(passed)} notebooks pass as on Colab")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The wheel builds, is small, and runs the README's example away from the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tools.book.first_cell import version
from tools.book.pages import ROOT
from tools.book.readme import code_blocks

LIMIT = 4 * 2**20  # bytes


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # From a copy: a build folder left in the checkout would slip old files into the wheel.
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("dist")
    shutil.copytree(ROOT / "algan_lite", copy / "algan_lite", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, copy)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, copy, cwd=copy)
    (path,) = out.glob("*.whl")
    return path


@pytest.mark.slow
def test_wheel_is_small_and_whole(wheel: Path) -> None:
    assert wheel.name == f"algan_lite-{version()}-py3-none-any.whl"
    assert wheel.stat().st_size <= LIMIT
    inside = set(zipfile.ZipFile(wheel).namelist())
    files = [path for path in (ROOT / "algan_lite").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    lost = {path.relative_to(ROOT).as_posix() for path in files} - inside
    assert lost == set()


@pytest.mark.slow
def test_wheel_runs_the_example_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", wheel, cwd=tmp_path)
    # Torch and the other dependencies are borrowed from this environment through a path file, to save gigabytes and
    # minutes. A path file inside a borrowed folder is not read, so the editable package there stays out of reach.
    purelib = run(python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])", cwd=tmp_path).strip()
    (Path(purelib) / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    empty = tmp_path / "empty"
    empty.mkdir()
    where = run(python, "-c", "import algan_lite; print(algan_lite.__file__)", cwd=empty).strip()
    assert Path(where).is_relative_to(purelib)
    run(python, "-W", "error", "-c", code_blocks("python")[0], cwd=empty)
    assert list(empty.iterdir()) == []

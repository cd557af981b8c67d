"""Copies of the notebooks for a course: one for learners, without solutions, and one with the solutions as cells.

    python -m tools.book.copies            # into _build/copies/learner and _build/copies/solutions
    python -m tools.book.copies publish    # the learner copies become the branch "learner" of origin

Colab's buttons open the published copies. Their first cell installs the package from the very commit that made them, so
that a fork needs no package index.
"""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from tools.book.citations import plain_citations
from tools.book.exercises import CODE, Exercise, exercises
from tools.book.first_cell import first_cell
from tools.book.pages import ROOT, git, github_repository

COPIES = ROOT / "_build" / "copies"
BRANCH = "learner"


def requirement(root: Path = ROOT) -> str | None:
    """Return what pip can install the package of this checkout from: its origin on GitHub, at its commit; else None."""
    repository = github_repository(git(root, "remote", "get-url", "origin") or "")
    commit = git(root, "rev-parse", "HEAD")
    return f"algan-lite@git+https://github.com/{repository}@{commit}" if repository and commit else None


def learner_copy(notebook: NotebookNode, install: str | None = None) -> NotebookNode:
    """Return the notebook without solutions: a cell waits for the learner's code and raises until there is some.

    Args:
        notebook: One of the book.
        install: What the first cell installs where the package is missing; None: the release of this version.
    """
    return _copy(
        notebook, install, lambda one: f'raise NotImplementedError("exercise {one.label}: your code goes here")'
    )


def solution_copy(notebook: NotebookNode, install: str | None = None) -> NotebookNode:
    """Return the notebook with every solution as text and a cell that runs (arguments as for ``learner_copy``)."""
    return _copy(notebook, install, lambda one: one.code, answers=True)


def _copy(
    notebook: NotebookNode, install: str | None, code: Callable[[Exercise], str], answers: bool = False
) -> NotebookNode:
    result = copy.deepcopy(notebook)
    for one in reversed(exercises(notebook)):
        text = f"### {one.title}\n\n{one.question}"
        if answers:
            text += f"\n\n**Solution.** {CODE.sub('', one.answer).strip()}"
        cells = [new_markdown_cell(text, id=f"{one.label}-text")]
        if one.code:
            cells.append(new_code_cell(code(one), id=f"{one.label}-code", metadata={"tags": ["exercise"]}))
        result.cells[one.cell : one.cell + 1] = cells
    next(cell for cell in result.cells if cell.cell_type == "code").source = first_cell(install=install)
    prose = [cell for cell in result.cells if cell.cell_type == "markdown"]
    for cell, text in zip(prose, plain_citations([cell.source for cell in prose]), strict=True):
        cell.source = text
    return result


def write(folder: Path = COPIES, root: Path = ROOT) -> list[Path]:
    """Write both kinds of copies of every notebook; return the paths of the learners'."""
    shutil.rmtree(folder, ignore_errors=True)
    install, written = requirement(root), []
    for path in sorted((root / "book").rglob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        for kind, make in (("learner", learner_copy), ("solutions", solution_copy)):
            target = folder / kind / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(make(notebook, install), target)
        written.append(folder / "learner" / path.relative_to(root))
    return written


def publish(root: Path = ROOT, remote: str = "origin") -> str:
    """Push the learner copies as a branch of their own, without a checkout and without history; return its commit.

    Raises:
        RuntimeError: If git refuses; nothing is changed then.
    """
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "copies", root)
        places = {"GIT_INDEX_FILE": f"{folder}/index", "GIT_WORK_TREE": f"{folder}/copies/learner"}
        _git(root, places, "add", "--all", "--force", ".", cwd=places["GIT_WORK_TREE"])
        tree = _git(root, places, "write-tree")
    commit = _git(root, {}, "commit-tree", tree, "-m", f"Learner copies of {_git(root, {}, 'rev-parse', 'HEAD')}")
    _git(root, {}, "push", "--force", "--quiet", remote, f"{commit}:refs/heads/{BRANCH}")
    return commit


def is_published(root: Path = ROOT, remote: str = "origin") -> bool:
    """Return whether the remote has learner copies."""
    return git(root, "ls-remote", "--exit-code", "--heads", remote, BRANCH) is not None


def _git(root: Path, places: dict[str, str], *arguments: str, cwd: str | None = None) -> str:
    environ = {**os.environ, "GIT_DIR": str(root / ".git"), **places}
    done = subprocess.run(["git", *arguments], cwd=cwd or root, env=environ, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    if sys.argv[1:] == ["publish"]:
        print(f"Published {publish()} as {BRANCH}")
    else:
        print(f"{len(write())} notebooks, learner and solution copies, in {COPIES}")

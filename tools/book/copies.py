"""Copies of the notebooks for a course: one for learners, without solutions, and one with the solutions as cells.

    python -m tools.book.copies            # into _build/copies/learner and _build/copies/solutions
    python -m tools.book.copies publish    # the learner copies become the branch "learner" of origin

Colab's buttons open the published copies. Their first cell installs the package from the very commit that made them, so
that a fork needs no package index. Without an ``origin`` on GitHub they say where to get the wheel.
"""

from __future__ import annotations

import copy
import re
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from algan_lite.core.git import git
from tools.book.citations import plain_citations
from tools.book.first_cell import first_cell
from tools.book.pages import ROOT, github_repository

COPIES = ROOT / "_build" / "copies"
BRANCH = "learner"
# An exercise is a directive; its solution lies behind it, between two gates.
EXERCISE = re.compile(
    r"^(?P<fence>`{3,})\{exercise\} (?P<title>.+)\n:label: \S+\n:nonumber:\n\s*(?P<question>.*?)\s*^(?P=fence)$",
    re.M | re.S,
)
# A prediction is its question and a fold that any notebook shows, between the fences of a directive.
PREDICTION = re.compile(
    r"^(?P<fence>:{3,})\{predict\}\n(?::[xy]: [^\n]+\n)*\s*(?P<question>.*?)\s*"
    r"^<details data-answer=\"(?P<truth>[^\"]+)\">(?P<answer>.*?</details>)\n(?P=fence)$",
    re.M | re.S,
)
START = re.compile(r"^```\{solution-start\} (?P<label>\S+)\n:class: dropdown\n```\s*")
END = re.compile(r"^```\{solution-end\}\n```$")


def requirement(root: Path = ROOT) -> str | None:
    """Return what pip can install the package of this checkout from: its origin on GitHub, at its commit; else None."""
    repository = github_repository(git(root, "remote", "get-url", "origin") or "")
    commit = git(root, "rev-parse", "HEAD")
    return f"algan-lite@git+https://github.com/{repository}@{commit}" if repository and commit else None


def learner_copy(notebook: NotebookNode, install: str | None = None) -> NotebookNode:
    """Return the notebook without what lies between the gates: there a cell waits for the learner's code.

    Args:
        notebook: One of the book.
        install: What the first cell installs a missing package from; None: it says where to get the wheel.
    """
    cells, label, coded = [], None, False
    for cell in copy.deepcopy(notebook).cells:
        if start := START.match(cell.source):
            label, coded = start["label"], False
        elif END.match(cell.source):
            if coded:
                source = f'raise NotImplementedError("exercise {label}: your code goes here")'
                cells.append(new_code_cell(source, id=f"{label}-code", metadata={"tags": ["exercise"]}))
            label = None
        elif label is None:
            cells.append(cell)
        else:
            coded |= cell.cell_type == "code"
    return _plain(notebook, cells, install)


def solution_copy(notebook: NotebookNode, install: str | None = None) -> NotebookNode:
    """Return the notebook with the gates as words (arguments as for ``learner_copy``)."""
    cells = [cell for cell in copy.deepcopy(notebook).cells if not END.match(cell.source)]
    for cell in cells:
        cell.source = START.sub("**Solution.** ", cell.source)
    return _plain(notebook, cells, install)


def _plain(notebook: NotebookNode, cells: list[NotebookNode], install: str | None) -> NotebookNode:
    """Return a copy with these cells, in which no directive or role of the book is left."""
    result = copy.deepcopy(notebook)
    result.cells = cells
    next(cell for cell in cells if cell.cell_type == "code").source = first_cell(install=install)
    prose = [cell for cell in cells if cell.cell_type == "markdown"]
    for cell, text in zip(prose, plain_citations([cell.source for cell in prose]), strict=True):
        cell.source = plain_predictions(EXERCISE.sub(r"### \g<title>\n\n\g<question>", text))
    return result


def plain_predictions(text: str) -> str:
    """Return Markdown in which a prediction is its question and a folded answer, as a notebook shows it."""
    return PREDICTION.sub(r"\g<question>\n\n<details>\g<answer>", text)


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
    environ = {"GIT_DIR": str(root / ".git"), **places}
    found = git(Path(cwd or root), *arguments, environ=environ, timeout=300)
    if found is None:
        raise RuntimeError(f"git {arguments[0]} failed in {root}")
    return found


if __name__ == "__main__":
    if sys.argv[1:] == ["publish"]:
        print(f"Published {publish()} as {BRANCH}")
    else:
        print(f"{len(write())} notebooks, learner and solution copies, in {COPIES}")

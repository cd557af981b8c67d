"""Learner and solution copies: made from one source, published on a branch of their own, pointing to their own fork."""

from __future__ import annotations

import subprocess
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.copies import BRANCH, is_published, learner_copy, publish, requirement, solution_copy, write
from tools.exercises import exercises
from tools.first_cell import first_cell
from tools.pages import ROOT

TEXT = """
```{exercise} Change (10 minutes)
:label: demo-2

Double it. Check value: 4.
```

````{solution} demo-2
:class: dropdown
Multiply by two.

```python
doubled = 2 * 2
assert doubled == 4
```
````
""".strip()


def demo() -> nbformat.NotebookNode:
    notebook = new_notebook(cells=[new_markdown_cell("# Demo"), new_code_cell(first_cell()), new_markdown_cell(TEXT)])
    return notebook


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_an_exercise_is_read_from_its_cell() -> None:
    (one,) = exercises(demo())
    assert (one.cell, one.label, one.title) == (2, "demo-2", "Change (10 minutes)")
    assert one.question == "Double it. Check value: 4."
    assert one.code == "doubled = 2 * 2\nassert doubled == 4"
    broken = demo()
    broken.cells[2].source = TEXT.replace(":class: dropdown", "")
    with pytest.raises(ValueError, match=r"exercise demo-2 must be closed and have a dropdown"):
        exercises(broken)


def test_copies_hide_or_run_the_solution() -> None:
    learner, solved = learner_copy(demo()), solution_copy(demo())
    assert learner.cells[2].source == "### Change (10 minutes)\n\nDouble it. Check value: 4."
    with pytest.raises(NotImplementedError, match="demo-2"):
        exec(learner.cells[3].source)
    names: dict = {}
    exec(solved.cells[3].source, names)
    assert names["doubled"] == 4
    assert "Multiply by two." in solved.cells[2].source
    assert not any("assert doubled" in cell.source for cell in learner.cells)
    nbformat.validate(learner)
    nbformat.validate(solved)


@pytest.fixture
def fork(tmp_path: Path) -> Path:
    """A checkout with one notebook, and a bare repository as its origin."""
    git(tmp_path, "init", "--bare", "origin.git")
    git(tmp_path, "init", "-b", "main", "fork")
    fork = tmp_path / "fork"
    (fork / "book").mkdir()
    nbformat.write(demo(), fork / "book" / "demo.ipynb")
    git(fork, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(fork, "add", ".")
    git(fork, "commit", "-m", "first")
    return fork


def test_the_first_cell_installs_from_the_fork(fork: Path) -> None:
    assert requirement(fork) is None  # a local remote is no place that Colab can install from
    git(fork, "remote", "set-url", "origin", "git@github.com:teacher/fork.git")
    commit = git(fork, "rev-parse", "HEAD").strip()
    assert requirement(fork) == f"algan-lite@git+https://github.com/teacher/fork@{commit}"
    (path,) = write(fork / "copies", fork)
    cell = nbformat.read(path, as_version=4).cells[1].source
    assert f"%pip install -q --no-deps algan-lite@git+https://github.com/teacher/fork@{commit}\n" in cell


def test_learner_copies_are_published_without_touching_the_checkout(
    fork: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "a")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@example.org")
    assert not is_published(fork)
    commit = publish(fork)
    assert is_published(fork)
    assert publish(fork) != ""  # again: the branch is replaced
    origin = fork.parent / "origin.git"
    assert git(origin, "ls-tree", "-r", "--name-only", commit).split() == ["book/demo.ipynb"]
    assert "NotImplementedError" in git(origin, "show", f"{BRANCH}:book/demo.ipynb")
    assert "Multiply by two" not in git(origin, "show", f"{BRANCH}:book/demo.ipynb")
    assert git(fork, "status", "--porcelain") == ""
    assert git(fork, "branch").split() == ["*", "main"]
    git(fork, "remote", "set-url", "origin", str(fork.parent / "nowhere.git"))
    with pytest.raises(RuntimeError, match="git push failed"):
        publish(fork)


CHAPTERS = [path for path in sorted((ROOT / "book").rglob("*.ipynb")) if exercises(nbformat.read(path, as_version=4))]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_exercise_has_a_label_of_its_chapter_and_a_check_value(path: Path) -> None:
    for one in exercises(nbformat.read(path, as_version=4)):
        assert one.label.replace("_", "-").startswith(path.stem.replace("_", "-"))
        assert "heck value" in one.question
        if one.code:
            assert "assert" in one.code
            compile(one.code, one.label, "exec")

"""Learner and solution copies: made from one source, published on a branch of their own, pointing to their own fork."""

from __future__ import annotations

import subprocess
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.book.citations import plain_citations
from tools.book.copies import BRANCH, is_published, learner_copy, publish, requirement, solution_copy, write
from tools.book.execute import execute
from tools.book.exercises import exercises
from tools.book.first_cell import first_cell
from tools.book.pages import ROOT

TEXT = """
```{exercise} Change (10 minutes)
:label: demo-2
:nonumber:

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


def test_citations_become_text_where_nothing_reads_roles() -> None:
    texts = ["As {footcite:t}`sinha2020topk` say {footcite}`goodfellow2014, mao2017`.", "```{footbibliography}\n```"]
    spoken, listed = plain_citations(texts)
    assert spoken == "As Sinha et al. (2020) say (Goodfellow et al. 2014; Mao et al. 2017)."
    works = listed.splitlines()
    assert len(works) == 3
    assert works[0].startswith("- Samarth Sinha, Zhengli Zhao")
    assert works[2].endswith("In ICCV. 2017. arXiv:1611.04076.")
    with pytest.raises(KeyError, match="nobody"):
        plain_citations(["{footcite}`nobody`"])


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


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_learner_copy_is_the_chapter_and_fails_only_where_code_is_due(path: Path) -> None:
    """The chapter itself runs in ``make test``; so what is added must be all that fails."""
    book = nbformat.read(path, as_version=4)
    copy = learner_copy(book)
    due = [cell for cell in copy.cells if "exercise" in cell.metadata.get("tags", [])]
    assert len(due) == sum(bool(one.code) for one in exercises(book)) > 0
    for cell in due:
        with pytest.raises(NotImplementedError, match="your code goes here"):
            exec(cell.source)
    rest = [cell.source for cell in copy.cells if cell.cell_type == "code" and cell not in due]
    assert rest[1:] == [cell.source for cell in book.cells if cell.cell_type == "code"][1:]
    assert not any("{footcite" in cell.source or "{footbibliography" in cell.source for cell in copy.cells)


@pytest.mark.slow
def test_solution_copies_run_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    write(tmp_path)
    solved = sorted((tmp_path / "solutions").rglob("*.ipynb"))
    assert {path.stem for path in solved} >= {path.stem for path in CHAPTERS}
    assert execute(solved, tmp_path / "cache", timeout=120) == {}

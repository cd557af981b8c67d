"""Learner and solution copies: made from one source, published on a branch of their own, pointing to their own fork."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from pybtex.database import parse_file
from pybtex.plugin import find_plugin

from tools.book.citations import BIBLIOGRAPHY, plain_citations
from tools.book.copies import BRANCH, is_published, learner_copy, publish, requirement, solution_copy, write
from tools.book.execute import execute
from tools.book.first_cell import first_cell
from tools.book.pages import ROOT

QUESTION = """
```{exercise} Change (10 minutes)
:label: demo-2
:nonumber:

Double it. Check value: 4.
```
""".strip()
START = """
```{solution-start} demo-2
:class: dropdown
```

Multiply by two.
""".strip()


def demo() -> nbformat.NotebookNode:
    solution = [new_code_cell("doubled = 2 * 2\nassert doubled == 4"), new_markdown_cell("```{solution-end}\n```")]
    head = [new_markdown_cell("# Demo"), new_code_cell(first_cell()), new_markdown_cell(QUESTION)]
    return new_notebook(cells=[*head, new_markdown_cell(START), *solution, new_code_cell("after = 1")])


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_copies_hide_or_run_the_solution() -> None:
    learner, solved = learner_copy(demo()), solution_copy(demo())
    assert learner.cells[2].source == solved.cells[2].source == "### Change (10 minutes)\n\nDouble it. Check value: 4."
    with pytest.raises(NotImplementedError, match="demo-2"):
        exec(learner.cells[3].source)
    assert [cell.source for cell in learner.cells[4:]] == ["after = 1"]
    assert solved.cells[3].source == "**Solution.** Multiply by two."
    assert [cell.source for cell in solved.cells[4:]] == [
        cell.source for cell in demo().cells[4:] if "end}" not in cell.source
    ]
    nbformat.validate(learner)
    nbformat.validate(solved)


def test_citations_become_text_where_nothing_reads_roles() -> None:
    texts = ["As {footcite:t}`sinha2020topk` say {footcite}`goodfellow2014, mao2017`.", "```{footbibliography}\n```"]
    spoken, listed = plain_citations(texts)
    assert spoken == "As Sinha et al. (2020) say (Goodfellow et al. 2014; Mao et al. 2017)."
    works = listed.splitlines()
    assert len(works) == 3
    assert works[0].startswith("- Samarth Sinha, Zhengli Zhao")
    assert works[2].endswith("In ICCV. 2017. [arXiv:1611.04076](https://arxiv.org/abs/1611.04076).")
    with pytest.raises(KeyError, match="nobody"):
        plain_citations(["{footcite}`nobody`"])


def test_every_work_is_linked_in_the_bibliography_and_in_copies() -> None:
    works = parse_file(str(BIBLIOGRAPHY), bib_format="bibtex").entries
    style, backend = find_plugin("pybtex.style.formatting", "plain")(), find_plugin("pybtex.backends", "html")()
    for entry in style.format_entries(works.values()):
        assert re.search(r'href="https://[^"]+"', entry.text.render(backend)), entry.key
    text = plain_citations([f"{{footcite}}`{', '.join(works)}`", "```{footbibliography}\n```"])[1]
    linked = [line for line in text.splitlines() if re.search(r"https://\S+", line)]
    assert len(linked) == len(works) > 40
    assert "[doi:10.1016/0022-2496(77)90026-8](https://doi.org/10.1016/0022-2496(77)90026-8)." in text


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


CHAPTERS = [path for path in sorted((ROOT / "book").rglob("*.ipynb")) if "{exercise}" in path.read_text("utf-8")]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_learner_copy_is_the_chapter_and_fails_only_where_code_is_due(path: Path) -> None:
    """The chapter itself runs in ``make test``; so what is added must be all that fails."""
    book = nbformat.read(path, as_version=4)
    learner = learner_copy(book)
    due = [cell for cell in learner.cells if "exercise" in cell.metadata.get("tags", [])]
    assert len(due) in (1, 2, 3)  # a question of understanding has no code
    for cell in due:
        with pytest.raises(NotImplementedError, match="your code goes here"):
            exec(cell.source)
    kept, all_of_it = ([cell.source for cell in one.cells if cell.cell_type == "code"][1:] for one in (learner, book))
    kept = [source for source in kept if source not in [cell.source for cell in due]]
    assert [source for source in all_of_it if source in kept] == kept
    assert len(kept) < len(all_of_it)
    words = "".join(cell.source for cell in [*learner.cells, *solution_copy(book).cells])
    assert not any(mark in words for mark in ("{footcite", "{footbibliography", "{exercise", "{solution"))


@pytest.mark.slow
def test_learner_copies_run_where_the_code_is_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    write(tmp_path)
    (solved,) = (tmp_path / "solutions").rglob("setup.ipynb")  # the others run in place, in make test
    assert execute([solved], tmp_path / "cache", timeout=120) == {}

"""The design's limits, read over every chapter of _toc.yml: order, predictions, exercises, citations."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from tools.book.citations import DIRECTIVE, cited
from tools.book.copies import END, START
from tools.book.pages import pages, source

REFERENCE = {"glossary", "references", "article_map", "api"}  # pages to look things up in: they teach no one concept
PAGES = [path for path in map(source, pages()) if path.suffix == ".ipynb" and path.parent.name == "book"]
CHAPTERS = [path for path in PAGES if path.stem not in REFERENCE]

EXERCISE = re.compile(r"^`{3,}\{exercise\} .+\n:label: (\S+)\n:nonumber:$", flags=re.MULTILINE)
TAKEAWAYS = re.compile(r"^## .*(?:take ?away|Take ?away)", flags=re.MULTILINE)
# What a page must hold, in this order.
ORDER = {
    "title": re.compile(r"\A# "),
    "what you will be able to do": re.compile(r"you (?:can|will be able to)\s*[,:]?\s*\n\n- \*\*\w+\*\*"),
    "minutes to teach and to practice": re.compile(r"[Mm]inutes.{0,20}\bto teach\b.{0,20}\bto practi[cs]e", flags=re.S),
    "first cell": re.compile(r'find_spec\("algan_lite"\)'),
    "prediction": re.compile(r"\*\*Predict"),
    "takeaways": TAKEAWAYS,
    "exercises": re.compile(r"^## .*Exercises", flags=re.MULTILINE),
    "references": re.compile(r"^## References", flags=re.MULTILINE),
}


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request: pytest.FixtureRequest) -> NotebookNode:
    return nbformat.read(request.param, as_version=4)


def text_of(notebook: NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells)


def exercises_of(notebook: NotebookNode) -> str:
    prose = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return prose[ORDER["exercises"].search(prose).start() :]


def test_parts_stand_in_the_order_of_the_design(chapter: NotebookNode) -> None:
    text, place = text_of(chapter), 0
    for name, pattern in ORDER.items():
        found = pattern.search(text, place)
        assert found, f"{name}: missing, or not after what comes before it"
        place = found.end()


def test_reader_predicts_and_is_warned(chapter: NotebookNode) -> None:
    body = text_of(chapter)
    assert len(re.findall(r"\*\*Predict", body)) >= 2
    assert re.search(r"[Pp]itfall", body)
    assert len(re.findall(r"^- \*\*\w+\*\* ", chapter.cells[0].source, flags=re.MULTILINE)) in (3, 4)


def test_parameters_come_right_after_the_first_cell(chapter: NotebookNode) -> None:
    code = [cell for cell in chapter.cells if cell.cell_type == "code"]
    assert "parameters" in code[1].metadata.get("tags", [])


def test_exercises_have_hidden_solutions_that_run_and_check_values(chapter: NotebookNode) -> None:
    labels = EXERCISE.findall(exercises_of(chapter))
    assert len(labels) in (2, 3)
    assert len(set(labels)) == len(labels)
    gates = [(k, START.match(cell.source) or END.match(cell.source)) for k, cell in enumerate(chapter.cells)]
    gates = [(k, gate) for k, gate in gates if gate]
    for label, (first, start), (last, end) in zip(labels, gates[::2], gates[1::2], strict=True):
        assert start["label"] == label
        assert "label" not in end.re.groupindex
        code = [cell.source for cell in chapter.cells[first:last] if cell.cell_type == "code"]
        assert not code or "assert" in "".join(code) or "near(" in "".join(code)
    assert exercises_of(chapter).lower().count("check value") >= len(labels) - 1  # understanding may have none


def test_works_are_cited_from_the_bibliography(chapter: NotebookNode) -> None:
    prose = [cell.source for cell in chapter.cells if cell.cell_type == "markdown"]
    assert cited(prose)
    assert DIRECTIVE.search(prose[-1]), "the page does not end with its {footbibliography}"
    assert "arXiv:" not in "".join(prose), "a work is written out: cite it"


def test_prose_does_not_call_things_easy(chapter: NotebookNode) -> None:
    prose = "\n".join(cell.source for cell in chapter.cells if cell.cell_type == "markdown")
    assert not re.findall(r"\b(?:simply|obviously|trivially|of course|clearly,)\b", prose, flags=re.IGNORECASE)


def test_every_chapter_is_read() -> None:
    assert {Path(name).name for name in pages()} - REFERENCE >= {path.stem for path in CHAPTERS}
    assert len(CHAPTERS) >= 4

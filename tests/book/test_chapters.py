"""The design's limits, read over every chapter of _toc.yml: order, predictions, exercises, asserted numbers."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from tools.book.citations import DIRECTIVE, ROLE, cited
from tools.book.pages import pages, source

REFERENCE = {"glossary", "references", "article_map", "api"}  # pages to look things up in: they teach no one concept
PAGES = [path for path in map(source, pages()) if path.suffix == ".ipynb" and path.parent.name == "book"]
CHAPTERS = [path for path in PAGES if path.stem not in REFERENCE]

FENCE = re.compile(r"^(`{3,}|:{3,}).*?^\1[ \t]*$", flags=re.MULTILINE | re.DOTALL)
SOLUTION = re.compile(
    r"^(`{3,})\{(?:admonition\} Solution|solution[^}]*\}[^\n]*)$.*?^\1$", flags=re.MULTILINE | re.DOTALL
)
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


def test_exercises_have_hidden_solutions_and_check_values(chapter: NotebookNode) -> None:
    exercises = exercises_of(chapter)
    solutions = SOLUTION.findall(exercises)
    assert len(solutions) in (2, 3)
    assert len(re.findall(r":class: dropdown", exercises)) >= len(solutions)
    assert exercises.count("Check value") >= len(solutions) - 1  # a question of understanding may have none


def test_works_are_cited_from_the_bibliography(chapter: NotebookNode) -> None:
    prose = [cell.source for cell in chapter.cells if cell.cell_type == "markdown"]
    assert cited(prose)
    assert DIRECTIVE.search(prose[-1]), "the page does not end with its {footbibliography}"
    assert "arXiv:" not in "".join(prose), "a work is written out: cite it"


def test_prose_does_not_call_things_easy(chapter: NotebookNode) -> None:
    prose = "\n".join(cell.source for cell in chapter.cells if cell.cell_type == "markdown")
    assert not re.findall(r"\b(?:simply|obviously|trivially|of course|clearly,)\b", prose, flags=re.IGNORECASE)


# Numbers of the text. A decimal or a percentage is a result: an asserting cell of the same section holds it, unless it
# is a setting, which stands in the code as a keyword argument. A whole number of two digits or more is a setting or a
# count: some code cell of the page holds it. Words (eight), sentences that cite, years, durations, dimensions, numbers
# of steps and sections, and the customary 95 % of an interval are none of these.

NUMBER = re.compile(r"(?<![\w.,/^_+])[−-]?\d+(?:,\d{3})*(?:\.\d+)?(?!\d)(?:\s?%)?")
TOKEN = re.compile(r"(?<![\w.])\d[\d_]*(?:\.\d+)?(?:e-?\d+)?")
NOT_PROSE = [
    FENCE,
    re.compile(r"^#+ .*$", flags=re.MULTILINE),  # headings number themselves
    re.compile(r"`[^`]*`"),
    re.compile(r"\$\$.*?\$\$|\$[^$]*\$", flags=re.DOTALL),
    re.compile(r"\]\([^)]*\)"),
]
NAMED = "[Ss]ections?|[Ss]teps?|[Cc]hapters?|[Ff]igures?|[Ee]q\\.|[Ee]quations?|[Tt]ables?|Python"
EXEMPT = [
    re.compile(r"\b(?:1[89]|20)\d\d\b"),  # years
    re.compile(rf"\b(?:{NAMED})\s[\d.,]+(?:,?(?: and| to| or)?\s[\d.,]+)*"),
    re.compile(r"\d+\s?[×x]\s?\d+(?:\s?[×x]\s?\d+)*|\d+-[dDbB]|\dσ"),
    re.compile(r"[\d.,]+\s?(?:ms|s|seconds?|minutes?|hours?|GB|MB|KB|pixels?|px)\b"),
    re.compile(r"95\s?%[^.]{0,40}\b(?:intervals?|Wilson|bootstrap)"),
]
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z*(\"“])|\n\n")
CITES = re.compile(r"\((?:[^()]*\s)?(?:1[89]|20)\d\d[a-z]?\)|CITED")


def value_of(text: str) -> tuple[float, float]:
    """Return the number and half a unit of its last digit; a percentage as a share."""
    digits = text.rstrip("% \u00a0").replace(",", "").replace("−", "-")
    decimals = len(digits.partition(".")[2])
    scale = 100 if text.endswith("%") else 1
    return float(digits) / scale, 0.5 * 10**-decimals / scale


def numbers(prose: str) -> list[str]:
    prose = ROLE.sub("CITED", prose)
    for pattern in NOT_PROSE:
        prose = pattern.sub(" ", prose)
    prose = "\n\n".join(sentence for sentence in SENTENCE.split(prose) if not CITES.search(sentence))
    for pattern in EXEMPT:
        prose = pattern.sub(" ", prose)
    return [found.group() for found in NUMBER.finditer(prose)]


def holds(code: str, text: str) -> bool:
    value, half = value_of(text)
    tokens = [float(token.replace("_", "")) for token in TOKEN.findall(code)]
    return any(abs(abs(value) - token) <= half + 1e-12 for token in tokens)


def settings(code: str) -> str:
    """Return the values of keyword arguments: ruff writes them, and only them, without spaces around the sign."""
    return " ".join(re.findall(r"\w=(\(?[-\d][^\n=]*)", code))


def asserts(code: str) -> bool:
    return re.search(r"\bassert|\bnear\(", code) is not None


def sections(notebook: NotebookNode) -> list[list[NotebookNode]]:
    """Split at headings of the first two levels, up to the takeaways."""
    parts: list[list[NotebookNode]] = [[]]
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and TAKEAWAYS.search(cell.source):
            before = NotebookNode(cell, source=cell.source[: TAKEAWAYS.search(cell.source).start()])
            return [*parts[:-1], [*parts[-1], before]]
        opens = cell.cell_type == "markdown" and re.search(r"^##? ", cell.source, flags=re.MULTILINE)
        parts[-1].append(cell)  # what stands above the heading in the same cell speaks of the section before
        if opens:
            parts.append([cell])
    return parts


def unasserted(notebook: NotebookNode) -> list[str]:
    """Return the numbers of the prose that no code of the page stands for."""
    everything = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    missing: dict[str, bool] = {}
    for part in sections(notebook):
        near_by = "\n".join(cell.source for cell in part if cell.cell_type == "code" and asserts(cell.source))
        for cell in part:
            if cell is notebook.cells[0] or cell.cell_type != "markdown":
                continue
            for number in numbers(cell.source):
                result = "." in number or "%" in number
                if result or len(re.sub(r"\D", "", number)) > 1:
                    key = f"{number} in cell {cell.get('id')}"
                    code = f"{near_by} {settings(everything)}" if result else everything
                    missing[key] = missing.get(key, True) and not holds(code, number)
    return [key for key, lacks in missing.items() if lacks]


def test_numbers_of_the_text_are_asserted(chapter: NotebookNode) -> None:
    assert not unasserted(chapter)


def a_page(prose: str, code: str) -> NotebookNode:
    cells = [nbformat.v4.new_markdown_cell("# Title"), nbformat.v4.new_code_cell(code)]
    return nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_markdown_cell(prose)])


@pytest.mark.parametrize(
    ("prose", "code", "missing"),
    [
        ("The quality is 0.75.", "near(quality, 0.75, 0.2)", 0),
        ("The quality is 0.75.", "quality = 0.75", 1),  # written, not asserted
        ("The quality is 0.75.", "near(quality, 0.57, 0.2)", 1),
        ("Its std is 0.1.", "ring(std=0.1)", 0),  # a setting
        ("It is 66 %.", "near(share, 0.66, 0.1)", 0),
        ("The mean is −0.02.", "near(mean, -0.02, 0.1)", 0),
        ("After 1,000 steps.", "num_steps = 1000", 0),
        ("After 1,000 steps.", "num_steps = 2000", 1),
        ("One says 17.3 modes (Lin et al. 2018), the other 3.3 (Srivastava et al. 2017).", "assert True", 0),
        ("It reports 17.3 modes {footcite}`lin2018`. We see 3.3.", "assert True", 1),
        ("The 95 % bootstrap interval, 28 × 28 pixels, 3σ, step 12, eight modes, `0.3`.", "assert True", 0),
    ],
)
def test_the_rule_finds_what_is_not_asserted(prose: str, code: str, missing: int) -> None:
    assert len(unasserted(a_page(prose, code))) == missing


def test_every_chapter_is_read() -> None:
    assert {Path(name).name for name in pages()} - REFERENCE >= {path.stem for path in CHAPTERS}
    assert len(CHAPTERS) >= 4

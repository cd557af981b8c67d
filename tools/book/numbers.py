"""An advisory report: numbers of the book's prose that no code of their page seems to stand for (``make numbers``).

A decimal or a percentage is a result: an asserting cell of the same section holds it, unless it is a setting, which
stands in the code as a keyword argument. A whole number of two digits or more is a setting or a count: some code cell
of the page holds it. Words (eight), sentences that cite, years, durations, dimensions, numbers of steps and sections,
and the customary 95 % of an interval are none of these. It guesses: a person reads what it finds.
"""

from __future__ import annotations

import re

import nbformat
from nbformat import NotebookNode

from tools.book.citations import ROLE
from tools.book.copies import plain_predictions
from tools.book.pages import pages, source

TAKEAWAYS = re.compile(r"^## .*(?:take ?away|Take ?away)", flags=re.MULTILINE)
FENCE = re.compile(r"^(`{3,}|:{3,}).*?^\1[ \t]*$", flags=re.MULTILINE | re.DOTALL)
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
    """Return the numbers of a text that may be results."""
    prose = ROLE.sub("CITED", plain_predictions(prose))
    for pattern in NOT_PROSE:
        prose = pattern.sub(" ", prose)
    prose = "\n\n".join(sentence for sentence in SENTENCE.split(prose) if not CITES.search(sentence))
    for pattern in EXEMPT:
        prose = pattern.sub(" ", prose)
    return [found.group() for found in NUMBER.finditer(prose)]


def holds(code: str, text: str) -> bool:
    """Return whether the code has this number, within half a unit of its last digit."""
    value, half = value_of(text)
    tokens = [float(token.replace("_", "")) for token in TOKEN.findall(code)]
    return any(abs(abs(value) - token) <= half + 1e-12 for token in tokens)


def settings(code: str) -> str:
    """Return the values of keyword arguments: ruff writes them, and only them, without spaces around the sign."""
    return " ".join(re.findall(r"\w=(\(?[-\d][^\n=]*)", code))


def asserts(code: str) -> bool:
    """Return whether the code checks anything."""
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


def main() -> None:
    """Print what is found, page by page."""
    for path in map(source, pages()):
        if path.suffix == ".ipynb":
            found = unasserted(nbformat.read(path, as_version=4))
            print(f"{path.stem}: {', '.join(found) or 'nothing'}")


if __name__ == "__main__":
    main()

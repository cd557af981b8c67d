"""No comparison without its zero: every section that compares arms shows sentinels, seeds, intervals and the budget.

A section is what stands between two headings. It compares where it tests arms against each other, trains several at
once or draws a row for each. What it must show may stand in its code or in its prose; where something makes no sense
there, a comment in its code says why: ``# no sentinels: these are probabilities of D``.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.book.numbers import sections
from tools.book.pages import pages, source

PAGES = [path for path in map(source, pages()) if path.suffix == ".ipynb"]
COMPARES = re.compile(
    r"\b(?:compare_arms|dots_with_intervals)\(|\.pivot_table\([^)]*\barm\b|\bsweep\([^,]+, (?:\{|arms)"
)
SHOWS = {
    "sentinels": re.compile(r"\b(?:with_sentinels|sentinel_runs|mark_sentinels|SENTINELS)\b|\.verdict\("),
    "seeds": re.compile(r"\bseeds?\b|\bruns\b"),
    "intervals": re.compile(r"\bintervals?\b|\bsummarize\(|\bwilson_interval\(|\.verdict\("),
    "budget": re.compile(r"\b(?:passes|steps|budget)\b"),
}


def lacking(section: list[NotebookNode]) -> set[str]:
    """Return what a section that compares arms does not show; nothing for one that compares none."""
    code = "\n".join(cell.source for cell in section if cell.cell_type == "code")
    text = "\n".join(cell.source for cell in section)
    if not COMPARES.search(code):
        return set()
    return {name for name, shown in SHOWS.items() if not shown.search(text) and f"# no {name}: " not in code}


def lacking_on(notebook: NotebookNode) -> set[str]:
    return set().union(*(lacking(section) for section in sections(notebook)))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_comparison_shows_its_zero_seeds_intervals_and_budget(path: Path) -> None:
    assert lacking_on(nbformat.read(path, as_version=4)) == set()


def page(code: str, prose: str = "Twenty seeds, 2,000 steps, 95 % intervals.") -> NotebookNode:
    return new_notebook(cells=[new_markdown_cell("# A"), new_code_cell(code), new_markdown_cell(prose)])


@pytest.mark.parametrize(
    ("code", "lacks"),
    [
        ("al.stats.compare_arms(table, 'quality_3sigma', 'random')", {"sentinels"}),
        ("al.stats.compare_arms(al.stats.with_sentinels(table, ring), 'quality_3sigma', 'random')", set()),
        ("# no sentinels: steps are no measure\nal.stats.compare_arms(table, 'steps', 'random')", set()),
        ("table.pivot_table(values, 'arm', 'data')", {"sentinels"}),
        ("al.sweep(ring, {'plain': plain, 'top_k': top_k})", {"sentinels"}),
        ("al.sweep(ring, arms, range(20))", {"sentinels"}),
        ("al.sweep(ring, plain)", set()),  # one arm is no comparison
        ("plan.verdict(table)", set()),
    ],
)
def test_the_rule(code: str, lacks: set[str]) -> None:
    assert lacking_on(page(code)) == lacks


def test_each_thing_is_missed() -> None:
    code = "al.plots.dots_with_intervals(labels, means, ends)"
    assert lacking_on(page(code, "Look.")) == set(SHOWS)
    for name, words in {"seeds": "20 seeds", "intervals": "an interval", "budget": "at equal passes"}.items():
        assert lacking_on(page(code, words)) == set(SHOWS) - {name}


def test_a_zero_in_another_section_does_not_count() -> None:
    elsewhere = [new_markdown_cell("## B"), new_code_cell("al.stats.sentinel_runs(ring, ['quality_3sigma'])")]
    whole = page("al.stats.compare_arms(table, 'quality_3sigma', 'random')")
    whole.cells += elsewhere
    assert lacking_on(whole) == {"sentinels"}

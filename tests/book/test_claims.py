"""Links of the claims and of the article's map: every one leads to a heading, with a cell below it that answers."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from myst_parser.mdit_to_docutils.base import default_slugify

from algan_lite.studies.article import CLAIMS
from algan_lite.studies.claims import Claim, answers, as_markdown
from tools.book.pages import ROOT, pages

BOOK = ROOT / "book"
MAP = (BOOK / "article_map.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\(((?:\.\./|studies/)?\w+\.(?:ipynb|md)(?:#[\w-]+)?)\)")
SECTIONS = "1 2.1 2.2 2.3 3.1 3.2.1 3.2.2 3.2.3 3.2.4 3.3 4 5.1 5.2 5.3 5.4 6".split()  # noqa: SIM905


def prose(path: Path) -> str:
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def headings(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as MyST makes them: three levels have one."""
    text = re.sub(r"^(`{3,}|:{3,}).*?^\1", "", prose(path), flags=re.MULTILINE | re.DOTALL)
    return {default_slugify(re.sub(r"[`*]", "", title)) for title in re.findall(r"^#{1,3} (.+)$", text, re.MULTILINE)}


def leads_nowhere(link: str, here: Path) -> str | None:
    """Return what is wrong with a link of a page, or None."""
    name, _, anchor = link.partition("#")
    target = (here.parent / name).resolve()
    if not target.is_file():
        return f"{link}: no such page"
    if str(target.relative_to(ROOT).with_suffix("")) not in pages():
        return f"{link}: not in _toc.yml"
    if anchor and anchor not in headings(target):
        return f"{link}: no such heading"
    return None


def wrong_links(path: Path) -> list[str]:
    found = [leads_nowhere(link, path) for link in LINK.findall(prose(path))]
    return [wrong for wrong in found if wrong]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_a_claim_leads_to_a_page_that_reads_its_study(claim: Claim) -> None:
    assert leads_nowhere(claim.page, BOOK / "claims.ipynb") is None
    assert "#" in claim.page
    cells = nbformat.read(BOOK / claim.page.partition("#")[0], as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    assert re.search(rf'(?:load_study|show_plan)\("{claim.study}"\)', code), f"{claim.page} does not read {claim.study}"


@pytest.mark.parametrize("page", ["article_map.md", "claims.ipynb", "studies/reach.ipynb"])
def test_links_lead_somewhere(page: str) -> None:
    assert len(LINK.findall(prose(BOOK / page))) >= 1
    assert wrong_links(BOOK / page) == []


def test_broken_links_are_found() -> None:
    here = BOOK / "claims.ipynb"
    assert leads_nowhere("nowhere.ipynb", here) == "nowhere.ipynb: no such page"
    assert leads_nowhere("gan.ipynb#no-such-thing", here) == "gan.ipynb#no-such-thing: no such heading"
    assert leads_nowhere("limited_data.ipynb#from-50-to-9000", here) is None


def test_the_map_answers_every_section_of_the_article() -> None:
    parts = re.split(r"^## ", MAP, flags=re.MULTILINE)[1:]
    told = {}
    for part in parts:
        title, _, text = part.partition("\n")
        numbers = re.findall(r"\d(?:\.\d)*", title)
        if "to" in title.split() and len(numbers) == 2:  # Sections 3.2.1 to 3.2.3
            first, last = (int(number.rpartition(".")[2]) for number in numbers)
            numbers = [f"{numbers[0].rpartition('.')[0]}.{k}" for k in range(first, last + 1)]
        told |= dict.fromkeys(numbers, text)
        assert "- **The book:**" in text or not numbers, title
        assert not re.search(r"no chapters? .*yet", text)
    assert set(SECTIONS) <= set(told)
    assert all(LINK.search(told[number]) for number in SECTIONS)
    assert {claim.section for claim in CLAIMS} <= set(SECTIONS)


def test_the_table_links_every_claim_and_tells_its_verdict() -> None:
    some = [claim for claim in CLAIMS if claim.study in ("rescue", "semi")]
    lines = as_markdown(answers(some)).splitlines()
    assert len(lines) == 2 + len(some)
    for claim, line in zip(some, lines[2:], strict=True):
        assert LINK.findall(line) == [claim.page]
        assert line.count("|") == 6
        assert re.search(r"\*\*(holds|does not hold|cannot be told)\*\*", line)

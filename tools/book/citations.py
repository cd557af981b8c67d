"""Citations as plain text, for a notebook that is read outside the book, where nothing understands its roles."""

from __future__ import annotations

import re
from pathlib import Path

from pybtex.database import BibliographyData, parse_file
from pybtex.plugin import find_plugin

from tools.book.pages import ROOT

BIBLIOGRAPHY = ROOT / "book" / "references.bib"
ROLE = re.compile(r"\{footcite(?::(?P<form>[tp]))?\}`(?P<keys>[^`]+)`")
DIRECTIVE = re.compile(r"^```\{footbibliography\}\n```$", flags=re.MULTILINE)


def cited(texts: list[str]) -> list[str]:
    """Return the keys that the texts cite, in the order of their first citation."""
    found = [key.strip() for text in texts for role in ROLE.finditer(text) for key in role["keys"].split(",")]
    return list(dict.fromkeys(found))


def plain_citations(texts: list[str], bibliography: Path = BIBLIOGRAPHY) -> list[str]:
    """Return the texts of a page with authors and year for each citation, and the works in full where they are listed.

    Args:
        texts: MyST Markdown, in reading order.
        bibliography: The BibTeX file.

    Raises:
        KeyError: If a key is not in the file.
    """
    keys = cited(texts)
    if not keys:
        return texts
    data = parse_file(str(bibliography), bib_format="bibtex")
    works = [f"- {work}" for work in _formatted(data, keys)]
    spoken = [ROLE.sub(lambda role: _spoken(data, role), text) for text in texts]
    return [DIRECTIVE.sub(lambda _: "\n".join(works), text) for text in spoken]


def _formatted(data: BibliographyData, keys: list[str]) -> list[str]:
    style, backend = find_plugin("pybtex.style.formatting", "unsrt")(), find_plugin("pybtex.backends", "plaintext")()
    entries = {key: data.entries[key] for key in keys}
    return [_linked(" ".join(entry.text.render(backend).split())) for entry in style.format_entries(entries.values())]


def _linked(work: str) -> str:
    work = re.sub(r"\barXiv:(\d+\.\d+)", r"[arXiv:\1](https://arxiv.org/abs/\1)", work)
    return re.sub(r"\bdoi:(10\.\S+?)(?=\.?$)", r"[doi:\1](https://doi.org/\1)", work)


def _spoken(data: BibliographyData, role: re.Match[str]) -> str:
    keys = [key.strip() for key in role["keys"].split(",")]
    if role["form"] == "t":
        return ", ".join(f"{_authors(data, key)} ({data.entries[key].fields['year']})" for key in keys)
    return "(" + "; ".join(f"{_authors(data, key)} {data.entries[key].fields['year']}" for key in keys) + ")"


def _authors(data: BibliographyData, key: str) -> str:
    names = [" ".join(map(str, person.rich_last_names)) for person in data.entries[key].persons["author"]]
    return f"{names[0]} et al." if len(names) > 2 else " and ".join(names)

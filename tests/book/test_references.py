"""The bibliography: every work in it is cited on a page, once in the file, and whole."""

from __future__ import annotations

from pybtex.database import parse_file

from tools.book.citations import BIBLIOGRAPHY, cited
from tools.book.pages import pages, source


def test_every_work_is_cited_on_a_page() -> None:
    works = set(parse_file(str(BIBLIOGRAPHY), bib_format="bibtex").entries)  # refuses a key that stands there twice
    used = set(cited([path.read_text(encoding="utf-8") for path in map(source, pages())]))
    assert used <= works, "cited, and not in the bibliography"
    assert works - used == set()


def test_every_work_says_who_when_and_where() -> None:
    for key, entry in parse_file(str(BIBLIOGRAPHY), bib_format="bibtex").entries.items():
        assert entry.persons["author"], key
        assert {"title", "year"} <= set(entry.fields), key
        assert {"eprint", "doi", "url"} & set(entry.fields), key

"""What can be seen in the HTML without a browser: pages, links, anchors, alt texts, tracebacks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

Finding = tuple[str, list[str]]  # what was looked at, and what is wrong with it (nothing, if it is well)


@lru_cache(maxsize=512)
def soup(path: Path) -> BeautifulSoup:
    """Parse a page once."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def static_findings(html: Path, names: list[str]) -> Iterator[Finding]:
    """Check every page.

    Args:
        html: The folder of the built pages.
        names: The pages of the table of contents.

    Yields:
        A finding a check.
    """
    yield from page_findings(html, names)
    for name in names:
        path = html / f"{name}.html"
        if path.is_file():
            yield f"{name}: links and anchors lead somewhere", broken_links(path, html)
            yield f"{name}: every figure has alt text", without_alt(path)


def page_findings(html: Path, names: list[str]) -> Iterator[Finding]:
    """Check that every page is there and shows no exception: one in a widget's callback fails no build.

    Args:
        html: The folder of the built pages.
        names: Names of pages.

    Yields:
        A finding a check.
    """
    for name in names:
        path = html / f"{name}.html"
        yield f"{name}: the page exists", [] if path.is_file() else [str(path)]
        if path.is_file():
            yield f"{name}: no traceback", traceback_lines(path)
            views = soup(path).select('script[type*="jupyter.widget"]')
            yield f"{name}: no widget that waits for a kernel", [str(tag)[:80] for tag in views]


def traceback_lines(path: Path) -> list[str]:
    """Return the signs of an exception in the text of a page."""
    signs = ("Traceback (most recent call last)", "CellExecutionError")
    text = soup(path).get_text()
    found = [sign for sign in signs if sign in text]
    return found + ["an output of type error" for _ in soup(path).select(".output.traceback, .output.error")]


def without_alt(path: Path) -> list[str]:
    """Return the pictures that a screen reader could not tell, decorations left out.

    Args:
        path: A page.

    Returns:
        Their addresses, shortened.
    """
    wrong = []
    for tag in soup(path).find_all(["img", "svg"]):
        hidden = tag.get("aria-hidden") == "true" or tag.get("role") == "presentation"
        if tag.name == "img" and not hidden and not str(tag.get("alt") or "").strip():
            wrong.append(str(tag.get("src"))[:80])
        # A drawing in the text (not an icon of the theme) says what it shows in aria-label or <title>.
        inside = tag.find_parent(class_="cell_output") is not None or tag.find_parent("figure") is not None
        if tag.name == "svg" and inside and not hidden and not (tag.get("aria-label") or tag.find("title")):
            wrong.append("svg without aria-label or title")
    return wrong


def broken_links(path: Path, html: Path) -> list[str]:
    """Return the links and files of a page that lead nowhere inside the book.

    Args:
        path: A page.
        html: The folder of the built pages; links that leave it are broken.

    Returns:
        The addresses.
    """
    wrong = []
    for tag, attribute in ((tag, key) for tag in soup(path).find_all(True) for key in ("href", "src")):
        address = tag.get(attribute)
        if isinstance(address, str) and not _leads_somewhere(address, tag, path, html):
            wrong.append(address)
    return wrong


def _leads_somewhere(address: str, tag: Tag, path: Path, html: Path) -> bool:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or tag.name in ("base", "use"):
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target = target / "index.html"
    if not target.is_file() or not target.is_relative_to(html.resolve()):
        return False
    anchor = unquote(parts.fragment)
    if not anchor or target.suffix != ".html":
        return True
    return soup(target).find(id=anchor) is not None or soup(target).find("a", attrs={"name": anchor}) is not None

"""References to other hosts in what was built: pages, styles, scripts, data. What a reader clicks is none of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup

from tools.audit.static import Finding, soup

HEAVIEST = 2_000_000  # bytes of a page with the data that it shares with others
HOST = re.compile(r"\s*(?:(?:https?|wss?|ftp):)?//[^/\s]", flags=re.IGNORECASE)
ADDRESS = r"(?:(?:https?|wss?):)?//[\w.-]+[^\s\"'`)]*"
CSS = re.compile(rf"(?:url\(\s*[\"']?|@import\s+[\"'])({ADDRESS})", flags=re.IGNORECASE)
# A program loads what these are given; what it puts together at run time only the page's policy can stop.
LOADS = (r"\bimport\s*\(", r"\b(?:import|from)\s", r"\bfetch\s*\(", r"\bimportScripts\s*\(", r"\bsendBeacon\s*\(")
MAKES = (
    r"\bnew\s+(?:Shared)?Worker\s*\(",
    r"\bnew\s+(?:WebSocket|EventSource)\s*\(",
    r"\.src\s*=",
    r"\.open\([^,()]+,",
)
JS = re.compile(rf"(?:{'|'.join(LOADS + MAKES)})\s*[\"'`]({ADDRESS})")
# Attributes that load something, and the elements on which an address is only a link.
LOADING = ("src", "href", "data", "srcset", "action", "formaction", "poster", "background", "ping", "manifest")
LINKS = {"a", "area"}


def host_findings(html: Path, names: list[str]) -> Iterator[Finding]:
    """Look into every page of the book, and into every file beside the pages.

    Args:
        html: The folder of the built pages.
        names: The pages that must be light.

    Yields:
        A finding a page, one for the files beside the pages, one a page of the book for its weight.
    """
    for path in sorted(html.rglob("*.html")):
        yield f"{path.relative_to(html).as_posix()}: no reference to another host", in_page(soup(path))
    beside = [path for path in sorted(html.rglob("*")) if path.suffix in READERS]
    found = [f"{path.relative_to(html)}: {line}" for path in beside for line in READERS[path.suffix](_text(path))]
    yield f"{len(beside)} files beside the pages: no reference to another host", found
    for name in names:
        if (path := html / f"{name}.html").is_file():
            yield f"{name}: light", too_heavy(path)


def in_page(page: BeautifulSoup) -> list[str]:
    """Return what a page loads from elsewhere: by attributes, styles, scripts, and data that scripts read."""
    found = []
    for tag in page.find_all(True):
        for name, value in tag.attrs.items():
            text = " ".join(value) if isinstance(value, list) else str(value)
            loads = name in LOADING and not (tag.name in LINKS and name == "href")
            found += [f"{tag.name} {name}: {text[:80]}"] if loads and HOST.match(text) else []
            found += [f"{tag.name} style: {line}" for line in in_css(text)] if name == "style" else []
        if tag.name == "style":
            found += [f"style: {line}" for line in in_css(tag.string or "")]
        elif tag.name == "script" and not tag.has_attr("src"):
            read = in_json if "json" in str(tag.get("type")) else in_js
            found += [f"script: {line}" for line in read(tag.string or "")]
        elif tag.name == "meta" and str(tag.get("http-equiv")).lower() == "refresh":
            found += [f"refresh: {tag['content']}"] if re.search(rf"url=\s*{ADDRESS}", tag["content"]) else []
    return found


def in_css(text: str) -> list[str]:
    """Return the addresses on other hosts that a style sheet loads."""
    return CSS.findall(text)


def in_js(text: str) -> list[str]:
    """Return the addresses on other hosts that a script names where it loads something."""
    return JS.findall(text)


def in_json(text: str) -> list[str]:
    """Return the strings of data that are addresses on other hosts."""
    strings: list[str] = []

    def walk(value: object) -> None:
        if isinstance(value, dict):
            walk(list(value.values()))
        elif isinstance(value, list):
            for item in value:
                walk(item)
        elif isinstance(value, str) and HOST.match(value):
            strings.append(value[:80])

    walk(json.loads(text))
    return strings


def too_heavy(path: Path) -> list[str]:
    """Return the weight of a page that is above the limit: its HTML and the data that it shares with other pages."""
    shared = [tag["src"] for tag in soup(path).find_all("script", src=True) if "_static/shared/" in tag["src"]]
    size = sum(file.stat().st_size for file in (path, *(path.parent / address for address in shared)))
    return [f"{size / 1e6:.2f} MB (below {HEAVIEST / 1e6:g} MB)"] if size >= HEAVIEST else []


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


READERS = {".css": in_css, ".js": in_js, ".mjs": in_js, ".json": in_json}

"""The Content-Security-Policy that each built page carries, so that its reader's browser holds it to its own files."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from bs4 import BeautifulSoup

# What may load, by kind. Styles are inline in MathJax's formulas and in widgets; pictures lie in the page as data;
# WebAssembly runs live training. From a disk 'self' is the page's own folder tree, from a server its own address.
# A policy in a page cannot forbid others to show it in a frame: that takes a header of the server (frame-ancestors).
DIRECTIVES = {
    "default-src": "'none'",
    "script-src": "'self' 'wasm-unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "worker-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
}
# Types of a script element that a browser runs; any other holds data.
RUNS = {"", "module", "text/javascript", "application/javascript", "importmap", "speculationrules"}
CHARSET = re.compile(r"<meta\s+charset=[^>]*>", flags=re.IGNORECASE)
META = '<meta http-equiv="Content-Security-Policy" content="{}">'


def policy(page: str) -> str:
    """Return the policy of a page: own files, its inline scripts by hash, and nothing else.

    Args:
        page: HTML.

    Returns:
        The directives. Handlers such as ``onclick`` are scripts, too: they are named by hash as well, which browsers
        ask to be said ('unsafe-hashes'; nothing but these very texts runs).
    """
    soup = BeautifulSoup(page, "html.parser")
    inline = [tag.string or "" for tag in soup.find_all("script") if not tag.has_attr("src") and _runs(tag.get("type"))]
    handlers = [tag[name] for tag in soup.find_all(True) for name in tag.attrs if name.startswith("on")]
    hashes = [f"'unsafe-hashes' {_hashes(handlers)}"] * bool(handlers) + [_hashes(inline)] * bool(inline)
    scripts = " ".join([DIRECTIVES["script-src"], *hashes])
    return "; ".join(f"{name} {value}" for name, value in {**DIRECTIVES, "script-src": scripts}.items())


def with_policy(page: str) -> str:
    """Return the page with its policy: the first thing in it but the encoding, which browsers look for at the top."""
    meta, place = META.format(policy(page)), CHARSET.search(page)
    if place is None:
        return f'<meta charset="utf-8">{meta}{page}'
    return f"{page[: place.end()]}{meta}{page[place.end() :]}"


def write_policies(html: Path) -> int:
    """Write its policy into every page under a folder that has none yet; return how many were written."""
    written = 0
    for path in sorted(html.rglob("*.html")):
        page = path.read_text(encoding="utf-8")
        if 'http-equiv="Content-Security-Policy"' not in page:
            path.write_text(with_policy(page), encoding="utf-8")
            written += 1
    return written


def _runs(kind: object) -> bool:
    return str(kind or "").strip().lower() in RUNS


def _hashes(texts: list[str]) -> str:
    digests = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts}
    return " ".join(f"'sha256-{digest}'" for digest in sorted(digests))

"""The pages of the book, as _toc.yml lists them, and the checkout that they lie in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"


def pages(toc: Path = ROOT / "_toc.yml") -> list[str]:
    """Return every document of the table of contents, in reading order, without suffix.

    Args:
        toc: A ``jb-book`` table of contents.

    Returns:
        Names such as ``book/index``, relative to the root.
    """
    return _names(yaml.safe_load(toc.read_text(encoding="utf-8")))


def source(page: str, root: Path = ROOT) -> Path:
    """Return the file that a page is built from.

    Args:
        page: A name of :func:`pages`.
        root: The checkout.

    Returns:
        The notebook or Markdown file.

    Raises:
        FileNotFoundError: If there is neither.
    """
    for suffix in (".ipynb", ".md"):
        if (path := root / f"{page}{suffix}").is_file():
            return path
    raise FileNotFoundError(f"_toc.yml lists {page!r}, but there is no {page}.ipynb or {page}.md")


def github_repository(url: str) -> str | None:
    """Return ``owner/name`` of a GitHub remote, or None for any other remote.

    Args:
        url: In https, ssh or scp-like form, with or without ``.git``; credentials in it are dropped.

    Returns:
        ``owner/name`` or None.
    """
    forms = (
        r"https?://(?:[^@/]+@)?(?:www\.)?github\.com/",
        r"(?:git\+)?ssh://(?:[^@/]+@)?github\.com(?::\d+)?/",
        r"(?:[^@/:]+@)?github\.com:/?",
        r"git://github\.com/",
    )
    found = re.fullmatch(rf"(?:{'|'.join(forms)})([\w.-]+)/([\w.-]+?)(?:\.git)?/?", url.strip(), flags=re.IGNORECASE)
    return f"{found[1]}/{found[2]}" if found else None


def _names(node: dict[str, Any]) -> list[str]:
    names = [node[key] for key in ("root", "file") if key in node]
    for key in ("parts", "chapters", "sections"):
        for child in node.get(key, []):
            names += _names(child)
    return names

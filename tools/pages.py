"""The pages of the book, as _toc.yml lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
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


def _names(node: dict[str, Any]) -> list[str]:
    names = [node[key] for key in ("root", "file") if key in node]
    for key in ("parts", "chapters", "sections"):
        for child in node.get(key, []):
            names += _names(child)
    return names

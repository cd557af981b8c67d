"""Docstrings write shapes as (..., N, *sample); reStructuredText would take the star for the start of emphasis."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx


def escape_stars(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Escape the star of an unpacked shape, in place."""
    lines[:] = [re.sub(r"(?<![\w*`\\])\*(?=(?:sample|shape)\b)", r"\\*", line) for line in lines]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", escape_stars)
    return {"parallel_read_safe": True}

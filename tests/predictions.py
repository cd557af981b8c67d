"""Pages with predictions, as Sphinx writes them."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from unittest.mock import patch

from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from tools.book.pages import ROOT

CHOICE = """
:::{predict}
**Predict:** which *row*?

- the upper one, a < b & "c"
- the lower one, $n^2$
- `neither`

<details data-answer="2"><summary>Answer</summary>

The **lower**.

</details>
:::
"""
NUMBER = """
:::{predict}
:x: -5 10 0.5 points ahead of "chance" <b>

**Predict:** how far?

<details data-answer="2.8"><summary>Answer</summary>

By 2.8 points.

</details>
:::
"""
POINT = """
:::{predict}
:x: 0 8 1 modes found
:y: 0 1 0.05 share of good fakes

**Predict:** where?

<details data-answer="6 0.4"><summary>Answer</summary>

There.

</details>
:::
"""


def build(folder: Path, text: str, theme: str = "basic") -> tuple[str, list[str]]:
    """Build a book of one page, folder/html/index.html; return its HTML, and what Sphinx complained of."""
    source, html = folder / "source", folder / "html"
    source.mkdir()
    (source / "index.md").write_text(f"# Title\n{text}", encoding="utf-8")
    settings = {
        "extensions": ["myst_parser", "predict"],
        "myst_enable_extensions": ["colon_fence", "dollarmath"],
        "html_static_path": [str(ROOT / "book" / "_assets")],
        "html_css_files": ["book.css"],
        "html_js_files": ["print.js"],
        "html_theme": theme,
        "html_favicon": str(ROOT / "book" / "_assets" / "favicon.svg"),
        "html_context": {"default_mode": "auto"},
        "mathjax_path": "none.js",
    }
    complaints = io.StringIO()
    with docutils_namespace(), patch.object(sys, "path", [str(ROOT / "book" / "_ext"), *sys.path]):
        app = Sphinx(source, None, html, folder / "trees", "html", settings, status=None, warning=complaints)
        app.build()
    lines = re.sub(r"\x1b\[[\d;]*m", "", complaints.getvalue()).splitlines()
    return (html / "index.html").read_text(encoding="utf-8"), lines

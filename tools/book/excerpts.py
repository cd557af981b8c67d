"""What search shows of the pages that it finds lies in one script.

Sphinx's search fetches each page that it found. From a disk browsers let no page read another; from a server, parsing
a fetched page counts as a breach of the searching page's policy, once for each button of the theme.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from bs4 import BeautifulSoup, Tag

TEXTS = "_static/search_texts.js"
SILENT = ["script", "style", "svg", "img", "nav", ".headerlink", "mjx-container", "noscript"]
# What is not among the texts is fetched as before.
ANSWER = """
const ask = window.fetch;
window.fetch = (address, ...rest) => {
  const place = decodeURI(new URL(address, location.href).pathname);
  const found = Object.keys(texts).find((name) => place.endsWith(`/${name}`));
  return found ? Promise.resolve(new Response(texts[found])) : ask(address, ...rest);
};
"""


def write_excerpts(html: Path, names: list[str]) -> Path:
    """Write the texts of the pages, and have the page of the search load them.

    Args:
        html: The folder of the built pages.
        names: The pages that search may find.

    Returns:
        The script.
    """
    texts = {f"{name}.html": bare_text((html / f"{name}.html").read_text(encoding="utf-8")) for name in names}
    path, page = html / TEXTS, html / "search.html"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"(() => {{\nconst texts = {json.dumps(texts)};{ANSWER}}})();\n", encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("</head>", f'<script src="{TEXTS}"></script></head>', 1), encoding="utf-8")
    return path


def bare_text(page: str) -> str:
    """Return the words of a page as HTML of which only sections with their ids are left."""
    soup = BeautifulSoup(page, "html.parser")
    article = soup.find("article")
    for tag in article.select(", ".join(SILENT)):
        tag.decompose()
    return f'<main role="main">{"".join(_parts(article))}</main>'


def _parts(tag: Tag) -> list[str]:
    parts = []
    for child in tag.children:
        if isinstance(child, Tag) and (child.get("id") or child.find(id=True)):
            mark = f'<section id="{child["id"]}">' if child.get("id") else "<section>"
            parts += [mark, *_parts(child), "</section>"]
        else:
            text = re.sub(r"\s+", " ", child.get_text(" ") if isinstance(child, Tag) else str(child))
            parts.append(text.replace("&", "&amp;").replace("<", "&lt;"))
    return parts

"""Data that several pages hold: one file beside the pages, which works from a disk, where no page may fetch."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from pathlib import Path

SHARED = "_static/shared"
LEAST = 50_000  # characters: below this a file of its own is not worth its name
# A block of data as a widget writes it: a script element of a type that no browser runs.
BLOCK = re.compile(r'<script type="(?:text/plain|application/json)"[^>]*>[^<]*</script>')


def share_data(html: Path) -> list[Path]:
    """Move blocks of data that lie in more than one page into files that write them back where they were.

    Args:
        html: The folder of the built pages.

    Returns:
        The files. Such a file is a classic script: when the page's next script runs, the block is there again.
    """
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(html.rglob("*.html"))}
    holders = defaultdict(set)
    for path, page in pages.items():
        for block in BLOCK.findall(page):
            if len(block) >= LEAST:
                holders[block].add(path)
    written = []
    for block, paths in holders.items():
        if len(paths) > 1:
            written.append(_write(block, html))
            for path in paths:
                above = "../" * (len(path.relative_to(html).parts) - 1)
                script = f'<script src="{above}{written[-1].relative_to(html).as_posix()}"></script>'
                pages[path] = pages[path].replace(block, script)
                path.write_text(pages[path], encoding="utf-8")
    return written


def _write(block: str, html: Path) -> Path:
    path = html / SHARED / f"{hashlib.sha256(block.encode()).hexdigest()[:16]}.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"document.currentScript.insertAdjacentHTML('afterend', {json.dumps(block)});\n"
    path.write_text(text, encoding="utf-8")
    return path

"""The code blocks of the README, so that tests can run what readers will copy."""

from __future__ import annotations

import re
from pathlib import Path

from tools.book.pages import ROOT


def code_blocks(language: str, path: Path = ROOT / "README.md") -> list[str]:
    """Return the fenced blocks of one language, in order.

    Args:
        language: As written behind the fence, such as ``python``.
        path: A Markdown file.

    Returns:
        Their contents.
    """
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)

"""How long the notebooks took when the book was built: nobody waits longer for a page than its limits say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import yaml
from jupyter_cache import get_cache

from tools.audit.static import Finding
from tools.book.pages import pages, source

# Alone on two cores a cell may take 60 s and a notebook 90 s. The build gives each notebook one core of them, on which
# it takes at most twice as long; seconds in which other programs had that core do not count (``tools.book.execute``).
CELL, NOTEBOOK = 120, 180


def seconds_findings(config: Path) -> Iterator[Finding]:
    """Yield a finding a notebook of the book.

    Args:
        config: The configuration of the build, which names its cache.
    """
    cache = get_cache(yaml.safe_load(config.read_text(encoding="utf-8"))["execute"]["cache"])
    for path in map(source, pages()):
        if path.suffix == ".ipynb":
            record = cache.match_cache_notebook(nbformat.read(path, as_version=4))
            executed = cache.get_cache_bundle(record.pk).nb
            yield f"{path.stem}: seconds", too_slow(executed.metadata["cell_seconds"])


def too_slow(seconds: list[float]) -> list[str]:
    """Return what is above the limits, given the seconds of each code cell."""
    cells = [f"code cell {k} takes {s:.0f} s (at most {CELL})" for k, s in enumerate(seconds, 1) if s > CELL]
    total = sum(seconds)
    return cells + [f"the notebook takes {total:.0f} s (at most {NOTEBOOK})"] * (total > NOTEBOOK)

"""How long the notebooks took when the book was built: nobody waits longer for a page than its limits say.

Seconds depend on the machine, and on what else it does: the limits are on the ratio to the seconds of a matrix product
at the same time and place, so that neither a slow nor a busy machine makes a slow notebook.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from tools.audit.static import Finding
from tools.book.execute import Measures, book_notebooks, measured

# Alone on two cores a cell may take 60 s and a notebook 90 s; on one thread there, as the build runs it, twice
# as long. A product takes 0.11 s. (Beside four busy programs: 0.12 s, and a step of training 1.07 to 1.24 times.)
CELL, NOTEBOOK = 1100, 1650


def seconds_findings(config: Path) -> Iterator[Finding]:
    """Yield a finding a notebook of the book.

    Args:
        config: The configuration of the build, which names its cache.
    """
    cache = Path(yaml.safe_load(config.read_text(encoding="utf-8"))["execute"]["cache"])
    for path, found in measured(book_notebooks(), cache).items():
        yield f"{path.stem}: seconds", too_slow(found)


def too_slow(found: Measures) -> list[str]:
    """Return what is above the limits, in products."""
    products = [seconds / found.product for seconds in found.cells]
    cells = [f"code cell {k} takes {n:.0f} products (at most {CELL})" for k, n in enumerate(products, 1) if n > CELL]
    total = sum(products)
    return cells + [f"the notebook takes {total:.0f} products (at most {NOTEBOOK})"] * (total > NOTEBOOK)

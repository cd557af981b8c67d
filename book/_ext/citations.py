"""Authors in the text stand apart from the number of their work: "Sinha et al. [1]"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sphinx.application import Sphinx
from sphinxcontrib.bibtex.plugin import register_plugin
from sphinxcontrib.bibtex.style.referencing.foot import FootReferenceStyle


@dataclass
class Spaced(FootReferenceStyle):
    """The default style of foot citations, which has no space there."""

    text_reference_sep: str = "\N{NO-BREAK SPACE}"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    register_plugin("sphinxcontrib.bibtex.style.referencing", "spaced", Spaced)
    return {"parallel_read_safe": True}

"""The first code cell of every notebook: one source, written into the notebooks by ``make format``.

It is silent and may run twice. Where the package is importable it installs nothing; elsewhere (Colab) it installs the
package alone, so that the torch and numpy of the machine stay as they are.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.book.pages import ROOT

TAG = "hide-input"  # the rendered page folds the cell; the line of versions that it prints stays visible


def version(root: Path = ROOT) -> str:
    """Return the package's version from its source, without importing it (torch takes seconds to load)."""
    text = (root / "algan_lite" / "core" / "version.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__(?:: str)? = "([^"]+)"', text, flags=re.MULTILINE)
    if found is None:
        raise ValueError('algan_lite/core/version.py has no line __version__ = "..."')
    return found.group(1)


def first_cell(release: str | None = None, install: str | None = None) -> str:
    """Return the source of the first code cell.

    Args:
        release: The version to install where the package is missing; the checkout's own by default.
        install: Instead of a version: what pip can install the package from.

    Returns:
        The source, without a trailing newline.
    """
    return (
        "import importlib.util\n"
        "\n"
        'if importlib.util.find_spec("algan_lite") is None:\n'
        f"    %pip install -q --no-deps {install or f'algan-lite=={release or version()}'}\n"
        "\n"
        "import algan_lite as al\n"
        "\n"
        "al.setup_notebook()"
    )


def refresh(notebook: NotebookNode) -> bool:
    """Write the cell and its tag into a notebook, in place.

    Args:
        notebook: A notebook with at least one code cell.

    Returns:
        Whether anything changed.
    """
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    tags = cell.metadata.get("tags", [])
    if cell.source == first_cell() and TAG in tags:
        return False
    if not cell.source.startswith("import importlib.util"):
        raise ValueError("the first code cell is none of ours: put the first cell there, this program only renews it")
    cell.source = first_cell()
    cell.metadata["tags"] = sorted({*tags, TAG})
    return True


def main() -> None:
    """Renew the first cell of every notebook under book/, after a change of version."""
    for path in sorted((ROOT / "book").rglob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        if refresh(notebook):
            nbformat.write(notebook, path)
            print(f"renewed {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

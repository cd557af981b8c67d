"""The first code cell of every notebook: one source, written into the notebooks by ``make format``.

It is silent and may run twice. Where the package is importable it does nothing. Elsewhere a published copy installs the
package alone, from the commit that made the copy, so that the torch and numpy of the machine stay as they are; the cell
in the book says where to get the wheel. No cell installs by a bare name: on an index, whoever registers it owns it.
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


def wheel(root: Path = ROOT) -> str:
    """Return the name of the wheel that ``make wheel`` writes into dist/."""
    return f"algan_lite-{version(root)}-py3-none-any.whl"


def first_cell(install: str | None = None) -> str:
    """Return the source of the first code cell.

    Args:
        install: What pip can install the package from where it is missing: an address or a file, never a bare name.
            Without it the cell says where to get the wheel.

    Returns:
        The source, without a trailing newline.

    Raises:
        ValueError: If pip would look ``install`` up on an index.
    """
    if install is not None and "/" not in install:
        raise ValueError(f"install must be an address or a file with its folder, not a bare name; got {install!r}")
    advice = (
        "    raise ModuleNotFoundError(\n"
        '        "algan_lite is missing: run `make wheel` in its checkout, put the file here, then "\n'
        f'        "%pip install --no-deps ./{wheel()}"\n'
        "    )\n"
    )
    return (
        "import importlib.util\n"
        "\n"
        'if importlib.util.find_spec("algan_lite") is None:\n'
        f"{advice if install is None else f'    %pip install -q --no-deps {install}' + chr(10)}"
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

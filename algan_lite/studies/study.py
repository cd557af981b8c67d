"""The book's measured studies: a table or arrays, with a record of how they were made."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from algan_lite.core.checks import check_choice
from algan_lite.core.files import write_atomically
from algan_lite.core.git import git
from algan_lite.studies import dates
from algan_lite.studies.tables import read_arrays, read_table, write_table

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torch", "numpy", "scipy", "pandas")


@dataclass(frozen=True, eq=False)
class Study:
    """What was measured, and how.

    Attributes:
        name: Name of its files.
        provenance: ``command``, ``commit``, ``packages``, ``device``, ``seconds``, ``date`` and, where it has a plan,
            ``plan``: that one's hash, when it was ``planned``, and when this was ``measured``.
        table: One row a seed, or None where the study holds arrays.
        arrays: Name -> array; empty where the study holds a table.
    """

    name: str
    provenance: Mapping[str, object]
    table: pd.DataFrame | None = None
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __repr__(self) -> str:
        size = f"{len(self.arrays)} arrays" if self.table is None else f"{len(self.table)} rows"
        made = ", ".join(f"{key} {self.provenance[key]}" for key in ("date", "device") if key in self.provenance)
        return f"Study({self.name}: {size}; {made})"


def studies(folder: str | os.PathLike[str] = RESULTS) -> list[str]:
    """Return the names of the studies in a folder, by default those that ship with the package."""
    return sorted(path.stem for path in Path(folder).glob("*.json"))


def load_study(name: str, folder: str | os.PathLike[str] | None = None) -> Study:
    """Read a study.

    Args:
        name: One of ``studies(folder)``.
        folder: Where its files are; by default those that ship with the package.

    Raises:
        ValueError: If there is no such study, the message lists those that there are; or if its files are damaged.

    Example:
        >>> load_study("lambda").arrays["lams"][0].item()
        0.0
    """
    folder = RESULTS if folder is None else Path(folder)  # a default would be printed with this machine's path
    check_choice("name", name, studies(folder))
    path = folder / name
    record, table = path.with_suffix(".json"), path.with_suffix(".csv")
    provenance = read_record(record)
    if table.exists():
        return Study(name, provenance, table=read_table("name", table))
    return Study(name, provenance, arrays=read_arrays("name", path.with_suffix(".npz")))


def read_record(path: Path) -> dict[str, object]:
    """Return the record of a study from its file.

    Raises:
        ValueError: If it is damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"name must be that of a whole study; {path} is damaged: {error}") from error


def save_study(study: Study, folder: str | os.PathLike[str] = RESULTS) -> None:
    """Write ``<name>.csv`` or ``<name>.npz`` and, last, ``<name>.json``; each file is whole or not there at all.

    Where the study has a plan, its record keeps the plan's hash, and when it was committed.

    Args:
        study: Holds a table or arrays, not both.
        folder: Where to write; made if it is missing.

    Raises:
        ValueError: If the study holds both or neither.
    """
    if (study.table is None) == (not study.arrays):
        raise ValueError(f"study must hold either a table or arrays; got {study!r}")
    path = Path(folder) / study.name
    if study.table is not None:
        write_table(study.table, path.with_suffix(".csv"))
    else:
        write_atomically(path.with_suffix(".npz"), lambda file: np.savez_compressed(file, **study.arrays))
    plan = dates.PLANS / f"{study.name}.toml"
    planned = {"plan": dates.plan_record(plan)} if plan.exists() else {}
    record = json.dumps({**study.provenance, **planned}, indent=1) + "\n"
    write_atomically(path.with_suffix(".json"), lambda file: file.write(record.encode()))


def provenance(command: str, seconds: float, device: str = "cpu") -> dict[str, object]:
    """Return the record of a study that ends now.

    Args:
        command: What remakes it, for instance ``make results``.
        seconds: How long it took.
        device: Where it was computed.
    """
    return {
        "command": command,
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "device": device,
        "seconds": round(seconds),
        "date": datetime.now(UTC).date().isoformat(),
    }


def _commit() -> str:
    """Return the commit, "-dirty" if it is not what ran; the studies themselves, remade one by one, do not count."""
    here = RESULTS.parent
    commit = git(here, "rev-parse", "--short=12", "HEAD")
    changed = git(here, "status", "--porcelain", "--untracked-files=no", "--", ":/", f":(exclude){RESULTS.name}")
    return f"{commit}-dirty" if commit and changed else commit or "unknown"

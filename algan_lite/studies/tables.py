"""Tables and arrays in files: names are text, whatever they look like, and numbers come back as they were."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from algan_lite.core.files import write_atomically

DAMAGED = (OSError, ValueError, EOFError, BadZipFile, zlib.error, struct.error, KeyError, RuntimeError)
TEXT = ("arm", "settings", "data", "pair")  # columns of names


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table, whole or not at all."""
    content = table.to_csv(index=False).encode()
    write_atomically(path, lambda file: file.write(content))


def read_table(name: str, path: Path, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Return the table of a file.

    Args:
        name: Of the argument, for the message.
        path: The file.
        columns: That it must have.

    Raises:
        ValueError: If it is no such table.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except ValueError as error:  # of pandas: no table; of Python: no text
        raise ValueError(f"{name} must be a CSV file with a table; {path} is not: {error}") from error
    if lacking := [column for column in columns if column not in table]:
        raise ValueError(f"{name} must hold the columns {', '.join(columns)}; {path} lacks {', '.join(lacking)}")
    return table.apply(lambda column: column if _is_text(column) else _as_numbers(column))


def _is_text(column: pd.Series) -> bool:
    """Return whether a column is one of names, or says that nothing failed; an ``error`` may also be a measured one."""
    return column.name in TEXT or (column.name == "error" and (column == "").all())


def _as_numbers(column: pd.Series) -> pd.Series:
    """Return a column's texts as the numbers they are, to the last digit, or as they are."""
    for kind in (int, float):
        with suppress(ValueError):
            return pd.Series([kind(text or "nan") for text in column], column.index, dtype=kind)
    return column


def read_arrays(name: str, path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an ``.npz`` file.

    Args:
        name: Of the argument, for the message.
        path: The file.

    Raises:
        ValueError: If it is damaged or missing.
    """
    try:
        with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as file:
            return dict(file)
    except (
        OSError,
        ValueError,
        EOFError,
        zlib.error,
        BadZipFile,
        AttributeError,
        KeyError,
        NotImplementedError,
    ) as error:
        raise ValueError(f"{name} must be that of whole arrays; {path} is not: {error}") from error

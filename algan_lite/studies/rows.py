"""The rows of a sweep, a run each (or a look at one) and once, in a file that other sweeps may write to as well."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock
from pandas.api.types import is_integer_dtype, is_numeric_dtype

from algan_lite.core.files import check_writable
from algan_lite.studies.groups import Run
from algan_lite.studies.tables import read_table, write_table

RUN = ["arm", "seed"]


class Rows:
    """The rows so far, kept in a CSV file where there is a path.

    Args:
        path: The file, or None.
        keys: arm -> key of all that its rows depend on but the seed.
        columns: Of a row.

    Raises:
        ValueError: If the file is none of this sweep, or cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str] | None, keys: Mapping[str, str], columns: Sequence[str]) -> None:
        self.keys, self.columns = keys, list(columns)
        self.own = [*RUN, *(["step"] if "step" in columns else [])]  # what tells rows from each other
        self.path = None if path is None else check_writable("path", path)
        self.frame = self._read()
        self.done: set[Run] = set(_pairs(_fine(self.frame), *RUN))

    def add(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Add rows to those that are known here or in the file, and save."""
        fresh = pd.DataFrame(rows).assign(settings=[self.keys[row["arm"]] for row in rows])
        with nullcontext() if self.path is None else _locked(self.path):
            self.frame = _union(self.own, self._read(), self.frame, fresh)
            if self.path is not None:
                write_table(self.frame, self.path)

    def table(self, runs: Sequence[Run]) -> pd.DataFrame:
        """Return the rows of these runs in their order, those of one run by step."""
        return self.frame[self.columns].set_index(RUN).loc[list(runs)].reset_index()

    def _read(self) -> pd.DataFrame:
        """Return the rows of the file; none where there is no file."""
        if self.path is None or not self.path.exists():
            return pd.DataFrame(columns=[*self.columns, "settings"])
        frame = read_table("path", self.path, [*RUN, "settings"])
        if "error" not in frame:  # a file of a version that did not keep failures
            frame["error"] = ""
        self._check(frame)
        return frame

    def _check(self, frame: pd.DataFrame) -> None:
        # A failed run says nothing about its settings: they may have been mended since.
        for arm, key in _pairs(_fine(frame), "arm", "settings"):
            if self.keys.get(arm, key) != key:
                raise ValueError(
                    f"path must hold runs of the same settings; {self.path} has others under arm {arm!r} (or of other "
                    f"data, networks, measures or another version): key {key} in the file, {self.keys[arm]} now"
                )
        if lacking := [name for name in self.columns if name not in frame]:
            raise ValueError(f"path must hold the columns of this sweep; {self.path} lacks {', '.join(lacking)}")
        for name in self.columns[1:]:
            if name != "error" and not is_numeric_dtype(frame[name]):
                raise ValueError(f"path must hold numbers in column {name!r}; {self.path} does not")
        for name in self.own[1:]:
            if not is_integer_dtype(frame[name]):
                raise ValueError(f"path must hold integers in column {name!r}; {self.path} does not")
        if frame.duplicated(self.own).any():
            arm, seed = _pairs(frame, *RUN)[frame.duplicated(self.own).argmax()]
            raise ValueError(f"path must hold a run once; {self.path} has arm {arm!r}, seed {seed} twice")


def _fine(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["error"] == ""]


def _pairs(frame: pd.DataFrame, *columns: str) -> list[tuple]:
    return [] if frame.empty else list(frame[list(columns)].itertuples(index=False, name=None))


def _union(own: Sequence[str], *frames: pd.DataFrame) -> pd.DataFrame:
    """Return every run once: finished rather than failed, the first of those finished, the last failure."""
    rows = pd.concat([frame for frame in frames if len(frame)], ignore_index=True)
    failed = rows["error"] != ""
    if failed.any():
        finished = set(_pairs(rows[~failed], *RUN))
        retried = np.array([run in finished for run in _pairs(rows, *RUN)])
        rows = pd.concat([rows[~failed], rows[failed & ~retried][::-1]])
    return rows.drop_duplicates(list(own)).sort_index().reset_index(drop=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes from a file; the system frees the lock of one that is killed."""
    place = path.with_name(f".{path.name}.lock")
    with FileLock(place):
        try:
            yield
        finally:
            with suppress(OSError):  # Windows removes it itself
                place.unlink()  # while it is held: who waits for it sees that it is gone, and makes a new one

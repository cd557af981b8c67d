"""Long work as many calls: spread over processes, under one progress bar, and resumed where it was stopped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed

from algan_lite.core.files import write_atomically
from algan_lite.core.keys import content_key
from algan_lite.core.progress import progress_bar
from algan_lite.core.version import __version__
from algan_lite.studies.tables import read_arrays

_KEY = "algan_lite_key"  # the array of a part's file that says what it was made of


def spread(
    fn: Callable[..., Any], calls: Sequence[Sequence[object]], *, jobs: int, progress: bool | None, **bar: object
) -> Iterable[Any]:
    """Return what ``fn`` returns for each call's arguments, as the calls end, behind a progress bar.

    Args:
        fn: Called in one of the processes.
        calls: Its arguments, call by call.
        jobs: Processes; -1: one a core.
        progress: Show the bar; None: unless the environment variable ALGAN_LITE_PROGRESS is 0.
        **bar: Of the bar: ``desc``, ``unit``.
    """
    work = Parallel(n_jobs=jobs, return_as="generator_unordered")(delayed(fn)(*call) for call in calls)
    return progress_bar(work, shown=progress, total=len(calls), **bar)


def parts(
    fn: Callable[..., dict[str, np.ndarray]],
    calls: Mapping[str, Sequence[object]],
    folder: str | os.PathLike[str],
    *,
    jobs: int = 1,
    progress: bool | None = None,
) -> dict[str, dict[str, np.ndarray]]:
    """Return name -> arrays of every call; those that the folder holds already are not computed again.

    A part says in its file what it was made of; one of another function, other arguments or another version is refused.

    Args:
        fn: Returns name -> array; called with one thread.
        calls: Name of a part -> arguments.
        folder: Keeps a file a part, so that a killed run resumes.
        jobs: Processes; -1: one a core.
        progress: Show a progress bar; None: unless the environment variable ALGAN_LITE_PROGRESS is 0.

    Raises:
        TypeError: If the function or an argument has no name, such as a lambda.
        ValueError: If the folder holds a part of something else, or a damaged one.
    """
    paths = {name: Path(folder) / f"{name}.npz" for name in calls}
    keys = {name: content_key(__version__, fn, call) for name, call in calls.items()}
    done = {name: _load_part(path, keys[name]) for name, path in paths.items() if path.exists()}
    todo = {name: call for name, call in calls.items() if name not in done}
    work = [(fn, paths[name], keys[name], *call) for name, call in todo.items()]
    for _ in spread(_save_part, work, jobs=jobs, progress=progress, desc="study", unit="part"):
        pass
    done |= {name: _load_part(paths[name], keys[name]) for name in todo}
    return {name: done[name] for name in calls}


def _save_part(fn: Callable[..., dict[str, np.ndarray]], path: Path, key: str, *call: object) -> None:
    torch.set_num_threads(1)
    made = fn(*call) | {_KEY: np.array(key)}
    write_atomically(path, lambda file: np.savez_compressed(file, **made))


def _load_part(path: Path, key: str) -> dict[str, np.ndarray]:
    arrays = read_arrays("folder", path)
    if (found := str(arrays.pop(_KEY, "none"))) != key:
        raise ValueError(f"folder must hold parts of the same calls; {path} was made of others: key {found}, now {key}")
    return arrays

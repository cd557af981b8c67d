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
from algan_lite.core.progress import progress_bar


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

    Args:
        fn: Returns name -> array; called with one thread.
        calls: Name of a part -> arguments.
        folder: Keeps a file a part, so that a killed run resumes.
        jobs: Processes; -1: one a core.
        progress: Show a progress bar; None: unless the environment variable ALGAN_LITE_PROGRESS is 0.
    """
    paths = {name: Path(folder) / f"{name}.npz" for name in calls}
    todo = [(fn, paths[name], *call) for name, call in calls.items() if not paths[name].exists()]
    for _ in spread(_save_part, todo, jobs=jobs, progress=progress, desc="study", unit="part"):
        pass
    return {name: dict(np.load(path, allow_pickle=False)) for name, path in paths.items()}


def _save_part(fn: Callable[..., dict[str, np.ndarray]], path: Path, *call: object) -> None:
    torch.set_num_threads(1)
    made = fn(*call)
    write_atomically(path, lambda file: np.savez_compressed(file, **made))

"""Long work as many calls: spread over joblib's workers, which may get lost, and resumed where it was stopped."""

from __future__ import annotations

import os
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed, effective_n_jobs
from joblib.parallel import get_active_backend

from algan_lite.core.files import write_atomically
from algan_lite.core.keys import content_key
from algan_lite.core.progress import progress_bar
from algan_lite.core.version import __version__
from algan_lite.studies.tables import read_arrays

_KEY = "algan_lite_key"  # the array of a part's file that says what it was made of
# What loky, Ray and dask.distributed raise where a worker was killed, and how often a call that runs alone is made
# until that is its fault: dask has tried again by itself. By name, since Ray and dask are not required.
TRIES = {"TerminatedWorkerError": 3, "RayActorError": 3, "WorkerCrashedError": 3, "KilledWorker": 1}
PATIENCE = 120  # seconds for new workers to come


def spread(fn: Callable[..., Any], calls: Sequence[Sequence[object]], *, jobs: int | None) -> Iterator[tuple[int, Any]]:
    """Yield (number of a call, what ``fn`` returned for it), as the calls end.

    A worker that is killed takes with it what others were doing, and does not say what it did itself. So all calls
    that are left are made again, half and half, until the guilty one is alone; in the end its result is the error.

    Args:
        fn: Called in one of the workers.
        calls: Its arguments, call by call.
        jobs: Processes; -1: one a core; None: what ``joblib.parallel_config`` says, otherwise 1.
    """
    batches, tries = deque([list(range(len(calls)))]), Counter()
    while batches:
        batch = batches.popleft()
        left = dict.fromkeys(batch)
        try:
            with closing(_once(fn, calls, batch, jobs)) as results:
                for k, result in results:
                    del left[k]
                    yield k, result
        except Exception as error:
            if not (most := max(TRIES.get(kind.__name__, 0) for kind in type(error).__mro__)):
                raise
            if len(batch) == 1:
                tries[batch[0]] += 1
                if tries[batch[0]] >= most:
                    yield batch[0], error
                    continue
            remaining, middle = list(left), (len(left) + 1) // 2
            batches += [half for half in (remaining[:middle], remaining[middle:]) if half]


def _once(
    fn: Callable[..., Any], calls: Sequence[Sequence[object]], batch: Sequence[int], jobs: int | None
) -> Iterator[tuple[int, Any]]:
    """Yield (number, result) of each call of a batch, in one go over the workers."""
    backend, _ = get_active_backend()
    work = [delayed(_numbered)(fn, k, *calls[k]) for k in batch]
    if not backend.supports_return_generator:  # multiprocessing, Ray: as many as there are workers, again and again
        size = effective_n_jobs(jobs)
        with Parallel(n_jobs=jobs, batch_size=1) as parallel:
            for k in range(0, len(work), size):
                yield from parallel(work[k : k + size])
        return
    with _mended(backend):
        results = Parallel(n_jobs=jobs, batch_size=1, return_as="generator_unordered")(work)
        try:
            for result in results:  # noqa: UP028 - so that the end is not joblib's to announce
                yield result
        finally:
            with warnings.catch_warnings(action="ignore"):
                results.close()


def _numbered(fn: Callable[..., Any], k: int, *call: object) -> tuple[int, Any]:
    return k, fn(*call)


@contextmanager
def _mended(backend: object) -> Iterator[None]:
    """Mend what joblib 1.6 leaves open on a ``dask.distributed`` cluster; other backends stay as they are.

    A call whose workers died again and again is never reported, so that one waits for ever; calls that are given up
    stay in the cluster's queue; while only one worker is left, the calls run in this process; new workers have ten
    seconds to come, which importing PyTorch may take.
    """
    if type(backend).__name__ != "DaskDistributedBackend":
        yield
        return
    submit, configure = backend.submit, backend.configure

    def configure_with_workers(*args: object, **options: object) -> int:
        backend.client.wait_for_workers(1, timeout=PATIENCE)
        return max(2, configure(*args, **options))

    def submit_and_tell(work: object, callback: Callable[[object], None]) -> object:
        future = submit(work, callback)
        future.add_done_callback(lambda done: done.exception() and callback(done.exception()))
        return future

    backend.submit, backend.configure = submit_and_tell, configure_with_workers
    try:
        yield
    finally:
        del backend.submit, backend.configure
        backend.client.cancel(list(backend._results))
        backend._results.clear()
        backend._callbacks.clear()


def parts(
    fn: Callable[..., dict[str, np.ndarray]],
    calls: Mapping[str, Sequence[object]],
    folder: str | os.PathLike[str],
    *,
    jobs: int | None = 1,
    progress: bool | None = None,
) -> dict[str, dict[str, np.ndarray]]:
    """Return name -> arrays of every call; those that the folder holds already are not computed again.

    A part says in its file what it was made of; one of another function, other arguments or another version is refused.

    Args:
        fn: Returns name -> array; called with one thread.
        calls: Name of a part -> arguments.
        folder: Keeps a file a part, so that a killed run resumes.
        jobs: Processes; -1: one a core; None: what ``joblib.parallel_config`` says, otherwise 1.
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
    with closing(spread(_save_part, work, jobs=jobs)) as saved:
        for _, error in progress_bar(saved, shown=progress, total=len(work), desc="study", unit="part"):
            if error is not None:
                raise error
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

"""Execute the book's notebooks side by side, into the cache that Sphinx then reads."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterable
from datetime import datetime
from multiprocessing import Pool
from pathlib import Path

import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import JupyterCacheAbstract, ProjectNb
from jupyter_cache.cache.db import NbProjectRecord
from jupyter_cache.executors.basic import ExecutionWorkerLocalMProc, ProcessData
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from tqdm import tqdm

from tools.book.pages import pages, source

AT_ONCE = 4  # notebooks at most: each needs about 0.7 GB of memory


class _Worker(ExecutionWorkerLocalMProc):
    @staticmethod
    def execute(project_nb: ProjectNb, data: ProcessData) -> ExecutionResult:
        folder, before = str(Path(project_nb.uri).parent), _worked()
        result = single_nb_execution(project_nb.nb, folder, data.timeout, data.allow_errors, record_timing=True)
        # Not in the cells: the cache tells notebooks apart by their cells with all metadata.
        times = [cell.metadata.pop("execution", {}) for cell in result.nb.cells if cell.cell_type == "code"]
        waited = [_seconds(time) for time in times]
        # While other programs had the core the kernel did not work: a busy machine makes no notebook a slow one.
        share = min(1.0, (_worked() - before) / max(sum(waited), 1e-3))
        result.nb.metadata["cell_seconds"] = [share * seconds for seconds in waited]
        return result


def _worked() -> float:
    """Seconds of processor time of the kernels that this process has started and seen end."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _seconds(time: dict[str, str]) -> float:
    begin, end = (time.get(f"iopub.{name}") for name in ("execute_input", "status.idle"))
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds() if begin and end else 0.0


def execute(notebooks: Iterable[Path], folder: Path, timeout: float) -> dict[Path, str]:
    """Execute the notebooks that the cache does not hold, one a core.

    One after another, each on two threads, twelve chapters take half as long again: short runs of small networks leave
    the second core idle.

    Args:
        notebooks: Files.
        folder: The cache, as jupyter-cache lays it out.
        timeout: Longest time that a cell may take [s].

    Returns:
        The traceback of each notebook that failed; empty if all ran.
    """
    cache = get_cache(str(folder))
    # From the back: the long chapters stand there, and whatever begins last keeps one core waiting for it.
    records = {cache.add_nb_to_project(str(path)).pk: path for path in reversed(list(notebooks))}
    jobs = [ProcessData(pk, str(records[pk]), cache, timeout, allow_errors=False) for pk in _left(cache, records)]
    NbProjectRecord.remove_tracebacks([job.pk for job in jobs], cache.db)
    with Pool(min(AT_ONCE, os.cpu_count() or 1)) as pool, tqdm(jobs, "Notebooks", disable=not jobs) as bar:
        for _, uri in pool.imap_unordered(_Worker(), jobs):
            bar.set_postfix_str(Path(uri).stem)
            bar.update()
    return {records[pk]: cache.get_project_record(pk).traceback or "not executed" for pk in _left(cache, records)}


def _left(cache: JupyterCacheAbstract, records: dict[int, Path]) -> list[int]:
    return [record.pk for record in cache.list_unexecuted(filter_pks=list(records))]


def main(config: str) -> int:
    """Execute every notebook of the book as a build's configuration says; return the exit status."""
    settings = yaml.safe_load(Path(config).read_text(encoding="utf-8"))["execute"]
    files = [path for path in map(source, pages()) if path.suffix == ".ipynb"]
    failed = execute(files, Path(settings["cache"]), settings["timeout"])
    for path, trace in failed.items():
        print(f"--- {path}\n{trace}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

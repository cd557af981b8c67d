"""Execute the book's notebooks side by side, into the cache that Sphinx then reads."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import Pool
from pathlib import Path

import nbformat
import numpy as np
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import JupyterCacheAbstract, ProjectNb
from jupyter_cache.cache.db import NbProjectRecord
from jupyter_cache.executors.basic import ExecutionWorkerLocalMProc, ProcessData
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from tqdm import tqdm

from tools.book.pages import ROOT, pages, source

AT_ONCE = 4  # notebooks at most: each needs at most 0.9 GB of memory (a test in `make slow`)
PRODUCT = 2048  # a side of the two matrices whose product says how fast this machine is now
# The package of this checkout, wherever another is installed; kernels of .venv and not of the user's home; no progress
# bars, which a page would keep as a wall of text; a live panel shows itself as a picture, since a page has no kernel;
# one thread each, since several run side by side.
ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "book" / "_ext"))),
    "JUPYTER_PREFER_ENV_PATH": "1",
    "ALGAN_LITE_PROGRESS": "0",
    "TQDM_DISABLE": "1",
    "ALGAN_LITE_STATIC": "1",
    "OMP_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class Measures:
    """What a notebook took when it was executed.

    Attributes:
        cells: Seconds of each code cell, without those in which other programs had the core.
        product: Seconds of one matrix product then and there.
        peak_gb: The most memory of its kernel [GB].
    """

    cells: tuple[float, ...]
    product: float
    peak_gb: float

    def __str__(self) -> str:
        longest = max(self.cells, default=0.0)
        return f"{sum(self.cells):6.1f} s {longest:6.1f} s {self.product:6.3f} s {self.peak_gb:6.2f} GB"


class _Worker(ExecutionWorkerLocalMProc):
    @staticmethod
    def execute(project_nb: ProjectNb, data: ProcessData) -> ExecutionResult:
        folder, before, product = str(Path(project_nb.uri).parent), _worked(), product_seconds()
        result = single_nb_execution(project_nb.nb, folder, data.timeout, data.allow_errors, record_timing=True)
        # Not in the cells: the cache tells notebooks apart by their cells with all metadata.
        times = [cell.metadata.pop("execution", {}) for cell in result.nb.cells if cell.cell_type == "code"]
        waited = [_seconds(told) for told in times]
        # While other programs had the core the kernel did not work: a busy machine makes no notebook a slow one.
        share = min(1.0, (_worked() - before) / max(sum(waited), 1e-3))
        result.nb.metadata["cell_seconds"] = [share * seconds for seconds in waited]
        result.nb.metadata["product_seconds"] = (product + product_seconds()) / 2
        result.nb.metadata["peak_gb"] = peak_gb()
        result.nb.metadata.pop("widgets", None)  # states of widgets: no page has a view that would read them
        return result


def product_seconds() -> float:
    """Return the seconds of processor time of one matrix product: a yardstick for all other seconds."""
    matrix = np.random.default_rng(0).random((PRODUCT, PRODUCT), dtype=np.float32)
    begin = time.process_time()
    matrix @ matrix
    return time.process_time() - begin


def peak_gb() -> float:
    """Return the most memory that a process held which this one has started and seen end, in GB."""
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e9


def _worked() -> float:
    """Seconds of processor time of the kernels that this process has started and seen end."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _seconds(times: dict[str, str]) -> float:
    begin, end = (times.get(f"iopub.{name}") for name in ("execute_input", "status.idle"))
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
    # A process a notebook: the memory of its children is then that of one kernel.
    with (
        Pool(min(AT_ONCE, os.cpu_count() or 1), maxtasksperchild=1) as pool,
        tqdm(jobs, "Notebooks", disable=not jobs) as bar,
    ):
        for _, uri in pool.imap_unordered(_Worker(), jobs, chunksize=1):
            bar.set_postfix_str(Path(uri).stem)
            bar.update()
    return {records[pk]: cache.get_project_record(pk).traceback or "not executed" for pk in _left(cache, records)}


def _left(cache: JupyterCacheAbstract, records: dict[int, Path]) -> list[int]:
    return [record.pk for record in cache.list_unexecuted(filter_pks=list(records))]


def measured(notebooks: Iterable[Path], folder: Path) -> dict[Path, Measures]:
    """Return what the cache knows of the seconds and the memory of each notebook.

    Args:
        notebooks: Files that have been executed.
        folder: The cache.
    """
    cache, found = get_cache(str(folder)), {}
    for path in notebooks:
        record = cache.match_cache_notebook(nbformat.read(path, as_version=4))
        told = cache.get_cache_bundle(record.pk).nb.metadata
        found[path] = Measures(tuple(told["cell_seconds"]), told["product_seconds"], told["peak_gb"])
    return found


def book_notebooks() -> list[Path]:
    """Return the notebooks of the table of contents, in reading order."""
    return [path for path in map(source, pages()) if path.suffix == ".ipynb"]


def main(config: str) -> int:
    """Execute every notebook of the book as a build's configuration says; return the exit status."""
    settings = yaml.safe_load(Path(config).read_text(encoding="utf-8"))["execute"]
    folder = Path(settings["cache"])
    failed = execute(book_notebooks(), folder, settings["timeout"])
    for path, trace in failed.items():
        print(f"--- {path}\n{trace}")
    if not failed:
        print("seconds of a notebook, of its longest cell, of one matrix product; and the kernel's memory:")
        for path, found in measured(book_notebooks(), folder).items():
            print(f"  {path.stem:<16}{found}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

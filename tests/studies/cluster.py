"""Sweeps on a cluster of separate processes, for ``test_sweep_cluster``.

``python -m studies.cluster ENGINE FOLDER`` leaves the tables in the folder.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import joblib
import pandas as pd
from studies.crew import FEW, HOME, LONG, sweep, wait_for

from algan_lite.studies.tables import write_table


@contextmanager
def dask() -> Iterator[None]:
    """Run the block on two processes of ``dask.distributed``."""
    from dask import config
    from distributed import Client, LocalCluster

    config.set({"distributed.scheduler.allowed-failures": 0})  # otherwise each death is tried four times
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster), joblib.parallel_config(backend="dask"):
        yield


@contextmanager
def ray() -> Iterator[None]:
    """Run the block on two processes of Ray."""
    import ray
    from ray.util.joblib import register_ray

    register_ray()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        with joblib.parallel_config(backend="ray", n_jobs=2):
            yield
    finally:
        ray.shutdown()


def on(engine: Callable[[], object], path: Path, **changes: object) -> None:
    with engine():
        write_table(sweep(path=path.with_suffix(".rows"), **changes), path)


def interrupted(engine: Callable[[], object], folder: Path) -> None:
    """Press Ctrl-C while a million steps are trained, and wait until the worker is free for something else."""
    log = folder / "log"

    def press() -> None:
        wait_for(log)
        time.sleep(1.0)
        os.kill(os.getpid(), signal.SIGINT)

    with engine():
        threading.Thread(target=press).start()
        configs = {"a": LONG}
        try:
            sweep(configs=configs, seeds=range(4), sizes={"log": str(log)})
        except KeyboardInterrupt as interrupt:
            begin = time.monotonic()
            joblib.Parallel()(joblib.delayed(os.getpid)() for _ in range(4))
            told = {"rows": [len(interrupt.table)], "seconds": time.monotonic() - begin}
            write_table(pd.DataFrame(told), folder / "free.csv")


def main(engine: str, folder: str) -> None:
    """Sweep undisturbed, with a worker killed, and, on dask, with each one killed, and interrupted."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ[HOME] = str(os.getpid())
    start, place = {"dask": dask, "ray": ray}[engine], Path(folder)
    on(start, place / "whole.csv")
    on(start, place / "killed.csv", sizes={"deadly": (2,), "once": str(place / "once")})
    if engine == "dask":
        on(start, place / "lost.csv", sizes={"deadly": (2,)}, configs=FEW, seeds=range(1, 4))
        interrupted(start, place)


if __name__ == "__main__":
    main(*sys.argv[1:])

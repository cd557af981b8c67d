"""A worker trains while somebody waits for what it makes, and no longer."""

from __future__ import annotations

import os
import sys
import threading
import time
from functools import cache
from multiprocessing import current_process


class Abandoned(RuntimeError):
    """Nobody waits for this training any more."""


class Leash:
    """Ties trainings, wherever they run, to the process that waits for them: a callback of ``train()``.

    Attributes:
        home: The process that waits.
        cut: Set there once it does not wait any longer; threads see it.
        looks: Whether it looks at the state of the training.
    """

    looks = False

    def __init__(self) -> None:
        self.home, self.cut = os.getpid(), False

    def hold(self) -> None:
        """Let this process, if it is one of joblib's own, end with the one that waits, should that be killed."""
        if any(kind in current_process().name for kind in ("LokyProcess", "PoolWorker")):
            _end_with(self.home, os.getpid())

    def __call__(self, state: object = None) -> None:
        """End a training whose result nobody will take.

        Raises:
            Abandoned: In a thread, or in a task of a cluster, that has been given up.
        """
        if self.cut or _cancelled():
            raise Abandoned("this training was given up: nobody waits for it")


@cache
def _end_with(parent: int, process: int) -> None:
    """Watch, from its first call on, whether a process still has its parent."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)  # there is nobody to tell

    threading.Thread(target=watch, name=f"end {process} with {parent}", daemon=True).start()


def _cancelled() -> bool:
    """Return whether this is a task that a ``dask.distributed`` cluster has cancelled; it cannot stop what runs."""
    module = sys.modules.get("distributed.worker")
    key = getattr(getattr(module, "thread_state", None), "key", None)
    if key is None:
        return False
    task = module.get_worker().state.tasks.get(key)
    return task is None or task.state == "cancelled"

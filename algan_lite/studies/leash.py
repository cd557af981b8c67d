"""A worker trains while somebody waits for what it makes, and no longer."""

from __future__ import annotations

import os
import sys
from functools import cache


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

    def __call__(self, state: object = None) -> None:
        """End a training whose result nobody will take.

        Raises:
            Abandoned: In a thread, or in a task of a cluster, that has been given up.
        """
        if _first_parent(os.getpid()) == self.home != os.getppid():
            os._exit(1)  # a worker whose parent was killed: there is nobody to tell
        if self.cut or _cancelled():
            raise Abandoned("this training was given up: nobody waits for it")


@cache
def _first_parent(process: int) -> int:
    """Return who the parent of this process was when that was first asked."""
    return os.getppid()


def _cancelled() -> bool:
    """Return whether this is a task that a ``dask.distributed`` cluster has cancelled; it cannot stop what runs."""
    module = sys.modules.get("distributed.worker")
    key = getattr(getattr(module, "thread_state", None), "key", None)
    if key is None:
        return False
    task = module.get_worker().state.tasks.get(key)
    return task is None or task.state == "cancelled"

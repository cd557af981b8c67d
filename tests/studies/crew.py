"""Pairs that fail, or kill the worker that makes them, and sweeps over them, where other processes find them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pandas as pd
from helpers import RING
from torch import nn

import algan_lite as al

FEW = al.TrainConfig(num_steps=6, batch_size=8, regularizers={"r1": 0.1})
LONG = al.TrainConfig(num_steps=1_000_000, batch_size=8)
HOME = "ALGAN_LITE_TEST_HOME"  # in the environment: the process that is not killed


def pair(
    seed: int, bad: tuple[int, ...] = (), deadly: tuple[int, ...] = (), once: str = "", log: str = "", **sizes: object
) -> tuple[nn.Module, nn.Module]:
    """Return a small pair.

    Args:
        seed: Of the weights.
        bad: Seeds that are refused.
        deadly: Seeds that kill the process; if there is ``once``, only where that file is not there yet.
        once: A file that the first killed process leaves.
        log: A file that every process that makes a pair writes its number to.
        **sizes: Of ``mlp_pair``.
    """
    if log:
        with open(log, "a") as file:
            file.write(f"{os.getpid()}\n")
    if seed in bad:
        raise ValueError(f"seed must be another; got {seed}")
    if seed in deadly and os.environ.get(HOME) != str(os.getpid()) and not (once and Path(once).exists()):
        if once:
            Path(once).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return al.models.mlp_pair(seed=seed, width=4, depth=1, **sizes)


def sweep(**changes: object) -> pd.DataFrame:
    """Sweep over 8 groups of one run each, unless told otherwise."""
    given = {"configs": {"a": FEW, "b": al.TrainConfig(num_steps=6, batch_size=8, loss="hinge")}, "seeds": range(4)}
    given |= {"pair": pair, "runs_at_once": 1, "num_samples": 20, "progress": False, "engine": "eager", **changes}
    return al.sweep(RING, given.pop("configs"), given.pop("seeds"), **given)


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Assert that two tables are equal bit for bit, but for the time that they took."""
    pd.testing.assert_frame_equal(one.drop(columns="seconds"), other.drop(columns="seconds"), check_exact=True)


def wait_for(path: Path, seconds: float = 60.0) -> None:
    """Wait until a file is there and not empty."""
    end = time.monotonic() + seconds
    while not (path.exists() and path.stat().st_size):
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.01)

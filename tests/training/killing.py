"""A process that forks children and kills or interrupts each at a random moment after its first save.

``python -m training.killing FOLDER KILLS INTERRUPTS ARM ...`` prints a line of JSON an arm: what each child left.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import torch
from helpers import RING, tiny

import algan_lite as al
from algan_lite.core.files import load_checkpoint
from algan_lite.training.history import History

LONG = {"num_steps": 600, "batch_size": 8, "log_every": 20}
THROUGH = {"strategy": "latent_ascent", "strategy_options": {"through": True}, "d_fakes": "selected"}
RULE = al.Equilibrium(
    tolerance=0.5, patience=120, every=4, num_samples=16
)  # holds at every check: step 480 is the last
ARMS: dict[str, tuple[dict, int | None]] = {
    "plain": ({"regularizers": {"r1": 0.1}, "strategy": "top_k", "pool_factor": 2}, None),
    "lecam": ({"regularizers": {"lecam": 0.3}}, None),
    "consensus": ({"regularizers": {"consensus": 0.1}}, None),
    "keep": ({"strategy": "top_k", "keep_decay": 0.95, "steps_per_epoch": 40}, None),
    "LOGAN": (THROUGH, None),
    "ensemble": ({"regularizers": {"lecam": 0.3, "dragan": 0.1}, "strategy": "softmax", "pool_factor": 2}, 3),
    "equilibrium": ({"equilibrium": RULE}, 2),
    "a rule that skips": ({"balance": "skip_by_accuracy"}, 3),
    "a rule that remembers": ({"balance": "pi_lambda", "regularizers": {"r1": 0.1}}, None),
}
SWEEP = {
    "plain": al.TrainConfig(num_steps=4, batch_size=8),
    "lecam": al.TrainConfig(num_steps=4, batch_size=8, regularizers={"lecam": 0.1}),
}
SWEEPS = {"sweep": (1, 40), "sweep of two processes": (2, 100)}  # name -> jobs, seeds


def train(arm: str, path: Path | None) -> tuple[torch.nn.Module, torch.nn.Module, History]:
    """Train an arm, resuming where there is a file."""
    settings, runs = ARMS[arm]
    G, D = tiny(runs=runs)
    config = al.TrainConfig(**{**LONG, **settings})
    history = al.train(G, D, RING, config, checkpoint=path, checkpoint_every=3, resume=path is not None, progress=False)
    return G, D, history


def sweep(arm: str, path: Path | None) -> pd.DataFrame:
    """Sweep over groups of one run each: more than are finished until the last signal."""
    jobs, seeds = SWEEPS[arm]
    options = {"sizes": {"width": 4, "depth": 1}, "num_samples": 20, "runs_at_once": 1, "progress": False}
    return al.sweep(RING, SWEEP, range(seeds), path=path, jobs=jobs, engine="eager", **options)


def done(path: Path) -> int:
    """Return how many steps, or rows, a file holds; 0 if there is none."""
    if not path.exists():
        return 0
    return len(path.read_text().splitlines()) - 1 if path.suffix == ".csv" else load_checkpoint(path)[1]["step"]


def child(work: Callable[[], object]) -> None:
    """Work, and say by the exit status how it ended: 0 at the end, 3 by an interrupt that lost nothing."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    status = 1
    try:
        work()
        status = 0
    except KeyboardInterrupt as interrupt:
        notes = getattr(interrupt, "__notes__", [])
        status = 3 if hasattr(interrupt, "table") or any(": of step" in note for note in notes) else 4
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    os._exit(status)


def hurt(work: Callable[[], object], path: Path, signals: list[signal.Signals]) -> dict[str, list[int]]:
    """Start children one after another, each hurt by one signal and the last by none; return what they left."""
    left: dict[str, list[int]] = {"status": [], "done": [done(path)]}
    for number in [*signals, None]:
        before, process = stamp(path), os.fork()
        if process == 0:
            child(work)
        if number is not None:
            deadline = time.monotonic() + 60
            while stamp(path) == before and time.monotonic() < deadline:
                time.sleep(0.0005)
            time.sleep(random.uniform(0, 0.03))
            os.kill(process, number)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        left["status"].append(status)
        left["done"].append(done(path))
    return left


def stamp(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def warm_up(arm: str) -> None:
    """Let PyTorch set up here what it sets up on first use, so that it need not cost every child."""
    settings, runs = ARMS.get(arm, ARMS["lecam"])
    al.train(*tiny(runs=runs), RING, al.TrainConfig(**{**LONG, **settings, "num_steps": 4}), progress=False)
    if arm in SWEEPS:
        al.sweep(RING, SWEEP, [0], sizes={"width": 4, "depth": 1}, num_samples=20, progress=False)


def main(folder: str, kills: str, interrupts: str, *arms: str) -> None:
    """Hurt each arm so often and print what was left."""
    torch.set_num_threads(1)
    random.seed(0)
    signals = [signal.SIGKILL] * int(kills) + [signal.SIGINT] * int(interrupts)
    for arm in arms:
        random.shuffle(signals)
        path = Path(folder) / arm / ("runs.csv" if arm in SWEEPS else "run.ckpt")
        work = partial(sweep, arm, path) if arm in SWEEPS else partial(train, arm, path)
        warm_up(arm)
        print(json.dumps({"arm": arm, "signals": signals, **hurt(work, path, signals)}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Whoever does the work, and whoever is killed meanwhile: the same table, and nobody who goes on for nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import joblib
import psutil
import pytest
import torch
from filelock import FileLock
from studies.crew import FEW, LONG, RING, same, sweep, wait_for

import algan_lite as al
from algan_lite.studies.leash import Abandoned, Leash
from algan_lite.studies.spread import spread
from algan_lite.studies.tables import read_table

sweep_module = sys.modules["algan_lite.studies.sweep"]
TESTS = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")


def start(code: str) -> subprocess.Popen:
    """Start another process that sweeps."""
    head = "from studies.crew import *\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    return subprocess.Popen([sys.executable, "-c", head + code], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)


def workers_in(log: Path, number: int = 2) -> list[psutil.Process]:
    """Return the processes that train, once there are so many."""
    end = time.monotonic() + 60
    while len(found := set(log.read_text().split()) if log.exists() else set()) < number:
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return [psutil.Process(int(process)) for process in found]


def assert_at_rest(workers: list[psutil.Process]) -> None:
    """Assert that processes that had a million steps to train end, or wait, within a minute."""
    _, alive = psutil.wait_procs(workers, timeout=5)
    end = time.monotonic() + 60
    while busy := [worker for worker in alive if worker.is_running() and worker.cpu_percent(0.5) > 20]:
        assert time.monotonic() < end, f"{busy} go on training"


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_every_backend_gives_the_same_table(tmp_path: Path, backend: str) -> None:
    path = tmp_path / "runs.csv"
    with joblib.parallel_config(backend=backend, n_jobs=2):
        table = sweep(path=path)
    same(table, sweep())
    assert len(read_table("path", path)) == 8
    assert os.listdir(tmp_path) == ["runs.csv"]


def test_seeds_that_train_together_or_not_round_otherwise_only() -> None:
    tables = [sweep(runs_at_once=most, num_samples=400) for most in (1, 2, 3, 64)]
    for table in tables[1:]:
        for name in ("reverse_kl", "spread_ratio", "ema_reverse_kl"):
            torch.testing.assert_close(
                torch.tensor(table[name]), torch.tensor(tables[0][name]), atol=1e-4, rtol=1e-4, equal_nan=True
            )


def test_the_number_of_jobs_is_what_joblib_says(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int | None] = []
    monkeypatch.setattr(sweep_module, "spread", lambda fn, calls, jobs: asked.append(jobs) or spread(fn, calls, jobs=1))
    sweep(seeds=[0])
    sweep(seeds=[0], jobs=2)
    assert asked == [None, 2]
    with joblib.parallel_config(n_jobs=2):
        assert joblib.effective_n_jobs(None) == 2


@needs_kill
def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    path, once = tmp_path / "runs.csv", tmp_path / "once"
    sizes = {"deadly": (2,), "once": str(once)}
    table = sweep(jobs=2, path=path, sizes=sizes)
    assert once.exists()
    same(table, sweep(sizes=sizes))
    assert len(read_table("path", path)) == 8


@needs_kill
@pytest.mark.slow
def test_a_run_that_kills_every_worker_is_a_row() -> None:
    with pytest.warns(RuntimeWarning, match=r"1 of 4 runs failed .* seed 2: TerminatedWorkerError"):
        table = sweep(jobs=2, configs=FEW, runs_at_once=4, sizes={"deadly": (2,)})
    assert table["error"].str[:21].tolist() == ["", "", "TerminatedWorkerError", ""]
    assert table["reverse_kl"].notna().tolist() == [True, True, False, True]


def echo(k: int) -> int:
    return 10 * k


def refuse(k: int) -> None:
    raise KeyError(k)


def test_calls_come_back_by_their_numbers_and_errors_of_their_own_are_raised() -> None:
    assert sorted(spread(echo, [(3,), (1,)], jobs=1)) == [(0, 30), (1, 10)]
    with pytest.raises(KeyError, match="1"):
        list(spread(refuse, [(1,)], jobs=2))


def lost(name: str) -> Callable[[int], int]:
    kind = type(name, (RuntimeError,), {})
    made: list[int] = []

    def call(k: int) -> int:
        made.append(k)
        if k == 5 or (k == 2 and made.count(2) == 1):
            raise kind("a worker is gone")
        return k

    call.made = made
    return call


@pytest.mark.parametrize(("name", "tries"), [("TerminatedWorkerError", 3), ("KilledWorker", 1)])
def test_the_guilty_call_is_found_and_no_other_one_suffers(name: str, tries: int) -> None:
    call = lost(name)
    found = dict(spread(call, [(k,) for k in range(8)], jobs=1))
    assert {k: value for k, value in found.items() if k != 5} == {k: k for k in range(8) if k != 5}
    assert str(found[5]) == "a worker is gone"
    assert call.made[-1] == 5 or tries == 1
    assert all(call.made.count(k) == 1 for k in (0, 1, 3, 4, 6, 7))


def test_the_bar_counts_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bars: list[object] = []
    real = sweep_module.progress_bar
    monkeypatch.setattr(sweep_module, "progress_bar", lambda **options: bars.append(real(**options)) or bars[-1])
    path = tmp_path / "runs.csv"
    sweep(path=path, seeds=range(3), runs_at_once=2, progress=True)
    sweep(path=path, seeds=range(4), progress=True)
    assert [(bar.total, bar.initial, bar.n, bar.unit) for bar in bars] == [(6, 0, 6, "run"), (8, 6, 8, "run")]


@needs_kill
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_workers_do_not_go_on_for_nobody(tmp_path: Path, number: signal.Signals) -> None:
    log, told = tmp_path / "log", tmp_path / "told"
    code = f"""
try:
    sweep(configs={{"few": FEW, "long": LONG}}, seeds=range(2), sizes={{"log": {str(log)!r}}}, jobs=2,
          path={str(tmp_path / "runs.csv")!r})
except KeyboardInterrupt as interrupt:
    Path({str(told)!r}).write_text(str(interrupt.table["arm"].tolist()))
    time.sleep(60)
"""
    process = start(code)
    try:
        workers = workers_in(log)
        wait_for(tmp_path / "runs.csv")
        while len(read_table("path", tmp_path / "runs.csv")) < 2:
            time.sleep(0.05)
        process.send_signal(number)
        if number == signal.SIGINT:
            wait_for(told)
            assert told.read_text() == "['few', 'few']"
        else:
            process.wait()
        assert_at_rest(workers)
    finally:
        process.kill()
        process.communicate()
    assert read_table("path", tmp_path / "runs.csv")["arm"].tolist() == ["few", "few"]


def test_threads_do_not_go_on_for_nobody() -> None:
    steps: list[int] = []
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)

    def lam(step: int) -> float:
        steps.append(step)
        if step == 3 and threading.current_thread() is not threading.main_thread():
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return 0.1

    config = al.TrainConfig(num_steps=1_000_000, batch_size=8, regularizers={"r1": lam})
    try:
        with joblib.parallel_config(backend="threading", n_jobs=2), pytest.raises(KeyboardInterrupt) as caught:
            sweep(configs=config, seeds=range(2))
    finally:
        signal.signal(signal.SIGINT, usual)
    assert len(caught.value.table) == 0
    time.sleep(1.0)
    before = len(steps)
    time.sleep(0.5)
    assert len(steps) == before


def test_a_leash_that_is_cut_ends_a_training() -> None:
    leash = Leash()
    leash()
    leash.cut = True
    with pytest.raises(Abandoned, match="nobody waits"):
        al.train(*al.models.mlp_pair(width=4, depth=1), RING, LONG, callbacks=[leash], progress=False)


def test_two_sweeps_on_one_path_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    others = [start(f"sweep(path={str(path)!r}, seeds=range({k}, {k + 12}))\nos._exit(0)") for k in (0, 6)]
    assert [other.wait(120) for other in others] == [0, 0], [other.stderr.read() for other in others]
    for other in others:
        other.communicate()
    rows = read_table("path", path)
    assert sorted(zip(rows["arm"], rows["seed"], strict=True)) == [(arm, seed) for arm in "ab" for seed in range(18)]
    same(sweep(path=path, seeds=range(18)), sweep(seeds=range(18)))
    assert os.listdir(tmp_path) == ["runs.csv"]


@needs_kill
def test_a_process_that_is_killed_leaves_no_lock_that_holds(tmp_path: Path) -> None:
    lock = tmp_path / ".runs.csv.lock"
    held = start(
        f"from filelock import FileLock\nFileLock({str(lock)!r}).acquire()\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    assert held.wait(60) == -signal.SIGKILL
    held.communicate()
    assert lock.exists()
    assert len(sweep(path=tmp_path / "runs.csv")) == 8
    assert os.listdir(tmp_path) == ["runs.csv"]


def test_a_sweep_waits_for_who_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    other = threading.Thread(target=sweep, kwargs={"path": path, "seeds": [0]})
    with FileLock(tmp_path / ".runs.csv.lock"):
        other.start()
        other.join(2)
        assert other.is_alive()
        assert not path.exists()
    other.join(60)
    assert len(read_table("path", path)) == 2

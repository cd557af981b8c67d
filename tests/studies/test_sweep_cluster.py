"""A cluster of two processes, one of which is killed: the same table, and free for others after an interrupt."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
from studies.crew import same, sweep

from algan_lite.studies.tables import read_table

pytestmark = pytest.mark.slow
TESTS = Path(__file__).parents[1]
PACKAGES = {"dask": "distributed", "ray": "ray"}
only_dask = pytest.mark.parametrize("folder", ["dask"], indirect=True)  # Ray takes too long to replace its processes


@pytest.fixture(scope="module", params=PACKAGES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where sweeps on a cluster have left their tables."""
    if find_spec(PACKAGES[request.param]) is None:
        pytest.skip(f"{PACKAGES[request.param]} is not installed")
    place = tmp_path_factory.mktemp(request.param)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    command = [sys.executable, "-m", "studies.cluster", request.param, str(place)]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=580, check=False)
    assert finished.returncode == 0, finished.stderr
    return place


def test_the_table_is_that_of_one_process(folder: Path) -> None:
    same(read_table("path", folder / "whole.csv"), sweep())
    assert len(read_table("path", folder / "whole.rows")) == 8


def test_a_worker_that_is_killed_changes_nothing(folder: Path) -> None:
    assert (folder / "once").exists()
    same(read_table("path", folder / "killed.csv"), sweep())
    assert len(read_table("path", folder / "killed.rows")) == 8


@only_dask
def test_a_run_that_kills_every_worker_is_a_row(folder: Path) -> None:
    table = read_table("path", folder / "lost.csv")
    assert (table["error"] != "").tolist() == table["reverse_kl"].isna().tolist() == [False, True, False]


@only_dask
def test_after_an_interrupt_the_workers_are_free(folder: Path) -> None:
    told = pd.read_csv(folder / "free.csv").iloc[0]
    assert told["rows"] == 0
    assert told["seconds"] < 120  # a million steps take longer

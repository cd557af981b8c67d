"""Killed and interrupted again and again, a run ends like the undisturbed one, bit for bit, and leaves no litter."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from training.killing import ARMS, SWEEPS, sweep, train

from algan_lite.core.files import load_checkpoint

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
TESTS = Path(__file__).parents[1]


def hurt(folder: Path, kills: int, interrupts: int, *arms: str) -> dict[str, dict]:
    """Run the process that hurts its children; return what they left, by arm."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    command = [sys.executable, "-m", "training.killing", str(folder), str(kills), str(interrupts), *arms]
    # Files and no pipes: workers whose parent was killed hold them open for a moment.
    with (folder / "out").open("w+") as out, (folder / "err").open("w+") as err:
        status = subprocess.run(command, env=environment, stdout=out, stderr=err, timeout=900, check=False).returncode
    errors = (folder / "err").read_text()
    assert status == 0, errors
    found = {line["arm"]: line for line in map(json.loads, (folder / "out").read_text().splitlines())}
    for line in found.values():
        *hurts, last = line["status"]
        wanted = [-number if number == signal.SIGKILL else 3 for number in line["signals"]]
        assert hurts == wanted, f"{line['arm']}: {hurts} {errors}"
        assert last == 0, errors
        assert line["done"] == sorted(line["done"]), f"lost work: {line}"
        assert len(set(line["done"])) == len(line["done"]), f"children that did nothing: {line}"
    return found


def assert_same_run(folder: Path, arm: str, spoil: int) -> None:
    """Assert that the file, and the run that it gives, are those of a run that nobody disturbed."""
    path, whole = folder / arm / "run.ckpt", folder / f"{arm}-whole.ckpt"
    assert os.listdir(path.parent) == ["run.ckpt"]
    expected, resumed = train(arm, whole), train(arm, path)
    (mine, told), (its, wanted) = load_checkpoint(path), load_checkpoint(whole)
    assert told == wanted
    assert mine.keys() == its.keys()
    assert all(torch.equal(value.nan_to_num(7e7), its[name].nan_to_num(7e7)) for name, value in mine.items())
    for one, other in zip((*expected[:2], expected[2].G_ema), (*resumed[:2], resumed[2].G_ema), strict=True):
        assert all(torch.equal(p, q) for p, q in zip(one.parameters(), other.parameters(), strict=True))
    assert expected[2].frame().equals(resumed[2].frame())
    assert expected[2].num_calls == resumed[2].num_calls
    assert torch.equal(expected[2].equilibrium_at, resumed[2].equilibrium_at)
    assert_spoilt_files_are_refused(path, spoil)


def assert_spoilt_files_are_refused(path: Path, times: int) -> None:
    """Flip a bit, or cut the end off, somewhere."""
    whole, place = path.read_bytes(), random.Random(0)
    length = 8 + int.from_bytes(whole[:8], "little")
    for k in range(times):
        spoilt = bytearray(whole)
        spoilt[place.randrange(length if k % 2 else len(whole))] ^= 1 << place.randrange(8)
        path.write_bytes(spoilt if k % 3 else whole[: place.randrange(len(whole))])
        with pytest.raises(ValueError, match=r"checkpoint must .*run\.ckpt"):
            load_checkpoint(path)
    path.write_bytes(whole)


def assert_same_table(folder: Path, arm: str) -> None:
    path = folder / arm / "runs.csv"
    assert os.listdir(path.parent) == ["runs.csv"]
    runs = pd.read_csv(path)[["arm", "seed"]]
    assert len(runs) == len(runs.drop_duplicates()) == 2 * SWEEPS[arm][1]
    tables = [sweep(arm, where).drop(columns="seconds") for where in (None, path)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_some_kills_and_an_interrupt(tmp_path: Path) -> None:
    found = hurt(tmp_path, 3, 1, "ensemble", "sweep")
    assert set(found) == {"ensemble", "sweep"}
    assert_same_run(tmp_path, "ensemble", spoil=30)
    assert_same_table(tmp_path, "sweep")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where every arm has been killed 20 times, and the sweep 10 times (3 where two processes start anew)."""
    place = tmp_path_factory.mktemp("killed")
    hurt(place, 20, 2, *ARMS)
    for arm, (jobs, _) in SWEEPS.items():
        hurt(place, 10 if jobs == 1 else 3, 2, arm)
    return place


@pytest.mark.slow
@pytest.mark.parametrize("arm", ARMS)
def test_killed_twenty_times_it_ends_like_the_undisturbed_run(folder: Path, arm: str) -> None:
    assert_same_run(folder, arm, spoil=300)


@pytest.mark.slow
@pytest.mark.parametrize("arm", SWEEPS)
def test_a_sweep_killed_again_and_again_ends_like_the_undisturbed_one(folder: Path, arm: str) -> None:
    assert_same_table(folder, arm)

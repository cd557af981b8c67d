"""What goes wrong in a run is a row; what goes wrong in all of them is an error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from studies.crew import FEW, same, sweep

import algan_lite as al
from algan_lite.studies.study import Study, load_study, save_study
from algan_lite.studies.tables import read_table

runs_module = sys.modules["algan_lite.studies.runs"]
MEASURES = ["mode_coverage", "reverse_kl", "ema_quality_4sigma", "seconds"]


@pytest.mark.parametrize("runs_at_once", [1, 3, 64])
def test_a_failed_run_is_a_row_and_the_others_stay(runs_at_once: int) -> None:
    options = {"configs": {"a": FEW, "b": replace(FEW, regularizers={"r1": 1.0})}, "runs_at_once": runs_at_once}
    told = (
        r"2 of 8 runs failed and are rows of NaN; the first, arm 'a', seed 2: ValueError: seed must be another; got 2"
    )
    with pytest.warns(RuntimeWarning, match=told):
        table = sweep(sizes={"bad": (2,)}, **options)
    failed = table["seed"] == 2
    assert table[["arm", "seed"]].to_numpy().tolist() == [[arm, seed] for arm in "ab" for seed in range(4)]
    assert table["error"].tolist() == ["", "", "ValueError: seed must be another; got 2", ""] * 2
    assert table.loc[failed, MEASURES].isna().all(axis=None)
    assert (table.loc[failed, "diverged_at"] == -1).all()
    assert table["num_calls"].dtype == table["diverged_at"].dtype == int
    whole = sweep(**options)[~failed]
    pd.testing.assert_frame_equal(table[~failed][MEASURES[:-1]], whole[MEASURES[:-1]], atol=1e-6)


def test_a_failure_of_every_run_is_the_error_itself() -> None:
    with pytest.raises(ValueError, match=r"^seed must be another; got 0$") as caught:
        sweep(sizes={"bad": (0, 1, 2, 3)})
    assert any(entry.name == "pair" for entry in caught.traceback)
    with pytest.raises(TypeError, match="unexpected keyword argument 'widht'"):
        sweep(sizes={"widht": 8}, runs_at_once=64)


def test_a_measure_that_fails_at_times_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = runs_module._measure

    def measure(job: object, G: object, lost: object) -> dict:
        if len(lost) > 2:
            raise MemoryError("too much at once")
        return measured(job, G, lost)

    monkeypatch.setattr(runs_module, "_measure", measure)
    table = sweep(runs_at_once=8)  # no warning: halves of halves are small enough
    assert (table["error"] == "").all()


def test_failed_runs_are_tried_again(tmp_path: Path) -> None:
    path, once = tmp_path / "runs.csv", tmp_path / "broken"
    options = {"path": path, "pair": capricious, "sizes": {"broken": str(once)}}
    once.touch()
    with pytest.warns(RuntimeWarning, match="2 of 8 runs failed"):
        first = sweep(**options)
    before = read_table("path", path)
    assert sorted(before["error"]) == sorted(first["error"])
    once.unlink()
    again = sweep(**options)
    same(again, sweep(**{**options, "path": None}))
    assert (read_table("path", path)["error"] == "").all()
    assert len(read_table("path", path)) == 8
    assert again.loc[again["seed"] != 3, "seconds"].tolist() == first.loc[first["seed"] != 3, "seconds"].tolist()


def capricious(seed: int, broken: str, **sizes: object) -> tuple:
    if seed == 3 and Path(broken).exists():
        raise OSError("the disk was full, says\na driver")
    return al.models.mlp_pair(seed=seed, width=4, depth=1, **sizes)


def test_failed_rows_do_not_stand_in_the_way_of_what_was_mended(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    with pytest.raises(ValueError, match="seed must be another"):
        sweep(path=path, sizes={"bad": tuple(range(4))})
    assert len(read_table("path", path)) == 8
    same(sweep(path=path), sweep())
    assert len(read_table("path", path)) == 8


def test_a_file_of_a_version_that_kept_no_failures_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    first = sweep(path=path, seeds=range(2))
    pd.read_csv(path, dtype=str, keep_default_na=False).drop(columns="error").to_csv(path, index=False)
    again = sweep(path=path)
    same(again[again["seed"] < 2].reset_index(drop=True), first)
    assert read_table("path", path)["error"].tolist() == [""] * 8


@pytest.mark.parametrize("error", [lambda: OddError(1, 2), lambda: OddError(1, lambda: 0)])
def test_an_error_that_cannot_travel_is_told(monkeypatch: pytest.MonkeyPatch, error: Callable[[], Exception]) -> None:
    def fail(*args: object) -> None:
        raise error()

    monkeypatch.setattr(runs_module, "_measure", fail)
    with pytest.raises(RuntimeError, match="OddError: odd"):
        sweep()


class OddError(Exception):
    def __init__(self, one: object, two: object) -> None:
        super().__init__("odd")
        self.one, self.two = one, two


def test_a_study_that_keeps_a_sweep_reads_its_errors_as_text(tmp_path: Path) -> None:
    table = sweep()
    save_study(Study("mine", {"command": "none"}, table=table), tmp_path)
    pd.testing.assert_frame_equal(load_study("mine", tmp_path).table, table, check_exact=True, check_dtype=False)
    measured = table[["arm", "seed"]].assign(error=0.25)  # a test error, say
    save_study(Study("mine", {"command": "none"}, table=measured), tmp_path)
    assert load_study("mine", tmp_path).table["error"].tolist() == [0.25] * 8

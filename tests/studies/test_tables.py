"""Tables and parts in files: read as they were written, or refused."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from algan_lite.studies import spread as module
from algan_lite.studies.spread import parts
from algan_lite.studies.study import Study, load_study, save_study
from algan_lite.studies.tables import read_arrays, read_table, write_table

SCALE = 2.0


def doubled(x: float) -> dict[str, np.ndarray]:
    return {"y": np.array([SCALE * x])}


def tripled(x: float) -> dict[str, np.ndarray]:
    return {"y": np.array([3 * x])}


def test_numbers_and_names_come_back_to_the_last_digit(tmp_path: Path) -> None:
    draws = np.random.default_rng(0)
    numbers = np.concatenate([draws.normal(size=200), 10.0 ** draws.uniform(-300, 300, 200), [np.nan, np.inf, -0.0]])
    names = ["None", "0.1", "nan", "", "007", "True", "1e5"]
    table = pd.DataFrame({"arm": [names[k % 7] for k in range(403)], "value": numbers, "count": np.arange(403)})
    write_table(table, tmp_path / "t.csv")
    found = read_table("path", tmp_path / "t.csv", ["arm", "value"])
    assert found["arm"].tolist() == table["arm"].tolist()
    np.testing.assert_array_equal(found["value"].to_numpy(), numbers)
    assert found["count"].dtype == int
    save_study(Study("runs", {}, table=table), tmp_path)
    assert load_study("runs", tmp_path).table["arm"].tolist() == table["arm"].tolist()


def test_a_part_is_found_again_only_if_it_is_of_the_same_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = {"a": (1.0,), "b": (2.0,)}
    first = parts(doubled, calls, tmp_path, progress=False)
    monkeypatch.setattr(module, "_save_part", None)  # nothing is computed again
    again = parts(doubled, calls, tmp_path, progress=False)
    assert {name: part["y"].item() for name, part in again.items()} == {"a": 2.0, "b": 4.0}
    assert list(first) == list(again) == ["a", "b"]
    assert set(again["a"]) == {"y"}
    changes: list[tuple[Callable, dict]] = [(doubled, {"a": (5.0,)}), (tripled, calls), (doubled, {"b": (1.0,)})]
    for fn, other in changes:
        with pytest.raises(ValueError, match=r"folder must hold parts of the same calls; .*[ab]\.npz"):
            parts(fn, other, tmp_path, progress=False)
    monkeypatch.setitem(globals(), "SCALE", 7.0)
    with pytest.raises(ValueError, match="folder must hold parts of the same calls"):
        parts(doubled, calls, tmp_path, progress=False)
    with pytest.raises(TypeError, match="needs functions that another process finds by name"):
        parts(lambda x: doubled(x), calls, tmp_path, progress=False)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize("how", [cut, lambda path: path.write_bytes(b""), lambda path: path.write_text("no study")])
@pytest.mark.parametrize("suffix", ["npz", "json", "csv"])
def test_a_damaged_study_is_refused_by_name(tmp_path: Path, suffix: str, how: Callable[[Path], object]) -> None:
    content = {"table": pd.DataFrame({"seed": [0, 1]})} if suffix == "csv" else {"arrays": {"x": np.arange(50)}}
    save_study(Study("mine", {"command": "none"}, **content), tmp_path)
    how(tmp_path / f"mine.{suffix}")
    if suffix == "csv" and (tmp_path / "mine.csv").stat().st_size:
        return  # a shorter table is a table: only a sweep's file says what must be in it
    with pytest.raises(ValueError, match=rf"mine\.{suffix}"):
        load_study("mine", tmp_path)


def test_a_study_without_its_arrays_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(json.dumps({}))
    with pytest.raises(ValueError, match=r"name must be that of whole arrays; .*mine\.npz is not"):
        load_study("mine", tmp_path)


def test_damaged_arrays_are_read_as_they_were_or_refused(tmp_path: Path) -> None:
    path, place = tmp_path / "a.npz", random.Random(0)
    arrays = {"x": np.random.default_rng(0).normal(size=(5, 3)), "y": np.arange(7)}
    np.savez_compressed(path, **arrays)
    whole, refused = path.read_bytes(), 0
    for _ in range(300):
        spoilt = bytearray(whole)
        spoilt[place.randrange(len(whole))] ^= 1 << place.randrange(8)
        path.write_bytes(spoilt)
        try:
            found = read_arrays("name", path)
        except ValueError:
            refused += 1
        else:
            assert all(np.array_equal(found[name], arrays[name]) for name in found)
    assert refused > 100

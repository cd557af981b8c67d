"""Every public door works, or raises a TypeError or ValueError of its own that says what it takes and what it got."""

from __future__ import annotations

import warnings
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import pytest
from doors import DOORS
from fuzz import told, values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

VALUES = values()
# The default settings train for a minute, several processes take seconds to start; files have tests of their own.
LEFT_OUT = {("config", "None"), *((name, value) for name in ("jobs", "path", "checkpoint") for value in VALUES)}
EASY = {"deadline": None, "database": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}
doors = st.sampled_from(sorted(DOORS))


def ask(door: str, changes: dict[int, str]) -> None:
    """Call a door with some of its arguments, counted from the first, replaced by odd values."""
    call, arguments = DOORS[door]()
    odd = values()  # anew: a generator that was read is empty
    names = list(arguments)
    places = {names[k % len(names)]: name for k, name in changes.items()}
    replaced = {name: odd[value] for name, value in places.items() if (name, value) not in LEFT_OUT}
    try:
        with warnings.catch_warnings(), TemporaryDirectory() as folder, chdir(folder):  # names of files are relative
            warnings.simplefilter("ignore")
            call(**{**arguments, **replaced})
    except Exception as error:
        if wrong := told(error):
            raise AssertionError(f"{door} with {places}: {wrong}") from error
    finally:
        plt.close("all")


@pytest.mark.parametrize("door", DOORS)
def test_the_call_that_is_changed_works(door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    call, arguments = DOORS[door]()
    with TemporaryDirectory() as folder, chdir(folder):
        call(**arguments)
    plt.close("all")


some = given(doors, st.dictionaries(st.integers(0, 13), st.sampled_from(sorted(VALUES)), min_size=1, max_size=2))
test_some_odd_calls = settings(max_examples=60, **EASY)(some(ask))
test_many_odd_calls = pytest.mark.slow(settings(max_examples=3000, **EASY)(some(ask)))

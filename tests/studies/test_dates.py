"""Planned before it was measured? In repositories of the tests' own."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import Checkout

from algan_lite.studies import Dates, study_dates

PLAN, RESULT = "plans/a.toml", "results/a.csv"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    own = Checkout(tmp_path)
    own.commit({"README": "1"}, day=1)
    return own


def dates(checkout: Checkout) -> Dates | None:
    return study_dates(checkout.folder / PLAN, checkout.folder / RESULT)


def test_a_plan_before_its_result_is_in_order(checkout: Checkout) -> None:
    checkout.commit({PLAN: "1"}, day=2)
    assert str(dates(checkout)) == "planned 2026-01-02 12:00, not measured yet"
    checkout.commit({PLAN: "2"}, day=3)  # nothing is measured: it may still change
    checkout.commit({RESULT: "1"}, day=4)
    found = dates(checkout)
    assert (found.planned.day, found.measured.day, found.in_order) == (3, 4, True)
    assert str(found) == "planned 2026-01-03 12:00, measured 2026-01-04 12:00: in this order"
    checkout.commit({RESULT: "2"}, day=5)  # remade
    assert dates(checkout) == found


def test_what_was_measured_first_is_not_in_order(checkout: Checkout) -> None:
    checkout.commit({RESULT: "1"}, day=2)
    assert (dates(checkout).planned, dates(checkout).in_order) == (None, False)  # no plan at all
    checkout.commit({PLAN: "1"}, day=3)
    assert (dates(checkout).measured, dates(checkout).in_order) == (None, None)  # old results are of no plan
    checkout.commit({RESULT: "2"}, day=4)
    assert dates(checkout).in_order is True


def test_both_in_one_commit_are_not_in_order(checkout: Checkout) -> None:
    checkout.commit({PLAN: "1", RESULT: "1"}, day=2)
    assert dates(checkout).in_order is False
    assert str(dates(checkout)).endswith("NOT in this order")


def test_a_plan_that_changes_after_the_first_result_shows(checkout: Checkout) -> None:
    checkout.commit({PLAN: "1"}, day=2)
    checkout.commit({RESULT: "1"}, day=3)
    checkout.commit({PLAN: "2"}, day=4)
    checkout.commit({RESULT: "2"}, day=5)  # measuring again does not hide it
    found = dates(checkout)
    assert (found.planned.day, found.measured.day, found.in_order) == (4, 3, False)


def test_an_uncommitted_change_of_the_plan_shows(checkout: Checkout) -> None:
    checkout.commit({PLAN: "1"}, day=2)
    checkout.commit({RESULT: "1"}, day=3)
    (checkout.folder / PLAN).write_text("2")
    assert (dates(checkout).planned, dates(checkout).in_order) == (None, False)
    assert str(dates(checkout)).startswith("the plan is not committed, measured 2026-01-03")


def test_the_clock_does_not_count_but_what_led_to_what(checkout: Checkout) -> None:
    checkout.commit({PLAN: "1"}, day=9)  # a clock that goes wrong
    checkout.commit({RESULT: "1"}, day=2)
    assert dates(checkout).in_order is True


def test_a_result_of_a_branch_without_the_plan_is_not_in_order(checkout: Checkout) -> None:
    checkout.git("branch", "other")
    checkout.commit({PLAN: "1"}, day=2)
    checkout.git("checkout", "-q", "other")
    checkout.commit({RESULT: "1"}, day=3)
    checkout.git("checkout", "-q", "main")
    checkout.git("merge", "-q", "other", "-m", "both", day=4)
    assert dates(checkout).in_order is False


def test_without_a_checkout_there_are_no_dates(tmp_path: Path) -> None:
    assert study_dates(tmp_path / "a.toml", tmp_path / "a.csv") is None
    with pytest.raises(TypeError, match="plan must be a path; got 3"):
        study_dates(3, tmp_path)
    with pytest.raises(ValueError, match="result must be a regular file"):
        study_dates(tmp_path / "a.toml", tmp_path)

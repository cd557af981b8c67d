"""The plan on a page: its words, and dates that need no git. And every plan of the book was there before its result."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from helpers import Checkout

import algan_lite as al
from algan_lite.studies import dates, study, study_dates
from algan_lite.studies.dates import recorded_dates
from algan_lite.studies.plan import read_plan
from algan_lite.studies.planned import show_plan
from algan_lite.studies.study import Study, load_study, provenance, save_study

PLAN = """
question = "Does a < b?"
measure = "quality_3sigma"
arms = ["b", "c"]
baseline = "a"
n = 2500
seeds = "10-59"
[rule]
kind = "ahead"
least = 0.1
"""
TABLE = pd.DataFrame({"arm": ["a"], "seed": [0], "quality_3sigma": [0.5]})


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """Return a checkout with folders for plans and results, which the package takes for its own."""
    own = Checkout(tmp_path)
    monkeypatch.setattr(dates, "PLANS", tmp_path / "plans")
    monkeypatch.setattr(study, "RESULTS", tmp_path / "results")
    own.commit({"README": "1"}, day=1)
    return own


def measure(folder: Path) -> None:
    save_study(Study("a", provenance("make results", 60.0), table=TABLE), folder / "results")


def wrong(plans: Path, results: Path) -> dict[str, str]:
    """Return plan -> why its result cannot be trusted; errors of the plan itself are raised."""
    found = {}
    for plan in sorted(plans.glob("*.toml")):
        read_plan(plan)  # refuses seeds that were used for tuning, too
        record, table = results / f"{plan.stem}.json", results / f"{plan.stem}.csv"
        result = table if table.exists() else results / f"{plan.stem}.npz"
        if not record.exists():
            continue
        kept = json.loads(record.read_text()).get("plan")
        known = study_dates(plan, result)
        if kept is None:
            if known is not None and known.measured:  # an older result is of no plan, and waits to be remade
                found[plan.stem] = "the record keeps no plan"
        elif not recorded_dates(plan, kept).in_order:
            found[plan.stem] = f"the record: {recorded_dates(plan, kept)}"
        elif known is not None and known.in_order is False:
            found[plan.stem] = f"git: {known}"
        elif known is not None and known.planned != recorded_dates(plan, kept).planned:
            found[plan.stem] = f"the record has another date than git: {known}"
    return found


def test_the_plans_of_the_book_are_older_than_their_results() -> None:
    assert wrong(dates.PLANS, study.RESULTS) == {}


def test_a_plan_that_was_first_is_fine_and_shown(house: Checkout) -> None:
    assert wrong(dates.PLANS, study.RESULTS) == {}  # no folder yet
    house.commit({"plans/a.toml": PLAN}, day=2)
    assert show_plan("a").lines["dates"] == "planned 2026-01-02 12:00, not measured yet"
    assert wrong(dates.PLANS, study.RESULTS) == {}
    measure(house.folder)
    record = load_study("a", house.folder / "results").provenance["plan"]
    assert set(record) == {"hash", "planned", "measured"}
    assert record["planned"] == "2026-01-02T12:00:00+00:00"
    house.commit({}, day=3)
    assert wrong(dates.PLANS, study.RESULTS) == {}
    shown = al.show_plan("a")
    assert shown.dates.in_order
    assert str(shown).splitlines()[0] == "question  Does a < b?"
    assert shown.lines["arms"] == "b, c, each against a"
    assert shown.lines["measure"] == "quality_3sigma (higher is better), 2,500 fakes behind each number"
    assert shown.lines["seeds"] == "10-59 (50 runs of each arm)"
    assert shown.lines["tuned on"] == "seeds 0-9"
    assert "least = 0.1" in shown.lines["rule"]
    assert "<td>Does a &lt; b?</td>" in shown._repr_html_()


def test_a_copy_without_git_shows_the_same_dates(house: Checkout) -> None:
    house.commit({"plans/a.toml": PLAN}, day=2)
    measure(house.folder)
    before = str(show_plan("a"))
    (house.folder / ".git").rename(house.folder / "no git")
    assert str(show_plan("a")) == before
    assert "planned 2026-01-02 12:00, measured 20" in before


def test_lists_of_seeds_are_told(house: Checkout) -> None:
    text = PLAN.replace('"10-59"', "[3, 5, 9]").replace("baseline", 'tuning_seeds = []\nbeds = ["ring"]\nbaseline')
    house.commit({"plans/a.toml": text}, day=2)
    assert show_plan("a").lines["seeds"] == "3, 5, 9 (3 runs of each arm)"
    assert show_plan("a").lines["tuned on"] == "no seeds"
    assert show_plan("a").lines["arms"].endswith(", on ring")


def test_a_plan_that_was_not_committed_shows(house: Checkout) -> None:
    (house.folder / "plans").mkdir()
    (house.folder / "plans" / "a.toml").write_text(PLAN)
    measure(house.folder)
    assert show_plan("a").lines["dates"].startswith("the plan is not committed, measured 20")
    assert wrong(dates.PLANS, study.RESULTS)["a"].startswith("the record: the plan is not committed")


def test_a_plan_that_has_changed_since_shows(house: Checkout) -> None:
    house.commit({"plans/a.toml": PLAN}, day=2)
    measure(house.folder)
    house.commit({"plans/a.toml": PLAN.replace("0.1", "0.01")}, day=3)
    assert show_plan("a").dates.in_order is False
    assert wrong(dates.PLANS, study.RESULTS)["a"].endswith("NOT in this order")
    (house.folder / "plans" / "a.toml").write_bytes(PLAN.replace("\n", "\r\n").encode())
    assert show_plan("a").dates.in_order  # other ends of lines are no other plan


def test_a_record_that_says_something_else_than_git_shows(house: Checkout) -> None:
    house.commit({"plans/a.toml": PLAN}, day=3)
    measure(house.folder)
    record = house.folder / "results" / "a.json"
    record.write_text(record.read_text().replace("2026-01-03", "2026-01-02"))
    house.commit({}, day=4)
    assert wrong(dates.PLANS, study.RESULTS)["a"].startswith("the record has another date than git")


def test_a_result_on_no_plan_shows(house: Checkout) -> None:
    measure(house.folder)
    house.commit({}, day=1)
    house.commit({"plans/a.toml": PLAN}, day=2)
    assert wrong(dates.PLANS, study.RESULTS) == {}
    (house.folder / "results" / "a.csv").write_text("arm,seed\n")
    house.commit({}, day=3)
    assert "plan" not in load_study("a", house.folder / "results").provenance
    assert wrong(dates.PLANS, study.RESULTS) == {"a": "the record keeps no plan"}
    assert show_plan("a").dates.measured is None


def test_unknown_plans_are_refused(house: Checkout) -> None:
    with pytest.raises(ValueError, match="name must be that of a study with a plan; got 'a', and there are no plans"):
        show_plan("a")
    house.commit({"plans/a.toml": PLAN}, day=2)
    with pytest.raises(ValueError, match="name must be one of a; got 'b'"):
        show_plan("b")

"""A claim's verdict follows its table: change the table, see the verdict change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import algan_lite as al
from algan_lite.studies import claims as room
from algan_lite.studies.article import CLAIMS
from algan_lite.studies.claims import FAILS, HOLDS, OPEN, Claim, answer, answers, as_markdown, seeds_needed
from algan_lite.studies.plan import make_plan
from algan_lite.studies.views import VIEWS

BY_NAME = {claim.name: claim for claim in CLAIMS}
SEEDS = range(10, 40)
PLAN = make_plan(
    {
        "question": "?", "measure": "quality_3sigma", "arms": ["a", "b"], "baseline": "plain", "n": 2500,
        "seeds": "10-39", "sentinels": [], "rule": {"kind": "ahead", "least": 0.1},
    }
)  # fmt: skip
CLAIM = Claim(name="made up", section="0", words="a or b is better", study="made_up", arms=("a",), page="x.ipynb#y")


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A study of the test's own, whose table is read as it is."""
    shown = type("Shown", (), {"plan": PLAN})
    monkeypatch.setattr(room, "show_plan", lambda name: shown)
    entry = replace(VIEWS["labeling"], name="made_up", fn=lambda table: table)
    VIEWS.add(entry)
    yield
    VIEWS.remove("made_up")


def table(**gains: float) -> pd.DataFrame:
    """A table in which an arm gains so much on every seed, give or take 0.02."""
    noise = np.random.default_rng(0).normal(0.5, 0.1, len(SEEDS))
    wobble = np.resize([0.02, -0.02], len(SEEDS))
    rows = [
        pd.DataFrame({"arm": arm, "seed": SEEDS, "quality_3sigma": noise + gain + wobble * (gain != 0)})
        for arm, gain in {"plain": 0.0, **gains}.items()
    ]
    return pd.concat(rows, ignore_index=True)


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize(
    ("gain", "verdict", "of_the_opposite"),
    [(0.3, HOLDS, FAILS), (-0.3, FAILS, HOLDS), (0.05, FAILS, FAILS), (-0.05, FAILS, FAILS)],
)
def test_the_verdict_follows_the_table(gain: float, verdict: str, of_the_opposite: str) -> None:
    runs = table(a=gain, b=0.001)
    found, opposite = answer(CLAIM, runs), answer(replace(CLAIM, worse=True), runs)
    assert (found.verdict, opposite.verdict) == (verdict, of_the_opposite)
    assert found.gain == pytest.approx(gain)
    assert opposite.gain == pytest.approx(-gain)
    assert (opposite.low, opposite.high) == pytest.approx((-found.high, -found.low))
    assert found.low <= found.gain <= found.high
    assert found.n == len(SEEDS)


@pytest.mark.usefixtures("made_up")
def test_wide_intervals_leave_a_claim_open() -> None:
    runs = table(a=0.0, b=0.001)
    swing = np.resize([1.0, -0.9], len(SEEDS))
    runs.loc[runs["arm"] == "a", "quality_3sigma"] += swing
    found = answer(CLAIM, runs)
    assert found.verdict == OPEN
    assert found.spread == pytest.approx(np.std(swing, ddof=1))
    assert found.high > found.least == 0.1


@pytest.mark.usefixtures("made_up")
def test_one_of_several_arms_is_enough_and_all_must_fail() -> None:
    either = replace(CLAIM, arms=("a", "b"))
    assert answer(either, table(a=-0.3, b=0.3)).arm == "b"
    assert answer(either, table(a=-0.3, b=0.3)).verdict == HOLDS
    assert answer(either, table(a=-0.3, b=-0.2)).verdict == FAILS
    runs = table(a=-0.3, b=0.001)
    runs.loc[runs["arm"] == "b", "quality_3sigma"] += np.resize([1.0, -0.9], len(SEEDS))
    assert answer(either, runs).verdict == OPEN


@pytest.mark.usefixtures("made_up")
def test_a_value_is_reached_or_missed() -> None:
    goal = replace(CLAIM, changes={"kind": "reaches", "options": {"value": 0.9}})
    runs = table(a=0.6, b=0.001)
    assert answer(goal, runs).verdict == HOLDS
    assert answer(replace(goal, worse=True), runs).verdict == FAILS
    missed = answer(goal, table(a=0.1, b=0.001))
    assert missed.verdict == FAILS
    assert missed.gain == pytest.approx(runs.query("arm == 'plain'")["quality_3sigma"].mean() + 0.1 - 0.9)


@pytest.mark.usefixtures("made_up")
def test_the_smallest_effect_is_one_that_the_study_would_mostly_find() -> None:
    """Draw studies whose true gain is the smallest: about four of five must be clear at the plan's level."""
    found = answer(CLAIM, table(a=0.3, b=0.001))
    rng, wanted = np.random.default_rng(1), found.smallest
    drawn = rng.normal(wanted, found.spread, (4000, found.n))
    t = drawn.mean(1) / (drawn.std(1, ddof=1) / np.sqrt(found.n))
    assert (t > 2.36).mean() == pytest.approx(0.8, abs=0.06)  # level 0.05 over two comparisons, 29 degrees of freedom


def test_a_shipped_claim_turns_with_its_shipped_table() -> None:
    claim, shipped = BY_NAME["R rescues"], al.load_study("rescue").table
    names = {"lambda 0": "lambda 1", "lambda 1": "lambda 0"}
    turned = shipped.assign(arm=shipped["arm"].replace(names))
    same = shipped.assign(quality_3sigma=0.5 + shipped["quality_3sigma"] / 1000)
    one, other, nothing = (answers([claim], {"rescue": rows})[0] for rows in (shipped, turned, same))
    assert (one.verdict, other.verdict, nothing.verdict) == (HOLDS, FAILS, FAILS)
    assert one.gain == pytest.approx(-other.gain)
    assert answer(claim).gain == one.gain


def test_claims_are_refused_where_the_plan_does_not_know_them() -> None:
    claim = BY_NAME["R rescues"]
    with pytest.raises(ValueError, match=r"arms of the claim R rescues must be one of lambda 1; got 'lambda 7'"):
        answer(replace(claim, arms=("lambda 7",)))
    with pytest.raises(TypeError, match="claim must be a Claim"):
        answer("R rescues")
    with pytest.raises(ValueError, match="planned runs"):
        answer(claim, al.load_study("rescue").table.iloc[1:])
    with pytest.raises(TypeError, match="table must be a pandas"):
        answer(claim, [1])
    with pytest.raises(TypeError, match="tables must be a mapping"):
        answers([claim], [1])
    with pytest.raises(ValueError, match=r"arms of the claim R rescues must be one or more of lambda 1; got none"):
        answer(replace(claim, arms=()))
    with pytest.raises(ValueError, match=r"changes of the claim R rescues must be one of question, .*; got 'colour'"):
        answer(replace(claim, changes={"colour": 1}))
    of_a_bed = BY_NAME["rules, D ahead"]
    for wrong, known in ((replace(claim, bed="x"), "None"), (replace(of_a_bed, bed=None), "D ahead, good pair")):
        with pytest.raises((TypeError, ValueError), match=f"bed of the claim {wrong.name} must be .*{known}"):
            answer(wrong)
    with pytest.raises(TypeError, match="found must be Answers; got int"):
        as_markdown([1])


def test_every_claim_of_the_article_names_arms_of_its_plan() -> None:
    assert len(BY_NAME) == len(CLAIMS) >= 20
    assert {claim.section[0] for claim in CLAIMS} == {"1", "2", "3", "5", "6"}
    for claim in CLAIMS:
        plan = claim.plan()
        assert set(claim.arms) <= set(plan.arms), claim.name
        assert claim.bed is None or claim.bed in plan.beds
        assert plan.beds == () or claim.bed is not None


def test_the_averaged_G_is_what_the_long_study_of_balance_judges() -> None:
    stored = al.load_study("balance_long").table.query("bed == 'D ahead' and arm in ('none', 'pi_lambda')")
    score = stored["ema_fair_mode_coverage"] / 8 * stored["ema_quality_3sigma"]
    means = score.fillna(0.0).groupby(stored["arm"]).mean()
    assert answer(BY_NAME["rules, D ahead"]).gain == pytest.approx(means["pi_lambda"] - means["none"])


def test_choices_of_text_are_looked_at_when_they_have_cost_what_plain_noise_costs() -> None:
    runs = VIEWS["text"].fn(al.load_study("text").table)
    cost = runs.groupby("arm")["passes"].max()
    assert cost["top_k"] == 2.25 * cost["argmax"]
    assert 0.995 * cost["argmax"] < cost["top_k, equal passes"] <= cost["argmax"]


def test_the_table_tells_what_no_rule_says() -> None:
    told = as_markdown(answers([BY_NAME["rules, constant"], BY_NAME["augmented, dense"]])).splitlines()[2:]
    assert "**cannot be told** (asked afterwards) |" in told[0]
    assert "**holds** (and this arm draws no digits) |" in told[1]
    both = replace(BY_NAME["rules, constant"], caveat="made up")
    assert "(asked afterwards; made up)" in as_markdown(answers([both]))


@pytest.mark.parametrize(("effect", "expected"), [(0.5, 32), (1.0, 8), (0.2, 197)])
def test_seeds_that_are_needed(effect: float, expected: int) -> None:
    assert seeds_needed(effect) == expected  # Cohen 1988, table 2.4.1, by the normal law


def test_seeds_need_an_effect_and_chances() -> None:
    for wrong in ({"effect": 0.0}, {"effect": 1.0, "level": 1.0}, {"effect": 1.0, "power": 0.0}):
        with pytest.raises(ValueError, match="must be in"):
            seeds_needed(**wrong)

"""Plans: read and checked; verdicts on tables whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import algan_lite as al
from algan_lite.studies import Plan, read_plan
from algan_lite.studies.plan import make_plan
from algan_lite.studies.rules import RULES

FIELDS = {
    "question": "Does b have more good fakes than a?",
    "measure": "quality_3sigma",
    "arms": ["b", "c"],
    "baseline": "a",
    "n": 200,
    "seeds": "10-29",
    "rule": {"kind": "ahead", "least": 0.05},
}
MEANS = {"a": 0.4, "b": 0.6, "c": 0.41}


def plan(**changes: object) -> Plan:
    return make_plan({**FIELDS, **changes})


def runs(means: dict[str, float] = MEANS, spread: float = 0.02, measure: str = "quality_3sigma") -> pd.DataFrame:
    """Runs of arms around these means, and the sentinels of a ring: 0.09 and 0.38 good fakes."""
    noise = np.random.default_rng(0).normal(scale=spread, size=(20, len(means)))
    rows = [{"arm": arm, "seed": 10 + s, measure: mean + noise[s, k]}
            for k, (arm, mean) in enumerate(means.items()) for s in range(20)]  # fmt: skip
    sentinels = [{"arm": arm, "seed": 0, measure: value} for arm, value in (("uniform_box", 0.09), ("shapeless", 0.38))]
    return pd.DataFrame(rows + sentinels)


def verdicts(table: pd.DataFrame, **changes: object) -> dict[str, str]:
    return plan(**changes).verdict(table)["verdict"].to_dict()


def test_a_plan_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(
        'question = "Is it?"\nmeasure = "ema_reverse_kl"\narms = ["b"]\nbaseline = "a"\nn = 2_500\n'
        'seeds = [10, 12]\ntuning_seeds = "0-3"\nfill = 3.0\nsentinels = ["one_mode"]\nbeds = ["ring", "grid"]\n'
        '[rule]\nkind = "equal"\nleast = 0.1\nlevel = 0.01\n'
    )
    found = read_plan(path)
    assert (found.question, found.measure, found.better) == ("Is it?", "ema_reverse_kl", "lower")
    assert (found.arms, found.baseline, found.beds, found.n) == (("b",), "a", ("ring", "grid"), 2500)
    assert (found.seeds, found.tuning_seeds, found.fill) == ((10, 12), (0, 1, 2, 3), 3.0)
    assert (found.sentinels, found.kind, found.level, found.options) == (("one_mode",), "equal", 0.01, {"least": 0.1})
    assert found.comparisons == 2
    assert found.rule.startswith(
        "Equal to the baseline: the whole interval of the difference is nearer to 0 than least ("
    )
    assert found.rule.endswith("(least = 0.1, level = 0.01, comparisons = 2; sentinels: one_mode)")


def test_what_a_plan_leaves_out() -> None:
    found = plan()
    assert (found.seeds, found.tuning_seeds) == (tuple(range(10, 30)), tuple(range(10)))
    assert (found.sentinels, found.level, found.better) == (("uniform_box", "shapeless"), 0.05, "higher")
    assert (found.unit, plan(unit="test images").unit) == ("fakes", "test images")


REFUSED = {
    "a tuning seed": ({"seeds": "9-20"}, ValueError, r"none of them used for tuning; got 12, of tuning \[9\]"),
    "one seed": ({"seeds": [10]}, ValueError, "seeds must be 2 or more"),
    "seeds upside down": ({"seeds": "20-10"}, ValueError, "seeds must be a list of integers or text such as '10-59'"),
    "a seed twice": ({"seeds": [10, 10]}, ValueError, r"seeds must differ from each other; got \[10, 10\]"),
    "a number as seeds": ({"seeds": 20}, TypeError, "seeds must be a list of integers, or '10-59'; got 20"),
    "an unknown field": ({"seed": 1}, ValueError, "plan's fields must be one of question, .*; got 'seed'"),
    "a baseline among arms": ({"baseline": "b"}, ValueError, "arms must be 1 or more beside the baseline 'b'"),
    "an arm twice": ({"arms": ["b", "b"]}, ValueError, "arms must differ"),
    "one arm as text": ({"arms": "b"}, TypeError, "arms must be a list of texts; got 'b'"),
    "an unknown sentinel": ({"sentinels": ["noise"]}, ValueError, "sentinels must be one of uniform_box, .*'noise'"),
    "few fakes": ({"n": 1}, ValueError, r"n must be in \[2, inf\); got 1"),
    "no rule": ({"rule": "ahead"}, TypeError, "rule must be a table with kind"),
    "an unknown rule": ({"rule": {"kind": "best"}}, ValueError, "rule.kind must be one of ahead, equal, reaches; got"),
    "an option of another rule": ({"rule": {"kind": "ahead", "value": 1}}, TypeError, "rule ahead has the options"),
    "a lacking option": ({"rule": {"kind": "equal"}}, ValueError, "rule equal must have least; got"),
    "a negative least": ({"rule": {"kind": "ahead", "least": -1}}, ValueError, r"rule.least must be in \[0, inf\)"),
    "a level of 5": ({"rule": {"kind": "ahead", "level": 5}}, ValueError, r"rule.level must be in \(0, 1\); got 5"),
    "a measure with a target": (
        {"measure": "spread_ratio"},
        ValueError,
        "better must be .*which is best at 1; got none",
    ),
    "a measure of no table": ({"measure": "seconds"}, ValueError, "better must be .*which is not in METRICS"),
    "another direction": ({"better": "more"}, ValueError, "better must be one of higher, lower; got 'more'"),
    "a unit that is none": ({"unit": 3}, TypeError, "unit must be text; got 3"),
    "a fill that is none": ({"fill": "0"}, TypeError, "fill must be a number"),
}


@pytest.mark.parametrize(("changes", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_plans_are_refused(changes: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        plan(**changes)


def test_a_file_that_is_no_plan_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    with pytest.raises(ValueError, match="path must be that of a plan in TOML"):
        read_plan(path)
    path.write_text("question = ")
    with pytest.raises(ValueError, match="path must be that of a plan in TOML"):
        read_plan(path)
    path.write_text('question = "a"')
    with pytest.raises(
        ValueError, match=r"plan must have the fields .*; got no measure, arms, baseline, n, seeds, rule"
    ):
        read_plan(path)


def test_ahead_needs_a_difference_that_is_sure_and_large_enough() -> None:
    assert verdicts(runs()) == {"b": "ahead", "c": "null"}
    assert verdicts(runs(), rule={"kind": "ahead", "least": 0.25}) == {"b": "null", "c": "null"}
    assert verdicts(runs({"a": 0.6, "b": 0.41, "c": 0.6})) == {"b": "behind", "c": "null"}
    assert verdicts(runs(spread=1.0))["b"] == "null"
    few = [{"kind": "ahead", "level": level} for level in (0.05, 0.0003)]
    # The smallest p of 9,999 swaps is 2e-4; Holm doubles it for two arms.
    assert [verdicts(runs(), rule=rule)["b"] for rule in few] == ["ahead", "null"]


def test_no_arm_is_ahead_that_a_sentinel_reaches() -> None:
    low = runs({"a": 0.1, "b": 0.37, "c": 0.381})
    assert verdicts(low) == {"b": "null", "c": "null"}  # the second one's interval holds the circle's 0.38
    assert verdicts(low, sentinels=["uniform_box"]) == {"b": "ahead", "c": "ahead"}
    assert verdicts(low, sentinels=[]) == {"b": "ahead", "c": "ahead"}
    found = plan().verdict(low)
    assert found["bar"].tolist() == [0.38, 0.38]
    with pytest.raises(ValueError, match=r"sentinels \(al.stats.with_sentinels\); got no shapeless"):
        plan().verdict(low[low["arm"] != "shapeless"])


def test_where_lower_is_better_signs_turn() -> None:
    table = runs({"a": 0.4, "b": 0.05, "c": 0.9}, measure="reverse_kl")
    changes = {"measure": "reverse_kl", "rule": {"kind": "ahead"}}
    assert verdicts(table, **changes) == {"b": "ahead", "c": "behind"}
    assert plan(**changes).verdict(table)["bar"].tolist() == [0.09, 0.09]
    reach = {"kind": "reaches", "value": 0.2}
    assert verdicts(table, measure="reverse_kl", rule=reach) == {"b": "reached", "c": "missed"}


def test_equal_is_more_than_not_different() -> None:
    rule = {"kind": "equal", "least": 0.05}
    assert verdicts(runs(), rule=rule) == {"b": "null", "c": "equal"}
    assert verdicts(runs(spread=1.0), rule=rule) == {"b": "null", "c": "null"}


def test_reaches_reads_the_arm_alone() -> None:
    for value, expected in ((0.5, "reached"), (0.7, "missed"), (0.6, "null")):
        assert verdicts(runs(), rule={"kind": "reaches", "value": value})["b"] == expected


def test_the_table_is_that_of_compare_arms_with_joint_intervals() -> None:
    table = runs()
    found = plan().verdict(table)
    own = al.stats.compare_arms(table[table["seed"] > 0], "quality_3sigma", "a", confidence=1 - 0.05 / 2)
    for column in ("mean", "difference", "low", "high", "p_holm"):
        assert found[column].tolist() == own.loc[["b", "c"], column].tolist(), column
    b = table[table["arm"] == "b"]["quality_3sigma"]
    mean = al.stats.bootstrap_interval(b, confidence=1 - 0.05 / 2)
    assert found.loc["b", ["mean_low", "mean_high"]].tolist() == [mean.low, mean.high]


def test_beds_have_their_own_bars_and_one_family() -> None:
    grid = runs({"a": 0.1, "b": 0.2, "c": 0.1})
    grid.loc[grid["arm"] == "shapeless", "quality_3sigma"] = 0.07
    table = pd.concat([runs().assign(data="ring"), grid.assign(data="grid")], ignore_index=True)
    found = plan(beds=["ring", "grid"]).verdict(table, bed="data")
    assert found["verdict"].to_dict() == {
        ("ring", "b"): "ahead", ("ring", "c"): "null", ("grid", "b"): "ahead", ("grid", "c"): "null",
    }  # fmt: skip
    assert found.loc["grid", "bar"].tolist() == [0.09, 0.09]
    assert found["p_holm"].min() == pytest.approx(4 * 2e-4)  # the smallest of four
    with pytest.raises(ValueError, match=r"table's columns must be one of .*; got 'bed'"):
        plan(beds=["ring", "grid"]).verdict(table)


def test_planned_runs_are_there_and_no_others() -> None:
    table = runs()
    with pytest.raises(ValueError, match=r"60 planned runs .*1 missing \(such as \('b', 12\)\) and 0 others"):
        plan().verdict(table.drop(index=22))
    more = pd.DataFrame([{"arm": "b", "seed": 40, "quality_3sigma": 0.9}])
    with pytest.raises(ValueError, match=r"0 missing and 1 others \(such as \('b', 40\)\)"):
        plan().verdict(pd.concat([table, more]))
    explored = pd.DataFrame([{"arm": "z", "seed": 40, "quality_3sigma": 0.9}])
    pd.testing.assert_frame_equal(plan().verdict(pd.concat([table, explored])), plan().verdict(table))
    with pytest.raises(TypeError, match=r"table must be a pandas.DataFrame"):
        plan().verdict([1])


def test_failed_runs_get_what_the_plan_says() -> None:
    table = runs()
    table.loc[22, "quality_3sigma"] = np.nan
    with pytest.raises(ValueError, match="quality_3sigma of b must be finite"):
        plan().verdict(table)
    assert plan(fill=0.0).verdict(table).loc["b", "mean"] < plan().verdict(runs()).loc["b", "mean"] - 0.02


def test_a_rule_says_nothing_but_its_verdicts() -> None:
    options = {"ahead": {}, "equal": {"least": 0.05}, "reaches": {"value": 0.5}}
    assert options.keys() == RULES.keys()
    for kind, more in options.items():
        said = plan(rule={"kind": kind, **more}).verdict(runs())["verdict"]
        assert set(said) <= set(RULES[kind].verdicts)

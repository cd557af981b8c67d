"""The study of text: runs with dates of their own, looks on the way, and rows that can be made again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import algan_lite as al
from algan_lite.applications import string_scores
from algan_lite.studies.text import PLAIN, SIZES, known_laws, law_rows, lone_runs, measured, text_runs

SHORT = replace(PLAIN, num_steps=3, batch_size=8)


def test_a_seed_has_its_dates_and_its_numbers_whatever_else_trains() -> None:
    both, alone = text_runs(SHORT, [7, 8], num_samples=40), lone_runs(SHORT, [8])
    assert both["seed"].tolist() == [7, 8]
    for name in ("logit_real", "logit_fake"):
        assert both[name][1] == pytest.approx(alone[name][0], rel=1e-4)
        assert both[name][0] != both[name][1]
    assert (both["diverged_at"] == -1).all()
    assert alone["seconds"][0] > 0


def test_a_look_on_the_way_is_the_end_of_a_shorter_run() -> None:
    long = text_runs(SHORT, [7, 8], {"output": "gumbel"}, looks=(2,), num_samples=300)
    short = text_runs(replace(SHORT, num_steps=2), [7, 8], {"output": "gumbel"}, num_samples=300)
    assert long["step"].tolist() == [2, 2, 3, 3]
    assert long["passes"].tolist() == [8, 8, 12, 12]
    for name in ("valid", "flaw_day", "flaw_month", "flaw_year", "flaw_between"):
        assert long[name][:2].tolist() == short[name].tolist()


def test_each_run_is_measured_by_its_own_dates() -> None:
    sources = [al.data.dates(seed=seed) for seed in (3, 4)]
    x = torch.stack([sources[0].train[:50]] * 2)
    found = measured(lambda z: x, torch.zeros(50, 32), sources)
    assert found["valid"].tolist() == [1, 1]
    assert found["memorized"][0] == 1 > found["memorized"][1]
    texts = sources[1].alphabet.decode(x[1])
    for name, value in string_scores(texts, sources[1]).items():
        assert found[name][1] == value


def test_a_run_that_writes_no_numbers_any_more_has_no_scores() -> None:
    source = al.data.dates(seed=3)
    x = torch.stack([source.test[:9], torch.full((9, 11, 33), torch.nan)])
    found = measured(lambda z: x, torch.zeros(9, 32), [source] * 2)
    assert found["fresh"][0] == 1
    assert np.isnan(found["fresh"][1])


def test_the_known_laws_are_laws_and_stand_in_the_table_of_the_plan() -> None:
    laws = known_laws(al.data.dates(seed=10))
    assert all((p >= 0).all() and p.sum() <= 1 + 1e-9 for p in laws.values())
    assert set(al.show_plan("text").plan.sentinels) <= set(laws)
    assert SIZES["sample_shape"] == (11, 33)


def test_the_laws_of_the_shipped_study_can_be_computed_again() -> None:
    stored = al.load_study("text").table.query("stage == 'law' and seed == 12").set_index("arm")
    rows = {row["arm"]: row for row in law_rows([12])}
    assert set(stored.index) == set(rows)
    for arm, row in rows.items():
        for name in ("valid", "distinct", "memorized", "new", "fresh"):
            assert stored.loc[arm, name] == pytest.approx(row[name], abs=1e-5), (arm, name)


def test_a_cheap_row_of_the_shipped_study_is_made_again() -> None:
    stored = al.load_study("text").table.query("stage == 'check'").set_index("seed")
    again = text_runs(replace(PLAIN, num_steps=20), [10, 11])
    for k, seed in enumerate((10, 11)):
        for name in ("logit_real", "logit_fake"):
            assert stored.loc[seed, name] == pytest.approx(again[name][k], abs=2e-3)
        assert stored.loc[seed, "flaw_month"] == pytest.approx(again["flaw_month"][k], abs=0.05)
    assert abs(stored["logit_fake"].diff().iloc[-1]) > 4e-3  # seeds differ by more than the tolerance

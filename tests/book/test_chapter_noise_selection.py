"""The chapter's solutions, its small functions against the package and by counting, and the study that it reads."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib as mpl
import nbformat
import pytest
import torch
from torch.nn.functional import softplus

import algan_lite as al
from algan_lite.training import step
from tools.book.exercises import Exercise, exercises
from tools.book.pages import ROOT

NOTEBOOK = nbformat.read(ROOT / "book" / "noise_selection.ipynb", as_version=4)
CELLS = {cell.id: cell.source for cell in NOTEBOOK.cells}
LABELS = [exercise.label for exercise in exercises(NOTEBOOK)]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the names that the chapter has defined by the time of its exercises, with an untrained pair."""
    monkeypatch.setenv("ALGAN_LITE_PROGRESS", "0")
    mpl.use("agg")
    G, D = al.models.mlp_pair(width=16, depth=2, seed=0)
    z_pool = torch.randn(512, 2, generator=torch.Generator().manual_seed(3))
    names = {"al": al, "torch": torch, "softplus": softplus, "seed": 0, "source": al.data.ring(std=0.1)}
    names |= {"G": G, "D": D, "z_pool": z_pool, "z_six": z_pool[:6], "num_draws": 20_000}
    names["logits"] = torch.tensor([0.3, -0.2, 0.1, 0.8, -0.5, 0.0])
    for cell in ("naive", "exact", "average"):
        exec(CELLS[cell], names)
    return names


@pytest.mark.parametrize("exercise", exercises(NOTEBOOK), ids=lambda exercise: exercise.label)
def test_solutions(exercise: Exercise, page: dict[str, Any]) -> None:
    assert "assert" in exercise.code
    exec(exercise.code, page)


def test_there_are_three_exercises() -> None:
    assert [f"noise_selection-{k}" for k in (1, 2, 3)] == LABELS
    assert callable(step.classify)  # the first one reads its source


@pytest.mark.parametrize("n", [1, 2, 40, 512])
def test_naive_core_set_is_the_package_s(page: dict[str, Any], n: int) -> None:
    chosen = al.select_noise(page["G"], page["D"], page["z_pool"], n, strategy="core_set").z
    assert torch.equal(page["choose_core_set"](page["z_pool"], n), chosen)


@pytest.mark.parametrize("temperature", [0.1, 0.5, 3.0])
def test_softmax_weights_are_those_of_all_ordered_pairs(page: dict[str, Any], temperature: float) -> None:
    logits = page["logits"].double()
    p, expected = (logits / temperature).softmax(-1), torch.zeros(6, dtype=torch.float64)
    for first, second in itertools.permutations(range(6), 2):
        expected[[first, second]] += p[first] * p[second] / (1 - p[first]) / 2
    torch.testing.assert_close(page["softmax_weights"](logits, temperature), expected)
    assert expected.sum().item() == pytest.approx(1)


def test_weights_restore_the_plain_mean_and_no_weights_do_not(page: dict[str, Any]) -> None:
    page["D"] = lambda x: 5 * x[..., 0]
    page["G"] = torch.nn.Identity()
    biased = page["average_weights"]("softmax")
    exact = page["softmax_weights"](page["D"](page["z_six"]), 1.0)
    torch.testing.assert_close(biased, exact, rtol=0, atol=0.02)
    assert (biased - 1 / 6).abs().max() > 0.1
    plain = page["average_weights"]("softmax", temperature=5.0, reweight=True)
    torch.testing.assert_close(plain, torch.full((6,), 1 / 6), rtol=0, atol=0.02)


# The study


def test_study_holds_every_arm_with_twenty_seeds_at_equal_passes() -> None:
    table = al.load_study("selection").table
    counts = table.groupby(["data", "arm"]).size()
    assert (counts == 20).all()
    assert len(counts) == 2 * 12
    equal = table[~table["arm"].isin(["random, equal steps", "check, 100 steps of top_k"])]
    assert equal["arm"].nunique() == 10
    assert equal["passes"].max() / equal["passes"].min() < 1.001
    assert (equal.groupby("arm")["num_calls"].first() == 0).sum() == 3  # random, random_k, core_set


def test_study_s_values_are_in_their_ranges() -> None:
    table = al.load_study("selection").table
    kept = table[table["diverged_at"] < 0]
    assert kept["quality_3sigma"].between(0, 1).all()
    modes = kept["data"].map({"ring": 8, "grid": 25})
    assert (kept["mode_coverage"] <= modes).all()
    assert (kept["mode_coverage"] >= 0).all()
    assert kept["mode_coverage"].max() == 25

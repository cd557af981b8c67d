"""Two chapters: their hidden solutions, and whether the checks on the pages can fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch

import algan_lite as al
from tools.book.exercises import exercises
from tools.book.pages import ROOT

Page = Callable[..., dict[str, Any]]

# What each chapter has defined, in order, when its exercises begin.
BACKGROUND = ["settings", "near", "train", "opening-run", "naive"]
BALANCE = ["balance-run", "balance-check"]
ACTIVE = ["settings", "near", "data", "oracle", "chance", "margin", "entropy", "naive"]
CURVES = ["compare-run", "compare-check"]


def cells(chapter: str) -> dict[str, nbformat.NotebookNode]:
    notebook = nbformat.read(ROOT / "book" / f"{chapter}.ipynb", as_version=4)
    return {cell.id: cell for cell in notebook.cells}


def solution(chapter: str, kind: str) -> str:
    """Return the code of the hidden solution of the exercise of a kind: Read, Change or Build."""
    notebook = nbformat.read(ROOT / "book" / f"{chapter}.ipynb", as_version=4)
    (code,) = [one.code for one in exercises(notebook) if one.title.startswith(kind)]
    assert "assert" in code
    return code


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """Give a function that runs some cells of a chapter, as a reader would, and returns what they define.

    A name stands for the cell with that id and for its neighbors with a number: ``train`` for ``train-1``, ``train``.
    """
    monkeypatch.setenv("ALGAN_LITE_PROGRESS", "0")
    threads = torch.get_num_threads()
    mpl.use("agg")

    def run(chapter: str, names: list[str], profile: str = "smoke", **parameters: object) -> dict[str, Any]:
        monkeypatch.setenv("ALGAN_LITE_PROFILE", profile)
        wanted = re.compile(f"({'|'.join(names)})(-[0-9])?")
        space: dict[str, Any] = {"al": al}
        exec(cells(chapter)["parameters"].source, space)
        space.update(parameters)
        for cell in cells(chapter).values():
            if cell.cell_type == "code" and wanted.fullmatch(cell.id):
                exec(cell.source, space)
        return space

    yield run
    torch.set_num_threads(threads)  # the pages take one
    plt.close("all")


@pytest.mark.parametrize("chapter", ["background", "active_learning"])
def test_every_figure_has_a_description(chapter: str) -> None:
    figures = [cell for cell in cells(chapter).values() if cell.cell_type == "code" and "plt.subplots" in cell.source]
    assert len(figures) >= 5
    for cell in figures:
        assert len(cell.metadata["mystnb"]["image"]["alt"]) > 60, cell.id


# Background


def test_solution_of_background_read(page: Page) -> None:
    exec(solution("background", "Read"), page("background", []))


def test_solution_of_background_change_runs(page: Page) -> None:
    exec(solution("background", "Change"), page("background", [*BACKGROUND, *BALANCE]))


def test_solution_of_background_build_runs(page: Page) -> None:
    exec(solution("background", "Build"), page("background", [*BACKGROUND, "few-run"]))


@pytest.mark.slow
@pytest.mark.parametrize(("exercise", "names"), [("Change", BALANCE), ("Build", ["few-run"])])
def test_check_values_of_background_are_met(exercise: str, names: list[str], page: Page) -> None:
    space = page("background", [*BACKGROUND, *names], profile="book")
    assert space["as_printed"]
    exec(solution("background", exercise), space)


def test_page_counts_modes_as_the_package_does_and_would_notice_if_not(page: Page) -> None:
    space = page("background", BACKGROUND)
    exec(cells("background")["naive-1"].source.replace("3 * 0.1", "4 * 0.1"), space)
    space["arms"] = {"balanced": (al.data.ring(std=0.1).sample(500, seed=0).expand(8, -1, -1), None)}
    with pytest.raises(AssertionError):
        exec(cells("background")["naive"].source, space)


def test_published_depths_are_ten_seeds_each() -> None:
    line = next(row for row in cells("background")["seeds-table"].source.splitlines() if row.startswith("PUBLISHED"))
    space: dict[str, Any] = {}
    exec(line, space)
    table = space["PUBLISHED"]
    assert [len(table[d]) for d in (1, 2, 3, 4)] == [4] * 4
    assert all(0 <= found <= 10 for row in table.values() for found in row)
    # what the text says: every run succeeded where G has fewer hidden layers than D
    assert all(table[d][g - 1] == 10 for d in table for g in range(1, d))


# Active learning


def test_oracle_counts_and_the_loop_pays_for_every_label(page: Page) -> None:
    space = page("active_learning", ACTIVE)
    exec(cells("active_learning")["oracle-check"].source, space)
    loop = cells("active_learning")["naive"].source
    peek = loop.replace("oracle(asked)", "y_pool[asked]")
    assert peek != loop
    exec(peek, space)
    with pytest.raises(AssertionError):
        exec(cells("active_learning")["oracle-check"].source, space)


def test_arms_start_from_the_same_images(page: Page) -> None:
    space = page("active_learning", [*ACTIVE, *CURVES], label_seeds=2)
    chance, margin = (space["curves"](space[name])[1] for name in ("chance", "margin"))
    for a, b in zip(chance, margin, strict=True):
        assert np.array_equal(a[:20], b[:20])
        assert not np.array_equal(np.sort(a), np.sort(b))


def test_line_follows_its_formulas_and_would_notice_a_wrong_half(page: Page) -> None:
    space = page("active_learning", [*ACTIVE[:3], "line-learners", "line-run", "line-check"])
    wrong = cells("active_learning")["line-learners"].source.replace("(low, middle)", "(low, high)")
    exec(wrong, space)
    with pytest.raises(AssertionError):
        exec(cells("active_learning")["line-run"].source, space)
    exec(cells("active_learning")["line-learners-1"].source.replace("default=1.0", "default=1.2"), space)
    space["found"] = {n: [space["passive"](theta, n, space["rng"]) for theta in space["thetas"]] for n in (0, 2)}
    with pytest.raises(AssertionError):
        exec(cells("active_learning")["line-check-1"].source, space)


def test_question_about_noise_is_the_package_s_strategy(page: Page) -> None:
    space = page("active_learning", [*ACTIVE, "bridge-run"])
    space["selection"] = al.select_noise(space["G"], space["D"], space["z_pool"], 100, strategy="top_k")
    with pytest.raises(AssertionError):
        exec(cells("active_learning")["bridge-run"].source, space)


def test_library_asks_for_the_same_images(page: Page) -> None:
    pytest.importorskip("skactiveml", reason="scikit-activeml is not installed")
    space = page("active_learning", [*ACTIVE, "oracle-check", "library-run"])
    space["ours"] = space["ours"][1:]
    with pytest.raises(AssertionError):
        exec(cells("active_learning")["library-run"].source, space)


@pytest.mark.parametrize("exercise", ["Read", "Change", "Build"])
def test_solutions_of_active_learning(exercise: str, page: Page) -> None:
    names = CURVES if exercise == "Build" else []
    space = page("active_learning", [*ACTIVE, *names])
    exec(solution("active_learning", exercise), space)


@pytest.mark.slow
def test_check_value_of_active_learning_is_met(page: Page) -> None:
    space = page("active_learning", [*ACTIVE, *CURVES], profile="book")
    assert space["as_printed"]
    exec(solution("active_learning", "Build"), space)


def test_misled_bisection_is_worse_with_a_worse_oracle(page: Page) -> None:
    """The check value of the second exercise belongs to its rate of errors."""
    space = page("active_learning", ACTIVE)
    with pytest.raises(AssertionError):
        exec(solution("active_learning", "Change").replace("rng.random() < 0.1", "rng.random() < 0.2"), space)

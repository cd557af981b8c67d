"""The chapters on section 4: the solutions of their exercises, and checks of what their experiments can show."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import nbformat
import pytest
import torch
from torch.nn.functional import binary_cross_entropy

import algan_lite as al
from tools.book.exercises import exercises
from tools.book.pages import ROOT

CHAPTERS = {  # chapter -> the cells that its solutions build on
    "article_code": [],
    "mnist_al_gan": ["parameters", "settings", "config", "cost", "cost-count"],
}
LAST_LESSON = "teach(G, adam_G, torch.randn(128, 100, generator=noise), 1, torch.nn.Identity())"


def chapter(name: str) -> nbformat.NotebookNode:
    return nbformat.read(ROOT / "book" / f"{name}.ipynb", as_version=4)


def cells(name: str) -> dict[str, str]:
    return {cell.id: cell.source for cell in chapter(name).cells}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGAN_LITE_PROGRESS", "0")
    monkeypatch.setenv("ALGAN_LITE_PROFILE", "smoke")
    monkeypatch.setenv("ALGAN_LITE_DEVICE", "cpu")
    mpl.use("agg")


@pytest.fixture
def listing_page() -> dict[str, Any]:
    """Names of the page at the translated listing."""
    page: dict[str, Any] = {"al": al, "torch": torch, "seed": 0, "mnist": al.data.mnist()}
    exec(cells("article_code")["naive"], page)
    return page


@pytest.mark.parametrize("label", [f"{name}-{k}" for name in CHAPTERS for k in (1, 2, 3)])
def test_solution_meets_its_check_value(label: str) -> None:
    name = label.rpartition("-")[0]
    page: dict[str, Any] = {"al": al, "torch": torch}
    for cell in CHAPTERS[name]:
        exec(cells(name)[cell], page)
    (exercise,) = [one for one in exercises(chapter(name)) if one.label == label]
    assert "assert" in exercise.code
    assert "Check value" in exercise.question
    exec(exercise.code, page)


@pytest.mark.parametrize("label", [0, 1])
def test_cross_entropy_is_the_usual_one_on_clipped_probabilities(label: int, listing_page: dict[str, Any]) -> None:
    p = torch.tensor([-0.3, 0.0, 1e-6, 0.2, 0.5, 0.9, 1.7])
    expected = binary_cross_entropy(p.clamp(1e-7, 1 - 1e-7), torch.full_like(p, label))
    torch.testing.assert_close(listing_page["cross_entropy"](p, label), expected)


def test_two_discriminators_tell_whether_g_is_connected(listing_page: dict[str, Any]) -> None:
    """The page's test must be able to fail: with G's loss sent through D the two Gs differ."""
    code = cells("article_code")["listing"]
    through_D = "teach(lambda z: D(G(z)), adam_G, torch.randn(128, 100, generator=noise), 1, torch.sigmoid)"
    assert code.count(LAST_LESSON) == 1
    for text, same in ((code, True), (code.replace(LAST_LESSON, through_D), False)):
        exec(text, listing_page)
        (one, _), (two, _) = (listing_page["listing"](2, seed_D=k) for k in (0, 1))
        equal = all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
        assert equal == same


def test_every_step_of_the_comparison_costs_what_the_text_says() -> None:
    """675 plain steps and 450 of the AL-GAN: the page computes the first from the second."""
    page: dict[str, Any] = {"al": al, "torch": torch}
    for cell in CHAPTERS["mnist_al_gan"]:
        exec(cells("mnist_al_gan")[cell], page)
    per_step = page["samples_passed"](), page["samples_passed"](**page["plain"])
    assert per_step[0] * 450 == per_step[1] * 675
    assert "num_steps * 6 // 4" in cells("mnist_al_gan")["compare-run"]

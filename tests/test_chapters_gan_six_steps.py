"""The solutions of the exercises in two chapters: they are text on the page, so nothing else runs them."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import nbformat
import pytest
import torch
from torch.nn.functional import softplus

import algan_lite as al
from tools.pages import ROOT

SOLUTION = re.compile(r"^````\{admonition\} Solution$.*?^````$", flags=re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^```python\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def cells(chapter: str) -> dict[str, str]:
    notebook = nbformat.read(ROOT / "book" / f"{chapter}.ipynb", as_version=4)
    return {cell.id: cell.source for cell in notebook.cells}


def solution(chapter: str, cell: str) -> str:
    """Return the code of an exercise's hidden solution."""
    (text,) = SOLUTION.findall(cells(chapter)[cell])
    (code,) = CODE.findall(text)
    return code


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGAN_LITE_PROGRESS", "0")
    mpl.use("agg")


@pytest.fixture
def page() -> dict[str, Any]:
    """Names that the chapters have defined by the time of their exercises, with few steps."""
    return {
        "al": al,
        "torch": torch,
        "softplus": softplus,
        "copy": copy,
        "replace": replace,
        "seed": 0,
        "source": al.data.ring(std=0.1),
        "config": al.TrainConfig(num_steps=30, batch_size=128, betas=(0.0, 0.99)),
        "x_real": al.data.ring(std=0.1).sample(100, seed=1),
        "z_test": torch.randn(64, 2, generator=torch.Generator().manual_seed(2)),
        "as_printed": False,
    }


@pytest.mark.parametrize("exercise", ["ex-read", "ex-change", "ex-build"])
def test_solutions_of_gan(exercise: str, page: dict[str, Any]) -> None:
    code = solution("gan", exercise)
    assert "assert" in code
    exec(code, page)


def test_line_of_noise_finds_the_modes_that_the_exercise_promises(page: dict[str, Any]) -> None:
    page["config"] = replace(page["config"], num_steps=1000)
    page["as_printed"] = True
    exec(solution("gan", "ex-change"), page)


def test_naive_loop_is_what_train_does(page: dict[str, Any]) -> None:
    """A wrong sign in the page's loop would show here: the check of the page itself must be able to fail."""
    code = cells("gan")["naive"]
    page["source"] = al.data.ring(std=0.1)
    for text, same in ((code, True), (code.replace("softplus(-D(x_fake))", "softplus(D(x_fake))"), False)):
        exec(text, page)
        G, D = al.models.mlp_pair(seed=0)
        G_ours, D_ours = al.models.mlp_pair(seed=0)
        page["two_players"](G, D, 30)
        al.train(G_ours, D_ours, page["source"], page["config"], seed=0)
        equal = all(torch.equal(a, b) for a, b in zip(G.parameters(), G_ours.parameters(), strict=True))
        assert equal == same

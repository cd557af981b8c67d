"""Two chapters: the solutions of their exercises, which nothing else runs, and checks of their checks."""

from __future__ import annotations

import copy
import inspect
import re
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import pytest
import torch
from helpers import cells, solution
from torch.nn.functional import softplus

import algan_lite as al


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
        "z_pool": torch.randn(512, 2, generator=torch.Generator().manual_seed(3)),
        "runs": 20,
        "steps": 300,
        "z_test": torch.randn(64, 2, generator=torch.Generator().manual_seed(2)),
        "as_printed": False,
    }


@pytest.mark.parametrize("exercise", ["gan-1", "gan-2", "gan-3"])
def test_solutions_of_gan(exercise: str, page: dict[str, Any]) -> None:
    code = solution("gan", exercise)
    assert "assert" in code
    exec(code, page)


def test_line_of_noise_finds_the_modes_that_the_exercise_promises(page: dict[str, Any]) -> None:
    page["config"] = replace(page["config"], num_steps=1000)
    page["as_printed"] = True
    exec(solution("gan", "gan-2"), page)


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


@pytest.mark.parametrize("exercise", ["six_steps-1", "six_steps-3"])
def test_solutions_of_six_steps(exercise: str, page: dict[str, Any]) -> None:
    exec(cells("six_steps")["count-passes"], page)
    code = solution("six_steps", exercise)
    assert "assert" in code
    exec(code, page)


@pytest.mark.slow
def test_hard_examples_lose_the_modes_that_the_exercise_promises(page: dict[str, Any]) -> None:
    exec(solution("six_steps", "six_steps-2"), page)


def test_hand_made_steps_are_what_train_does(page: dict[str, Any]) -> None:
    """The page's own step must differ from the package's where a sign is wrong, or its check proves nothing."""
    text = cells("six_steps")
    order = [
        "half-trained",
        "initialize",
        "naive",
        "equal-choice",
        "generate",
        "update",
        "update-G",
        "package-step-run",
    ]
    page["near"] = lambda *_: None
    code = "\n".join(text[cell] for cell in order).replace("num_steps=200", "num_steps=20")
    exec(code, page)
    with pytest.raises(AssertionError):
        exec(code.replace("softplus(-D(x_fake))", "softplus(D(x_fake))"), page)


def test_shown_loop_numbers_the_six_steps_of_the_box() -> None:
    """The page shows the real ``train()``: its comments must still be the six steps, in their order."""
    assert 'al.show_source(al.train, start="# 1. Initialize")' in cells("six_steps")["source-train"]
    comments = re.findall(r"# (\d)\. ", inspect.getsource(al.train))
    assert comments == list("123456")
    for name in re.findall(r"`(\w+)`", cells("six_steps")["source-seen"].split("## ")[0]):
        assert name in inspect.getsource(al.train) + inspect.getsource(al.TrainConfig), name

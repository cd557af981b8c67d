"""What two chapters promise: the solutions of their exercises, and that the checks on their pages can fail."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import pytest
import torch
from helpers import cells, solution
from torch.nn.functional import softplus

import algan_lite as al
from algan_lite.data.sources import Mixture
from algan_lite.objective.players import objective


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGAN_LITE_PROGRESS", "0")
    mpl.use("agg")


@pytest.fixture
def page() -> dict[str, Any]:
    """Names that both chapters have defined by the time of their exercises."""
    names = {"al": al, "torch": torch, "math": math, "copy": copy, "replace": replace, "softplus": softplus}
    return names | {"seed": 0, "as_printed": True, "objective": objective}


@pytest.fixture
def losses_page(page: dict[str, Any]) -> dict[str, Any]:
    one = torch.ones(1)
    page |= {"P": Mixture("P", torch.tensor([[1.0]]), 0.5, one), "G": lambda z: z - 0.5, "num_steps": 300, "runs": 4}
    page |= {"far_P": Mixture("far P", torch.tensor([[0.0]]), 0.5, one), "z": normal(4000, 1)}
    exec(cells("gan_loss")["teach"], page)
    return page | {"ring": al.data.ring(std=0.1)}


@pytest.fixture(scope="module")
def half_trained() -> tuple[torch.nn.Module, torch.nn.Module]:
    G, D = al.models.mlp_pair(seed=0)
    config = al.TrainConfig(num_steps=200, batch_size=128, betas=(0.0, 0.99))
    al.train(G, D, al.data.ring(std=0.1), config, seed=0, progress=False)
    return G, D


@pytest.fixture
def map_page(page: dict[str, Any], half_trained: tuple[torch.nn.Module, torch.nn.Module]) -> dict[str, Any]:
    page |= {"source": al.data.ring(std=0.1), "z_pool": normal(512, 2), "G": half_trained[0], "D": half_trained[1]}
    exec(cells("al_gan")["naive"], page)
    return page


@pytest.mark.parametrize("exercise", ["gan-loss-1", "gan-loss-2", "gan-loss-3"])
def test_solutions_of_gan_loss(exercise: str, losses_page: dict[str, Any]) -> None:
    exec(solution("gan_loss", exercise), losses_page)


@pytest.mark.parametrize("exercise", ["al-gan-1", "al-gan-2", "al-gan-3"])
def test_solutions_of_al_gan(exercise: str, map_page: dict[str, Any]) -> None:
    exec(solution("al_gan", exercise), map_page)


def test_js_of_the_page_on_known_answers(page: dict[str, Any]) -> None:
    exec(cells("gan_loss")["js-1"], page)
    line = torch.linspace(0, 3, 30_001, dtype=torch.float64)
    left, middle, right = ((line > a) & (line < a + 1) for a in (0, 0.5, 1))
    law = [part.double() / torch.trapezoid(part.double(), line) for part in (left, middle, right)]
    assert page["js"](law[0], law[0], line).item() == pytest.approx(0, abs=1e-12)
    # Half of each law is shared: there m = p, elsewhere m = p / 2.
    assert page["js"](law[0], law[1], line).item() == pytest.approx(math.log(2) / 2, abs=1e-3)
    assert page["js"](law[0], law[2], line).item() == pytest.approx(math.log(2), abs=1e-3)


def test_counting_judge_counts(page: dict[str, Any]) -> None:
    exec(cells("gan_loss")["counting-judge-1"], page)
    x_real, x_fake = torch.tensor([[0.1], [0.2], [1.5]]), torch.tensor([[0.3], [1.6], [1.7]])
    share = page["counting_judge"](x_real, x_fake, torch.tensor([0.0, 1.0, 2.0]))
    torch.testing.assert_close(share, torch.tensor([2 / 3, 1 / 3]))


@pytest.mark.parametrize("broken", [False, True])
def test_naive_choice_is_the_package_s(broken: bool, map_page: dict[str, Any]) -> None:
    """The check of the page must be able to fail: the worst instead of the best is noticed."""
    code = cells("al_gan")["naive"]
    exec(code.replace("descending=True", "descending=False") if broken else code, map_page)
    if broken:
        with pytest.raises(AssertionError):
            exec(cells("al_gan")["equal"], map_page)
    else:
        exec(cells("al_gan")["equal"], map_page)


@pytest.mark.parametrize("broken", [False, True])
def test_two_lines_make_the_loop_choose(broken: bool, map_page: dict[str, Any]) -> None:
    code = cells("al_gan")["loop"]
    assert code.count("# New") == 2
    exec(code.replace('strategy="top_k"', 'strategy="bottom_k"') if broken else code, map_page)
    if broken:
        with pytest.raises(AssertionError):
            exec(cells("al_gan")["loop-equal"], map_page)
    else:
        exec(cells("al_gan")["loop-equal"], map_page)

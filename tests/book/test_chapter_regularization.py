"""The Dirac GAN against its closed forms, and the chapter's solutions, which are text on the page."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import nbformat
import pytest
import torch
from torch import Tensor

import algan_lite as al
from algan_lite.objective import dirac
from algan_lite.objective.players import objective
from tools.book.exercises import Exercise, exercises
from tools.book.pages import ROOT

LOGISTIC = ("minimax", "non_saturating")


def eigenvalues(matrices: Tensor) -> Tensor:
    """Return the eigenvalues, the larger real part first, then the larger imaginary part."""
    roots = torch.linalg.eigvals(matrices)
    order = (roots.real + 1e-6 * roots.imag).argsort(dim=-1, descending=True)
    return roots.gather(-1, order)


def points(n: int = 20) -> Tensor:
    return torch.randn(2, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


# The field


@pytest.mark.parametrize("lam", [0.0, 0.3, -0.2])
def test_field_is_the_formula_of_the_article_s_loss(lam: float) -> None:
    theta, psi = points()
    share = torch.sigmoid(psi * theta)
    expected = torch.stack([psi * share, -theta * share - 2 * lam * psi], dim=-1)
    for name in ("r1", "r2"):
        torch.testing.assert_close(dirac.gradient_field(theta, psi, {name: lam}, "minimax"), expected)


def test_field_of_the_usual_loss() -> None:
    theta, psi = points()
    expected = torch.stack([psi * torch.sigmoid(-psi * theta), -theta * torch.sigmoid(psi * theta)], dim=-1)
    torch.testing.assert_close(dirac.gradient_field(theta, psi), expected)


def test_wgan_gp_and_dragan_pull_the_slope_to_one() -> None:
    theta, psi = points()
    plain = dirac.gradient_field(theta, psi, {}, "minimax")
    for name in ("wgan_gp", "dragan"):
        extra = dirac.gradient_field(theta, psi, {name: 0.3}, "minimax") - plain
        torch.testing.assert_close(extra[..., 0], torch.zeros_like(theta))
        torch.testing.assert_close(extra[..., 1], -0.6 * (psi.abs() - 1) * psi.sign())


def test_one_game_a_lambda() -> None:
    lams = torch.tensor([0.0, 0.5, 2.0])
    together = dirac.gradient_field(0.4, -0.7, {"r1": lams})
    alone = torch.stack([dirac.gradient_field(0.4, -0.7, {"r1": lam}) for lam in lams.tolist()])
    assert together.shape == (3, 2)
    torch.testing.assert_close(together, alone)


# Its derivative


@pytest.mark.parametrize("loss", LOGISTIC)
@pytest.mark.parametrize("name", ["r1", "r2"])
def test_eigenvalues_are_the_closed_form(loss: str, name: str) -> None:
    lams = torch.linspace(-1, 2, 61, dtype=torch.float64)
    measured = eigenvalues(dirac.jacobian(0.0, 0.0, {name: lams}, loss))
    torch.testing.assert_close(measured, dirac.closed_form(lams), rtol=0, atol=1e-6)


def test_closed_form_at_known_places() -> None:
    expected = torch.tensor([[0.5j, -0.5j], [-0.5, -0.5]], dtype=torch.complex128)
    torch.testing.assert_close(dirac.closed_form(torch.tensor([0.0, 0.5])), expected)
    gamma = 10.0  # the paper's weight is twice ours
    torch.testing.assert_close(dirac.closed_form(gamma / 2)[0].real.item(), -gamma / 2 + (gamma**2 / 4 - 0.25) ** 0.5)


def test_eigenvalues_of_the_others() -> None:
    lams = torch.linspace(0, 3, 7, dtype=torch.float64)
    turning = torch.full((7, 2), 0.5, dtype=torch.float64)
    consensus = eigenvalues(dirac.jacobian(0.0, 0.0, {"consensus": lams}, "minimax"))
    torch.testing.assert_close(consensus.real, (-lams / 4)[:, None].expand(7, 2))
    torch.testing.assert_close(consensus.imag.abs(), turning)
    lecam = eigenvalues(dirac.jacobian(0.0, 0.0, {"lecam": lams}, "minimax"))
    torch.testing.assert_close(lecam.real, torch.zeros_like(turning))
    torch.testing.assert_close(lecam.imag.abs(), turning)


@pytest.mark.parametrize("name", [None, "r1", "wgan_gp", "consensus"])
def test_jacobian_is_the_difference_quotient(name: str | None) -> None:
    lams, step = {name: 0.4} if name else {}, 1e-5
    for theta, psi in ((0.3, 0.6), (-1.0, 0.2)):
        columns = [
            dirac.gradient_field(theta + step * a, psi + step * b, lams, "minimax")
            - dirac.gradient_field(theta - step * a, psi - step * b, lams, "minimax")
            for a, b in ((1, 0), (0, 1))
        ]
        quotient = torch.stack(columns, dim=-1) / (2 * step)
        torch.testing.assert_close(dirac.jacobian(theta, psi, lams, "minimax"), quotient, rtol=1e-6, atol=1e-8)


def test_there_is_no_derivative_at_the_kink() -> None:
    assert dirac.jacobian(0.0, 0.0, {"wgan_gp": 0.3}).isnan().any()
    sides = [dirac.gradient_field(0.0, side, {"wgan_gp": 0.3}, "minimax")[1].item() for side in (1e-7, -1e-7)]
    assert sides[0] - sides[1] == pytest.approx(4 * 0.3, abs=1e-5)


# The game


def test_play_takes_turns_as_written_by_hand() -> None:
    course = dirac.play(1.0, 0.5, {"r1": 0.2}, num_steps=5, lr=0.1)
    theta, psi = torch.tensor([1.0, 0.5], dtype=torch.float64)
    for row in course:
        torch.testing.assert_close(row, torch.stack([theta, psi]))
        psi = psi + 0.1 * (-theta * torch.sigmoid(psi * theta) - 0.4 * psi)
        theta = theta + 0.1 * psi * torch.sigmoid(-psi * theta)
    assert course.shape == (6, 2)


def test_who_comes_to_rest() -> None:
    lams = {"r1": torch.tensor([0.0, 0.3, 0.0]), "wgan_gp": torch.tensor([0.0, 0.0, 0.3])}
    distance = dirac.play(1.0, 0.0, lams, "minimax", num_steps=400).norm(dim=-1)
    assert distance[-1, 1] < 1e-4
    assert (distance[200:, [0, 2]] > 0.9).all()
    assert (distance[:, [0, 2]] < 2).all()


def test_usual_loss_creeps_in_as_the_square_root_of_time() -> None:
    distance = dirac.play(1.0, 0.0, num_steps=600)[-1].norm().item()
    assert distance == pytest.approx((1 + 0.1 * 600 / 8) ** -0.5, rel=0.05)


def test_networks_are_ordinary_modules() -> None:
    G, D = dirac.pair(0.5, -2.0)
    batch = al.make_batch(G, D, torch.zeros(3, 1, dtype=torch.float64), torch.zeros(3, 1, dtype=torch.float64))
    assert batch.x_fake.flatten().tolist() == [0.5] * 3
    assert batch.logits_fake.tolist() == [-1.0] * 3
    assert objective("D", G, D, batch, {"r1": 0.1})["r1"].item() == pytest.approx(4)


def test_doors_refuse() -> None:
    with pytest.raises(ValueError, match="wgan_gp"):
        dirac.gradient_field(0.0, 0.0, {"r3": 1.0})
    with pytest.raises(TypeError, match="theta"):
        dirac.pair("a", 0.0)
    with pytest.raises(ValueError, match="num_steps"):
        dirac.play(0.0, 0.0, num_steps=0)
    with pytest.raises(ValueError, match="lr"):
        dirac.play(0.0, 0.0, lr=0.0)


# The chapter


NOTEBOOK = nbformat.read(ROOT / "book" / "regularization.ipynb", as_version=4)
CELLS = {cell.id: cell.source for cell in NOTEBOOK.cells}


@pytest.mark.parametrize("exercise", exercises(NOTEBOOK), ids=lambda exercise: exercise.label)
def test_solutions(exercise: Exercise, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGAN_LITE_PROGRESS", "0")
    mpl.use("agg")
    assert "assert" in exercise.code
    x_real = al.data.ring(std=0.1).sample(100, seed=1)
    z_test = torch.randn(64, 2, generator=torch.Generator().manual_seed(2))
    exec(exercise.code, {"al": al, "torch": torch, "dirac": dirac, "x_real": x_real, "z_test": z_test})


def test_there_are_three_exercises() -> None:
    assert [exercise.label for exercise in exercises(NOTEBOOK)] == [f"regularization-{k}" for k in (1, 2, 3)]


def test_naive_r1_is_the_package_s_and_one_norm_for_the_batch_is_not() -> None:
    page: dict[str, Any] = {"torch": torch}
    exec(CELLS["naive"], page)
    G, D = al.models.mlp_pair(seed=0)
    x_real = al.data.ring(std=0.1).sample(30, seed=1)
    batch = al.make_batch(G, D, x_real, torch.zeros(30, 2))
    ours = al.REGULARIZERS["r1"].fn(G, D, batch)
    torch.testing.assert_close(page["r1_one_by_one"](D, x_real), ours)
    wrong = CELLS["naive"].replace("slope.square().sum()", "slope.sum().square()")
    exec(wrong, page)
    assert not torch.allclose(page["r1_one_by_one"](D, x_real), ours, rtol=0.01)

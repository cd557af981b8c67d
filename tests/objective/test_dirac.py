"""The Dirac GAN: the game's law by hand, and what its equilibrium does under each term."""

from __future__ import annotations

import cmath
import math

import pytest
import torch

from algan_lite.objective import dirac


def eigenvalues(lams: dict[str, float], loss: str = "non_saturating") -> list[complex]:
    """Return those at the equilibrium, the larger real part first, then the larger imaginary part."""
    jacobian = dirac.jacobian(0.0, 0.0, lams, loss)
    assert jacobian.isfinite().all(), "the eigenvalues of NaN would end the interpreter"
    return sorted(torch.linalg.eigvals(jacobian).tolist(), key=lambda value: (-value.real, -value.imag))


@pytest.mark.parametrize("loss", ["minimax", "non_saturating"])
def test_it_turns_in_circles_without_a_regularizer(loss: str) -> None:
    assert eigenvalues({}, loss) == pytest.approx([0.5j, -0.5j], abs=1e-12)


@pytest.mark.parametrize("gamma", [0.3, 0.8, 2.0])
@pytest.mark.parametrize("name", ["r1", "r2"])
def test_it_converges_with_a_slope_penalty(name: str, gamma: float) -> None:
    # The paper's penalty is gamma / 2 times the squared slope; our R has no half in it, so lambda = gamma / 2.
    root = cmath.sqrt(gamma**2 / 4 - 1 / 4)
    expected = [-gamma / 2 + root, -gamma / 2 - root]
    assert eigenvalues({name: gamma / 2}) == pytest.approx(expected, abs=1e-12)
    assert dirac.closed_form(gamma / 2).tolist() == pytest.approx(expected, abs=1e-12)
    assert all(value.real < 0 for value in expected)


def test_players_take_turns_and_G_faces_the_new_D() -> None:
    theta, psi, lam, lr = 1.0, 0.5, 0.3, 0.1

    def field(theta: float, psi: float) -> tuple[float, float]:
        """G minimizes softplus(-psi theta); D softplus(psi theta) + lambda psi^2."""
        fooled = 1 / (1 + math.exp(-psi * theta))
        return psi * (1 - fooled), -theta * fooled - 2 * lam * psi

    assert dirac.gradient_field(theta, psi, {"r1": lam}).tolist() == pytest.approx(field(theta, psi), abs=1e-12)
    course = [(theta, psi)]
    for _ in range(3):
        psi += lr * field(theta, psi)[1]
        theta += lr * field(theta, psi)[0]
        course.append((theta, psi))
    played = dirac.play(1.0, 0.5, {"r1": lam}, num_steps=3, lr=lr)
    torch.testing.assert_close(played, torch.tensor(course, dtype=torch.float64), rtol=0, atol=1e-12)


def test_it_does_not_converge_with_wgan_gp_but_with_r1() -> None:
    def farthest_late(loss: str, lams: dict[str, float]) -> float:
        return dirac.play(1.0, 0.5, lams, loss, num_steps=1200)[1000:].norm(dim=-1).max().item()

    assert farthest_late("wasserstein", {"wgan_gp": 1.0}) > 0.3
    assert farthest_late("non_saturating", {"r1": 0.5}) < 1e-3

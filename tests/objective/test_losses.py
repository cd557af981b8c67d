"""Losses against known answers, twins, and one contract for every entry of the table."""

from __future__ import annotations

import math

import pytest
import torch
from helpers import normal
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from algan_lite.objective.losses import LOSSES, Loss, alpha, energy, resolve_loss

ENTRIES = {
    **LOSSES,
    "alpha(1, 1)": alpha(1, 1),
    "alpha(1.5, 3)": alpha(1.5, 3.0, saturating=False),
    "alpha(10, 1)": alpha(10, 1, saturating=False),
    "energy(0.5)": energy(0.5),
}
every_loss = pytest.mark.parametrize("loss", ENTRIES.values(), ids=ENTRIES.keys())
PLAYERS = ("D", "G")


def values(loss: Loss, player: str, real: Tensor, fake: Tensor, weights: Tensor | None = None) -> Tensor:
    return getattr(loss, player)(real, fake, weights)


AT_ZERO = {  # logits 0: (D's loss, G's loss)
    "minimax": (2 * math.log(2), -math.log(2)),
    "non_saturating": (2 * math.log(2), math.log(2)),
    "least_squares": (0.5, 0.5),
    "wasserstein": (0.0, 0.0),
    "hinge": (2.0, 0.0),
    "energy": (1.0, math.log(2)),  # softplus(0) + relu(1 - softplus(0)) is the margin
    "relativistic": (math.log(2), math.log(2)),
    "alpha": (4 * (1 - 2**-0.5), -2 * (1 - 2**-0.5)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_at_logits_zero(name: str) -> None:
    zero = torch.zeros(5, dtype=torch.float64)
    for player, expected in zip(PLAYERS, AT_ZERO[name], strict=True):
        torch.testing.assert_close(values(LOSSES[name], player, zero, zero).item(), expected, rtol=0, atol=1e-12)


def test_logistic_pair_is_binary_cross_entropy_on_logits() -> None:
    real, fake = 3 * normal(4, 50, seed=1), 3 * normal(4, 50, seed=2)
    for run in range(4):
        one, none = torch.ones(50), torch.zeros(50)
        D = bce(real[run], one) + bce(fake[run], none)
        for name in ("minimax", "non_saturating"):
            torch.testing.assert_close(LOSSES[name].D(real, fake)[run], D)
        torch.testing.assert_close(LOSSES["non_saturating"].G(real, fake)[run], bce(fake[run], one))
        torch.testing.assert_close(LOSSES["minimax"].G(real, fake)[run], -bce(fake[run], none))


TWINS = {  # one sample at a time, in plain Python
    "least_squares": lambda r, f: ((r - 1) ** 2 / 2 + f**2 / 2, (f - 1) ** 2 / 2),
    "wasserstein": lambda r, f: (f - r, -f),
    "hinge": lambda r, f: (max(0, 1 - r) + max(0, 1 + f), -f),
    "energy": lambda r, f: (
        math.log1p(math.exp(r)) + max(0, 1 - math.log1p(math.exp(f))),
        math.log1p(math.exp(f)),
    ),
    "relativistic": lambda r, f: (math.log1p(math.exp(f - r)), math.log1p(math.exp(r - f))),
}


@pytest.mark.parametrize("name", TWINS)
def test_twin_in_plain_python(name: str) -> None:
    real, fake = 2 * normal(20, seed=3).double(), 2 * normal(20, seed=4).double()
    pairs = [TWINS[name](r, f) for r, f in zip(real.tolist(), fake.tolist(), strict=True)]
    for index, player in enumerate(PLAYERS):
        expected = sum(pair[index] for pair in pairs) / 20
        assert values(LOSSES[name], player, real, fake).item() == pytest.approx(expected, abs=1e-12)


def slope_of_G(loss: Loss, logit: float) -> float:
    fake = torch.tensor([logit], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(loss.G(torch.zeros_like(fake), fake), fake)
    return slope.item()


def test_where_D_rejects_non_saturating_pulls_and_minimax_has_vanished() -> None:
    assert slope_of_G(LOSSES["non_saturating"], -30) == pytest.approx(-1, abs=1e-9)
    assert -1e-12 < slope_of_G(LOSSES["minimax"], -30) < 0
    assert slope_of_G(LOSSES["minimax"], 30) == pytest.approx(-1, abs=1e-9)


@pytest.mark.parametrize("player", PLAYERS)
def test_alpha_one_is_minimax_and_its_neighbors_are_near(player: str) -> None:
    real, fake = 5 * normal(3, 30, seed=5).double(), 5 * normal(3, 30, seed=6).double()
    expected = values(LOSSES["minimax"], player, real, fake)
    torch.testing.assert_close(values(alpha(1, 1), player, real, fake), expected, rtol=1e-14, atol=0)
    for near in (1 - 1e-12, 1 + 1e-12):  # without expm1 four digits would be left
        torch.testing.assert_close(values(alpha(near, near), player, real, fake), expected, rtol=1e-9, atol=0)


def test_alpha_one_without_saturation_is_non_saturating() -> None:
    fake = normal(30, seed=7)
    torch.testing.assert_close(alpha(1, 1, saturating=False).G(fake, fake), LOSSES["non_saturating"].G(fake, fake))


def test_alpha_reaches_from_exponential_to_soft_zero_one() -> None:
    fake = 3 * normal(40, seed=8).double()
    torch.testing.assert_close(alpha(1, 0.5, saturating=False).G(fake, fake), (-fake).exp().mean())
    torch.testing.assert_close(
        alpha(1, 1e9, saturating=False).G(fake, fake), (1 - fake.sigmoid()).mean(), rtol=1e-6, atol=0
    )


@pytest.mark.parametrize("a", [0.5, 0.8, 1, 2, 50])
@pytest.mark.parametrize("logit", [-30.0, -12.0, -1.0, 0.3, 9.0])  # at -30 it explodes, is 1, or vanishes
def test_alpha_gradient_in_closed_form(a: float, logit: float) -> None:
    p, c = 1 / (1 + math.exp(-logit)), (a - 1) / a
    assert slope_of_G(alpha(1, a, saturating=False), logit) == pytest.approx(-(p**c) * (1 - p), rel=1e-9)
    assert slope_of_G(alpha(1, a), logit) == pytest.approx(-((1 - p) ** c) * p, rel=1e-9)


def test_energy_stops_pushing_fakes_beyond_its_margin() -> None:
    margin, real = 2.0, torch.zeros(1)
    for logit, moves in ((1.0, True), (3.0, False)):
        fake = torch.tensor([logit], requires_grad=True)
        (slope,) = torch.autograd.grad(energy(margin).D(real, fake), fake)
        assert (slope.item() != 0) is moves


P_DATA, P_G = (0.8, 0.2), (0.3, 0.7)
# All 100 pairs of ten reals and ten fakes: a batch whose laws are exactly these, independent of each other.
REAL = torch.tensor([0] * 8 + [1] * 2).repeat_interleave(10)
FAKE = torch.tensor([0] * 3 + [1] * 7).repeat(10)


def optimal_logits(loss: Loss, real: Tensor, fake: Tensor, points: int) -> Tensor:
    logits = torch.zeros(points, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([logits], max_iter=500, tolerance_grad=1e-12, tolerance_change=1e-16,
                               line_search_fn="strong_wolfe")  # fmt: skip

    def closure() -> Tensor:
        solver.zero_grad()
        value = loss.D(logits[real], logits[fake])
        value.backward()
        return value

    solver.step(closure)
    return logits.detach()


RATIO = [
    name for name, entry in {**ENTRIES, "alpha(0.5, 1)": alpha(0.5, 1)}.items() if entry.log_ratio and "10" not in name
]


@pytest.mark.parametrize("name", RATIO)
def test_log_ratio_of_the_optimal_D(name: str) -> None:
    loss = ENTRIES.get(name) or alpha(0.5, 1)
    found = loss.log_ratio(optimal_logits(loss, REAL, FAKE, 2))
    expected = torch.tensor([math.log(p / q) for p, q in zip(P_DATA, P_G, strict=True)], dtype=torch.float64)
    if loss.paired:  # known up to a constant
        found, expected = found.diff(), expected.diff()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_which_losses_know_the_ratio() -> None:
    without = {name for name, loss in LOSSES.items() if loss.log_ratio is None}
    assert without == {"least_squares", "wasserstein", "hinge", "energy"}
    assert {name for name, loss in LOSSES.items() if loss.sign < 0} == {"energy"}


@every_loss
def test_boundary_is_where_D_cannot_tell(loss: Loss) -> None:
    if loss.boundary is None:  # then an offset of D changes nothing, and no single logit can be the boundary
        real, fake = normal(20, seed=9).double(), normal(20, seed=10).double()
        torch.testing.assert_close(loss.D(real + 3, fake + 3), loss.D(real, fake))
        return
    at = torch.tensor(loss.boundary * loss.sign, dtype=torch.float64, requires_grad=True)  # realness -> logit
    value = loss.D(at.expand(4), at.expand(4))
    (slope,) = torch.autograd.grad(value, at)
    assert slope.item() == pytest.approx(0, abs=1e-12)
    for step in (-1.5, -0.1, 0.1, 1.5):  # no logit does better on reals and fakes that are alike
        other = (at + step).detach().expand(4)
        assert loss.D(other, other).item() >= value.item() - 1e-12
    # an improvement of D from there calls reals more real than the boundary
    better = optimal_logits(loss, REAL, FAKE, 2)
    assert loss.realness(better)[0] > loss.boundary > loss.realness(better)[1] or loss.name == "energy"


@every_loss
def test_G_wants_more_realness(loss: Loss) -> None:
    fake = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(loss.G(torch.zeros(3).double(), fake), fake)
    assert bool((slope * loss.sign < 0).all())
    torch.testing.assert_close(loss.realness(fake), fake * loss.sign)


@every_loss
@pytest.mark.parametrize("player", PLAYERS)
class TestContract:
    @pytest.mark.parametrize("lead", [(), (3,), (2, 3)])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_shape_dtype_and_runs_apart(self, loss: Loss, player: str, lead: tuple, dtype: torch.dtype) -> None:
        real, fake = normal(*lead, 7, seed=1).to(dtype), normal(*lead, 7, seed=2).to(dtype)
        value = values(loss, player, real, fake)
        assert value.shape == lead
        assert value.dtype == dtype
        if lead:
            alone = [values(loss, player, r, f) for r, f in zip(real, fake, strict=True)]
            torch.testing.assert_close(value, torch.stack(alone))

    @pytest.mark.parametrize("size", [1e4, -1e4])
    def test_finite_at_large_logits_with_finite_gradients(self, loss: Loss, player: str, size: float) -> None:
        for real, fake in ((size, size), (size, -size), (0.0, size)):
            logits = torch.tensor([[real] * 3, [fake] * 3], requires_grad=True)
            value = values(loss, player, logits[0], logits[1])
            (slope,) = torch.autograd.grad(value, logits)
            assert bool(torch.isfinite(value))
            assert bool(torch.isfinite(slope).all())

    def test_equal_weights_are_the_mean(self, loss: Loss, player: str) -> None:
        real, fake = normal(2, 8, seed=1), normal(2, 8, seed=2)
        weights = torch.full((2, 8), 1 / 8)
        torch.testing.assert_close(values(loss, player, real, fake, weights), values(loss, player, real, fake))

    def test_a_latent_of_weight_zero_has_no_gradient(self, loss: Loss, player: str) -> None:
        real, fake = normal(8, seed=1), normal(8, seed=2).requires_grad_()
        weights = torch.tensor([0.25] * 4 + [0.0] * 4)
        (slope,) = torch.autograd.grad(values(loss, player, real, fake, weights), fake)
        assert bool((slope[4:] == 0).all())
        if not loss.paired:
            kept = values(loss, player, real, fake[:4].detach())
            torch.testing.assert_close(values(loss, player, real, fake, weights).detach(), kept)

    def test_shapes_that_would_broadcast_are_refused(self, loss: Loss, player: str) -> None:
        flat, column = torch.zeros(4), torch.zeros(4, 1)
        for real, fake in ((column, flat), (flat, column), (flat[0], flat[0]), (torch.zeros(3, 4), torch.zeros(2, 4))):
            with pytest.raises(ValueError, match=r"logits_real and logits_fake must be \(\.\.\., N\).*got \("):
                values(loss, player, real, fake)
        with pytest.raises(ValueError, match=r"weights must have the shape of logits_fake, \(4,\); got \(4, 1\)"):
            values(loss, player, flat, flat, column)

    def test_repeatable_and_pure(self, loss: Loss, player: str) -> None:
        real, fake = normal(6, seed=1), normal(6, seed=2)
        copies, state = (real.clone(), fake.clone()), torch.get_rng_state()
        assert torch.equal(values(loss, player, real, fake), values(loss, player, real, fake))
        assert torch.equal(real, copies[0])
        assert torch.equal(fake, copies[1])
        assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("player", PLAYERS)
def test_relativistic_needs_as_many_fakes_as_reals(player: str) -> None:
    with pytest.raises(ValueError, match=r"as many fakes as reals; got \(4,\) and \(5,\)"):
        values(LOSSES["relativistic"], player, torch.zeros(4), torch.zeros(5))


@pytest.mark.parametrize("bad", [0, -1, float("inf"), float("nan")])
def test_bad_alphas_and_margins_are_named(bad: float) -> None:
    for name, make in (("alpha_D", lambda: alpha(bad, 1)), ("alpha_G", lambda: alpha(1, bad))):
        with pytest.raises(ValueError, match=rf"{name} must be in \(0, inf\); got {bad}"):
            make()
    with pytest.raises(ValueError, match=r"margin must be in \(0, inf\)"):
        energy(bad)


def test_resolve_loss() -> None:
    own = alpha(0.5, 1)
    assert resolve_loss(own) is own
    assert resolve_loss("hinge") is LOSSES["hinge"]
    assert {name: entry.name for name, entry in LOSSES.items()} == {name: name for name in LOSSES}
    with pytest.raises(ValueError, match=r"loss must be one of minimax, .*got 'mse'"):
        resolve_loss("mse")

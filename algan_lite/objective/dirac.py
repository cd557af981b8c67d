r"""The Dirac GAN, the smallest game there is, played by the package's own losses and regularizers.

All data are the number 0. G makes one number, theta, whatever its noise; D is a line through 0 of slope psi:
D(x) = psi x. So the state of the game is one point (theta, psi) of the plane, and (0, 0) is its equilibrium. Nothing
here knows a formula of a regularizer: values come from ``objective``, derivatives from automatic differentiation.

Reference:
    Mescheder, Geiger, Nowozin 2018, Definition 2.1.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from algan_lite.core.checks import check_integer, check_kind, check_number
from algan_lite.objective.batch import make_batch
from algan_lite.objective.losses import Loss
from algan_lite.objective.players import objective
from algan_lite.objective.regularizers import REGULARIZERS, Lambda


class PointG(nn.Module):
    """G of the Dirac GAN: every noise z (..., N, 1) becomes the one number theta (...)."""

    latent_dim = 1

    def __init__(self, theta: Tensor) -> None:
        super().__init__()
        self.theta = nn.Parameter(theta)

    def forward(self, z: Tensor) -> Tensor:
        """Return theta for each z, (..., N, 1)."""
        return self.theta[..., None, None].expand_as(z)


class LineD(nn.Module):
    """D of the Dirac GAN: the logit of x (..., N, 1) is psi x, with one slope psi (...)."""

    def __init__(self, psi: Tensor) -> None:
        super().__init__()
        self.psi = nn.Parameter(psi)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, (..., N)."""
        return self.psi[..., None] * x.squeeze(-1)


def pair(theta: float | Tensor, psi: float | Tensor) -> tuple[PointG, LineD]:
    """Return G and D at (theta, psi): numbers for one game, tensors (...) for many at once.

    Raises:
        TypeError: If a coordinate is neither a number nor a tensor.
    """
    return _start(theta, psi, {})


def _start(theta: float | Tensor, psi: float | Tensor, lams: Mapping[str, Lambda]) -> tuple[PointG, LineD]:
    """Return as many games as the coordinates and the lambdas ask for, in float64."""
    check_kind("lams", lams, Mapping, "a mapping of names in REGULARIZERS to lambda")
    for name, lam in lams.items():
        REGULARIZERS[name]  # raises, and lists the known names
        if not isinstance(lam, Tensor):
            check_number(f"lams[{name!r}]", lam)
    coordinates = []
    for name, value in (("theta", theta), ("psi", psi)):
        tensor = value if isinstance(value, Tensor) else torch.tensor(check_number(name, value), dtype=torch.float64)
        coordinates.append(tensor.detach().double())
    theta, psi, *_ = torch.broadcast_tensors(*coordinates, *(lam for lam in lams.values() if isinstance(lam, Tensor)))
    return PointG(theta.clone()), LineD(psi.clone())


def _field(G: PointG, D: LineD, lams: Mapping[str, Lambda], loss: str | Loss) -> Tensor:
    z = torch.zeros(*G.theta.shape, 1, 1, dtype=torch.float64)  # which noise does not matter, G ignores it
    batch = make_batch(G, D, torch.zeros_like(z), z, loss=loss)
    pull = []
    for player, weight in (("G", G.theta), ("D", D.psi)):
        total = objective(player, G, D, batch, lams)["total"]
        pull += torch.autograd.grad(total.sum(), weight, create_graph=True)
    return -torch.stack(pull, dim=-1)


def gradient_field(
    theta: float | Tensor,
    psi: float | Tensor,
    lams: Mapping[str, Lambda] | None = None,
    loss: str | Loss = "non_saturating",
) -> Tensor:
    """Return where the players push the point (theta, psi): minus each one's gradient of what it minimizes.

    Args:
        theta: What G makes, (...).
        psi: D's slope, (...).
        lams: Name in ``REGULARIZERS`` -> lambda, a number or a tensor (...). A negative one turns the sign of R.
        loss: Name in ``LOSSES``, or a ``Loss``.

    Returns:
        (..., 2): the velocities of theta and of psi, float64.

    Raises:
        ValueError: If a name is unknown.
    """
    lams = {} if lams is None else lams
    return _field(*_start(theta, psi, lams), lams, loss).detach()


def jacobian(
    theta: float | Tensor,
    psi: float | Tensor,
    lams: Mapping[str, Lambda] | None = None,
    loss: str | Loss = "non_saturating",
) -> Tensor:
    """Return the derivative of ``gradient_field`` by (theta, psi), (..., 2, 2); arguments as there.

    Its eigenvalues say what happens near an equilibrium: a negative real part pulls in, an imaginary part turns.
    It is NaN where a regularizer has a kink: ``wgan_gp`` and ``dragan`` at psi = 0, ``mode_seeking`` (whose two fakes
    are one point here) everywhere.
    """
    lams = {} if lams is None else lams
    G, D = _start(theta, psi, lams)
    field = _field(G, D, lams, loss)
    rows = [
        torch.stack(torch.autograd.grad(field[..., i].sum(), (G.theta, D.psi), retain_graph=True), dim=-1)
        for i in range(2)
    ]
    return torch.stack(rows, dim=-2)


def closed_form(lam: float | Tensor) -> Tensor:
    r"""Return the two eigenvalues at (0, 0) under R1 with weight lambda, by the formula, (..., 2) complex.

    .. math:: -\frac{\gamma}{2} \pm \sqrt{\frac{\gamma^2}{4} - \frac14}, \quad \gamma = 2 \lambda

    Args:
        lam: lambda, a number or a tensor (...); 0 gives the unregularized i/2 and -i/2.

    Returns:
        The slower one (the larger real part) first; of a conjugate pair the one with positive imaginary part.

    Reference:
        Mescheder, Geiger, Nowozin 2018, zero-centered gradient penalties on the Dirac GAN; for losses whose slope at
        logit 0 is 1/2, such as the logistic ones.
    """
    half = torch.as_tensor(lam, dtype=torch.float64)
    root = (half.square() - 0.25).to(torch.complex128).sqrt()
    return torch.stack([-half + root, -half - root], dim=-1)


def play(
    theta: float | Tensor,
    psi: float | Tensor,
    lams: Mapping[str, Lambda] | None = None,
    loss: str | Loss = "non_saturating",
    *,
    num_steps: int = 200,
    lr: float = 0.1,
) -> Tensor:
    """Play the game by plain gradient steps, first D and then G against the new D, as ``train()`` takes turns.

    Args:
        theta: Start of G, (...).
        psi: Start of D, (...).
        lams: As for ``gradient_field``.
        loss: As for ``gradient_field``.
        num_steps: Steps of each player, >= 1.
        lr: Length of a step over the gradient, > 0.

    Returns:
        The course of the game, (num_steps + 1, ..., 2): theta and psi, the start first.

    Raises:
        ValueError: If a number is out of range or a name unknown.
    """
    check_integer("num_steps", num_steps, 1)
    lr = check_number("lr", lr, 0, open_low=True)
    lams = {} if lams is None else lams
    G, D = _start(theta, psi, lams)
    course = [torch.stack([G.theta, D.psi], dim=-1).detach()]
    for _ in range(num_steps):
        for weight, column in ((D.psi, 1), (G.theta, 0)):
            weight.data += lr * _field(G, D, lams, loss)[..., column].detach()
        course.append(torch.stack([G.theta, D.psi], dim=-1).detach())
    return torch.stack(course)

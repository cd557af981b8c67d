"""Loss pairs for D and G, as pure functions of raw logits.

Logits have shape (..., N): N samples on the last axis, an optional runs axis before it. Every loss
reduces over the last axis only. Logits stay logits: ``softplus``, never the log of a sigmoid.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from algan_lite.core.checks import Entry, Table, check_flag, check_number, check_tensor

PerSample: TypeAlias = Callable[[Tensor], Tensor]
PerPair: TypeAlias = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Loss(Entry):
    """One loss pair; both players minimize their own value.

    ``D(logits_real, logits_fake, weights=None)`` and ``G(logits_real, logits_fake, weights=None)`` take
    logits (..., N) and return (...). ``weights`` (..., N) are those of a sum over the fakes: 1/N each is the mean.

    Attributes:
        D: D's loss.
        G: G's loss.
        log_ratio: Maps logits to log p_data/p_G of an optimal D (``relativistic``: up to a constant), or
            None where the logits do not determine it.
        sign: +1 if a higher logit means more real, -1 for energies.
        boundary: Realness at which D cannot tell, or None where an offset of D leaves the loss unchanged.
        paired: Whether G's loss depends on the reals too.
    """

    D: Callable[..., Tensor]
    G: Callable[..., Tensor]
    log_ratio: PerSample | None = None
    sign: int = 1
    boundary: float | None = 0.0
    paired: bool = False

    def realness(self, logits: Tensor) -> Tensor:
        """Return logits turned so that higher means more real; same shape."""
        return logits if self.sign > 0 else -logits


def check_logits(logits_real: Tensor, logits_fake: Tensor, weights: Tensor | None = None) -> None:
    """Refuse what are no logits, and those that would broadcast to (N, N), such as (N, 1) beside (N,)."""
    check_tensor("logits_real", logits_real, "(..., N)")
    check_tensor("logits_fake", logits_fake, "(..., N)")
    real, fake = logits_real.shape, logits_fake.shape
    if not real or not fake or real[:-1] != fake[:-1]:
        shapes = f"{tuple(real)} and {tuple(fake)}"
        raise ValueError(f"logits_real and logits_fake must be (..., N) with equal leading axes; got {shapes}")
    if not real[-1] or not fake[-1]:
        raise ValueError(f"logits_real and logits_fake must be (..., N) with N >= 1; got {tuple(real)}, {tuple(fake)}")
    if weights is not None and check_tensor("weights", weights, "(..., N)").shape != fake:
        raise ValueError(f"weights must have the shape of logits_fake, {tuple(fake)}; got {tuple(weights.shape)}")


def _average(values: Tensor, weights: Tensor | None) -> Tensor:
    return values.mean(-1) if weights is None else (weights * values).sum(-1)


def _separate(d_real: PerSample, d_fake: PerSample, g_fake: PerSample) -> dict[str, Callable[..., Tensor]]:
    """Build a pair whose terms see one sample at a time."""

    def D(logits_real: Tensor, logits_fake: Tensor, weights: Tensor | None = None) -> Tensor:
        check_logits(logits_real, logits_fake, weights)
        return d_real(logits_real).mean(-1) + _average(d_fake(logits_fake), weights)

    def G(logits_real: Tensor, logits_fake: Tensor, weights: Tensor | None = None) -> Tensor:
        check_logits(logits_real, logits_fake, weights)
        return _average(g_fake(logits_fake), weights)

    return {"D": D, "G": G}


def _paired(d_pair: PerPair, g_pair: PerPair) -> dict[str, Callable[..., Tensor]]:
    """Build a pair whose terms compare real i with fake i."""

    def check(logits_real: Tensor, logits_fake: Tensor, weights: Tensor | None) -> None:
        check_logits(logits_real, logits_fake, weights)
        if logits_real.shape != logits_fake.shape:
            shapes = f"{tuple(logits_real.shape)} and {tuple(logits_fake.shape)}"
            raise ValueError(f"a relativistic loss needs as many fakes as reals; got {shapes}")

    def D(logits_real: Tensor, logits_fake: Tensor, weights: Tensor | None = None) -> Tensor:
        check(logits_real, logits_fake, weights)
        return _average(d_pair(logits_real, logits_fake), weights)

    def G(logits_real: Tensor, logits_fake: Tensor, weights: Tensor | None = None) -> Tensor:
        check(logits_real, logits_fake, weights)
        return _average(g_pair(logits_real, logits_fake), weights)

    return {"D": D, "G": G}


LOSSES: Table[Loss] = Table("loss", Loss)


def loss_pair(source: str) -> Callable[[Callable[..., dict[str, Any]]], Callable[..., Loss]]:
    """Return a decorator: a function that returns the fields of a ``Loss`` becomes one that returns the loss.

    The loss that it makes without arguments enters ``LOSSES`` under the function's name.
    """

    def decorator(fields: Callable[..., dict[str, Any]]) -> Callable[..., Loss]:
        doc = fields.__doc__.strip().splitlines()[0]

        @wraps(fields)
        def make(*args: object, **options: object) -> Loss:
            return Loss(fields.__name__, doc, source, **fields(*args, **options))

        LOSSES.add(make())
        return make

    return decorator


def _itself(logits: Tensor) -> Tensor:
    return logits


@loss_pair("Goodfellow 2014, Eq. 1")
def minimax() -> dict[str, Any]:
    """The original game: G minimizes log(1 - D(G(z))) and saturates."""
    return _separate(lambda real: softplus(-real), softplus, lambda fake: -softplus(fake)) | {"log_ratio": _itself}


@loss_pair("Goodfellow 2014, section 3")
def non_saturating() -> dict[str, Any]:
    """Same D; G maximizes log D(G(z)): strong gradient where D rejects."""
    return _separate(lambda real: softplus(-real), softplus, lambda fake: softplus(-fake)) | {"log_ratio": _itself}


@loss_pair("Mao 2017, Eq. 9")
def least_squares() -> dict[str, Any]:
    """Squared distance to targets 1 (real) and 0 (fake)."""
    one, zero = (lambda x: (x - 1).square() / 2), (lambda x: x.square() / 2)
    return _separate(one, zero, one) | {"boundary": 0.5}


@loss_pair("Arjovsky 2017")
def wasserstein() -> dict[str, Any]:
    """Difference of mean critic values; needs a penalty that keeps D smooth."""
    return _separate(torch.neg, _itself, torch.neg) | {"boundary": None}


@loss_pair("Lim & Ye 2017")
def hinge() -> dict[str, Any]:
    """D stops caring beyond a margin of 1; G raises its mean logit."""
    return _separate(lambda real: relu(1 - real), lambda fake: relu(1 + fake), torch.neg)


@loss_pair("Zhao 2017, Eq. 1-2")
def energy(margin: float = 1.0) -> dict[str, Any]:
    """Energy-based with a margin: low energy for reals, at least the margin for fakes.

    G lowers its energy, which is softplus(logit), so that it is never negative (the original D is an autoencoder, whose
    error is).

    Args:
        margin: Energy above which fakes no longer move D, in (0, inf).

    Raises:
        ValueError: If ``margin`` is not positive.

    Reference:
        Zhao, Mathieu, LeCun 2017, Eq. 1-2.
    """
    margin = check_number("margin", margin, 0, open_low=True)
    # The logit whose energy, softplus(logit), lies between real (0) and fake (margin): log(exp(m/2) - 1), at any size.
    halfway = margin / 2 + math.log(-math.expm1(-margin / 2))
    terms = _separate(softplus, lambda fake: relu(margin - softplus(fake)), softplus)
    return terms | {"sign": -1, "boundary": -halfway}


@loss_pair("Jolicoeur-Martineau 2018")
def relativistic() -> dict[str, Any]:
    """D judges pairs: is this real more real than this fake?"""
    pair = _paired(lambda real, fake: softplus(fake - real), lambda real, fake: softplus(real - fake))
    return pair | {"log_ratio": _itself, "boundary": None, "paired": True}  # up to a constant, which no sampler needs


def _check_alpha(name: str, value: float) -> float:
    number = check_number(name, value, 0, open_low=True)
    if number < 0.01:
        raise ValueError(f"{name} must be in [0.01, inf), below which losses leave float32; got {value!r}")
    return number


@loss_pair("Welfert 2023")
def alpha(alpha_D: float = 2.0, alpha_G: float = 2.0, *, saturating: bool = True) -> dict[str, Any]:
    r"""Alpha-loss, tunable for each player; alpha 1 is minimax.

    One family from exponential (1/2) over logistic (1) to soft 0-1 loss (infinity):

    .. math:: \ell_\alpha(p) = \frac{\alpha}{\alpha - 1} \left(1 - p^{(\alpha - 1)/\alpha}\right)

    Args:
        alpha_D: D's alpha, in [0.01, inf); below 1 a confidently wrong D is punished exponentially (below 0.01 the
            loss of a D that cannot tell would leave float32).
        alpha_G: G's alpha, in [0.01, inf).
        saturating: True: G maximizes D's loss on fakes. False: G minimizes the loss of calling fakes real.

    Raises:
        ValueError: If an alpha is out of range.

    Reference:
        Welfert et al. 2023 (arXiv 2302.14320).
    """
    alpha_D, alpha_G = _check_alpha("alpha_D", alpha_D), _check_alpha("alpha_G", alpha_G)
    check_flag("saturating", saturating)

    def cost(logits: Tensor, a: float) -> Tensor:
        c = (a - 1) / a
        log_p = -softplus(-logits)
        return -log_p if c == 0 else -torch.expm1(c * log_p) / c  # (1 - p^c) / c without cancellation

    terms = _separate(
        lambda real: cost(real, alpha_D),
        lambda fake: cost(-fake, alpha_D),
        lambda fake: -cost(-fake, alpha_G) if saturating else cost(fake, alpha_G),
    )
    # D's optimum weighs p_data^alpha against p_G^alpha, so its logit is alpha times the log ratio.
    return terms | {"log_ratio": lambda logits: logits / alpha_D}


def resolve_loss(loss: str | Loss) -> Loss:
    """Return a loss given by name or as an entry of its own, such as ``alpha(0.5, 1.0)``."""
    return loss if isinstance(loss, Loss) else LOSSES[loss]

"""Loss pairs for D and G, as pure functions of raw logits.

Logits have shape (..., N): N samples on the last axis, an optional runs axis before it. Every loss
reduces over the last axis only. Logits stay logits: ``softplus``, never the log of a sigmoid.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from algan_lite.core.checks import Table, check_number

PerSample: TypeAlias = Callable[[Tensor], Tensor]
PerPair: TypeAlias = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Loss:
    """One loss pair; both players minimize their own value.

    ``D(logits_real, logits_fake, weights=None)`` and ``G(logits_real, logits_fake, weights=None)`` take
    logits (..., N) and return (...). ``weights`` (..., N) are those of a sum over the fakes: 1/N each is the mean.

    Attributes:
        name: Key in ``LOSSES``.
        D: D's loss.
        G: G's loss.
        doc: One line for readers.
        log_ratio: Maps logits to log p_data/p_G of an optimal D (``relativistic``: up to a constant), or
            None where the logits do not determine it.
        sign: +1 if a higher logit means more real, -1 for energies.
        paired: Whether G's loss depends on the reals too.
        boundary: Realness at which D cannot tell, or None where an offset of D leaves the loss unchanged.
    """

    name: str
    D: Callable[..., Tensor]
    G: Callable[..., Tensor]
    doc: str
    log_ratio: PerSample | None = None
    sign: int = 1
    boundary: float | None = 0.0
    paired: bool = False

    def realness(self, logits: Tensor) -> Tensor:
        """Return logits turned so that higher means more real; same shape."""
        return logits if self.sign > 0 else -logits


def check_logits(logits_real: Tensor, logits_fake: Tensor, weights: Tensor | None = None) -> None:
    """Refuse logits that would broadcast to (N, N), such as (N, 1) beside (N,)."""
    real, fake = tuple(logits_real.shape), tuple(logits_fake.shape)
    if not real or not fake or len(real) != len(fake) or real[:-1] != fake[:-1]:
        raise ValueError(f"logits_real and logits_fake must be (..., N) with equal leading axes; got {real} and {fake}")
    if weights is not None and tuple(weights.shape) != fake:
        raise ValueError(f"weights must have the shape of logits_fake, {fake}; got {tuple(weights.shape)}")


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


def energy(margin: float = 1.0) -> Loss:
    """Energy-based pair: D gives low energy to reals, at least ``margin`` to fakes; G lowers its energy.

    The energy is softplus(logit), so that it is never negative (the original D is an autoencoder, whose error is).

    Args:
        margin: Energy above which fakes no longer move D, in (0, inf).

    Raises:
        ValueError: If ``margin`` is not positive.

    Reference:
        Zhao, Mathieu, LeCun 2017, Eq. 1-2.
    """
    check_number("margin", margin, 0, open_low=True)
    terms = _separate(softplus, lambda fake: relu(margin - softplus(fake)), softplus)
    doc = "Energy-based with a margin: low energy for reals, at least the margin for fakes."
    halfway = math.log(math.expm1(margin / 2))  # the logit whose energy lies between real (0) and fake (margin)
    return Loss("energy", **terms, doc=doc, sign=-1, boundary=-halfway)


def alpha(alpha_D: float = 2.0, alpha_G: float = 2.0, *, saturating: bool = True) -> Loss:
    r"""Alpha pair: one family from exponential (1/2) over logistic (1) to soft 0-1 loss (infinity), for each player.

    .. math:: \ell_\alpha(p) = \frac{\alpha}{\alpha - 1} \left(1 - p^{(\alpha - 1)/\alpha}\right)

    Args:
        alpha_D: D's alpha, in (0, inf); below 1 a confidently wrong D is punished exponentially.
        alpha_G: G's alpha, in (0, inf).
        saturating: True: G maximizes D's loss on fakes. False: G minimizes the loss of calling fakes real.

    Raises:
        ValueError: If an alpha is not positive.

    Reference:
        Welfert et al. 2023 (arXiv 2302.14320).
    """
    check_number("alpha_D", alpha_D, 0, open_low=True)
    check_number("alpha_G", alpha_G, 0, open_low=True)

    def cost(logits: Tensor, a: float) -> Tensor:
        c = (a - 1) / a
        log_p = -softplus(-logits)
        return -log_p if c == 0 else -torch.expm1(c * log_p) / c  # (1 - p^c) / c without cancellation

    terms = _separate(
        lambda real: cost(real, alpha_D),
        lambda fake: cost(-fake, alpha_D),
        lambda fake: -cost(-fake, alpha_G) if saturating else cost(fake, alpha_G),
    )
    doc = "Alpha-loss, tunable for each player; alpha 1 is minimax."
    # D's optimum weighs p_data^alpha against p_G^alpha, so its logit is alpha times the log ratio.
    return Loss("alpha", **terms, doc=doc, log_ratio=lambda logits: logits / alpha_D)


def _itself(logits: Tensor) -> Tensor:
    return logits


LOSSES: Table[Loss] = Table(
    "loss",
    {
        "minimax": Loss(
            "minimax",
            **_separate(lambda real: softplus(-real), softplus, lambda fake: -softplus(fake)),
            doc="The original game (Goodfellow 2014, Eq. 1): G minimizes log(1 - D(G(z))) and saturates.",
            log_ratio=_itself,
        ),
        "non_saturating": Loss(
            "non_saturating",
            **_separate(lambda real: softplus(-real), softplus, lambda fake: softplus(-fake)),
            doc="Same D; G maximizes log D(G(z)) (Goodfellow 2014, section 3): strong gradient where D rejects.",
            log_ratio=_itself,
        ),
        "least_squares": Loss(
            "least_squares",
            **_separate(
                lambda real: (real - 1).square() / 2,
                lambda fake: fake.square() / 2,
                lambda fake: (fake - 1).square() / 2,
            ),
            doc="Squared distance to targets 1 (real) and 0 (fake) (Mao 2017, Eq. 9).",
            boundary=0.5,
        ),
        "wasserstein": Loss(
            "wasserstein",
            **_separate(lambda real: -real, _itself, lambda fake: -fake),
            doc="Difference of mean critic values (Arjovsky 2017); needs a penalty that keeps D smooth.",
            boundary=None,
        ),
        "hinge": Loss(
            "hinge",
            **_separate(lambda real: relu(1 - real), lambda fake: relu(1 + fake), lambda fake: -fake),
            doc="D stops caring beyond a margin of 1; G raises its mean logit (Lim & Ye 2017).",
        ),
        "energy": energy(),
        "relativistic": Loss(
            "relativistic",
            **_paired(lambda real, fake: softplus(fake - real), lambda real, fake: softplus(real - fake)),
            doc="D judges pairs: is this real more real than this fake? (Jolicoeur-Martineau 2018)",
            log_ratio=_itself,  # up to a constant, which no sampler needs
            boundary=None,
            paired=True,
        ),
        "alpha": alpha(),
    },
)


def resolve_loss(loss: str | Loss) -> Loss:
    """Return a loss given by name or as an entry of its own, such as ``alpha(0.5, 1.0)``."""
    return loss if isinstance(loss, Loss) else LOSSES[loss]

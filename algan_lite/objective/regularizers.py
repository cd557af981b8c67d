r"""The terms R(G, D), and who minimizes each.

Every regularizer is a pure function of (G, D, batch) and returns its unweighted value, (...): one number
for one GAN, (R,) for an ensemble. Penalties are per sample; runs never mix.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from algan_lite.core.checks import Entry, Table
from algan_lite.objective.batch import Batch, player_loss

Lambda = float | Tensor


@dataclass(frozen=True, kw_only=True)
class Regularizer(Entry):
    """One R(G, D).

    Attributes:
        fn: ``fn(G, D, batch)`` -> (...), unweighted.
        player: Who minimizes it: ``D``, ``G`` or ``both``.
        needs: Fields of the batch it asks for: ``x_real`` (differentiable), ``logits_real`` (fresh), ``z2``, ``noise``,
            ``state``, ``z_start`` (it is 0 unless the strategy moves latents).
    """

    fn: Callable[[nn.Module, nn.Module, Batch], Tensor]
    player: str
    needs: Set[str] = frozenset()

    def concerns(self, player: str) -> bool:
        """Return whether ``player`` minimizes this term."""
        return self.player in (player, "both")


REGULARIZERS: Table[Regularizer] = Table("regularizer", Regularizer)
regularizer = REGULARIZERS.enter


def _slope(logits: Tensor, x: Tensor) -> Tensor:
    """Return the gradient of each sample's logit with respect to that sample, flattened: (..., N, values)."""
    if logits.ndim < 1 or tuple(x.shape[: logits.ndim]) != tuple(logits.shape):
        raise ValueError(
            f"D must return one logit a sample, (..., N) for x {tuple(x.shape)}; got {tuple(logits.shape)}"
        )
    (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return slope.flatten(logits.ndim)


@regularizer(player="D", source="Mescheder 2018, Eq. 9", needs={"x_real"})
def r1(G: nn.Module, D: nn.Module, batch: Batch) -> Tensor:
    r"""Squared slope of D at the reals (R1).

    .. math:: R_1(D) = \mathbb{E}_{x \sim p_{data}} \lVert \nabla_x D(x) \rVert^2

    Unweighted: the training objective multiplies by lambda (the paper's gamma is 2 lambda).

    Args:
        G: Unused; every regularizer takes (G, D, batch).
        D: Maps (..., N, *sample) to logits (..., N), before any sigmoid.
        batch: Uses ``x_real``, (..., N, *sample), in data units, with gradients enabled.

    Returns:
        (...), >= 0, in (logit / data unit)^2; D minimizes it.

    Raises:
        ValueError: If D does not return one logit a sample.
    """
    return _slope(batch.logits_real, batch.x_real).square().sum(-1).mean(-1)


@regularizer(player="D", source="Mescheder 2018, section 4.1")
def r2(G: nn.Module, D: nn.Module, batch: Batch) -> Tensor:
    r"""Squared slope of D at the fakes (R2).

    .. math:: R_2(D) = \mathbb{E}_{z \sim p(z)} \lVert \nabla_x D(G(z)) \rVert^2

    Args and returns as for ``r1``; uses ``x_fake``.
    """
    return _slope(batch.logits_fake, batch.x_fake).square().sum(-1).mean(-1)


def _unit_slope(D: nn.Module, batch: Batch, x: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    return (_slope(D(batch.seen(x)), x).norm(dim=-1) - 1).square().mean(-1)


@regularizer(player="D", source="Gulrajani 2017, Eq. 3", needs={"noise"})
def wgan_gp(G: nn.Module, D: nn.Module, batch: Batch) -> Tensor:
    r"""D's slope near 1 between reals and fakes.

    .. math:: \mathbb{E} (\lVert \nabla_x D(\hat x) \rVert - 1)^2, \quad \hat x = u x + (1 - u) G(z), \; u \sim U(0, 1)

    Usual lambda: 10 on images, 0.1 on 2-D toys.

    Args and returns as for ``r1``; uses ``x_real``, ``x_fake`` (as many) and each sample's first value of ``noise``.

    Raises:
        ValueError: If there are not as many fakes as reals.
    """
    real, fake, axes = batch.x_real, batch.x_fake.to(batch.x_real.dtype), batch.logits_real.ndim
    if real.shape != fake.shape:
        raise ValueError(f"wgan_gp needs as many fakes as reals; got {tuple(real.shape)} and {tuple(fake.shape)}")
    share = batch.noise.flatten(axes)[..., 0]
    return _unit_slope(D, batch, torch.lerp(fake, real, share.reshape(share.shape + (1,) * (real.ndim - axes))))


@regularizer(player="D", source="Kodali 2017, Eq. 8", needs={"noise"})
def dragan(G: nn.Module, D: nn.Module, batch: Batch) -> Tensor:
    r"""D's slope near 1 around the reals.

    .. math:: \mathbb{E} (\lVert \nabla_x D(x + \sigma \delta) \rVert - 1)^2, \quad \delta \sim U(-1/2, 1/2)

    with sigma the standard deviation of all values of the batch, one for each run. (The paper leaves the law of the
    perturbation open; centered, it does not push the penalty to one side of the data.)

    Args and returns as for ``r1``; uses ``x_real`` and ``noise``.
    """
    real, axes = batch.x_real, batch.logits_real.ndim
    own = tuple(range(axes - 1, real.ndim))
    return _unit_slope(D, batch, real + real.std(dim=own, correction=0, keepdim=True) * (batch.noise - 0.5))


@regularizer(player="D", source="Tseng 2021, Eq. 5", needs={"state"})
def lecam(G: nn.Module, D: nn.Module, batch: Batch) -> Tensor:
    r"""D's logits near moving averages.

    Logits of reals stay below the average of the fakes', those of fakes above the average of the reals'.

    .. math:: \mathbb{E}\,\mathrm{relu}(D(x) - \alpha_F)^2 + \mathbb{E}\,\mathrm{relu}(\alpha_R - D(G(z)))^2

    The averages move with decay 0.99. The authors' code has the relu; the paper writes plain squares.

    Args as for ``r1``; uses ``logits_real``, ``logits_fake`` and ``state``. Returns (...), >= 0, in logit^2.
    """
    above = batch.logits_real - batch.state["fake"].unsqueeze(-1)
    below = batch.state["real"].unsqueeze(-1) - batch.logits_fake
    return relu(above).square().mean(-1) + relu(below).square().mean(-1)


@regularizer(player="G", source="Mao 2019 (MSGAN), Eq. 3", needs={"z2"})
def mode_seeking(G: nn.Module, D: nn.Module, batch: Batch) -> Tensor:
    r"""Far latents give far samples.

    .. math:: \mathbb{E}\, 1 / \left(\frac{\lVert G(z_1) - G(z_2) \rVert}{\lVert z_1 - z_2 \rVert} + 10^{-5}\right)

    Args as for ``r1``; uses ``x_fake`` = G(z), ``z`` and ``z2``. Returns (...), in [0, 1e5].
    """
    moved = (batch.x_fake - G(batch.z2)).flatten(batch.z.ndim - 1).norm(dim=-1)
    apart = (batch.z - batch.z2).norm(dim=-1)
    return (apart / (moved + 1e-5 * apart).clamp_min(1e-30)).mean(-1)


@regularizer(player="both", source="Mescheder 2017, Eq. 10", needs={"logits_real"})
def consensus(G: nn.Module, D: nn.Module, batch: Batch) -> Tensor:
    r"""Half the squared joint gradient field.

    .. math:: \tfrac12 \lVert v \rVert^2, \quad v = (\nabla_{\theta_G} L_G, \nabla_{\theta_D} L_D)

    The most literal "interaction between G and D": it pulls both towards points where neither wants to move.

    Args as for ``r1``; uses the logits, attached to both networks, and ``weights``. Returns (...), >= 0.
    """
    lead, fields = batch.logits_fake.shape[:-1], []
    for player, net in (("D", D), ("G", G)):
        value = player_loss(player, batch).sum()
        weights = [weight for weight in net.parameters() if weight.requires_grad]  # not those that are frozen
        fields += torch.autograd.grad(value, weights, create_graph=True, allow_unused=True)
    return sum(v.reshape(*lead, -1).square().sum(-1) for v in fields if v is not None) / 2


@regularizer(player="both", source="Wu 2019 (LOGAN)", needs={"z_start"})
def transport(G: nn.Module, D: nn.Module, batch: Batch) -> Tensor:
    r"""Squared way that the strategy moved the latents: LOGAN's price of a move.

    .. math:: \mathbb{E} \lVert z' - z \rVert^2

    With ``latent_ascent`` and ``through=True`` the move z' is a function of both networks, and who minimizes this makes
    moves short: D where it sees moved fakes (``d_fakes="selected"``), G always. Elsewhere it is 0, or a constant. It is
    taken after the clip, so the way that was gone. Lambda 0.1 is that of a public re-implementation (StudioGAN).

    Args as for ``r1``; uses ``z`` and ``z_start``. Returns (...), >= 0, in (unit of z)^2.
    """
    if batch.z_start is None:
        return torch.zeros_like(batch.logits_fake[..., 0])
    return (batch.z - batch.z_start).square().sum(-1).mean(-1)


WITHOUT_MOVES = tuple(name for name, entry in REGULARIZERS.items() if "z_start" not in entry.needs)
"""Names of the regularizers that say something whatever the strategy: what is offered where none moves latents."""

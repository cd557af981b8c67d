"""What each player minimizes: the one function where lambda meets R."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from algan_lite.core.checks import check_choice
from algan_lite.objective.batch import Batch, player_loss
from algan_lite.objective.regularizers import REGULARIZERS, Lambda


def objective(player: str, G: nn.Module, D: nn.Module, batch: Batch, lams: Mapping[str, Lambda]) -> dict[str, Tensor]:
    """Return what ``player`` minimizes, term by term: the loss, each unweighted R, and their ``total``.

    This is the only place where lambda meets R. D's heads are trained each on its own loss.

    Args:
        player: ``D`` or ``G``.
        G: The generator.
        D: The discriminator.
        batch: What both see.
        lams: name in ``REGULARIZERS`` -> lambda, a number or a tensor (R,), one a run.

    Returns:
        ``loss``, the names in ``lams`` that concern the player, and ``total``; each (...).
    """
    check_choice("player", player, ("D", "G"))
    terms = {"loss": player_loss(player, batch)}
    total = terms["loss"]
    for name, lam in lams.items():
        entry = REGULARIZERS[name]
        if entry.concerns(player):
            terms[name] = entry.fn(G, D, batch)
            total = total + lam * terms[name]
    terms["total"] = total
    return terms

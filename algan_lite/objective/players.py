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
    value = player_loss(player, batch)
    mine = [name for name in lams if REGULARIZERS[name].concerns(player)]
    terms = {name: REGULARIZERS[name].fn(G, D, batch) for name in mine}
    return {"loss": value, **terms, "total": sum((lams[name] * terms[name] for name in mine), start=value)}

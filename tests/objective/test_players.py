"""The one function where lambda meets R."""

from __future__ import annotations

import pytest
import torch
from helpers import tiny
from objective.shared import moved_for, some_batch

from algan_lite.objective.batch import player_loss
from algan_lite.objective.players import objective
from algan_lite.objective.regularizers import REGULARIZERS


def test_the_objective_names_what_it_knows() -> None:
    G, D = tiny()
    batch = some_batch(G, D, 5)
    with pytest.raises(ValueError, match="player must be one of D, G; got 'both'"):
        objective("both", G, D, batch, {})
    with pytest.raises(ValueError, match=r"regularizer must be one of r1, .*got 'r3'"):
        objective("D", G, D, batch, {"r3": 1.0})


@pytest.mark.parametrize("name", REGULARIZERS)
def test_it_moves_the_players_who_minimize_it_and_takes_lambda_once(name: str) -> None:
    entry = REGULARIZERS[name]
    assert entry.player in ("D", "G", "both")
    G, D = tiny(seed=3)
    batch = moved_for(name, G, D, some_batch(G, D, 5))
    for player, net in (("D", D), ("G", G)):
        assert entry.concerns(player) is (entry.player in (player, "both"))
        plain = objective(player, G, D, batch, {})
        terms = objective(player, G, D, batch, {name: 0.7})
        assert (name in terms) is entry.concerns(player)
        torch.testing.assert_close(plain["total"], player_loss(player, batch))
        if entry.concerns(player):
            torch.testing.assert_close(terms[name], entry.fn(G, D, batch))
            torch.testing.assert_close(terms["total"], terms["loss"] + 0.7 * terms[name])
            gradients = torch.autograd.grad(terms[name], list(net.parameters()), retain_graph=True, allow_unused=True)
            assert any(g is not None and bool(g.abs().max() > 0) for g in gradients)
        else:
            torch.testing.assert_close(terms["total"], plain["total"])


@pytest.mark.parametrize("name", REGULARIZERS)
def test_a_lambda_for_each_run(name: str) -> None:
    G, D = tiny(runs=3)
    batch = moved_for(name, G, D, some_batch(G, D, 3, 5))
    player = "G" if REGULARIZERS[name].player == "G" else "D"
    lams = torch.tensor([0.0, 0.5, 2.0])
    terms = objective(player, G, D, batch, {name: lams})
    assert terms["total"].shape == (3,)
    torch.testing.assert_close(terms["total"], terms["loss"] + lams * terms[name])

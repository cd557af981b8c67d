"""What every figure keeps: the axes given, and the world as it was."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.axes import Axes
from plots.shared import FRAME, POINTS, D, G

from algan_lite import plots

DRAW: dict[str, Callable[[Axes], object]] = {
    "scatter": lambda ax: plots.scatter(POINTS, POINTS + 1, chosen=POINTS[:3], ax=ax),
    "decision_map": lambda ax: plots.decision_map(D, ax, resolution=9),
    "image_grid": lambda ax: plots.image_grid(torch.zeros(5, 1, 4, 3), ax=ax),
    "curves": lambda ax: plots.curves(FRAME, "loss_D", ax=ax),
    "dots_with_intervals": lambda ax: plots.dots_with_intervals(["top_k"], [1.0], [(0.5, 2.0)], ax),
    "draw_network": lambda ax: plots.draw_network(G, ax),
    "six_steps_diagram": lambda ax: plots.six_steps_diagram(ax),
}


@pytest.mark.parametrize("name", DRAW)
def test_draws_on_the_axes_given_and_leaves_the_world_alone(name: str) -> None:
    ax, before = plt.subplots()[1], torch.get_rng_state()
    settings, modes = dict(mpl.rcParams), [layer.training for net in (G, D) for layer in net.modules()]
    assert DRAW[name](ax) is ax
    ax.figure.canvas.draw()
    assert torch.equal(before, torch.get_rng_state())
    assert dict(mpl.rcParams) == settings
    assert [layer.training for net in (G, D) for layer in net.modules()] == modes
    assert not any(layer._forward_hooks for layer in G.modules())


@pytest.mark.parametrize("name", DRAW)
def test_makes_axes_where_none_are_given(name: str) -> None:
    assert DRAW[name](None).figure.number in plt.get_fignums()


@pytest.mark.parametrize("name", DRAW)
def test_refuses_an_array_of_axes(name: str) -> None:
    with pytest.raises(TypeError, match="ax must be one matplotlib Axes or None; got ndarray"):
        DRAW[name](plt.subplots(1, 2)[1])

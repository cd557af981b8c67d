"""Drawings of what is inside: the layers of a network, and the article's algorithm."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from torch import Tensor, nn

from algan_lite.core.checks import ask, check_output
from algan_lite.models.doors import weights_like
from algan_lite.models.ensemble import Ensemble
from algan_lite.models.networks import PixelNorm, evaluating, layers_of
from algan_lite.objective.batch import num_heads
from algan_lite.plots.style import COLORS, INK, WIDTH, axes_or_new

_ACTIVATIONS = {
    nn.ReLU: "ReLU",
    nn.LeakyReLU: "leaky ReLU",
    nn.Tanh: "tanh",
    nn.Sigmoid: "sigmoid",
    nn.Softplus: "softplus",
    PixelNorm: "pixel norm",
}


@dataclass
class Row:
    """One box of a drawn network: what the layer does, the shape that leaves it, its weights, and details."""

    text: str
    shape: tuple[int, ...]
    weights: int = 0
    details: str = ""


def layer_rows(net: nn.Module) -> list[Row]:
    """Return a row a layer, measured by passing one sample of zeros through the real network.

    Activations join the layer before them; layers that only change the shape join the one after.

    Args:
        net: G, with ``latent_dim``, or D, with ``sample_shape``; of an ensemble, the first run.

    Raises:
        TypeError: If ``net`` has neither.
    """
    net = net.member(0) if isinstance(net, Ensemble) else net
    sample_shape = (net.latent_dim,) if hasattr(net, "latent_dim") else getattr(net, "sample_shape", None)
    if not isinstance(net, nn.Module) or sample_shape is None:
        raise TypeError(f"net must be a network with latent_dim or sample_shape; got {type(net).__name__}")
    is_G = hasattr(net, "latent_dim")
    rows = [Row("noise z" if is_G else "sample x", tuple(sample_shape))]
    for layer, shape in _passed(net, sample_shape):
        _add(rows, layer, shape)
    if is_G:
        rows[-1].shape = tuple(net.sample_shape)
    elif (heads := num_heads(net)) > 1:
        rows.append(Row(f"mean of {heads} heads", (1,)))
    return rows


def _add(rows: list[Row], layer: nn.Module, shape: tuple[int, ...]) -> None:
    weights = sum(p.numel() for p in layer.parameters())
    if type(layer) in _ACTIVATIONS:
        name = _ACTIVATIONS[type(layer)]
        rows[-1].details += f", {name}" if rows[-1].details else name
    elif isinstance(layer, nn.Linear):
        rows.append(Row("dense", shape, weights))
    elif isinstance(layer, nn.Conv2d):
        stride = f"step {layer.stride[0]}" if layer.stride[0] > 1 else ""
        rows.append(Row(f"convolution {layer.kernel_size[0]}×{layer.kernel_size[1]}", shape, weights, stride))
    elif isinstance(layer, nn.Upsample):
        rows.append(Row(f"{layer.scale_factor:g} × the size", shape))
    elif isinstance(layer, nn.Unflatten):
        rows[-1].shape = shape
    elif not isinstance(layer, nn.Flatten | nn.Identity):
        rows.append(Row(type(layer).__name__, shape, weights))


def _leaves(net: nn.Module) -> Iterator[nn.Module]:
    # A layer with spectral norm has children of its own, yet it is one layer.
    children = [] if isinstance(net, nn.Linear | nn.Conv2d) else list(net.children())
    if not children:
        yield net
    for child in children:
        yield from _leaves(child)


def _passed(net: nn.Module, sample_shape: Sequence[int]) -> list[tuple[nn.Module, tuple[int, ...]]]:
    """Return the layers in the order of the pass, each with its output's shape without the batch axis."""
    seen: list[tuple[nn.Module, tuple[int, ...]]] = []

    def note(layer: nn.Module, _: object, output: Tensor) -> None:
        check_output("net", output)
        seen.append((layer, tuple(output.shape[1:])))

    handles = [layer.register_forward_hook(note) for layer in _leaves(net)]
    try:
        like = weights_like(net)
        with torch.no_grad(), evaluating(layers_of(net)):
            ask("net", net, torch.zeros(1, *sample_shape, dtype=like.dtype, device=like.device), "one sample")
    finally:
        for handle in handles:
            handle.remove()
    return seen


def draw_network(net: nn.Module, ax: Axes | None = None, *, title: str | None = None) -> Axes:
    """Draw a network as a stack of boxes: each layer of the real module, and the shape that leaves it.

    A box is as wide as the logarithm of the number of values that leave the layer.

    Args:
        net: G or D of the package, or a module with ``latent_dim`` or ``sample_shape``.
        ax: Where to draw; a new figure, as high as the network is deep, by default.
        title: By default the player, and how many weights it has.

    Raises:
        TypeError: If ``net`` says neither its ``latent_dim`` nor its ``sample_shape``.
    """
    rows = layer_rows(net)
    player = "G" if hasattr(net, "latent_dim") else "D"
    ax = axes_or_new(ax, (WIDTH / 2, 0.82 * len(rows) + 0.6))
    most = max(math.log(1 + math.prod(row.shape)) for row in rows)
    for k, row in enumerate(rows):
        # Even one number gets a box that its text fits into. Units are about inches of a half-width panel.
        width = 1.85 + 0.4 * math.log(1 + math.prod(row.shape)) / most
        text = f"{row.text}\n{row.details}" if row.details else row.text
        _box(ax, (1.15 - width / 2, -k - 0.34), width, 0.68, text, COLORS[player])
        ax.text(2.4, -k, "×".join(map(str, row.shape)), ha="left", va="center")
        if k:
            _arrow(ax, (1.15, -k + 0.66), (1.15, -k + 0.34))
    ax.text(2.4, 0.5, "shape", ha="left", va="center", style="italic")
    ax.set(xlim=(0, 3.3), ylim=(0.6 - len(rows), 0.65))
    ax.set_axis_off()
    total = sum(row.weights for row in rows)
    ax.set_title(f"{player}: {total:,} weights" if title is None else title)
    return ax


def six_steps_diagram(ax: Axes | None = None) -> Axes:
    """Draw the article's six steps: who does what, what is handed on, and what is repeated.

    Left what G does, right what D does; G's boxes have a dashed edge.

    Args:
        ax: Where to draw; a new full-width figure by default.
    """
    ax = axes_or_new(ax, (WIDTH, 5.4))
    _box(ax, (1.0, 8.7), 8.6, 1.0, "1  Initialize G and D")
    _box(ax, (1.0, 6.4), 4.0, 1.5, "2  G chooses its\nnoise z", COLORS["G"], "--")
    _box(ax, (1.0, 4.1), 4.0, 1.5, "3  G generates\nx = G(z)", COLORS["G"], "--")
    _box(ax, (5.6, 4.1), 4.0, 1.5, "4  D classifies\nreals and fakes", COLORS["D"])
    _box(ax, (1.0, 1.8), 8.6, 1.5, "5  Update D, which tells the two apart;\nthen G, which hides the difference")
    _box(ax, (1.0, 0.0), 8.6, 1.0, "6  Stop at an equilibrium, or repeat 2 to 5")
    _box(ax, (7.7, 6.6), 1.9, 1.0, "real data", COLORS["real"])
    _arrow(ax, (3.0, 8.7), (3.0, 7.9))
    _arrow(ax, (3.0, 6.4), (3.0, 5.6))
    _arrow(ax, (5.0, 4.85), (5.6, 4.85), COLORS["fake"])
    _arrow(ax, (8.65, 6.6), (8.65, 5.6), COLORS["real"])
    _arrow(ax, (5.9, 5.6), (5.0, 6.9), COLORS["D"])
    ax.text(5.6, 6.8, "D's feedback\non candidates", color=COLORS["D"], ha="left", va="center")
    _arrow(ax, (7.6, 4.1), (7.6, 3.3))
    _arrow(ax, (5.3, 1.8), (5.3, 1.0))
    _arrow(ax, (1.0, 0.5), (1.0, 7.15), bend=True)
    ax.set(xlim=(-0.1, 9.8), ylim=(-0.2, 9.9))
    ax.set_axis_off()
    return ax


def _box(
    ax: Axes, corner: tuple[float, float], width: float, height: float, text: str, color: str = INK, line: str = "-"
) -> None:
    x, y = corner
    look = {"facecolor": "none", "edgecolor": color, "linestyle": line, "linewidth": 1.8}
    ax.add_patch(FancyBboxPatch(corner, width, height, boxstyle="round,pad=0,rounding_size=0.08", **look))
    ax.text(x + width / 2, y + height / 2, text, ha="center", va="center", linespacing=1.25)


def _arrow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], color: str = INK, *, bend: bool = False
) -> None:
    path = "bar,fraction=-0.12,angle=90" if bend else "arc3"
    look = {"arrowstyle": "-|>", "mutation_scale": 14, "linewidth": 1.6, "shrinkA": 1, "shrinkB": 1}
    ax.add_patch(FancyArrowPatch(start, end, connectionstyle=path, color=color, **look))

"""The book's visual language: one color and one mark for each thing, readable on white and on the dark page.

Hues are those of Okabe and Ito (2008), told apart with any color vision. Those that are too pale for a white page are
darkened, so that every one has a contrast of at least 3:1 on white and on the theme's dark page.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

INK = "#7a7a7a"  # axes and text: contrast 4.3:1 on white and 4.4:1 on the dark page
DARK_PAGE = "#121212"
WIDTH = 6.8  # inches of a full-width figure; at 100 dots an inch the width of the page's text

_LOOKS = {  # what is shown -> color and marker of matplotlib
    "real": ("#0072B2", "o"),
    "fake": ("#D55E00", "^"),
    "chosen": ("#009E73", "D"),
    "G": ("#D55E00", "^"),  # who makes the fakes
    "D": ("#9A6FB0", "s"),
    "plain": (INK, "o"),
    "random": (INK, "o"),
    "random_k": (INK, "s"),
    "top_k": ("#009E73", "^"),
    "bottom_k": ("#D55E00", "v"),
    "uncertain": ("#C46A9C", "D"),
    "softmax": ("#BC8200", "P"),
    "importance": ("#9C6B2F", "p"),
    "core_set": ("#0072B2", "*"),
    "latent_ascent": ("#2E95CC", ">"),
    "disagreement": ("#8F8A00", "X"),
    "oracle": ("#7A6FD0", "h"),  # chooses by the true density ratio
}
COLORS: Mapping[str, str] = MappingProxyType({name: color for name, (color, _) in _LOOKS.items()})
"""What is shown -> color, as ``#rrggbb``."""

MARKERS: Mapping[str, str] = MappingProxyType({name: marker for name, (_, marker) in _LOOKS.items()})
"""What is shown -> matplotlib marker: color is never the only difference."""

LINES: Mapping[str, object] = MappingProxyType(
    {
        "real": "-",
        "fake": "--",
        "chosen": "-.",
        "G": "--",
        "D": "-",
        "plain": "-",
        "random": "-",
        "random_k": ":",
        "top_k": "--",
        "bottom_k": "-.",
        "uncertain": (0, (5, 1, 1, 1, 1, 1)),
        "softmax": (0, (3, 1)),
        "importance": (0, (6, 1, 1, 1)),
        "core_set": (0, (1, 1)),
        "latent_ascent": (0, (8, 2)),
        "disagreement": (0, (8, 2, 1, 2)),
        "oracle": (0, (2, 2)),
    }
)
"""What is shown -> matplotlib line style."""

# Tints, so that points in the full colors stay visible on the map; the middle belongs to neither side.
VERDICT = LinearSegmentedColormap.from_list("algan_verdict", ["#E58E4E", "#F3F1EE", "#5FA6D3"])
"""D's verdict, from fake over "cannot tell" to real."""

STYLE: Mapping[str, object] = MappingProxyType(
    {
        "figure.figsize": (WIDTH, 4.0),
        "figure.dpi": 100,
        "figure.facecolor": "none",
        "figure.constrained_layout.use": True,
        "savefig.facecolor": "none",
        "savefig.dpi": 200,
        "axes.facecolor": "none",
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": "medium",
        "font.size": 12.5,  # points: 17 px at 100 dots an inch; the page's text has 16 px
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.labelsize": "medium",
        "ytick.labelsize": "medium",
        "legend.fontsize": "medium",
        "legend.frameon": False,
        "lines.linewidth": 2.0,
    }
)
"""Settings of matplotlib for transparent figures with mid-tone axes and text as large as the page's."""


def use_style() -> None:
    """Set matplotlib to the book's style, and a notebook's pictures to twice the screen's resolution.

    May be called twice. The plot functions work without it; then axes and text look as matplotlib has them.
    """
    mpl.rcParams.update(STYLE)
    try:
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:  # plain Python: there is no notebook to set
        return
    if getattr(get_ipython(), "kernel", None) is not None:
        set_matplotlib_formats("retina")


def axes_or_new(ax: Axes | None, figsize: tuple[float, float] | None = None) -> Axes:
    """Return ``ax``, or the axes of a new figure of ``figsize`` inches.

    Raises:
        TypeError: If ``ax`` is something else, such as the array of axes that ``subplots`` gives.
    """
    if ax is not None and not isinstance(ax, Axes):
        raise TypeError(f"ax must be one matplotlib Axes or None; got {type(ax).__name__}")
    return plt.subplots(figsize=figsize)[1] if ax is None else ax

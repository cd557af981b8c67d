"""The visual language: colors, marks, sizes."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from algan_lite import plots
from algan_lite.plots import style
from algan_lite.selection.select import STRATEGIES


def luminance(color: str) -> float:
    rgb = np.array(to_rgb(color))
    return float(np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_measure_on_known_pairs() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", plots.COLORS)
def test_every_color_reads_on_white_and_on_the_dark_page(name: str) -> None:
    assert contrast(plots.COLORS[name], "#ffffff") >= 3
    assert contrast(plots.COLORS[name], style.DARK_PAGE) >= 3


def test_things_differ_in_more_than_color() -> None:
    assert plots.COLORS.keys() == plots.MARKERS.keys() == plots.LINES.keys()
    assert STRATEGIES.keys() <= plots.COLORS.keys()
    for table in (plots.MARKERS, plots.LINES):
        looks = [table[name] for name in STRATEGIES]
        assert len(set(looks)) == len(looks)
        assert len({table[name] for name in ("real", "fake", "chosen")}) == 3
    assert len({plots.COLORS[name] for name in ("real", "fake", "chosen", "plain")}) == 4


def test_verdict_is_palest_in_the_middle_and_differs_at_the_ends() -> None:
    ends, middle = [to_hex(plots.VERDICT(value)) for value in (0.0, 1.0)], to_hex(plots.VERDICT(0.5))
    assert luminance(middle) > 0.8 > max(map(luminance, ends))
    fake, real = map(to_rgb, ends)
    assert fake[0] > fake[2]
    assert real[2] > real[0]


def test_style_is_transparent_large_and_repeatable() -> None:
    plots.use_style()
    plots.use_style()
    assert mpl.rcParams["figure.facecolor"] == mpl.rcParams["axes.facecolor"] == "none"
    page = mpl.rcParams["figure.dpi"] / 72  # css pixels a point, where a figure has its own width
    sizes = ("font.size", "axes.titlesize", "axes.labelsize", "xtick.labelsize", "legend.fontsize")
    for name in sizes:
        size = mpl.font_manager.FontProperties(size=mpl.rcParams[name]).get_size_in_points()
        assert size * page >= 16, name
    assert {mpl.rcParams[name] for name in ("text.color", "axes.edgecolor", "xtick.color")} == {plots.INK}

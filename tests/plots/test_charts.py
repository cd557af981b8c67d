"""Curves and intervals."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from plots.shared import FRAME

import algan_lite as al
from algan_lite import plots
from algan_lite.metrics import stats


def test_curves_show_mean_and_middle_of_the_runs() -> None:
    ax = plots.curves(FRAME, ["loss_D", "a"], labels=["D", "other"])
    first, second = ax.lines
    np.testing.assert_allclose(first.get_xydata(), [[1, 1], [10, 2], [20, 3]])
    assert to_hex(first.get_color()).upper() == plots.COLORS["D"]
    assert first.get_linestyle() != second.get_linestyle()
    edges = ax.collections[0].get_paths()[0].vertices
    at_10 = sorted(set(edges[np.isclose(edges[:, 0], 10), 1].round(6)))
    np.testing.assert_allclose(at_10, np.quantile([1, 3], [0.1, 0.9]))
    legend = ax.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["D", "other"]
    assert legend.get_title().get_text() == "mean of 2 runs; band: middle 80 %"
    assert ax.get_xlabel() == "step of G"


def test_curves_of_one_run_have_no_band_and_lost_runs_are_counted() -> None:
    alone = plots.curves(FRAME[FRAME["run"] == 0], "loss_D")
    assert not alone.collections
    assert alone.get_legend().get_title().get_text() == "1 run"
    lost = FRAME.copy()
    lost.loc[5, "loss_D"] = np.inf
    ax = plots.curves(lost, "loss_D", ax=plt.subplots()[1])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [1, 2, 2])
    assert "(1 end with a value that is not finite)" in ax.get_legend().get_title().get_text()


def test_curves_of_a_real_history() -> None:
    pair = al.models.ensemble(al.models.mlp_pair, runs=3, width=8, depth=1)
    config = al.TrainConfig(num_steps=20, batch_size=8)
    frame = al.train(*pair, al.data.ring(), config, progress=False).frame()
    ax = plots.curves(frame, ["logit_real", "logit_fake"], ylabel="logit")
    assert [to_hex(line.get_color()).upper() for line in ax.lines] == [plots.COLORS["real"], plots.COLORS["fake"]]
    assert ax.lines[0].get_xdata().tolist() == [1, 10, 20]
    assert ax.get_ylabel() == "logit"


def test_curves_refuse() -> None:
    with pytest.raises(ValueError, match="columns must be among run, step, loss_D, a; got nonsense"):
        plots.curves(FRAME, "nonsense")
    with pytest.raises(ValueError, match="labels must be 1 words, one a column; got 2"):
        plots.curves(FRAME, "loss_D", labels=["x", "y"])


def test_dots_keep_the_look_of_a_strategy_and_show_the_interval() -> None:
    interval = stats.bootstrap_interval([1.0, 2.0, 4.0, 5.0])
    names = ["top_k", "plain, twice", "other"]
    ax = plots.dots_with_intervals(names, [3.0, 1.0, 2.0], [interval, (0, 2), (2, 2)], xlabel="modes", reference=8)
    dots = [line for line in ax.lines if len(line.get_xdata()) == 1]
    assert [float(dot.get_xdata()[0]) for dot in dots] == [3, 1, 2]
    assert [dot.get_marker() for dot in dots] == [plots.MARKERS["top_k"], plots.MARKERS["plain"], "o"]
    assert dots[0].get_color() == plots.COLORS["top_k"]
    (segment,) = ax.collections[0].get_segments()
    np.testing.assert_allclose(segment[:, 0], [interval.low, interval.high])
    assert [text.get_text() for text in ax.get_yticklabels()] == names
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first on top
    assert ax.get_xlabel() == "modes"


def test_dots_refuse() -> None:
    with pytest.raises(ValueError, match="must be equally many; got 1, 2 and 1"):
        plots.dots_with_intervals(["a"], [1, 2], [(0, 1)])
    for low, high in ((1.5, 2), (0, 0.5), (float("nan"), 2)):
        with pytest.raises(ValueError, match="intervals must hold the value"):
            plots.dots_with_intervals(["a"], [1], [(low, high)])


MARKS = {"uniform_box": 0.09, "shapeless": 0.38, "copycat": 0.99, "perfect": 0.989}


def test_marks_are_level_lines_with_names_beside_the_axes() -> None:
    ax = plt.subplots()[1]
    ax.plot([0, 10], [0.3, 0.6])
    before = ax.get_xlim()
    assert plots.mark_sentinels(ax, MARKS) is ax
    lines = ax.lines[1:]
    assert [line.get_ydata()[0] for line in lines] == list(MARKS.values())
    assert all(list(line.get_xdata()) == [0, 1] for line in lines)  # from side to side
    low, high = ax.get_ylim()
    assert low < 0.09
    assert high > 0.99
    assert ax.get_xlim() == before
    texts = {text.get_text(): text.get_position() for text in ax.texts}
    assert list(texts) == ["uniform_box", "shapeless", "copycat\nperfect"]  # two that are too near share a label
    place = ax.transAxes.inverted().transform(ax.transData.transform((0, 0.38)))[1]
    assert texts["shapeless"] == pytest.approx((1.01, place))


def test_marks_may_stand_upright_and_on_axes_that_run_down_or_are_logarithmic() -> None:
    ax = plots.dots_with_intervals(["top_k"], [0.5], [(0.4, 0.6)])
    ends = ax.get_ylim()
    plots.mark_sentinels(ax, pd.Series({"uniform_box": 0.09, "perfect": 0.99}), axis="x")
    assert [line.get_xdata()[0] for line in ax.lines[1:]] == [0.09, 0.99]
    assert ax.get_ylim() == ends
    assert ax.get_xlim()[0] < 0.09 < 0.99 < ax.get_xlim()[1]
    down = plt.subplots()[1]
    down.set_ylim(5, 1)
    plots.mark_sentinels(down, {"a": 0.5})
    assert down.get_ylim()[0] == 5
    assert 0.3 < down.get_ylim()[1] < 0.5
    log = plt.subplots()[1]
    log.set_yscale("log")
    log.set_ylim(0.01, 1)
    plots.mark_sentinels(log, {"a": 0.1, "b": 10.0})
    assert log.get_ylim() == (0.01, 10)
    assert log.texts[0].get_position()[1] == pytest.approx(1 / 3)


def test_marks_inside_the_axes_leave_its_ends() -> None:
    ax = plt.subplots()[1]
    ax.set_ylim(0, 1)
    plots.mark_sentinels(ax, {"shapeless": 0.4})
    assert ax.get_ylim() == (0, 1)


def test_marks_refuse() -> None:
    ax = plt.subplots()[1]
    for call, error, message in (
        (lambda: plots.mark_sentinels(None, MARKS), TypeError, "ax must be one matplotlib Axes; got NoneType"),
        (lambda: plots.mark_sentinels(ax, [1.0]), TypeError, "marks must be a mapping"),
        (lambda: plots.mark_sentinels(ax, {}), ValueError, "marks must hold 1 value or more; got none"),
        (lambda: plots.mark_sentinels(ax, {"a": np.nan}), ValueError, r"marks\['a'\] must be in"),
        (lambda: plots.mark_sentinels(ax, MARKS, axis="z"), ValueError, "axis must be one of y, x; got 'z'"),
    ):
        with pytest.raises(error, match=message):
            call()

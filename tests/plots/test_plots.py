"""The figures: what is drawn, its colors and marks, what is refused, and what is left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from torch import Tensor, nn

import algan_lite as al
from algan_lite import plots
from algan_lite.metrics import stats
from algan_lite.plots import style
from algan_lite.plots.networks import layer_rows
from algan_lite.selection.select import STRATEGIES

POINTS = torch.randn(30, 2, generator=torch.Generator().manual_seed(0))
G, D = al.models.mlp_pair(width=8, depth=1)
FRAME = pd.DataFrame({"run": [0, 1] * 3, "step": [1, 1, 10, 10, 20, 20], "loss_D": [0.0, 2, 1, 3, 2, 4], "a": 1.0})
DRAW: dict[str, Callable[[Axes], object]] = {
    "scatter": lambda ax: plots.scatter(POINTS, POINTS + 1, chosen=POINTS[:3], ax=ax),
    "decision_map": lambda ax: plots.decision_map(D, ax, resolution=9),
    "image_grid": lambda ax: plots.image_grid(torch.zeros(5, 1, 4, 3), ax=ax),
    "curves": lambda ax: plots.curves(FRAME, "loss_D", ax=ax),
    "dots_with_intervals": lambda ax: plots.dots_with_intervals(["top_k"], [1.0], [(0.5, 2.0)], ax),
    "draw_network": lambda ax: plots.draw_network(G, ax),
    "six_steps_diagram": lambda ax: plots.six_steps_diagram(ax),
}


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    with mpl.rc_context():
        yield
    plt.close("all")


def new() -> Axes:
    return plt.subplots()[1]


def luminance(color: str) -> float:
    rgb = np.array(to_rgb(color))
    return float(np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


# The visual language


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


# What every function keeps


@pytest.mark.parametrize("name", DRAW)
def test_draws_on_the_axes_given_and_leaves_the_world_alone(name: str) -> None:
    ax, before = new(), torch.get_rng_state()
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


# Points and maps


def test_scatter_draws_the_first_points_of_each_kind() -> None:
    ax = plots.scatter(POINTS.requires_grad_(False), POINTS + 1, chosen=POINTS[:3], most=10, limit=2.5, title="here")
    real, fake, chosen = ax.collections
    np.testing.assert_allclose(real.get_offsets(), POINTS[:10].numpy(), rtol=1e-6)
    np.testing.assert_allclose(fake.get_offsets(), POINTS[:10].numpy() + 1, rtol=1e-6)
    assert len(chosen.get_offsets()) == 3
    colors = [to_hex(group.get_facecolor()[0]).upper() for group in (real, fake, chosen)]
    assert colors == [plots.COLORS[kind].upper() for kind in ("real", "fake", "chosen")]
    assert len({group.get_paths()[0].vertices.tobytes() for group in (real, fake, chosen)}) == 3
    assert ax.get_xlim() == ax.get_ylim() == (-2.5, 2.5)
    assert ax.get_title() == "here"
    assert "data units" in ax.get_xlabel()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["real", "fake", "chosen"]


def test_scatter_takes_tensors_that_need_gradients_and_half_floats() -> None:
    ax = plots.scatter(None, POINTS.clone().requires_grad_(True).bfloat16(), ax=new())
    assert len(ax.collections) == 1
    assert ax.get_legend() is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x_real": torch.zeros(3, 3)}, r"x_real must be a tensor of points \(N, 2\), of one run; got \(3, 3\)"),
        ({"x_real": None, "x_fake": torch.zeros(2, 3, 2)}, r"x_fake must be .* got \(2, 3, 2\)"),
        ({"x_real": None, "chosen": [1.0]}, "chosen must be .* got list"),
        ({"x_real": POINTS, "limit": 0}, r"limit must be a number in|limit must be in \(0, inf\); got 0"),
        ({"x_real": POINTS, "most": 0}, r"most must be in \[1, inf\); got 0"),
        ({"x_real": POINTS, "size": -1}, r"size must be in \(0, inf\); got -1"),
    ],
)
def test_scatter_refuses(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plots.scatter(**arguments)


class Slope(nn.Module):
    """A linear D: logit = x_1 + 2 x_2."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0] + 2 * x[:, 1]


def test_decision_map_shows_the_probability_at_every_point() -> None:
    ax = plots.decision_map(Slope(), extent=(-1, 1, -2, 4), resolution=3)
    expected = torch.sigmoid(torch.tensor([[-1.0, 0, 1]]) + 2 * torch.tensor([[-2.0], [1], [4]]))
    (image,) = ax.images
    np.testing.assert_allclose(image.get_array(), expected, rtol=1e-5)
    assert image.get_clim() == (0, 1)
    assert image.origin == "lower"
    assert image.get_extent() == [-1, 1, -2, 4]
    key = ax.figure.axes[1]
    assert "verdict" in key.get_ylabel()
    assert [tick.get_text() for tick in key.get_yticklabels()] == ["0 fake", "½ cannot\ntell", "1 real"]


@pytest.mark.parametrize(
    ("loss", "sign", "middle"),
    [("least_squares", 1, 0.5), ("hinge", 1, 0.0), ("wasserstein", 1, None), ("energy", -1, None)],
)
def test_decision_map_of_a_loss_without_a_probability_is_centered_on_its_boundary(
    loss: str, sign: int, middle: float | None
) -> None:
    ax = plots.decision_map(Slope(), extent=(0, 2, 0, 2), resolution=3, loss=loss)
    realness = sign * (torch.tensor([[0.0, 1, 2]]) + 2 * torch.tensor([[0.0], [1], [2]]))
    if middle is None:
        middle = float(realness.median()) if loss == "wasserstein" else al.LOSSES[loss].boundary
    np.testing.assert_allclose(ax.images[0].get_array(), realness - middle, rtol=1e-5, atol=1e-6)
    low, high = ax.images[0].get_clim()
    assert low == -high
    assert high == pytest.approx(float((realness - middle).abs().quantile(0.98)), rel=1e-5)


def test_decision_map_keeps_the_limits_of_what_is_drawn() -> None:
    ax = plots.scatter(POINTS, ax=new(), limit=5)
    plots.decision_map(D, ax, resolution=5, colorbar=False)
    assert ax.get_xlim() == ax.get_ylim() == (-5, 5)
    assert len(ax.figure.axes) == 1
    assert ax.images[0].get_zorder() < ax.collections[0].get_zorder()


def test_decision_map_refuses() -> None:
    Ds = al.models.ensemble(al.models.mlp_pair, runs=3, width=8)[1]
    with pytest.raises(ValueError, match=r"D must return one logit a point, \(25,\); got \(3, 25\)"):
        plots.decision_map(Ds, resolution=5)
    with pytest.raises(ValueError, match="extent must be"):
        plots.decision_map(D, extent=(1, 1, 0, 2))
    with pytest.raises(ValueError, match=r"resolution must be in \[2, inf\); got 1"):
        plots.decision_map(D, resolution=1)
    with pytest.raises(ValueError, match="loss must be one of"):
        plots.decision_map(D, loss="nonsense")


def test_training_strip_has_a_panel_a_moment_on_one_scale() -> None:
    axes = plots.training_strip({1: (G, D), 2000: (G, D)}, POINTS, torch.zeros(4, 2), limit=2)
    assert [ax.get_title() for ax in axes] == ["step 1", "step 2,000"]
    with torch.no_grad():
        expected = G(torch.zeros(4, 2))
    for ax in axes:
        np.testing.assert_allclose(ax.collections[1].get_offsets(), expected, rtol=1e-5)
        assert ax.images[0].get_clim() == (0, 1)
        assert ax.get_xlim() == (-2, 2)
    assert [text.get_text() for text in axes[0].figure.legends[0].get_texts()] == ["real", "fake"]
    with pytest.raises(ValueError, match="loss must give a probability"):
        plots.training_strip({1: (G, D)}, POINTS, torch.zeros(4, 2), loss="hinge")
    with pytest.raises(ValueError, match="moments must hold at least 1"):
        plots.training_strip({}, POINTS, torch.zeros(4, 2))


# Images


def test_image_grid_shows_the_first_images_row_by_row() -> None:
    images = torch.arange(7.0).div(3).sub(1).view(7, 1, 1, 1).expand(7, 1, 2, 2)
    ax = plots.image_grid(images, columns=3, most=5, title="five")
    sheet = np.ma.filled(ax.images[0].get_array().astype(float), np.nan)
    assert sheet.shape == (5, 8)
    shown = [sheet[3 * (k // 3), 3 * (k % 3)] for k in range(5)]
    np.testing.assert_allclose(shown, images[:5, 0, 0, 0].clamp(-1, 1).numpy(), rtol=1e-6)
    assert np.isnan(sheet[:, 2]).all()  # the gap
    assert np.isnan(sheet[3:, 6:]).all()  # the place of the sixth
    assert ax.images[0].get_clim() == (-1, 1)
    assert not ax.axison
    assert ax.get_title() == "five"


def test_image_grid_refuses() -> None:
    for bad in (torch.zeros(4, 28, 28), torch.zeros(0, 1, 8, 8), torch.zeros(2, 3, 1, 8, 8), torch.zeros(2, 3, 8, 8)):
        with pytest.raises(ValueError, match=r"images must be a tensor \(N, 1, height, width\)"):
            plots.image_grid(bad)
    with pytest.raises(ValueError, match=r"columns must be in \[1, inf\); got 0"):
        plots.image_grid(torch.zeros(2, 1, 8, 8), columns=0)


# Curves and intervals


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
    ax = plots.curves(lost, "loss_D", ax=new())
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


# Drawings


def test_rows_of_a_dense_network_are_its_layers() -> None:
    rows = layer_rows(al.models.article_pair()[0])
    assert [row.shape for row in rows] == [(100,), (128,), (128,), (1024,), (1, 28, 28)]
    assert [row.details for row in rows] == ["", "ReLU", "ReLU", "ReLU", "tanh"]
    assert [row.weights for row in rows] == [0, 12_928, 16_512, 132_096, 803_600]


@pytest.mark.parametrize("options", [{}, {"spectral_norm": True}, {"num_heads": 3}])
def test_rows_of_a_convolutional_network_count_every_weight(options: dict[str, object]) -> None:
    for net in al.models.conv_pair(channels=4, **options):
        rows = layer_rows(net)
        assert sum(row.weights for row in rows) == sum(p.numel() for p in net.parameters())
    assert rows[0].shape == (1, 28, 28)
    assert [row.shape for row in rows[1:4]] == [(4, 14, 14), (8, 7, 7), (16, 7, 7)]
    assert rows[1].text == "convolution 3×3"
    assert rows[1].details == "step 2, leaky ReLU"
    assert rows[-1].shape == (1,)


def test_drawn_network_shows_text_and_shapes_in_order() -> None:
    Gs = al.models.ensemble(al.models.conv_pair, runs=2, channels=4)[0]
    ax = plots.draw_network(Gs)
    texts = [text.get_text() for text in ax.texts]
    shapes = [text for text in texts if text.replace("×", "").isdigit()]
    assert shapes == ["64", "16×7×7", "16×14×14", "8×14×14", "8×28×28", "4×28×28", "1×28×28"]
    assert ax.get_title() == f"G: {sum(p.numel() for p in Gs.member(0).parameters()):,} weights"
    with pytest.raises(TypeError, match="net must be a network with latent_dim or sample_shape; got Linear"):
        plots.draw_network(nn.Linear(2, 2))


def test_six_steps_are_six_in_order() -> None:
    ax = plots.six_steps_diagram()
    texts = [text.get_text() for text in ax.texts]
    steps = [text for text in texts if text[0].isdigit()]
    assert [step[0] for step in steps] == list("123456")
    assert any("D's feedback" in text for text in texts)


@pytest.mark.parametrize("draw", [plots.six_steps_diagram, lambda: plots.draw_network(al.models.conv_pair()[1])])
def test_text_of_a_drawing_stays_inside_its_box_and_figure(draw: Callable[[], Axes]) -> None:
    plots.use_style()
    ax = draw()
    ax.figure.canvas.draw()
    boxes = [patch.get_window_extent() for patch in ax.patches if hasattr(patch, "get_boxstyle")]
    assert boxes
    for text in ax.texts:
        extent = text.get_window_extent()
        assert extent.x0 >= 0
        assert extent.x1 <= ax.figure.bbox.x1
        center = ((extent.x0 + extent.x1) / 2, (extent.y0 + extent.y1) / 2)
        for box in (box for box in boxes if box.contains(*center)):
            assert box.x0 <= extent.x0
            assert extent.x1 <= box.x1
            assert box.y0 <= extent.y0
            assert extent.y1 <= box.y1

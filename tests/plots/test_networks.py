"""Drawings of networks and of the six steps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from matplotlib.axes import Axes
from torch import nn

import algan_lite as al
from algan_lite import plots
from algan_lite.plots.networks import layer_rows


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

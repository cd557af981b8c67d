"""Points and D's verdict in the plane."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from plots.shared import POINTS, D, G
from torch import Tensor, nn

import algan_lite as al
from algan_lite import plots


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
    ax = plots.scatter(None, POINTS.clone().requires_grad_(True).bfloat16(), ax=plt.subplots()[1])
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
    ax = plots.scatter(POINTS, ax=plt.subplots()[1], limit=5)
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

"""Grids of images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from algan_lite import plots


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

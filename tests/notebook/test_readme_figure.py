"""The picture of the README."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

from tools.assets import make_readme_figure


def test_picture_is_transparent_and_not_empty(tmp_path: Path) -> None:
    target = tmp_path / "readme.png"
    with mpl.rc_context():
        make_readme_figure.draw(target, steps=(1, 2))
    plt.close("all")
    pixels = plt.imread(target)
    assert pixels.shape[2] == 4
    assert pixels[0, 0, 3] == 0
    assert 0.2 < float((pixels[..., 3] > 0.5).mean()) < 0.95
    shipped = plt.imread(make_readme_figure.TARGET)
    assert shipped[0, 0, 3] == 0
    assert shipped.shape[1] >= 1200

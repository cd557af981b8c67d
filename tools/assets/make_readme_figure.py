"""Draw the picture of the README and of the book's first page: ``python -m tools.assets.make_readme_figure``."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import torch

from algan_lite.data.plane import ring
from algan_lite.models.pairs import mlp_pair
from algan_lite.plots import training_strip, use_style
from algan_lite.training.callbacks import Snapshots
from algan_lite.training.config import TrainConfig
from algan_lite.training.loop import train
from tools.book.pages import ROOT

TARGET = ROOT / "book" / "_assets" / "readme.png"
STEPS = (50, 500, 4000)


def draw(target: Path = TARGET, steps: tuple[int, ...] = STEPS) -> None:
    """Train one GAN on the ring and write the picture.

    Args:
        target: The PNG file, transparent.
        steps: The moments that are shown; training ends with the last.
    """
    mpl.use("Agg")
    use_style()
    source, keep = ring(std=0.1), Snapshots(steps)
    G, D = mlp_pair(seed=0)
    config = TrainConfig(num_steps=steps[-1], batch_size=128, regularizers={"r1": 0.1})
    train(G, D, source, config, seed=0, callbacks=[keep], progress=False)
    z = torch.randn(400, 2, generator=torch.Generator().manual_seed(0))
    axes = training_strip(keep.pairs, source.sample(400, seed=0), z)
    axes[0].figure.savefig(target, transparent=True)
    plt.close(axes[0].figure)


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)

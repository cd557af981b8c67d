"""The bed of the methods' chapters: data, networks and plain GAN on which ways to train are compared.

The study ``bed`` chose it, from ten, by looking at the plain GAN only, on the seeds of tuning.
"""

from __future__ import annotations

from algan_lite.data.plane import ring
from algan_lite.data.sources import Source
from algan_lite.training.config import TrainConfig

BED: Source = ring(modes=8, radius=2.0, std=0.05)
SIZES: dict[str, object] = {"sample_shape": (2,), "width": 32, "depth": 2}  # of ``mlp_pair``
PLAIN = TrainConfig(num_steps=2000, batch_size=128, lr=5e-3, betas=(0.5, 0.99))

"""What the tests of plots share: points, a pair, a frame."""

from __future__ import annotations

import pandas as pd
from helpers import normal

import algan_lite as al

POINTS = normal(30, 2)
G, D = al.models.mlp_pair(width=8, depth=1)
FRAME = pd.DataFrame({"run": [0, 1] * 3, "step": [1, 1, 10, 10, 20, 20], "loss_D": [0.0, 2, 1, 3, 2, 4], "a": 1.0})

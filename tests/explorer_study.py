"""An invented study with the layout of the real one: its numbers depend on lambda and time, but nothing was trained."""

from __future__ import annotations

import numpy as np

from algan_lite.studies.study import Study

PLAIN = ("r1", "r2", "wgan_gp", "dragan", "lecam", "mode_seeking", "consensus")
STRATEGIES = ("random_k", "top_k", "bottom_k", "uncertain", "softmax", "core_set", "latent_ascent", "disagreement")
COMBOS = [("wasserstein", name, "random") for name in PLAIN] + [("wasserstein", "r1", name) for name in STRATEGIES]
COMBOS += [("non_saturating", name, "random") for name in ("r1", "lecam")]
METRICS = ("modes", "quality", "reverse_kl", "loss_D", "loss_G")


def centers(data: str) -> np.ndarray:
    """Return where the modes are, (K, 2)."""
    if data == "ring":
        angle = 2 * np.pi * np.arange(8) / 8
        return 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    side = np.arange(5) - 2.0
    return np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)


def in_bytes(points: np.ndarray) -> np.ndarray:
    return np.clip(np.rint((points + 3) / 6 * 255), 0, 255).astype(np.uint8)


def one_data_set(data: str, shape: tuple[int, int, int], points: int, side: int, rng: np.random.Generator) -> dict:
    """Return the arrays of one data set; ``shape`` is (C, L, T)."""
    modes = centers(data)
    C, L, T = shape
    good = np.exp(-((np.linspace(-1.6, 1.2, L)[None, :, None] + 0.1 * np.arange(C)[:, None, None] / C) ** 2))
    skill = good * np.linspace(0.08, 1, T) * rng.uniform(0.75, 1, (C, L, T))  # 0 to 1
    found = np.clip(np.rint(skill[..., None] * len(modes) + rng.normal(0, 0.6, (*shape, 4))), 0, len(modes))
    quality = np.clip(skill[..., None] + rng.normal(0, 0.05, (*shape, 4)), 0, 1)
    kl = np.log(len(modes) / np.maximum(found, 1)) + 0.05
    losses = [1.4 - 0.6 * (1 - skill), 0.7 + 3 * (1 - skill)]
    losses = [loss[..., None] + rng.normal(0, 0.1, (*shape, 4)) for loss in losses]
    values = np.stack([found, quality, kl, *losses], axis=-1).astype(np.float32)
    values[0, -1, T // 2 :, 1:3] = np.nan  # two of four seeds diverge
    values[4, -1, -1] = np.nan  # here all of them do
    target = modes[rng.integers(len(modes), size=points)] + rng.normal(0, 0.08, (points, 2))
    noise = rng.normal(0, 0.9, (C, L, 1, points, 2))
    fakes = target * skill[..., None, None] ** 0.3 + noise * (1 - skill[..., None, None])
    grid = np.linspace(-3, 3, side)
    spot = np.stack(np.meshgrid(grid, grid), axis=-1)
    near = np.exp(-np.square(spot[:, :, None] - modes).sum(-1).min(-1) / 0.4)
    logits = 3 * (near - 0.4) * (1.1 - skill)[..., None, None] + 0.3 * rng.normal(0, 1, (*shape, 1, 1))
    chosen = np.ones((*shape, points), bool)
    choosing = slice(len(PLAIN), len(PLAIN) + len(STRATEGIES))
    chosen[choosing] = rng.random(chosen[choosing].shape) < 0.5
    reals = modes[rng.integers(len(modes), size=200)] + rng.normal(0, 0.1, (200, 2))
    return {
        "values": values,
        "fakes": in_bytes(fakes),
        "chosen": chosen,
        "heat": np.rint(255 / (1 + np.exp(-logits))).astype(np.uint8),
        "zeros": np.array([[0, 0.09, 0.02, np.nan, np.nan], [len(modes), 0.38, 0.001, np.nan, np.nan]]),
        "reals": in_bytes(reals),
        "box": np.array([-3.0, 3, -3, 3]),
    }


def invented_study(lams: int = 13, steps: int = 12, points: int = 64, side: int = 16, **provenance: object) -> Study:
    """Return a study of two data sets, 2 losses, 7 regularizers and 9 strategies with 4 seeds."""
    rng = np.random.default_rng(0)
    arrays = {
        "data": np.array(["ring", "grid"]),
        "combos": np.array(COMBOS),
        "lams": np.concatenate([[0.0], np.logspace(-3, 1, lams - 1)]),
        "steps": np.rint(np.geomspace(50, 3000, steps)).astype(int),
        "metrics": np.array(METRICS),
        "num_modes": np.array([8, 25]),
        "sentinels": np.array(["uniform_box", "shapeless"]),
    }
    for data in ("ring", "grid"):
        parts = one_data_set(data, (len(COMBOS), lams, steps), points, side, rng)
        arrays |= {f"{data}/{name}": array for name, array in parts.items()}
    return Study("invented", {"command": "none", "commit": "0", "date": "2026-01-01", **provenance}, arrays=arrays)

"""What the live panel trains and shows: one run of its settings, and what there is to see."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from algan_lite.core.rng import draw, stream
from algan_lite.metrics.table import METRICS
from algan_lite.selection import select_noise
from algan_lite.training.state import TrainState
from algan_lite.widgets.panel.settings import Settings, source_of

MOST_ROWS = 200  # of the loss curve
POINTS = 1_000  # fakes that are measured; the first of them are drawn


@dataclass
class Run:
    """One GAN since its last reset, and its losses: at most 2 * MOST_ROWS averages over equally many steps."""

    G: nn.Module
    D: nn.Module
    step: int = 0
    parts: int = 0  # calls of train(): one after every change of the rules
    last: dict[str, float] = field(default_factory=dict)
    curve: list[np.ndarray] = field(default_factory=list)  # rows (step, loss of D, loss of G)
    _stride: int = 1
    _block: list[tuple[float, ...]] = field(default_factory=list)

    def note(self, state: TrainState) -> None:
        """Count a step and take its values out of the history, which would grow without end."""
        self.step += 1
        self.last = {name: rows.pop().item() for name, rows in state.history.columns.items()}
        state.history.steps.clear()
        self._block.append((self.step, self.last["loss_D"], self.last["loss_G"]))
        if len(self._block) == self._stride:
            self.curve.append(np.mean(self._block, axis=0))
            self._block.clear()
        if len(self.curve) == 2 * MOST_ROWS:
            self.curve = [(a + b) / 2 for a, b in zip(self.curve[::2], self.curve[1::2], strict=True)]
            self._stride *= 2


@dataclass(frozen=True)
class Frame:
    """What there is to see between two steps; ``modes`` and ``quality`` are None where the data have no modes."""

    settings: Settings
    step: int
    playing: bool
    rate: float | None  # steps a second
    x_real: Tensor  # (POINTS, 2)
    x_fake: Tensor  # (POINTS or more, 2), always of the same plain noise
    chosen: Tensor | None  # (N, 2), the fakes on which G would be trained, where a strategy has a choice
    D: nn.Module
    curve: np.ndarray  # (rows, 3)
    last: dict[str, float]  # values of the last step, as ``History`` names them
    modes: tuple[int, int] | None  # found, of how many
    quality: float | None  # share of fakes within 3 sigma of a mode


class Scene:
    """One run under one set of rules: what ``train()`` is called with, and the same points for every frame."""

    def __init__(self, settings: Settings, run: Run) -> None:
        self.run, self.config, self.source = run, settings.config(), source_of(settings.data)
        self._seed = settings.seed
        self._x_real = self.source.sample(POINTS, generator=stream(settings.seed, "panel reals"))
        self._pool = self.config.batch_size * self.config.pool_factor
        self._z = draw(stream(settings.seed, "panel noise"), (max(POINTS, self._pool), run.G.latent_dim), "cpu")

    @torch.no_grad()
    def frame(self, settings: Settings, playing: bool, rate: float | None) -> Frame:
        """Look at the networks as they are; nothing in them changes."""
        run, source, chosen, modes, quality = self.run, self.source, None, None, None
        x_fake = run.G(self._z)
        if not self.config.chooses_plain:
            own, config, pool = stream(self._seed, "panel choice"), self.config, self._z[: self._pool]
            how = {"strategy": config.strategy, "loss": config.loss, "generator": own}
            chosen = run.G(select_noise(run.G, run.D, pool, config.batch_size, **how).z)
        if source.modes is not None:
            modes = int(METRICS["mode_coverage"](x_fake, source)), len(source.modes)
            quality = float(METRICS["quality_3sigma"](x_fake, source))
        curve = np.array(run.curve).reshape(-1, 3)
        points = self._x_real, x_fake, chosen
        return Frame(settings, run.step, playing, rate, *points, run.D, curve, dict(run.last), modes, quality)

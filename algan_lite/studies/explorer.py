"""What the lambda explorer shows: every regularizer and strategy at every lambda, watched while it trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from algan_lite.core.rng import draw, stream
from algan_lite.data.plane import grid, ring
from algan_lite.data.sources import Source
from algan_lite.metrics.table import METRICS
from algan_lite.models.pairs import ensemble, mlp_pair
from algan_lite.objective.regularizers import WITHOUT_MOVES
from algan_lite.selection.select import select_noise
from algan_lite.training.config import TrainConfig
from algan_lite.training.history import TrainingDiverged
from algan_lite.training.loop import train
from algan_lite.training.state import TrainState

DATA: dict[str, Callable[[], Source]] = {"ring": lambda: ring(std=0.05), "grid": grid}
STRATEGIES_SHOWN = ("random_k", "top_k", "bottom_k", "uncertain", "softmax", "core_set", "latent_ascent")
COMBOS = [(name, "random") for name in WITHOUT_MOVES] + [("r1", name) for name in STRATEGIES_SHOWN]
LAMS = (0.0, 0.00032, 0.001, 0.0032, 0.01, 0.032, 0.1, 0.32, 1.0, 3.2, 10.0, 32.0, 100.0)
STEPS = (25, 50, 100, 200, 300, 450, 700, 1000, 1400, 1900, 2400, 3000)
VALUES = ("modes", "quality", "reverse_kl", "loss_D", "loss_G")
SIZES = {"width": 32, "depth": 3}
BOX = (-3.0, 3.0, -3.0, 3.0)  # xmin, xmax, ymin, ymax of the picture, in data units


@dataclass
class Camera:
    """A callback of ``train()`` that keeps what the explorer shows at some steps.

    Attributes:
        source: The data; it has modes.
        strategy: Whose choice is marked.
        first: The runs whose fakes and D are kept: the first seed of every lambda.
        steps: When to look.
        num_points: Fakes that are shown, P.
        side: Side of D's heat map, H.
        frames: One dictionary a look.
    """

    source: Source
    strategy: str
    first: Sequence[int]
    steps: Sequence[int] = STEPS
    num_points: int = 64
    side: int = 16
    frames: list[dict[str, np.ndarray]] = field(default_factory=list)

    @torch.no_grad()
    def __call__(self, state: TrainState) -> None:
        """Look if this step is one of ours."""
        if state.step not in self.steps:
            return
        columns, x = state.history.columns, state.G(_latents(2500, "measured", state))
        lost = state.history.diverged_at >= 0
        measured = [METRICS[name](x, self.source) for name in ("mode_coverage", "quality_4sigma", "reverse_kl")]
        values = torch.stack([*measured, columns["loss_D"][-1], columns["loss_G"][-1]], -1)  # (R, 5)
        values[lost] = torch.nan
        fakes, chosen = self._choose(state)
        frame = {"values": values, "fakes": fakes, "chosen": chosen, "heat": self._look(state)}
        self.frames.append({name: value.cpu().numpy() for name, value in frame.items()})

    def _choose(self, state: TrainState) -> tuple[Tensor, Tensor]:
        z = _latents(self.num_points, "shown", state).expand(state.runs, -1, -1)
        draws = draw(stream(0, "lambda study, chance"), z.shape[:-1], state.device, "uniform")
        picked = select_noise(state.G, state.D, z, self.num_points // 2, self.strategy, noise=draws)
        # Chosen fakes are shown where training sees them: latent_ascent moves them.
        rows = picked.indices.unsqueeze(-1).expand(-1, -1, 2)
        x = state.G(z).scatter(1, rows, state.G(picked.z))
        chosen = torch.zeros(z.shape[:-1], dtype=torch.bool).scatter(1, picked.indices, self.strategy != "random")
        return quantize(x[self.first]), chosen[self.first]

    def _look(self, state: TrainState) -> Tensor:
        x, y = (torch.linspace(low, high, self.side) for low, high in (BOX[:2], BOX[2:]))
        places = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, 2)  # row 0 is ymin
        logits = state.D(places)[self.first].reshape(-1, self.side, self.side)
        return logits.sigmoid().mul(255).nan_to_num(128).round().byte()


def _latents(n: int, purpose: str, state: TrainState) -> Tensor:
    return draw(stream(0, f"lambda study, {purpose}"), (n, state.G.latent_dim), state.device)


def quantize(x: Tensor) -> Tensor:
    """Return points (..., 2) as whole numbers 0 to 255 over the box; what lies outside is put on its edge."""
    low, high = torch.tensor(BOX[::2]), torch.tensor(BOX[1::2])
    return ((x - low) / (high - low) * 255).nan_to_num(0.0).clamp(0, 255).round().byte()


def watch(
    data: str,
    regularizer: str,
    strategy: str,
    lams: Sequence[float] = LAMS,
    seeds: Sequence[int] = range(4),
    steps: Sequence[int] = STEPS,
) -> dict[str, np.ndarray]:
    """Train one combination at every lambda and seed, as one ensemble, and return what the camera saw.

    Args:
        data: Name in ``DATA``.
        regularizer: Name in ``REGULARIZERS``.
        strategy: Name in ``STRATEGIES``; all but ``random`` choose from a pool of twice the batch.
        lams: L values of lambda.
        seeds: S seeds; the first one's fakes and D are kept.
        steps: T steps at which to look, each a multiple of 25.

    Returns:
        ``values`` (L, T, S, 5), ``fakes`` (L, T, P, 2), ``chosen`` (L, T, P) and ``heat`` (L, T, H, H).
    """
    source, runs = DATA[data](), [seed for _ in lams for seed in seeds]
    G, D = ensemble(mlp_pair, seed=runs, **SIZES)
    config = TrainConfig(
        num_steps=max(steps),
        batch_size=128,
        lr=2e-3,
        regularizers={regularizer: torch.tensor(lams).repeat_interleave(len(seeds))},
        strategy=strategy,
        pool_factor=1 if strategy == "random" else 2,
        log_every=25,
    )
    camera = Camera(source, strategy, range(0, len(runs), len(seeds)), steps)
    try:
        train(G, D, source, config, seed=runs, callbacks=[camera], progress=False)
    except TrainingDiverged:  # every run is lost: the last look stays as it is
        camera.frames += [camera.frames[-1]] * (len(steps) - len(camera.frames))
    seen = {
        name: np.stack([frame[name] for frame in camera.frames], 1) for name in camera.frames[0]
    }  # (R or L, T, ...)
    values = seen["values"].reshape(len(lams), len(seeds), len(steps), -1).swapaxes(1, 2)
    # Half precision holds three digits: more than four seeds can tell apart, and half the download.
    return {**seen, "values": values.clip(-6e4, 6e4).astype(np.float16)}


def calls() -> dict[str, tuple[str, str, str]]:
    """Return the study's parts, name -> arguments of ``watch``: every combination on every data set."""
    return {f"{data}-{'-'.join(combo)}": (data, *combo) for data in DATA for combo in COMBOS}


def assemble(seen: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the study's arrays from its parts, name -> what ``watch`` returned."""
    named = {"data": list(DATA), "combos": COMBOS, "lams": LAMS, "steps": STEPS, "metrics": VALUES}
    arrays = {name: np.array(value) for name, value in named.items()}
    arrays["num_modes"] = np.array([len(source().modes) for source in DATA.values()])
    for data, source in DATA.items():
        own = [part for name, part in seen.items() if name.startswith(f"{data}-")]
        arrays |= {f"{data}/{name}": np.stack([part[name] for part in own]) for name in own[0]}
        arrays[f"{data}/reals"] = quantize(source().sample(256, seed=0)).numpy()
        arrays[f"{data}/box"] = np.array(BOX)
    return arrays

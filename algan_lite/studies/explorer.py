"""What the lambda explorer shows: losses, regularizers and strategies at every lambda, watched while they train."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from algan_lite.core.rng import draw, stream
from algan_lite.data.plane import ring
from algan_lite.data.sources import Source
from algan_lite.metrics.table import METRICS
from algan_lite.metrics.yardstick import sentinel_runs
from algan_lite.models.pairs import ensemble, mlp_pair
from algan_lite.objective.losses import resolve_loss
from algan_lite.selection.select import select_noise
from algan_lite.training.config import TrainConfig
from algan_lite.training.engines import RUNS
from algan_lite.training.history import TrainingDiverged
from algan_lite.training.loop import train
from algan_lite.training.state import TrainState

DATA: dict[str, Callable[[], Source]] = {"ring": lambda: ring(std=0.1)}
SHOWN: dict[str, tuple[str, ...]] = {  # loss -> regularizers; the first combination is where the explorer opens
    "wasserstein": ("r1", "wgan_gp", "dragan"),
    "non_saturating": ("r1",),
}
STRATEGIES_SHOWN = ("top_k",)
COMBOS = [(loss, name, "random") for loss, names in SHOWN.items() for name in names]
COMBOS += [("wasserstein", "r1", name) for name in STRATEGIES_SHOWN]
LAMS = (0.0, 0.001, 0.0032, 0.01, 0.032, 0.1, 0.32, 1.0, 3.2, 10.0, 32.0, 100.0)
STEPS = (25, 50, 100, 200, 300, 450, 700, 1000, 1300, 1650, 2000)
MEASURES = {"modes": "fair_mode_coverage", "quality": "quality_3sigma", "reverse_kl": "reverse_kl"}
VALUES = (*MEASURES, "loss_D", "loss_G")
ZEROS = ("uniform_box", "shapeless")  # the sentinels that the curves are marked with
NUM_FAKES = 2500  # behind each number
SIZES = {"width": 32, "depth": 2}
RULES = TrainConfig(num_steps=STEPS[-1], batch_size=128, lr=1e-3, betas=(0.0, 0.99), log_every=25)
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
        looks: Not read at every step: at its own it asks for what an engine has not written yet.
    """

    source: Source
    strategy: str
    first: Sequence[int]
    steps: Sequence[int] = STEPS
    num_points: int = 64
    side: int = 16
    frames: list[dict[str, np.ndarray]] = field(default_factory=list)
    looks: bool = False

    @torch.no_grad()
    def __call__(self, state: TrainState) -> None:
        """Look if this step is one of ours."""
        if state.step not in self.steps:
            return
        state.settle()
        columns, x = state.history.columns, state.G(_latents(NUM_FAKES, "measured", state))
        lost = state.history.diverged_at >= 0
        measured = [METRICS[name](x, self.source) for name in MEASURES.values()]
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
        loss = resolve_loss(state.config.loss)
        realness = loss.realness(state.D(places)[self.first])
        # A critic has no "cannot tell" of its own: the median over the map stands for it, as in ``decision_map``.
        middle = realness.median(-1, keepdim=True).values if loss.boundary is None else loss.boundary
        verdict = (realness - middle).sigmoid().reshape(-1, self.side, self.side)
        return verdict.mul(255).nan_to_num(128).round().byte()


def _latents(n: int, purpose: str, state: TrainState) -> Tensor:
    return draw(stream(0, f"lambda study, {purpose}"), (n, state.G.latent_dim), state.device)


def quantize(x: Tensor) -> Tensor:
    """Return points (..., 2) as whole numbers 0 to 255 over the box; what lies outside is put on its edge."""
    low, high = torch.tensor(BOX[::2]), torch.tensor(BOX[1::2])
    return ((x - low) / (high - low) * 255).nan_to_num(0.0).clamp(0, 255).round().byte()


def watch(
    data: str,
    loss: str,
    regularizer: str,
    strategy: str,
    lams: Sequence[float] = LAMS[1:],
    seeds: Sequence[int] = range(4),
    steps: Sequence[int] = STEPS,
) -> dict[str, np.ndarray]:
    """Train one combination at every lambda and seed, a graph's fill of runs at a time, and return what was seen.

    Args:
        data: Name in ``DATA``.
        loss: Name in ``LOSSES``.
        regularizer: Name in ``REGULARIZERS``, or ``none``: then every lambda gives the same GAN.
        strategy: Name in ``STRATEGIES``; all but ``random`` choose from a pool of twice the batch.
        lams: L values of lambda.
        seeds: S seeds; the first one's fakes and D are kept.
        steps: T steps at which to look, each a multiple of 25.

    Returns:
        ``values`` (L, T, S, 5), ``fakes`` (L, T, P, 2), ``chosen`` (L, T, P) and ``heat`` (L, T, H, H).
    """
    pool = 1 if strategy == "random" else 2
    rules = replace(RULES, num_steps=max(steps), loss=loss, strategy=strategy, pool_factor=pool)
    size = max(1, RUNS // len(seeds))  # values of lambda that share a graph
    seen = [
        _train(DATA[data](), rules, regularizer, lams[k : k + size], seeds, steps) for k in range(0, len(lams), size)
    ]
    return {name: np.concatenate([part[name] for part in seen]) for name in seen[0]}


def _train(
    source: Source,
    rules: TrainConfig,
    regularizer: str,
    lams: Sequence[float],
    seeds: Sequence[int],
    steps: Sequence[int],
) -> dict[str, np.ndarray]:
    """Train some values of lambda as one ensemble; what comes back is as of ``watch``."""
    runs = [seed for _ in lams for seed in seeds]
    G, D = ensemble(mlp_pair, seed=runs, **SIZES)
    if regularizer != "none":
        rules = replace(rules, regularizers={regularizer: torch.tensor(lams).repeat_interleave(len(seeds))})
    camera = Camera(source, rules.strategy, range(0, len(runs), len(seeds)), steps)
    try:
        train(G, D, source, rules, seed=runs, callbacks=[camera], engine="graph", progress=False)
    except TrainingDiverged:  # every run is lost: the last look stays as it is
        camera.frames += [camera.frames[-1]] * (len(steps) - len(camera.frames))
    seen = {
        name: np.stack([frame[name] for frame in camera.frames], 1) for name in camera.frames[0]
    }  # (R or L, T, ...)
    values = seen["values"].reshape(len(lams), len(seeds), len(steps), -1).swapaxes(1, 2)
    # Half precision holds three digits: more than four seeds can tell apart, and half the download.
    return {**seen, "values": values.clip(-6e4, 6e4).astype(np.float16)}


def calls() -> dict[str, tuple[object, ...]]:
    """Return the study's parts, name -> arguments of ``watch``.

    Without a regularizer there is one GAN for each loss and strategy: the lambda 0 of all that share them.
    """
    zeros = dict.fromkeys((loss, "none", strategy) for loss, _, strategy in COMBOS)
    told = {}
    for data in DATA:
        told |= {_name(data, combo): (data, *combo, (0.0,)) for combo in zeros}
        told |= {_name(data, combo): (data, *combo) for combo in COMBOS}
    return told


def _name(data: str, combo: Sequence[str]) -> str:
    return "-".join([data, *combo])


def assemble(seen: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the study's arrays from its parts, name -> what ``watch`` returned."""
    named = {"data": list(DATA), "combos": COMBOS, "lams": LAMS, "steps": STEPS, "metrics": VALUES, "sentinels": ZEROS}
    arrays = {name: np.array(value) for name, value in named.items()}
    arrays["num_modes"] = np.array([len(source().modes) for source in DATA.values()])
    for data, source in DATA.items():
        for name in ("values", "fakes", "chosen", "heat"):
            whole = [_whole(seen, data, combo, name) for combo in COMBOS]
            arrays[f"{data}/{name}"] = np.stack(whole)
        arrays[f"{data}/zeros"] = zeros(source())
        arrays[f"{data}/reals"] = quantize(source().sample(256, seed=0)).numpy()
        arrays[f"{data}/box"] = np.array(BOX)
    return arrays


def _whole(
    seen: Mapping[str, Mapping[str, np.ndarray]], data: str, combo: tuple[str, str, str], name: str
) -> np.ndarray:
    """Return an array of one combination at every lambda, of which the first, 0, is the GAN without R."""
    loss, _, strategy = combo
    parts = seen[_name(data, (loss, "none", strategy))], seen[_name(data, combo)]
    return np.concatenate([part[name] for part in parts])


def zeros(source: Source) -> np.ndarray:
    """Return what the sentinels score, (sentinels, measures); they have no losses."""
    scores = sentinel_runs(source, list(MEASURES.values()), n=NUM_FAKES, sentinels=ZEROS)
    means = scores.groupby("arm", sort=False)[list(MEASURES.values())].mean().loc[list(ZEROS)].to_numpy()
    lost = np.full((len(ZEROS), len(VALUES) - len(MEASURES)), np.nan)
    return np.concatenate([means, lost], axis=1).astype(np.float16)


def rescue() -> dict[str, TrainConfig]:
    """Return the arms of the study ``rescue``: where the explorer opens, and the same without R."""
    loss, regularizer, _ = COMBOS[0]
    return {f"lambda {lam:g}": replace(RULES, loss=loss, regularizers={regularizer: lam}) for lam in (0.0, 1.0)}

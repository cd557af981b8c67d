"""Translation in the plane, where the truth is known: a ring, and the same ring turned.

Mode k of A belongs to mode k of B. Unpaired, the losses see neither which of the ring's 8 rotations a map is, nor
whether it is one of its 8 reflections; pairs are bought from an oracle, who turns a point.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from algan_lite.applications import (
    both,
    disagreement,
    farthest,
    gap,
    right_share,
    rotated,
    train_translation,
    translated,
    two_way_pair,
)
from algan_lite.applications.domains import turn
from algan_lite.applications.truth import nearest_mode
from algan_lite.core.checks import check_choice
from algan_lite.core.rng import stream
from algan_lite.data import Mixture, ring
from algan_lite.metrics.table import METRICS
from algan_lite.models.ensemble import Ensemble
from algan_lite.models.pairs import ensemble
from algan_lite.training.config import TrainConfig

MODES = 8
PLAIN = TrainConfig(num_steps=400, batch_size=64, regularizers={"r1": 0.2}, lr=3e-3, ema_decay=0.97, log_every=100)
WIDTH = 32
POOL = 200  # points that a question may be about
COMMITTEE = 4  # translators that are asked where they disagree
KINDS = ("the truth", "another rotation", "a reflection", "something else")

Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Bed:
    """Two domains, and what is trained between them.

    Attributes:
        degrees: By which B is turned.
        residual: Whether the maps say what they add to their input.
        cycle: Weight of the cycle.
        lopsided: Whether mode k has a share in proportion to k + 1, so that no symmetry is left.
    """

    degrees: float = 15.0
    residual: bool = False
    cycle: float = 1.0
    lopsided: bool = False

    @property
    def A(self) -> Mixture:
        """The ring."""
        return ring(MODES, std=0.1, weights=range(1, MODES + 1) if self.lopsided else None)

    @property
    def B(self) -> Mixture:
        """The ring, turned."""
        return rotated(self.A, self.degrees)

    def answer(self, a: Tensor) -> Tensor:
        """Return what the oracle says: the pairs (a, b), (..., 4), of points a, (..., 2)."""
        return torch.cat([a, turn(a, self.degrees)], dim=-1)


def trained(
    bed: Bed,
    seeds: Sequence[int],
    config: TrainConfig = PLAIN,
    pairs: Tensor | None = None,
    pair_weight: float = 1.0,
) -> Ensemble:
    """Return the averaged translator of every seed, trained with its own pairs (R, k, 4), if there are some."""
    T, D = ensemble(two_way_pair, seed=list(seeds), width=WIDTH, residual=bed.residual)
    how = {"cycle": bed.cycle, "pairs": pairs, "pair_weight": pair_weight, "progress": False}
    return train_translation(T, D, both(bed.A, bed.B), config, seed=list(seeds), **how).G_ema


@torch.no_grad()
def measured(T: Callable[[Tensor], Tensor], bed: Bed, n: int = 1000) -> Columns:
    """Measure translators (..., N, 4) -> likewise on the same n points of each domain.

    Returns:
        Name -> (...): ``right``, the share of points in the right mode; ``cycle``, the mean distance after there and
        back; ``modes`` and ``quality`` of what arrives in B, as a GAN is measured; ``kind``, a number in ``KINDS``.
    """
    x = both(bed.A, bed.B).sample(n, generator=stream(0, "translation"))
    moved = T(x)
    b = moved[..., 2:]
    found = {"right": right_share(x[:, :2], b, bed.A, bed.B), "cycle": gap(T(moved), x.expand_as(moved))}
    found |= {"modes": METRICS["fair_mode_coverage"](b, bed.B), "quality": METRICS["quality_3sigma"](b, bed.B)}
    return {name: value.numpy() for name, value in found.items()} | {"kind": kinds(T, bed)}


@torch.no_grad()
def kinds(T: Callable[[Tensor], Tensor], bed: Bed) -> np.ndarray:
    """Return which of ``KINDS`` each translator is, (...), by where the modes of A go."""
    numbers = torch.arange(MODES)
    to = nearest_mode(translated(T, bed.A.modes), bed.B)  # (..., K)
    turned, mirrored = (to - numbers) % MODES, (to + numbers) % MODES
    is_turned, is_mirrored = (x.eq(x[..., :1]).all(-1) for x in (turned, mirrored))
    kind = torch.full(is_turned.shape, 3)
    kind[is_mirrored] = 2
    kind[is_turned] = 1
    kind[is_turned & (turned[..., 0] == 0)] = 0
    return kind.numpy()


def map_runs(bed: Bed, config: TrainConfig, seeds: Sequence[int], n: int = 1000) -> Columns:
    """Train a translator a seed without pairs, and measure it: ``seed``, the measures, and ``seconds`` a run."""
    start = time.perf_counter()
    T = trained(bed, seeds, config)
    seconds = (time.perf_counter() - start) / len(seeds)
    return {"seed": np.array(seeds), **measured(T, bed, n), "seconds": np.full(len(seeds), seconds)}


def sentinel_runs(bed: Bed, n: int = 1000) -> dict[str, Columns]:
    """Measure translators that nobody has trained.

    Returns:
        ``identity`` leaves every point where it is; ``wrong`` moves it on to the next mode; ``mirrored`` reflects;
        ``perfect`` turns it as the truth does.
    """

    def turning(degrees: float) -> Callable[[Tensor], Tensor]:
        return lambda x: torch.cat([turn(x[..., 2:], -degrees), turn(x[..., :2], degrees)], dim=-1)

    def mirrored(x: Tensor) -> Tensor:
        a = turn(x[..., 2:], -bed.degrees) * x.new_tensor([1.0, -1.0])
        return torch.cat([a, turn(x[..., :2] * x.new_tensor([1.0, -1.0]), bed.degrees)], dim=-1)

    maps = {"identity": turning(0.0), "wrong": turning(bed.degrees + 360 / MODES), "mirrored": mirrored}
    maps |= {"perfect": turning(bed.degrees)}
    return {name: measured(T, bed, n) for name, T in maps.items()}


def asked_runs(
    how: str,
    bed: Bed,
    config: TrainConfig,
    seeds: Sequence[int],
    counts: Sequence[int],
    pair_weight: float = 1.0,
    n: int = 1000,
) -> Columns:
    """Buy pairs one by one, train a translator a seed on the first k of them, and measure it.

    Every way to ask has the same 200 points and the same first question.

    Args:
        how: ``random``: the points as they come; ``farthest``: the one that lies farthest from those asked before;
            ``disagreement``: the one about which four translators, trained on the pairs bought so far, differ most.
        bed: Domains and truth.
        config: Of every training.
        seeds: One translator each; a committee also has ``seed + 1000`` ...
        counts: The k that are measured, each >= 1, growing.
        pair_weight: Of the pairs in the loss.
        n: Points behind each number.

    Returns:
        Name -> a value a count and seed: ``seed``, ``k``, the measures, ``left``: how many of the ring's 16 symmetries
        do what the pairs say; ``seconds`` a run.
    """
    check_choice("how", how, ("random", "farthest", "disagreement"))
    pools = bed.A.sample(POOL, generator=stream(list(seeds), "questions"))  # (R, 200, 2)
    rows, chosen = [], torch.zeros(len(seeds), 0, dtype=torch.long)
    for k in counts:
        start = time.perf_counter()
        chosen = _choose(how, pools, chosen, k, bed, config, seeds, pair_weight)
        asked = take_rows(pools, chosen)
        T = trained(bed, seeds, config, bed.answer(asked), pair_weight)
        found = {"seed": np.array(seeds), "k": np.full(len(seeds), k), **measured(T, bed, n)}
        seconds = (time.perf_counter() - start) / len(seeds)
        rows.append(found | {"left": left(asked, bed), "seconds": np.full(len(seeds), seconds)})
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def _choose(
    how: str,
    pools: Tensor,
    chosen: Tensor,
    k: int,
    bed: Bed,
    config: TrainConfig,
    seeds: Sequence[int],
    pair_weight: float,
) -> Tensor:
    """Return the numbers of the first k questions, (R, k); a committee is asked for each that is new."""
    if how == "random":
        return torch.arange(k).expand(len(pools), k)
    if how == "farthest":
        return torch.stack([farthest(pool, k) for pool in pools])
    if not chosen.shape[1]:
        chosen = torch.zeros(len(pools), 1, dtype=torch.long)
    while chosen.shape[1] < k:
        pairs = bed.answer(take_rows(pools, chosen))
        moved = committee(bed, config, seeds, pairs, pair_weight, pools)
        chosen = torch.cat([chosen, disagreement(moved).argmax(-1, keepdim=True)], dim=-1)
    return chosen


@torch.no_grad()
def committee(
    bed: Bed, config: TrainConfig, seeds: Sequence[int], pairs: Tensor, pair_weight: float, pools: Tensor
) -> Tensor:
    """Return what four translators of every seed, trained on its pairs, make of its points: (4, R, 200, 2)."""
    with torch.enable_grad():
        members = [
            trained(bed, [seed + 1000 * c for seed in seeds], config, pairs, pair_weight) for c in range(COMMITTEE)
        ]
    return torch.stack([translated(T, pools) for T in members])


def take_rows(pools: Tensor, chosen: Tensor) -> Tensor:
    """Return the chosen points, (R, k, 2), of pools (R, N, 2)."""
    return pools.gather(1, chosen.unsqueeze(-1).expand(*chosen.shape, pools.shape[-1]))


def left(asked: Tensor, bed: Bed) -> np.ndarray:
    """Return how many of the ring's 16 symmetries do what the answers say, (R,): the truth, and perhaps a reflection.

    Another rotation moves every mode wrong. A reflection sends mode m to c - m, so that it is right about those m
    with 2 m = c modulo 8: a mode, and the one opposite to it.
    """
    doubled = 2 * nearest_mode(asked, bed.A) % MODES
    return 1 + doubled.eq(doubled[:, :1]).all(-1).numpy().astype(int)

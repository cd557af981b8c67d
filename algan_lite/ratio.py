"""Floor 0: one trained pair as the samplers see it, and two ways to turn D's realness into a log density ratio."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from algan_lite.progress import progress_bar
from algan_lite.rng import draw

PerSample: TypeAlias = Callable[[Tensor], Tensor]
_BARELY = 1e30  # stands for an infinite log ratio, so that differences stay numbers


@dataclass
class Run:
    """One pair of networks, its stream and its log ratio: all that a sampler works with."""

    G: nn.Module
    D: nn.Module
    source: torch.Generator
    batch_size: int = 1024
    progress: bool | None = None
    reference: Tensor | None = None
    to_log_ratio: PerSample | None = None
    info: dict[str, float] = field(default_factory=lambda: {"num_calls": 0})

    @property
    def like(self) -> Tensor:
        """A tensor of G's device and dtype."""
        return next((p for p in chain(self.G.parameters(), self.G.buffers()) if p.is_floating_point()), torch.empty(0))

    def latents(self, count: int) -> Tensor:
        """Draw (count, latent_dim) from the prior."""
        return draw(self.source, (count, self.G.latent_dim), self.like.device).to(self.like.dtype)

    def uniform(self, count: int, like: Tensor) -> Tensor:
        """Draw (count,) from (0, 1). The middle of a cell of 2^-24: a 0 would accept the impossible."""
        return draw(self.source, (count,), like.device, "uniform").double() + 2.0**-25

    def generate(self, z: Tensor) -> Tensor:
        """Return G(z), (N, *sample), in batches."""
        return torch.cat([self.G(part) for part in z.split(self.batch_size)])

    def logits(self, x: Tensor) -> Tensor:
        """Return D(x), (N,), in batches; refuse (N, 1), which would broadcast."""
        logits = torch.cat([self.D(part) for part in x.split(self.batch_size)])
        if logits.shape != x.shape[:1]:
            raise ValueError(f"D must return one logit a sample, {tuple(x.shape[:1])}; got {tuple(logits.shape)}")
        return logits

    def score(self, x: Tensor) -> Tensor:
        """Return log p_data/p_G of samples (N, *sample) as finite float64 (N,)."""
        self.info["num_calls"] += len(x)
        ratio = self.to_log_ratio(self.logits(x)).double()
        if ratio.isnan().any():
            raise ValueError(f"D must give log ratios that are numbers; got {int(ratio.isnan().sum())} NaN of {len(x)}")
        return ratio.clamp(-_BARELY, _BARELY)

    def propose(self, count: int) -> tuple[Tensor, Tensor]:
        """Return plain samples (count, *sample) and their log ratios (count,)."""
        x = self.generate(self.latents(count))
        return x, self.score(x)

    def bar(self, name: str, steps: Iterable[int] | None = None, total: int | None = None) -> tqdm:
        """Return a progress bar, over ``steps`` or to be updated up to ``total``; short work shows none."""
        return progress_bar(steps, shown=self.progress, total=total, desc=name, delay=2)


@contextmanager
def eval_mode(*nets: nn.Module) -> Iterator[None]:
    """Score in eval mode (no dropout from the global RNG, no moving statistics), then restore every mode."""
    modules = [module for net in nets for module in net.modules()]
    modes = [module.training for module in modules]
    try:
        for net in nets:
            net.eval()
        yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode


def fit_isotonic(realness: np.ndarray, labels: np.ndarray) -> PerSample:
    """Return realness -> log ratio, increasing, from realness (2m,) with as many labels 1 (real) as 0 (fake)."""
    from sklearn.isotonic import IsotonicRegression

    # One imagined fake at the top and one real at the bottom keep every probability off 0 and 1. Bounds alone
    # would not do: three lucky reals at the top would be worth log(2m), and chains would end there.
    realness = np.append(realness, [realness.max(), realness.min()])
    fit = IsotonicRegression(out_of_bounds="clip").fit(realness, np.append(labels, [0.0, 1.0]))

    def to_log_ratio(values: Tensor) -> Tensor:
        p = np.interp(values.detach().double().cpu().numpy(), fit.X_thresholds_, fit.y_thresholds_)
        return torch.logit(torch.as_tensor(p)).to(values.device)

    return to_log_ratio


def fit_logistic(realness: np.ndarray, labels: np.ndarray) -> PerSample:
    """Return realness -> a * realness + b, from realness (2m,) with as many labels 1 (real) as 0 (fake)."""
    from sklearn.linear_model import LogisticRegression

    # On standardized realness the mild default penalty only matters where reals and fakes are separated.
    center, scale = realness.mean(), realness.std() or 1.0
    fit = LogisticRegression().fit(((realness - center) / scale)[:, None], labels)
    a = float(fit.coef_[0, 0]) / scale
    b = float(fit.intercept_[0]) - a * center
    return lambda values: a * values + b


CALIBRATIONS = {"isotonic": fit_isotonic, "logistic": fit_logistic}

"""One trained pair as the samplers see it, and two ways to turn D's realness into a log density ratio."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from algan_lite.core.checks import check_choice, check_integer, shown
from algan_lite.core.progress import progress_bar
from algan_lite.core.rng import Stream, draw, resolve
from algan_lite.models.doors import check_G, check_runs, try_out, weights_like
from algan_lite.models.networks import evaluating, layers_of
from algan_lite.objective.losses import Loss, PerSample, resolve_loss

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
        return weights_like(self.G)

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


def calibrate(
    G: nn.Module,
    D: nn.Module,
    reference: Tensor,
    *,
    loss: str | Loss = "non_saturating",
    method: str = "isotonic",
    generator: torch.Generator | None = None,
    seed: int | None = None,
    batch_size: int = 1024,
) -> PerSample:
    """Learn log p_data/p_G as a function of D's logit, from held-out reals and as many fresh fakes.

    Args:
        G: Maps (N, latent_dim) to (N, *sample).
        D: Maps (N, *sample) to logits (N,).
        reference: Reals that D was not trained on, (m, *sample), m >= 2.
        loss: Says which sign of the logit is real.
        method: ``isotonic``: any increasing function of realness, a staircase whose gradient is of no use.
            ``logistic``: a * realness + b (Platt), differentiable.
        generator: Draws the fakes; or ``seed``, which is shorthand for one.
        seed: See ``generator``.
        batch_size: Samples that pass through a network at once.

    Returns:
        A function from logits (...) to log ratios (...): float64 and at most log(m + 1) in size if isotonic.

    Raises:
        ValueError: If ``reference`` has another shape or D's logits are not finite.

    Reference:
        Turner et al. 2019, section 3.2; Platt 1999.
    """
    check_choice("method", method, CALIBRATIONS)
    check_trained(G, D)
    source = one_generator(resolve(generator, seed, "calibration"))
    run = Run(G, D, source, check_integer("batch_size", batch_size, 1))
    loss, reference = resolve_loss(loss), check_reference(G, reference).to(run.like)
    with torch.no_grad(), evaluating(layers_of(G, D)):
        x_fake = run.generate(run.latents(len(reference)))
        pair = [loss.realness(run.logits(x)) for x in (reference, x_fake)]
    realness = torch.cat(pair).double().cpu().numpy()
    if not np.isfinite(realness).all():
        raise ValueError(f"D must give finite logits; got {np.sum(~np.isfinite(realness))} others of {len(realness)}")
    labels = np.repeat([1.0, 0.0], len(reference))  # as many of each, so that the odds are the density ratio
    to_log_ratio = CALIBRATIONS[method](realness, labels)
    return lambda logits: to_log_ratio(loss.realness(logits))


def one_generator(source: Stream) -> torch.Generator:
    """Return ``source`` if it is one generator."""
    if not isinstance(source, torch.Generator):
        raise TypeError(
            f"generator must be one torch.Generator (one a run only for ensembles); got {type(source).__name__}"
        )
    return source


def check_trained(G: nn.Module, D: nn.Module) -> None:
    """Refuse what is no pair: a G that does not say what it takes, a D that fails on what G makes."""
    check_G(G)
    if not callable(D):
        raise TypeError(f"D must be a network or another function of a tensor; got {shown(D)}")
    check_runs(G, D)
    try_out(G, D, 2, None)


def check_reference(G: nn.Module, reference: Tensor) -> Tensor:
    """Return held-out reals (m, *sample), m >= 2, or say what is wrong with them."""
    if not isinstance(reference, Tensor):
        raise TypeError(f"reference must be a tensor of held-out reals (m, *sample); got {type(reference).__name__}")
    shape, sample = tuple(reference.shape), tuple(getattr(G, "sample_shape", reference.shape[1:]))
    if not shape or shape[1:] != sample or len(reference) < 2:
        raise ValueError(f"reference must be (m, {', '.join(map(str, sample))}) with m >= 2; got {shape}")
    return reference

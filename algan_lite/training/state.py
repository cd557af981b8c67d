"""Everything that a training run carries from step to step, and that a checkpoint must hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from algan_lite.core.rng import Stream, run_seeds, stream
from algan_lite.data.sources import Source
from algan_lite.models.doors import check_runs, duplicate
from algan_lite.objective.batch import Batch
from algan_lite.objective.losses import resolve_loss
from algan_lite.training.adam import step_at_pace
from algan_lite.training.config import TrainConfig
from algan_lite.training.dials import PLAIN, Dials
from algan_lite.training.equilibrium import Watch
from algan_lite.training.history import History, TrainingDiverged

PURPOSES = ("data", "second candidates", "selection", "penalties", "augmentation", "held-out")


class Outcome(NamedTuple):
    """What steps 2 to 5 leave for the history.

    Attributes:
        terms_D: What D minimized, term by term, and its ``total``, each (...).
        terms_G: The same of G.
        logits_real: D's logits on the reals, or their mean, (..., N) or (..., 1).
        logits_fake: The same on the fakes.
        num_calls: Candidates that each run passed through G and D only to choose.
        dials: Where the rule of balance has them, if there is one.
    """

    terms_D: Mapping[str, Tensor]
    terms_G: Mapping[str, Tensor]
    logits_real: Tensor
    logits_fake: Tensor
    num_calls: int
    dials: Dials = PLAIN


@dataclass
class TrainState:
    """G and D with their optimizers, streams, averages and history.

    Attributes:
        step: Steps of G that are done.
        whole: Whether no step is under way, so that a checkpoint may be written.
        streams: Purpose -> stream; one generator, or one a run.
        averages: Moving averages of D's mean logits (empty until a regularizer asks for them).
        memory: What the rule of balance remembers, name -> (...); empty where there is none.
        watch: What the stopping rule has seen so far.
        settle: Brings G, D and all of the above up to date, where an engine keeps weights and moments of its own.
    """

    G: nn.Module
    D: nn.Module
    config: TrainConfig
    history: History
    optimizers: dict[str, torch.optim.Adam]
    streams: dict[str, Stream]
    watch: Watch
    averages: dict[str, Tensor] = field(default_factory=dict)
    memory: Mapping[str, Tensor] = field(default_factory=dict)
    step: int = 0
    whole: bool = True
    settle: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        """Look up once what every step needs."""
        self.device = next(self.G.parameters()).device
        self._live = [p.detach() for p in self.G.parameters()]  # the same memory as G's weights
        self._ema = list(self.history.G_ema.parameters())
        self._buffers = list(zip(self.history.G_ema.buffers(), self.G.buffers(), strict=True))

    @property
    def lead(self) -> int:
        """Number of leading axes: 1 for an ensemble, 0 for one GAN."""
        return int(hasattr(self.G, "runs"))

    @property
    def runs(self) -> int | None:
        """R for an ensemble, None for one GAN without a runs axis."""
        return getattr(self.G, "runs", None)

    @classmethod
    def start(cls, G: nn.Module, D: nn.Module, config: TrainConfig, seed: int | Sequence[int]) -> TrainState:
        """Return the state before the first step."""
        runs = check_runs(G, D)
        seeds = run_seeds(seed, runs)
        if runs is None and len(seeds) != 1:
            raise ValueError(f"seed must be one integer for one GAN; got {len(seeds)} seeds")
        device = next(G.parameters()).device
        never = torch.full((len(seeds),), -1, device=device)
        history = History(seeds, _frozen_copy(G), diverged_at=never, equilibrium_at=never.clone())
        optimizers = {"G": _adam(G, config.lr, config), "D": _adam(D, config.lr_D or config.lr, config)}
        purposes = (*PURPOSES, *(f"candidates {block}" for block in range(config.pool_factor)))
        streams = {purpose: stream(seeds[0] if runs is None else seeds, purpose) for purpose in purposes}
        watch = Watch(config.equilibrium, len(seeds), device)
        first = {} if config.balance is None else config.balance.start()
        lead = () if runs is None else (runs,)
        memory = {name: torch.full(lead, float(value), device=device) for name, value in first.items()}
        return cls(G, D, config, history, optimizers, streams, watch, memory=memory)

    @property
    def dials(self) -> Dials:
        """Where the rule of balance has the dials now."""
        return PLAIN if self.config.balance is None else self.config.balance.dials(self.memory)

    @torch.no_grad()
    def look_at(self, batch: Batch) -> Dials:
        """Let the rule of balance look at what D said, and return where it turns the dials."""
        if self.config.balance is not None:
            self.memory = self.config.balance.read(self.memory, batch)
        return self.dials

    def minimize(self, player: str, total: Tensor, factor: Tensor | None = None, moves: Tensor | None = None) -> None:
        """Take one Adam step of ``player`` on the sum over runs; the other player is not touched.

        Args:
            player: ``D`` or ``G``.
            total: What each run minimizes, (...).
            factor: Of each run's learning rate, (...); None: 1.
            moves: Whether each run takes the step, (...), booleans; None: all do.
        """
        if moves is not None and moves.device.type == "cpu" and not bool(moves.any()):
            return  # nobody moves; elsewhere a look would wait for the device
        parameters = self.optimizers[player].param_groups[0]["params"]
        gradients = torch.autograd.grad(_over_runs(total), parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            as_it_is = gradient is None or gradient.stride() == parameter.stride()
            parameter.grad = gradient if as_it_is else laid_out_as(parameter, gradient)
        if factor is None and moves is None:
            self.optimizers[player].step()
        else:
            step_at_pace(self.optimizers[player], factor, moves)

    def average(self) -> None:
        """Move the average of G's weights."""
        torch._foreach_lerp_(self._ema, self._live, 1 - self.config.ema_decay)
        for average, buffer in self._buffers:
            average.copy_(buffer)

    def release(self) -> None:
        """Leave the networks up to date, without gradients: a ``backward()`` of the caller would add to them."""
        self.settle()
        for optimizer in self.optimizers.values():
            optimizer.zero_grad()

    def finish_step(self, seen: Outcome) -> None:
        """Count the step and mark the runs that diverged in it."""
        self.step += 1
        self._mark_diverged(seen.terms_D["total"], seen.terms_G["total"])
        self.history.num_calls += seen.num_calls

    def _mark_diverged(self, *totals: Tensor) -> None:
        if self.device.type == "cpu" and math.isfinite(sum(_over_runs(total).item() for total in totals)):
            return  # the usual case, and on a CPU the cheapest look; elsewhere a look would wait for the device
        marks, total = self.history.diverged_at, sum(total.detach() for total in totals)
        self.history.diverged_at = torch.where((marks < 0) & ~torch.isfinite(total).reshape(-1), self.step, marks)

    def record(self, seen: Outcome) -> None:
        """Append a row to the history where one is due; with this the step is whole."""
        due = self.step % self.config.log_every == 0 or self.step in (1, self.config.num_steps) or self.stopped
        if due:
            self._append(seen)
        self.whole = True
        if due:
            self.check_diverged()

    def _append(self, seen: Outcome) -> None:
        terms = {**seen.terms_G, **seen.terms_D}
        penalties = {f"R_{name}": value for name, value in terms.items() if name not in ("loss", "total")}
        logits = {"logit_real": seen.logits_real.mean(-1), "logit_fake": seen.logits_fake.mean(-1)}
        accuracy = {} if self.config.equilibrium is None else {"accuracy": self.watch.accuracy}
        losses = {"loss_D": seen.terms_D["loss"], "loss_G": seen.terms_G["loss"]}
        dials = {f"dial_{name}": value.float() for name, value in seen.dials.turned.items()}
        self.history.record(self.step, {**losses, **penalties, **logits, **accuracy, **dials})

    @property
    def stopped(self) -> bool:
        """Whether the stopping rule has held in every run that is left."""
        return self.watch.rule is not None and self.watch.holds(self.history.diverged_at >= 0)

    def look(self, source: Source) -> None:
        """Check the stopping rule where a check is due."""
        if self.watch.is_due(self.step):
            self.settle()
            loss = resolve_loss(self.config.loss)
            self.watch.check(self.G, self.D, source, loss, self.streams["held-out"], self.step)
            self.history.equilibrium_at = self.watch.reached_at

    def check_diverged(self) -> None:
        """Raise ``TrainingDiverged`` if no run is left."""
        if self.device.type != "meta" and bool((self.history.diverged_at >= 0).all()):
            raise TrainingDiverged(int(self.history.diverged_at.max()), self.history)


def _over_runs(total: Tensor) -> Tensor:
    return total.sum() if total.ndim else total


def _frozen_copy(net: nn.Module) -> nn.Module:
    return duplicate(net).requires_grad_(False)


def _adam(net: nn.Module, lr: float, config: TrainConfig) -> torch.optim.Adam:
    parameters = [parameter for parameter in net.parameters() if parameter.requires_grad]
    if not parameters:
        raise ValueError(f"G and D must have weights that require gradients; {type(net).__name__} has none")
    fused = parameters[0].device.type in ("cpu", "cuda")  # one pass over the weights; other devices: PyTorch's choice
    return torch.optim.Adam(parameters, lr=lr, betas=tuple(map(float, config.betas)), fused=fused or None)


def laid_out_as(parameter: Tensor, value: Tensor) -> Tensor:
    """Return ``value`` with its numbers in memory in the order of the parameter's.

    Fused Adam walks through memory, whatever the strides say, and double backward through convolutions as well as a
    checkpoint give other strides than ``channels_last`` weights have.
    """
    if value.shape != parameter.shape or value.stride() == parameter.stride():
        return value
    return torch.empty_like(parameter).copy_(value)

"""Floor 2: everything that a training run carries from step to step, and that a checkpoint must hold."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from algan_lite.batch import Batch
from algan_lite.checkpoint import load_checkpoint, save_checkpoint
from algan_lite.config import TrainConfig
from algan_lite.ensembles import run_seeds
from algan_lite.history import History, TrainingDiverged
from algan_lite.rng import Stream, stream

PURPOSES = ("data", "second candidates", "selection", "penalties", "held-out")


@dataclass
class TrainState:
    """G and D with their optimizers, streams, averages and history.

    Attributes:
        step: Steps of G that are done.
        streams: Purpose -> stream; one generator, or one a run.
        averages: Moving averages of D's mean logits (empty until a regularizer asks for them).
        calm: Checks in a row at which each run was at equilibrium, (R,).
        accuracy: D's accuracy on held-out pairs at the last check, (R,); NaN before the first.
    """

    G: nn.Module
    D: nn.Module
    config: TrainConfig
    history: History
    optimizers: dict[str, torch.optim.Adam]
    streams: dict[str, Stream]
    calm: Tensor
    accuracy: Tensor
    averages: dict[str, Tensor] = field(default_factory=dict)
    step: int = 0

    @property
    def lead(self) -> int:
        """Number of leading axes: 1 for an ensemble, 0 for one GAN."""
        return int(hasattr(self.G, "runs"))

    @property
    def runs(self) -> int | None:
        """R for an ensemble, None for one GAN without a runs axis."""
        return getattr(self.G, "runs", None)

    @property
    def device(self) -> torch.device:
        """Where G's parameters are."""
        return next(self.G.parameters()).device

    @classmethod
    def start(cls, G: nn.Module, D: nn.Module, config: TrainConfig, seed: int | Sequence[int]) -> TrainState:
        """Return the state before the first step."""
        runs = getattr(G, "runs", None)
        if runs != getattr(D, "runs", None):
            raise ValueError(f"G and D must hold the same number of runs; got {runs} and {getattr(D, 'runs', None)}")
        seeds = run_seeds(seed, runs)
        if runs is None and len(seeds) != 1:
            raise ValueError(f"seed must be one integer for one GAN; got {len(seeds)} seeds")
        device = next(G.parameters()).device
        never = torch.full((len(seeds),), -1, device=device)
        history = History(seeds, _frozen_copy(G), diverged_at=never, equilibrium_at=never.clone())
        optimizers = {"G": _adam(G, config.lr, config), "D": _adam(D, config.lr_D or config.lr, config)}
        purposes = (*PURPOSES, *(f"candidates {block}" for block in range(config.pool_factor)))
        streams = {purpose: stream(seeds[0] if runs is None else seeds, purpose) for purpose in purposes}
        return cls(
            G,
            D,
            config,
            history,
            optimizers,
            streams,
            torch.zeros_like(never),
            torch.full_like(never, math.nan, dtype=torch.float),
        )

    def minimize(self, player: str, total: Tensor) -> None:
        """Take one Adam step of ``player`` on the sum over runs; the other player is not touched."""
        parameters = self.optimizers[player].param_groups[0]["params"]
        for parameter, gradient in zip(parameters, torch.autograd.grad(total.sum(), parameters), strict=True):
            parameter.grad = _laid_out_as(parameter, gradient)
        self.optimizers[player].step()
        self.optimizers[player].zero_grad()

    def finish_step(self, terms_D: Mapping[str, Tensor], terms_G: Mapping[str, Tensor], num_calls: int) -> None:
        """Count the step, average G's weights and mark the runs that diverged in it."""
        ema, live = list(self.history.G_ema.parameters()), list(self.G.parameters())
        torch._foreach_lerp_(ema, [p.detach() for p in live], 1 - self.config.ema_decay)
        self.step += 1
        finite = torch.isfinite(terms_D["total"].detach() + terms_G["total"].detach()).reshape(-1)
        marks = self.history.diverged_at
        self.history.diverged_at = torch.where((marks < 0) & ~finite, self.step, marks)
        self.history.num_calls += num_calls

    def record(self, terms_D: Mapping[str, Tensor], terms_G: Mapping[str, Tensor], batch: Batch) -> None:
        """Append a row to the history where one is due."""
        if self.step % self.config.log_every and self.step not in (1, self.config.num_steps) and not self.stopped:
            return
        penalties = {
            f"R_{k}": v for terms in (terms_G, terms_D) for k, v in terms.items() if k not in ("loss", "total")
        }
        logits = {"logit_real": batch.logits_real.mean(-1), "logit_fake": batch.logits_fake.mean(-1)}
        accuracy = {} if self.config.equilibrium is None else {"accuracy": self.accuracy}
        losses = {"loss_D": terms_D["loss"], "loss_G": terms_G["loss"]}
        self.history.record(self.step, {**losses, **penalties, **logits, **accuracy})
        self.check_diverged()

    @property
    def stopped(self) -> bool:
        """Whether the stopping rule has held in every run that is left."""
        history = self.history
        return self.config.equilibrium is not None and bool(
            ((history.equilibrium_at >= 0) | (history.diverged_at >= 0)).all()
        )

    def note_accuracy(self, accuracy: Tensor) -> None:
        """Count the checks in a row at which D could not tell, run by run."""
        rule, history = self.config.equilibrium, self.history
        self.accuracy = accuracy.reshape(-1)
        calm = (self.accuracy - 0.5).abs() <= rule.tolerance
        self.calm = torch.where(calm, self.calm + 1, 0)
        reached = (history.equilibrium_at < 0) & (self.calm >= rule.patience)
        history.equilibrium_at = torch.where(reached, self.step, history.equilibrium_at)

    def check_diverged(self) -> None:
        """Raise ``TrainingDiverged`` if no run is left."""
        if self.device.type != "meta" and bool((self.history.diverged_at >= 0).all()):
            raise TrainingDiverged(int(self.history.diverged_at.max()))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to ``path``, atomically; a diverged state is never saved over a good one."""
        self.check_diverged()
        history = self.history
        values = {
            "config": self.config.describe(),
            "seeds": list(history.seeds),
            "step": self.step,
            "steps": history.steps,
            "columns": list(history.columns),
            "num_calls": history.num_calls,
        }
        save_checkpoint(path, self._tensors(), values)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Continue from a checkpoint of the same networks, settings and seeds (``num_steps`` may differ).

        Raises:
            ValueError: If networks, settings or seeds differ; the message names what does.
        """
        tensors, values = load_checkpoint(path)
        if not {"config", "seeds", "step", "steps", "columns", "num_calls"} <= values.keys():
            raise ValueError(
                f"checkpoint must be that of a training run; {path} holds {', '.join(values) or 'nothing'}"
            )
        ours = {**self.config.describe(), "seeds": list(self.history.seeds)}
        theirs = {**values["config"], "seeds": values["seeds"]}
        differ = [k for k in ours if k != "num_steps" and ours[k] != theirs.get(k)]
        if differ:
            told = "; ".join(f"{k}: {theirs.get(k)!r} in the file, {ours[k]!r} now" for k in differ)
            raise ValueError(f"resume=True needs the settings of the checkpoint {path}; {told}")
        self.step, self.history.steps = values["step"], values["steps"]
        self.history.num_calls = values["num_calls"]
        self._restore(path, tensors, values["columns"])

    def _tensors(self) -> dict[str, Tensor]:
        """Return every tensor that the next step depends on, by name."""
        history = self.history
        named = {f"columns/{name}": torch.stack(rows) for name, rows in history.columns.items()}
        named |= {"diverged_at": history.diverged_at, "equilibrium_at": history.equilibrium_at, "calm": self.calm}
        named["accuracy"] = self.accuracy
        named |= {f"averages/{name}": value for name, value in self.averages.items()}
        for label, net in self._networks().items():
            named |= {f"{label}/{name}": value for name, value in net.state_dict().items()}
        for player, optimizer in self.optimizers.items():
            for index, moments in optimizer.state_dict()["state"].items():
                named |= {f"adam/{player}/{index}/{name}": value for name, value in moments.items()}
        for purpose, source in self.streams.items():
            generators = [source] if isinstance(source, torch.Generator) else source
            named[f"streams/{purpose}"] = torch.stack([g.get_state() for g in generators])
        return named

    def _restore(self, path: str | os.PathLike[str], tensors: dict[str, Tensor], columns: Sequence[str]) -> None:
        history, place = self.history, self.device
        history.columns = {name: list(tensors[f"columns/{name}"].to(place)) for name in columns}
        history.diverged_at, history.equilibrium_at = (tensors[k].to(place) for k in ("diverged_at", "equilibrium_at"))
        self.calm, self.accuracy = tensors["calm"].to(place), tensors["accuracy"].to(place)
        self.averages = {name: value.to(place) for name, value in _below("averages/", tensors).items()}
        for label, net in self._networks().items():
            try:
                net.load_state_dict(_below(f"{label}/", tensors))
            except RuntimeError as error:
                raise ValueError(f"{label} must be the network of the checkpoint {path}: {error}") from error
        for player, optimizer in self.optimizers.items():
            moments: dict[int, dict[str, Tensor]] = {}
            for name, value in _below(f"adam/{player}/", tensors).items():
                index, key = name.split("/")
                parameter = optimizer.param_groups[0]["params"][int(index)]
                moments.setdefault(int(index), {})[key] = _laid_out_as(parameter, value)
            optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
        for purpose, source in self.streams.items():
            generators = [source] if isinstance(source, torch.Generator) else source
            for generator, saved in zip(generators, tensors[f"streams/{purpose}"], strict=True):
                generator.set_state(saved.clone())  # a row of a larger tensor is not read right

    def _networks(self) -> dict[str, nn.Module]:
        return {"G": self.G, "D": self.D, "G_ema": self.history.G_ema}


def _frozen_copy(net: nn.Module) -> nn.Module:
    return copy.deepcopy(net).requires_grad_(False)


def _adam(net: nn.Module, lr: float, config: TrainConfig) -> torch.optim.Adam:
    parameters = list(net.parameters())
    fused = parameters[0].device.type in ("cpu", "cuda")  # one pass over the weights; other devices: PyTorch's choice
    return torch.optim.Adam(parameters, lr=lr, betas=config.betas, fused=fused or None)


def _laid_out_as(parameter: Tensor, value: Tensor) -> Tensor:
    """Return ``value`` with its numbers in memory in the order of the parameter's.

    Fused Adam walks through memory, whatever the strides say, and double backward through convolutions as well as a
    checkpoint give other strides than ``channels_last`` weights have.
    """
    if value.shape != parameter.shape or value.stride() == parameter.stride():
        return value
    return torch.empty_like(parameter).copy_(value)


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

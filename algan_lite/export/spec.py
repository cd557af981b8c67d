"""What goes into an exported training step and what comes out, and where everything lies in its state."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from algan_lite.training.config import TrainConfig
from algan_lite.training.state import TrainState

Shape = tuple[int, ...]
Interface = dict[str, dict[str, Shape]]  # "inputs" and "outputs": name -> shape
MOMENTS = {"m": "exp_avg", "v": "exp_avg_sq"}  # Adam's in formulas -> in PyTorch
GROUPS = {"G": "G", "D": "D", "m_G": "G", "m_D": "D", "v_G": "G", "v_D": "D", "G_ema": "G"}  # group -> whose shapes
AVERAGES = ("real", "fake", "weight")
TOTALS = ("loss", "total")  # of each player, without and with what regularizers add


@dataclass(frozen=True)
class StepSpec:
    """The interface of an exported step, in plain values.

    Attributes:
        inputs: Name -> shape, float32.
        outputs: Name -> shape, float32; ``chosen`` is int64.
        layout: Where each tensor lies in the state: ``name``, ``shape`` and ``offset``, in order and without gaps.
            Each name is that of a single network, behind its group: ``G.``, ``D.`` (weights), ``m_G.``, ``m_D.``,
            ``v_G.``, ``v_D.`` (Adam's moments), ``G_ema.`` and, where a regularizer needs them, ``averages.``.
        config: The settings, as ``TrainConfig.describe()`` gives them.
    """

    inputs: Mapping[str, Shape]
    outputs: Mapping[str, Shape]
    layout: tuple[Mapping[str, Any], ...]
    config: Mapping[str, Any]

    @classmethod
    def of(cls, config: TrainConfig, G: nn.Module, D: nn.Module) -> StepSpec:
        """Return the interface of a step of ``train()`` with these settings."""
        layout, offset = [], 0
        for name, shape in _shapes(config, G, D).items():
            layout.append({"name": name, "shape": shape, "offset": offset})
            offset += math.prod(shape)
        n, needs = config.batch_size, config.needs("D") | config.needs("G")
        pool, sample = (config.pool_factor * n, G.latent_dim), (n, *G.sample_shape)
        lead = run_axis(G)
        inputs = {"state": (offset,), "x_real": sample, "z_pool": pool}
        optional = {"z2": (n, G.latent_dim), "noise": sample}
        inputs |= {name: shape for name, shape in optional.items() if name in needs}
        if config.rule().draws:
            inputs["selection_noise"] = pool[:1]
        inputs |= {f"lam_{name}": () for name in config.regularizers}
        inputs |= {"lr_G": (), "lr_D": ()}
        told = [f"{what}_{player}" for player in "DG" for what in TOTALS]
        told += [*(f"R_{name}" for name in config.regularizers), "logit_real", "logit_fake"]
        outputs = {"new_state": (offset,), **dict.fromkeys(told, ()), "chosen": (n,)}
        inputs, outputs = ({name: (*lead, *shape) for name, shape in of.items()} for of in (inputs, outputs))
        once = ["step"] if config.keep_decay is None else ["keep", "step"]  # the same for every run
        return cls({**inputs, **dict.fromkeys(once, ())}, outputs, tuple(layout), config.describe())

    @property
    def size(self) -> int:
        """S, the length of the state."""
        return self.inputs["state"][-1]

    @property
    def lead(self) -> Shape:
        """The runs axis: (R,), or () for one GAN."""
        return self.inputs["state"][:-1]

    def pack(self, G: nn.Module, D: nn.Module, run: TrainState | None = None) -> Tensor:
        """Return the state (S,) before the first step, or the present one of a run.

        Args:
            G: The generator whose weights are taken.
            D: The discriminator.
            run: Gives the moments, G's average and the moving averages; None: they are as before the first step.

        Raises:
            ValueError: If a tensor has another shape than in the layout.
        """
        found = _held(G, D, run)
        parts = []
        for entry in self.layout:
            shape = (*self.lead, *entry["shape"])
            value = found.get(entry["name"], torch.zeros(shape))
            if tuple(value.shape) != shape:
                raise ValueError(f"{entry['name']} must have shape {shape}; got {tuple(value.shape)}")
            parts.append(value.detach().cpu().reshape(*self.lead, -1))
        return torch.cat(parts, -1)

    def unpack(self, state: Tensor | np.ndarray) -> dict[str, Tensor]:
        """Return name -> tensor of a state (..., S); they share its memory."""
        state = torch.as_tensor(state)
        if tuple(state.shape) != self.inputs["state"]:
            raise ValueError(f"state must have shape {self.inputs['state']}; got {tuple(state.shape)}")
        parts = state.split([math.prod(entry["shape"]) for entry in self.layout], -1)
        return {
            entry["name"]: part.reshape((*self.lead, *entry["shape"]))
            for entry, part in zip(self.layout, parts, strict=True)
        }

    @torch.no_grad()
    def restore(self, state: Tensor | np.ndarray, run: TrainState) -> None:
        """Write a state (..., S) into the networks, optimizers and averages of a run: what ``pack`` reads."""
        for player, net in (("G", run.G), ("D", run.D)):
            _begin_moments(net, run.optimizers[player], run.step)
        held = _held(run.G, run.D, run)
        for name, value in self.unpack(state).items():
            if name in held:
                held[name].copy_(value)
            else:
                run.averages[name.removeprefix("averages.")] = value.clone()

    def plain(self) -> dict[str, Any]:
        """Return the interface as JSON values."""
        return json.loads(json.dumps(asdict(self)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the interface as JSON."""
        Path(path).write_text(json.dumps(self.plain(), indent=1) + "\n", encoding="utf-8")


def run_axis(net: nn.Module) -> Shape:
    """Return (R,) for an ensemble of R networks, () for one network."""
    return (net.runs,) if hasattr(net, "runs") else ()


def own_weights(net: nn.Module) -> dict[str, Tensor]:
    """Return name in one network -> weight, (R, ...) for an ensemble."""
    return net.weights() if hasattr(net, "runs") else dict(net.named_parameters())


def _held(G: nn.Module, D: nn.Module, run: TrainState | None) -> dict[str, Tensor]:
    """Return what of a state lies in networks, optimizers and averages, by its name in the layout."""
    found = _named("G", G) | _named("D", D) | _named("G_ema", G if run is None else run.history.G_ema)
    if run is not None:
        found |= _moments("G", G, run) | _moments("D", D, run)
        found |= {f"averages.{name}": value for name, value in run.averages.items()}
    return found


def _named(group: str, net: nn.Module) -> dict[str, Tensor]:
    return {f"{group}.{name}": weight for name, weight in own_weights(net).items()}


def _moments(player: str, net: nn.Module, run: TrainState) -> dict[str, Tensor]:
    """Return Adam's moments of a run; a weight that has had no gradient yet has none."""
    found = {}
    for name, weight in own_weights(net).items():
        memory = run.optimizers[player].state.get(weight, {})
        found |= {f"{m}_{player}.{name}": memory[its] for m, its in MOMENTS.items() if its in memory}
    return found


def _begin_moments(net: nn.Module, optimizer: torch.optim.Adam, step: int) -> None:
    """Let Adam have moments of every weight, and be at ``step``."""
    for weight in net.parameters():
        memory = optimizer.state[weight]
        memory["step"] = torch.tensor(float(step))
        for its in MOMENTS.values():
            memory.setdefault(its, torch.zeros_like(weight, memory_format=torch.preserve_format))


def _shapes(config: TrainConfig, G: nn.Module, D: nn.Module) -> dict[str, Shape]:
    nets = {"G": G, "D": D}
    shapes = {
        f"{group}.{name}": tuple(weight.shape[len(run_axis(G)) :])
        for group, player in GROUPS.items()
        for name, weight in own_weights(nets[player]).items()
    }
    if "state" in config.needs("D") | config.needs("G"):
        shapes |= {f"averages.{name}": () for name in AVERAGES}
    return shapes


def group_sizes(config: TrainConfig, G: nn.Module, D: nn.Module) -> dict[str, int]:
    """Return how many values of the state each group takes, in the order of the state."""
    sizes: dict[str, int] = {}
    for name, shape in _shapes(config, G, D).items():
        group = name.partition(".")[0]
        sizes[group] = sizes.get(group, 0) + math.prod(shape)
    return sizes

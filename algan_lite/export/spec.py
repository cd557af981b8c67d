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


@dataclass(frozen=True)
class StepSpec:
    """The interface of an exported step, in plain values.

    Attributes:
        inputs: Name -> shape, float32.
        outputs: Name -> shape, float32; ``chosen`` is int64.
        layout: Where each tensor lies in the state: ``name``, ``shape`` and ``offset``, in order and without gaps.
            The names begin with their group: ``G.``, ``D.`` (weights), ``m_G.``, ``m_D.``, ``v_G.``, ``v_D.`` (Adam's
            moments), ``G_ema.`` and, where a regularizer needs them, ``averages.``.
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
        inputs = {"state": (offset,), "x_real": sample, "z_pool": pool}
        optional = {"z2": (n, G.latent_dim), "noise": sample}
        inputs |= {name: shape for name, shape in optional.items() if name in needs}
        if config.rule().draws:
            inputs["selection_noise"] = pool[:1]
        inputs |= {f"lam_{name}": () for name in config.regularizers}
        inputs |= {"lr_G": (), "lr_D": (), "step": ()}
        outputs = {"new_state": (offset,), "loss_D": (), "loss_G": (), "chosen": (n,)}
        return cls(inputs, outputs, tuple(layout), config.describe())

    @property
    def size(self) -> int:
        """S, the length of the state."""
        return self.inputs["state"][0]

    def pack(self, G: nn.Module, D: nn.Module, run: TrainState | None = None) -> Tensor:
        """Return the state (S,) before the first step, or the present one of a run.

        Args:
            G: The generator whose weights are taken.
            D: The discriminator.
            run: Gives the moments, G's average and the moving averages; None: they are as before the first step.

        Raises:
            ValueError: If a tensor has another shape than in the layout.
        """
        found = _named("G", G) | _named("D", D) | _named("G_ema", G if run is None else run.history.G_ema)
        if run is not None:
            found |= _moments("G", G, run) | _moments("D", D, run)
            found |= {f"averages.{name}": value for name, value in run.averages.items()}
        parts = []
        for entry in self.layout:
            value = found.get(entry["name"], torch.zeros(entry["shape"]))
            if tuple(value.shape) != tuple(entry["shape"]):
                raise ValueError(f"{entry['name']} must have shape {tuple(entry['shape'])}; got {tuple(value.shape)}")
            parts.append(value.detach().cpu().reshape(-1))
        return torch.cat(parts)

    def unpack(self, state: Tensor | np.ndarray) -> dict[str, Tensor]:
        """Return name -> tensor of a state (S,)."""
        state = torch.as_tensor(state)
        if tuple(state.shape) != (self.size,):
            raise ValueError(f"state must have shape ({self.size},); got {tuple(state.shape)}")
        return {
            e["name"]: state[e["offset"] : e["offset"] + math.prod(e["shape"])].reshape(e["shape"]) for e in self.layout
        }

    def plain(self) -> dict[str, Any]:
        """Return the interface as JSON values."""
        return json.loads(json.dumps(asdict(self)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the interface as JSON."""
        Path(path).write_text(json.dumps(self.plain(), indent=1) + "\n", encoding="utf-8")


def _named(group: str, net: nn.Module) -> dict[str, Tensor]:
    return {f"{group}.{name}": weight for name, weight in net.named_parameters()}


def _moments(player: str, net: nn.Module, run: TrainState) -> dict[str, Tensor]:
    """Return Adam's moments of a run; a weight that has had no gradient yet has none."""
    found = {}
    for name, weight in net.named_parameters():
        memory = run.optimizers[player].state.get(weight, {})
        found |= {f"{m}_{player}.{name}": memory[its] for m, its in MOMENTS.items() if its in memory}
    return found


def _shapes(config: TrainConfig, G: nn.Module, D: nn.Module) -> dict[str, Shape]:
    nets = {"G": G, "D": D}
    shapes = {
        f"{group}.{name}": tuple(weight.shape)
        for group, player in GROUPS.items()
        for name, weight in nets[player].named_parameters()
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

"""What takes the steps of ``train()`` as one graph in onnxruntime: dense networks on a CPU, one run or R runs at once.

Draws, schedules, history, stopping rule and checkpoints stay those of the loop. The graph's state is one row a run;
networks and optimizers are brought up to date when somebody looks.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from algan_lite.data.sources import Source
from algan_lite.export.doors import check_graph
from algan_lite.export.record import model_bytes, need_onnx
from algan_lite.export.spec import TOTALS, Shape, StepSpec
from algan_lite.export.step import training_step
from algan_lite.models.doors import weights_like
from algan_lite.objective.ending import is_bounded, warn_of_sigmoid
from algan_lite.training.config import TrainConfig
from algan_lite.training.state import Outcome, TrainState
from algan_lite.training.step import Step

UNFIT = (NotImplementedError, TypeError, ValueError)  # raised for what cannot be a graph
RUNS = 16
"""Runs of one graph that a core's cache holds with their gradients: more at once are slower, run by run."""


def need_packages() -> ModuleType:
    """Return the package ``onnxruntime``.

    Raises:
        ImportError: If it or ``onnx`` is not installed.
    """
    need_onnx()
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError("running a graph needs the package onnxruntime: pip install onnxruntime") from error
    return onnxruntime


def unfit(config: TrainConfig, G: nn.Module, D: nn.Module) -> str | None:
    """Return why the step of these settings and networks cannot be a graph that runs here; None: it can."""
    try:
        need_packages()
        _check(config, G, D)
        model_bytes(training_step(Step(G, D, config)), StepSpec.of(config, G, D).inputs)
    except (*UNFIT, ImportError) as error:
        return str(error)
    return None


class Graph:
    """The step of a run's settings as a session, which takes the run on from where its state is.

    Args:
        state: Of a run before its next step.

    Raises:
        NotImplementedError: If a network or loss does something that has no translation into ONNX.
        TypeError: As ``ValueError``.
        ValueError: If the settings or networks cannot be a graph; the message says which and why.
    """

    def __init__(self, state: TrainState) -> None:
        G, D, config = state.G, state.D, state.config
        _check(config, G, D)
        _warn_of_sigmoid(G, D)
        self.state, self.step, self.spec = state, Step(G, D, config), StepSpec.of(config, G, D)
        self.session = _session(model_bytes(training_step(self.step), self.spec.inputs))
        self.num_calls = self.step.take_calls()  # of the step that was recorded
        self.binding = self.session.io_binding()
        self.now, self.settled = self.spec.pack(G, D, state).numpy(), state.step
        self.next = np.empty_like(self.now)
        self.told = {name: self._told(name, shape) for name, shape in self.spec.outputs.items() if name != "new_state"}
        lead, rates = self.spec.lead, {"lr_G": config.lr, "lr_D": config.lr_D or config.lr}
        self.rates = {name: np.full(lead, rate, np.float32) for name, rate in rates.items()}
        state.settle = self.settle

    def __call__(self, source: Source, k: int) -> Outcome:
        """Take steps 2 to 5 at step k of G, of every run."""
        for name, value in self._fed(source, k).items():
            self.binding.bind_cpu_input(name, value)
        self._bind_output("new_state", self.next)
        self.session.run_with_iobinding(self.binding)
        self.now, self.next = self.next, self.now
        terms = {player: {what: self.told[f"{what}_{player}"] for what in TOTALS} for player in "DG"}
        terms["D"] |= {name: self.told[f"R_{name}"] for name in self.state.config.regularizers}
        logits = (self.told[f"logit_{what}"].unsqueeze(-1) for what in ("real", "fake"))
        return Outcome(terms["D"], terms["G"], *logits, self.num_calls)

    def settle(self) -> None:
        """Bring networks, optimizers and averages up to date."""
        if self.settled != self.state.step:
            self.spec.restore(torch.from_numpy(self.now), self.state)
            self.settled = self.state.step

    def _fed(self, source: Source, k: int) -> dict[str, np.ndarray]:
        drawn = self.step.draw(source, self.state.streams, {})
        tensors = {"x_real": drawn.x_real, "z_pool": drawn.z_pool, "z2": drawn.z2, "noise": drawn.noise}
        tensors["selection_noise"] = drawn.chance
        fed = {name: tensor.detach().contiguous().numpy() for name, tensor in tensors.items() if tensor is not None}
        lams = {f"lam_{name}": self._lam(lam) for name, lam in self.step.lams(k).items()}
        return {"state": self.now, **fed, **lams, **self.rates, "step": np.array(k + 1, np.float32)}

    def _lam(self, lam: float | Tensor) -> np.ndarray:
        return np.ascontiguousarray(np.broadcast_to(np.asarray(lam, np.float32), self.spec.lead))

    def _told(self, name: str, shape: Shape) -> Tensor:
        array = np.empty(shape, np.int64 if name == "chosen" else np.float32)
        self._bind_output(name, array)
        return torch.from_numpy(array)

    def _bind_output(self, name: str, array: np.ndarray) -> None:
        self.binding.bind_output(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)


def _session(model: bytes) -> Any:  # noqa: ANN401 - of a package that may be missing
    """Return a session on one thread, which takes no core from another one."""
    onnxruntime = need_packages()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _check(config: TrainConfig, G: nn.Module, D: nn.Module) -> None:
    check_graph(config, G, D)
    if (device := weights_like(G, D).device).type != "cpu":
        raise ValueError(f"G and D must be on the CPU for a graph; got {device}")
    if torch.is_autocast_enabled("cpu"):
        raise ValueError("a graph computes in float32; got an autocast")


def _warn_of_sigmoid(G: nn.Module, D: nn.Module) -> None:
    """Look at how D's logits are made: the graph does not say it."""
    lead = (2,) if not hasattr(G, "runs") else (G.runs, 2)
    if is_bounded(D(G(torch.zeros(*lead, G.latent_dim)))):
        warn_of_sigmoid(stacklevel=6)

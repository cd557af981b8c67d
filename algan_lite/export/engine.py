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
from algan_lite.export.spec import TOTALS, StepSpec, group_sizes
from algan_lite.export.step import Tensors, step_by_groups, training_step
from algan_lite.models.doors import weights_like
from algan_lite.objective.ending import is_bounded, warn_of_sigmoid
from algan_lite.training.config import TrainConfig
from algan_lite.training.state import Outcome, TrainState
from algan_lite.training.step import Step

UNREAD = ("new_state", "chosen")  # outputs of the exported step that training has no use for
UNFIT = (NotImplementedError, TypeError, ValueError)  # raised for what cannot be a graph


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
        self.sizes = group_sizes(config, G, D)
        self.session = one_thread(self._model())
        self.num_calls = self.step.take_calls()  # of the step that was recorded
        self.fed = {name: torch.zeros(shape) for name, shape in self.spec.inputs.items() if name != "state"}
        self.fed["lr_G"].fill_(config.lr)
        self.fed["lr_D"].fill_(config.lr_D or config.lr)
        self.told = {name: torch.zeros(shape) for name, shape in self.spec.outputs.items() if name not in UNREAD}
        self.outcome = self._outcome()
        self.now, self.next = self._groups(), self._groups()
        self.there, self.back = self._bind(self.now, self.next), self._bind(self.next, self.now)
        self.settled = state.step
        state.settle = self.settle

    def __call__(self, source: Source, k: int) -> Outcome:
        """Take steps 2 to 5 at step k of G, of every run; the next call writes over what this one returns."""
        self._feed(source, k)
        self.session.run_with_iobinding(self.there)
        self.now, self.next, self.there, self.back = self.next, self.now, self.back, self.there
        return self.outcome

    def settle(self) -> None:
        """Bring networks, optimizers and averages up to date."""
        if self.settled != self.state.step:
            self.spec.restore(torch.cat(list(self.now.values()), -1), self.state)
            self.settled = self.state.step

    def _groups(self) -> dict[str, Tensor]:
        """Return the state of the run, group by group."""
        whole = self.spec.pack(self.state.G, self.state.D, self.state)
        parts = whole.split(list(self.sizes.values()), -1)
        return {group: part.contiguous().clone() for group, part in zip(self.sizes, parts, strict=True)}

    def _model(self) -> bytes:
        """Record the step with each group of the state as an input and an output of its own."""
        step = step_by_groups(self.step)

        def function(inputs: Tensors) -> dict[str, Tensor]:
            new, told = step({group: inputs[f"old {group}"] for group in self.sizes}, inputs)
            kept = {name: value for name, value in told.items() if name not in UNREAD}
            return {f"new {group}": new[group] for group in self.sizes} | kept

        groups = {f"old {group}": (*self.spec.lead, size) for group, size in self.sizes.items()}
        return model_bytes(function, groups | {k: v for k, v in self.spec.inputs.items() if k != "state"})

    def _outcome(self) -> Outcome:
        """Arrange what the session tells; its memory stays where it is."""
        terms = {player: {what: self.told[f"{what}_{player}"] for what in TOTALS} for player in "DG"}
        terms["D"] |= {name: self.told[f"R_{name}"] for name in self.state.config.regularizers}
        logits = (self.told[f"logit_{what}"].unsqueeze(-1) for what in ("real", "fake"))
        return Outcome(terms["D"], terms["G"], *logits, self.num_calls)

    def _feed(self, source: Source, k: int) -> None:
        """Write what the step is given where the session reads it."""
        drawn = self.step.draw(source, self.state.streams, {})
        values = {"x_real": drawn.x_real, "z_pool": drawn.z_pool, "z2": drawn.z2, "noise": drawn.noise}
        values["selection_noise"] = drawn.chance
        for name, value in values.items():
            if name in self.fed:
                self.fed[name].copy_(value)
        for name, lam in self.step.lams(k).items():
            self.fed[f"lam_{name}"][...] = lam
        self.fed["step"].fill_(k + 1)
        if "keep" in self.fed:
            self.fed["keep"].fill_(self.step.config.keep(k))

    def _bind(self, old: Tensors, new: Tensors) -> Any:  # noqa: ANN401 - of a package that may be missing
        """Say where in memory the session finds its inputs, and where it leaves its outputs."""
        binding = self.session.io_binding()
        for bind, tensors in (
            (binding.bind_input, self.fed | {f"old {group}": value for group, value in old.items()}),
            (binding.bind_output, self.told | {f"new {group}": value for group, value in new.items()}),
        ):
            for name, tensor in tensors.items():
                bind(name, "cpu", 0, np.float32, tuple(tensor.shape), tensor.data_ptr())
        return binding


def one_thread(model: bytes) -> Any:  # noqa: ANN401 - of a package that may be missing
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

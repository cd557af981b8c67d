"""One full training step as an ONNX graph, in a file.

The graph is traced from the very functions that ``train()`` calls; only Adam's update is written anew. Nothing is
hidden in it: weights, moments and averages come in as one flat vector and go out as another (``StepSpec`` says where
each lies), and every random number is an input. So whoever runs it draws, and turns lambda and the learning rates.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from algan_lite.core.checks import check_integer
from algan_lite.core.files import write_atomically
from algan_lite.core.progress import progress_bar
from algan_lite.export import step as export_step
from algan_lite.export.doors import check_graph
from algan_lite.export.record import model_bytes
from algan_lite.export.spec import Interface, StepSpec, group_sizes, run_axis
from algan_lite.training.config import TrainConfig
from algan_lite.training.step import Step


def training_step(path: str | os.PathLike[str], config: TrainConfig, G: nn.Module, D: nn.Module) -> StepSpec:
    """Write one step of ``train()`` as an ONNX graph: noise selection, both gradients, both updates, and G's average.

    Inputs, float32: ``state`` (S,); ``x_real`` (N, *sample); ``z_pool`` (M, latent_dim); where the settings need them
    ``z2`` (N, latent_dim), ``noise`` (N, *sample) and ``selection_noise`` (M,), uniform on [0, 1); ``lam_<name>`` ()
    for each regularizer; ``lr_G`` (), ``lr_D`` () and ``step`` (), the number of this step counted from 1; with
    ``keep_decay`` also ``keep`` (), how many of the N latents count now (``config.keep(step)``).
    Outputs: ``new_state`` (S,); ``loss_D`` and ``loss_G`` (), without penalties; ``total_D`` and ``total_G`` (), with
    them; ``R_<name>`` (), unweighted; ``logit_real`` and ``logit_fake`` (), D's means before its update; ``chosen``
    (N,) int64, the places in the pool of the noise that G trained on. A first step starts from ``spec.pack(G, D)``.

    Of an ensemble of R runs every input and output but ``step`` and ``keep`` has R in front: one run a row, each with
    a lambda and learning rates of its own.

    Lambdas and learning rates are inputs: of a schedule its user feeds the value of the step.

    Args:
        path: File to write.
        config: Settings with ``d_steps`` 1.
        G: A generator or an ensemble; its weights are inputs of the graph, only their shapes matter.
        D: A discriminator, likewise.

    Returns:
        The interface; ``spec.save("step.json")`` keeps it beside the graph.

    Raises:
        ValueError: If the settings or networks cannot be a graph; the message says which and why.
        NotImplementedError: If a network or loss does something that has no translation into ONNX.
        ImportError: If the package ``onnx`` is not installed.
    """
    check_graph(config, G, D)
    spec = StepSpec.of(config, G, D)
    content = model_bytes(export_step.training_step(Step(G, D, config)), spec.inputs)
    write_atomically(path, lambda file: file.write(content))
    return spec


def view(
    path: str | os.PathLike[str], G: nn.Module, D: nn.Module, config: TrainConfig, *, num_x: int = 576, num_z: int = 256
) -> Interface:
    """Write what a picture shows of a state as an ONNX graph.

    Inputs: ``state`` as ``training_step`` has it, ``x`` (K, *sample), ``z`` (L, latent_dim), for all runs the same.
    Outputs, of R runs with R in front: ``logits_x`` (K,), ``fakes`` (L, *sample), ``logits_fakes`` (L,) and ``arrows``
    (L, *sample): where G's loss wants each fake to move, minus its gradient (of that fake alone). A paired loss, which
    compares a fake with a real, is taken at a real that D finds as real as the fake.

    One graph serves every setting with the same networks and loss: of a state it reads the weights only.

    Args:
        path: File to write.
        G: The generator.
        D: The discriminator.
        config: Gives the loss.
        num_x: K, points where D is shown, at least 1.
        num_z: L, fakes that are shown, at least 1.

    Returns:
        ``inputs`` and ``outputs``: name -> shape, float32; of ``state`` the shortest that there is.

    Raises:
        ValueError: As ``training_step``, as are the other errors.
    """
    interface = _view_interface(G, D, config, num_x, num_z)
    content = model_bytes(export_step.view(G, D, config), interface["inputs"], free=["state"])
    write_atomically(path, lambda file: file.write(content))
    return interface


def graphs(
    folder: str | os.PathLike[str],
    configs: Mapping[str, TrainConfig],
    G: nn.Module,
    D: nn.Module,
    *,
    num_x: int = 576,
    num_z: int = 256,
    progress: bool | None = None,
) -> dict[str, dict[str, Any]]:
    """Write ``<name>.onnx`` for each setting, ``view_<loss>.onnx`` for each loss, and ``manifest.json``.

    A graph that the manifest lists with the same interface is left as it is; so another version of the package needs
    another folder. What earlier calls wrote stays listed. The same call writes the same bytes.

    Args:
        folder: Is made if it is missing.
        configs: Name -> settings; the names become file names.
        G: The generator.
        D: The discriminator.
        num_x: As for ``view``.
        num_z: As for ``view``.
        progress: Show a progress bar; None: unless the environment variable ALGAN_LITE_PROGRESS is 0.

    Returns:
        What the manifest says of these settings. ``steps``: name -> the fields of its ``StepSpec``, ``file``, and
        ``view``, a key of ``views``: name -> ``inputs``, ``outputs`` and ``file``.

    Raises:
        ValueError: If a name cannot be a file's; as ``training_step``, as are the other errors.
    """
    if strange := [name for name in configs if not re.fullmatch(r"[\w.+-]+", name)]:
        raise ValueError(f"names of configs must be letters, digits and ._+- only; got {', '.join(map(repr, strange))}")
    folder = Path(folder)
    path = folder / "manifest.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"steps": {}, "views": {}}
    steps, views = {}, {}
    for name, config in progress_bar(configs.items(), shown=progress, desc="export", unit="graph"):
        interface = _view_interface(G, D, config, num_x, num_z)
        shown = _view_name(config)
        steps[name] = {"file": f"{name}.onnx", "view": shown, **StepSpec.of(config, G, D).plain()}
        if _is_new(folder, before["steps"].get(name), steps[name]):
            training_step(folder / f"{name}.onnx", config, G, D)
        if shown not in views:
            views[shown] = {"file": f"{shown}.onnx", **interface}
            if _is_new(folder, before["views"].get(shown), views[shown]):
                view(folder / f"{shown}.onnx", G, D, config, num_x=num_x, num_z=num_z)
    now = {"steps": steps, "views": views}
    content = json.dumps({kind: {**before[kind], **now[kind]} for kind in now}, separators=(",", ":")).encode()
    write_atomically(path, lambda file: file.write(content))
    return now


def _view_name(config: TrainConfig) -> str:
    loss = config.describe()["loss"]
    return f"view_{loss if isinstance(loss, str) else '_'.join(loss)}"


def _is_new(folder: Path, before: object, now: Mapping[str, Any]) -> bool:
    return before != json.loads(json.dumps(now)) or not (folder / now["file"]).is_file()


def _view_interface(G: nn.Module, D: nn.Module, config: TrainConfig, num_x: int, num_z: int) -> Interface:
    """Check the arguments of ``view`` and return its interface."""
    check_graph(config, G, D)
    num_x, num_z = check_integer("num_x", num_x, 1), check_integer("num_z", num_z, 1)
    lead, sample, sizes = run_axis(G), tuple(G.sample_shape), group_sizes(config, G, D)
    inputs = {"state": (*lead, sizes["G"] + sizes["D"]), "x": (num_x, *sample), "z": (num_z, G.latent_dim)}
    fakes = (num_z, *sample)
    outputs = {"logits_x": (num_x,), "fakes": fakes, "logits_fakes": (num_z,), "arrows": fakes}
    return {"inputs": inputs, "outputs": {name: (*lead, *shape) for name, shape in outputs.items()}}

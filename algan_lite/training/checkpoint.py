"""What a checkpoint of a training run holds, and when one is written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from algan_lite.core.checks import check_integer
from algan_lite.core.files import load_checkpoint, save_checkpoint
from algan_lite.training.state import TrainState, laid_out_as


class Saver:
    """Loads a checkpoint at the start, and saves one every so often and at the end.

    Args:
        state: What is saved and restored.
        path: The file; None: nothing is saved.
        every: Steps between two saves, >= 1.
        resume: Continue from ``path`` if it exists.
    """

    def __init__(self, state: TrainState, path: str | os.PathLike[str] | None, every: int, resume: bool) -> None:
        self.state, self.path, self.every = state, path, check_integer("checkpoint_every", every, 1)
        if resume and path is None:
            raise ValueError("resume=True needs checkpoint=, the file to continue from; got None")
        if resume and Path(path).exists():
            load_state(state, path)

    def after_step(self) -> None:
        """Save where a save is due."""
        if self.path is not None and self.state.step % self.every == 0:
            save_state(self.state, self.path)

    def finish(self) -> None:
        """Save the end."""
        if self.path is not None:
            save_state(self.state, self.path)


def save_state(state: TrainState, path: str | os.PathLike[str]) -> None:
    """Write everything to ``path``, atomically; a diverged state is never saved over a good one."""
    state.check_diverged()
    history = state.history
    values = {
        "config": state.config.describe(),
        "seeds": list(history.seeds),
        "step": state.step,
        "steps": history.steps,
        "columns": list(history.columns),
        "num_calls": history.num_calls,
    }
    save_checkpoint(path, _tensors(state), values)


def load_state(state: TrainState, path: str | os.PathLike[str]) -> None:
    """Continue from a checkpoint of the same networks, settings and seeds (``num_steps`` may differ).

    Raises:
        ValueError: If networks, settings or seeds differ; the message names what does.
    """
    tensors, values = load_checkpoint(path)
    if not {"config", "seeds", "step", "steps", "columns", "num_calls"} <= values.keys():
        raise ValueError(f"checkpoint must be that of a training run; {path} holds {', '.join(values) or 'nothing'}")
    ours = {**state.config.describe(), "seeds": list(state.history.seeds)}
    theirs = {**values["config"], "seeds": values["seeds"]}
    differ = [k for k in ours if k != "num_steps" and ours[k] != theirs.get(k)]
    if differ:
        told = "; ".join(f"{k}: {theirs.get(k)!r} in the file, {ours[k]!r} now" for k in differ)
        raise ValueError(f"resume=True needs the settings of the checkpoint {path}; {told}")
    state.step, state.history.steps = values["step"], values["steps"]
    state.history.num_calls = values["num_calls"]
    _restore(state, path, tensors, values["columns"])


def _tensors(state: TrainState) -> dict[str, Tensor]:
    """Return every tensor that the next step depends on, by name."""
    history = state.history
    named = {f"columns/{name}": torch.stack(rows) for name, rows in history.columns.items()}
    named |= {"diverged_at": history.diverged_at, "equilibrium_at": history.equilibrium_at}
    named |= {"calm": state.watch.calm, "accuracy": state.watch.accuracy}
    named |= {f"averages/{name}": value for name, value in state.averages.items()}
    for label, net in _networks(state).items():
        named |= {f"{label}/{name}": value for name, value in net.state_dict().items()}
    for player, optimizer in state.optimizers.items():
        for index, moments in optimizer.state_dict()["state"].items():
            named |= {f"adam/{player}/{index}/{name}": value for name, value in moments.items()}
    for purpose, source in state.streams.items():
        generators = [source] if isinstance(source, torch.Generator) else source
        named[f"streams/{purpose}"] = torch.stack([g.get_state() for g in generators])
    return named


def _restore(
    state: TrainState, path: str | os.PathLike[str], tensors: dict[str, Tensor], columns: Sequence[str]
) -> None:
    history, place = state.history, state.device
    history.columns = {name: list(tensors[f"columns/{name}"].to(place)) for name in columns}
    history.diverged_at, history.equilibrium_at = (tensors[k].to(place) for k in ("diverged_at", "equilibrium_at"))
    state.watch.calm, state.watch.accuracy = tensors["calm"].to(place), tensors["accuracy"].to(place)
    state.watch.reached_at = history.equilibrium_at
    state.averages = {name: value.to(place) for name, value in _below("averages/", tensors).items()}
    for label, net in _networks(state).items():
        try:
            net.load_state_dict(_below(f"{label}/", tensors))
        except RuntimeError as error:
            raise ValueError(f"{label} must be the network of the checkpoint {path}: {error}") from error
    for player, optimizer in state.optimizers.items():
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in _below(f"adam/{player}/", tensors).items():
            index, key = name.split("/")
            parameter = optimizer.param_groups[0]["params"][int(index)]
            moments.setdefault(int(index), {})[key] = laid_out_as(parameter, value)
        optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    for purpose, source in state.streams.items():
        generators = [source] if isinstance(source, torch.Generator) else source
        for generator, saved in zip(generators, tensors[f"streams/{purpose}"], strict=True):
            generator.set_state(saved.clone())  # a row of a larger tensor is not read right


def _networks(state: TrainState) -> dict[str, nn.Module]:
    return {"G": state.G, "D": state.D, "G_ema": state.history.G_ema}


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

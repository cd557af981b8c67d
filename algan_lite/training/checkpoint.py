"""What a checkpoint of a training run holds, and when one is written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from algan_lite.core.checks import check_integer
from algan_lite.core.files import check_writable, load_checkpoint, save_checkpoint
from algan_lite.core.keys import content_key
from algan_lite.core.rng import Stream
from algan_lite.data.sources import Source
from algan_lite.training.state import TrainState, laid_out_as

FORMAT = 2  # of the file; a later version of the package may write a later one
HELD = {"config", "networks", "source", "trained", "seeds", "step", "steps", "columns", "num_calls"}


class Saver:
    """Loads a checkpoint at the start, and saves one every so often and at the end.

    Args:
        state: What is saved and restored.
        source: Gives the reals; a checkpoint belongs to one.
        path: The file; None: nothing is saved.
        every: Steps between two saves, >= 1.
        resume: Continue from ``path`` if it exists.
    """

    def __init__(
        self, state: TrainState, source: Source, path: str | os.PathLike[str] | None, every: int, resume: bool
    ) -> None:
        self.state, self.every = state, check_integer("checkpoint_every", every, 1)
        if resume and path is None:
            raise ValueError("resume=True needs checkpoint=, the file to continue from; got None")
        self.path = None if path is None else check_writable("checkpoint", path)
        self._told = {} if path is None else _told(state, source)
        if resume and self.path.exists():
            load_state(state, self.path, self._told)

    def after_step(self) -> None:
        """Save where a save is due."""
        if self.path is not None and self.state.step % self.every == 0:
            self.save()

    def save(self) -> None:
        """Write everything, atomically; a diverged state is never saved over a good one."""
        if self.path is None:
            return
        self.state.check_diverged()
        history = self.state.history
        course = {"step": self.state.step, "steps": history.steps, "columns": list(history.columns)}
        save_checkpoint(self.path, _tensors(self.state), {**self._told, **course, "num_calls": history.num_calls})


def _told(state: TrainState, source: Source) -> dict[str, object]:
    """Return what a checkpoint must have in common with the run that continues from it."""
    nets = {"G": state.G, "D": state.D}
    told = {"format": FORMAT, "config": state.config.describe(), "seeds": list(state.history.seeds)}
    told |= {"networks": {player: repr(net) for player, net in nets.items()}, "source": _source_key(source)}
    return {**told, "trained": {player: _trained(net) for player, net in nets.items()}}


def _source_key(source: Source) -> str:
    try:
        return f"{type(source).__name__} {content_key(source, strict=False)}"
    except TypeError:  # a source of somebody's own that does not say what it holds
        return type(source).__qualname__


def _trained(net: nn.Module) -> list[str]:
    """Return the names of the weights that the optimizer moves, in its order."""
    return [name for name, weight in net.named_parameters() if weight.requires_grad]


def load_state(state: TrainState, path: Path, told: Mapping[str, object]) -> None:
    """Continue from a checkpoint of the same networks, source, settings and seeds (``num_steps`` may be larger).

    All of it is compared before anything is changed.

    Args:
        state: The state before the first step, which becomes that of the file.
        path: The file.
        told: What the run says of itself.

    Raises:
        ValueError: If anything differs; the message names what does.
    """
    tensors, values = load_checkpoint(path)
    if values.get("format", 1) != FORMAT:
        raise ValueError(f"checkpoint must have format {FORMAT}; {path} has {values.get('format', 1)}: another version")
    if lacking := HELD - values.keys():
        raise ValueError(f"checkpoint must be that of a training run; {path} lacks {', '.join(sorted(lacking))}")
    theirs, ours = ({**given["config"], **given} for given in (values, told))
    compared = (values["config"].keys() | ours.keys()) - {"config", "num_steps"}
    differ = [key for key in sorted(compared) if ours.get(key) != theirs.get(key)]
    if differ:
        words = "; ".join(
            f"{key}: {_short(theirs.get(key))} in the file, {_short(ours.get(key))} now" for key in differ
        )
        raise ValueError(f"resume=True needs the settings of the checkpoint {path}; {words}")
    if state.config.num_steps < values["step"]:
        done = f"the {values['step']} steps of the checkpoint {path}"
        raise ValueError(f"num_steps must be at least {done}; got {state.config.num_steps}")
    _check_shapes(state, path, tensors, values)
    state.step, state.history.steps = values["step"], values["steps"]
    state.history.num_calls = values["num_calls"]
    _restore(state, tensors, values["columns"])


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]} ..."


def _check_shapes(state: TrainState, path: Path, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    """Refuse a file in which a tensor is missing, or has another shape than it will have."""
    runs, rows = len(state.history.seeds), len(values["steps"])
    wanted = dict.fromkeys(("diverged_at", "equilibrium_at", "calm", "accuracy"), (runs,))
    wanted |= {f"columns/{name}": (rows, runs) for name in values["columns"]}
    for label, net in _networks(state).items():
        wanted |= {f"{label}/{name}": tuple(value.shape) for name, value in net.state_dict().items()}
    for player, optimizer in state.optimizers.items():
        for index, weight in enumerate(optimizer.param_groups[0]["params"]):
            moments = {"exp_avg": tuple(weight.shape), "exp_avg_sq": tuple(weight.shape), "step": ()}
            given = {name for name in moments if f"adam/{player}/{index}/{name}" in tensors}
            # A weight that has had no gradient yet has no moments; one that has some has all.
            wanted |= {f"adam/{player}/{index}/{name}": shape for name, shape in moments.items() if given}
    wanted |= {f"streams/{purpose}": _saved_streams(source).shape for purpose, source in state.streams.items()}
    lead = () if state.runs is None else (runs,)
    wanted |= {name: lead for name in tensors if name.startswith("averages/")}
    got = {name: tuple(value.shape) for name, value in tensors.items()}
    wrong = sorted(name for name in wanted.keys() | got.keys() if got.get(name) != wanted.get(name))
    if wrong:
        name = wrong[0]
        told = f"{name} has shape {got.get(name, 'none')} in the file, {wanted.get(name, 'none')} in the networks now"
        raise ValueError(f"checkpoint must be that of these networks; {path} differs in {len(wrong)} tensors: {told}")


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
    return named | {f"streams/{purpose}": _saved_streams(source) for purpose, source in state.streams.items()}


def _saved_streams(source: Stream) -> Tensor:
    """Return the states of a stream's generators, one a row."""
    generators = [source] if isinstance(source, torch.Generator) else source
    return torch.stack([generator.get_state() for generator in generators])


def _restore(state: TrainState, tensors: dict[str, Tensor], columns: Sequence[str]) -> None:
    history, place = state.history, state.device
    history.columns = {name: list(tensors[f"columns/{name}"].to(place)) for name in columns}
    history.diverged_at, history.equilibrium_at = (tensors[k].to(place) for k in ("diverged_at", "equilibrium_at"))
    state.watch.calm, state.watch.accuracy = tensors["calm"].to(place), tensors["accuracy"].to(place)
    state.watch.reached_at = history.equilibrium_at
    state.averages = {name: value.to(place) for name, value in _below("averages/", tensors).items()}
    for label, net in _networks(state).items():
        net.load_state_dict(_below(f"{label}/", tensors))
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

"""What a checkpoint of a training run holds, and when one is written."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence, Set
from functools import partial
from itertools import zip_longest
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import Any

import torch
from torch import Tensor, nn

from algan_lite.core.checks import check_integer
from algan_lite.core.files import check_writable, load_checkpoint, save_checkpoint
from algan_lite.core.keys import PLAIN, content_key
from algan_lite.core.rng import Stream
from algan_lite.data.sources import Source
from algan_lite.training.history import TrainingDiverged
from algan_lite.training.state import TrainState, laid_out_as

FORMAT = 2  # of the file; a later version of the package may write a later one
HELD = {"format", "config", "networks", "seeds", "step", "steps", "columns", "num_calls"}
NETWORKS = {"networks", "code", "trained"}  # what a file says of them


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
        self.state, self.source, self.every = state, source, check_integer("checkpoint_every", every, 1)
        if resume and path is None:
            raise ValueError("resume=True needs checkpoint=, the file to continue from; got None")
        self.path = None if path is None else check_writable("checkpoint", path)
        self._told, self._saved = {} if path is None else _told(state, source), False
        if resume and self.path.exists():
            load_state(state, self.path, self._told)

    def after_step(self, state: TrainState) -> None:
        """Save where a save is due."""
        if self.path is not None and state.step % self.every == 0:
            self.save()

    def save(self) -> None:
        """Write everything, atomically; a diverged state is never saved over a good one."""
        if self.path is None:
            return
        self.state.check_diverged()
        self.state.settle()
        if not self._saved:
            self._leave_out_what_moves()
        history = self.state.history
        course = {"step": self.state.step, "steps": history.steps, "columns": list(history.columns)}
        save_checkpoint(self.path, _tensors(self.state), {**self._told, **course, "num_calls": history.num_calls})

    def _leave_out_what_moves(self) -> None:
        """Forget what changes while somebody's own source draws, such as a place in a file: it is not what it is."""
        self._saved = True
        if type(self.source).__module__.partition(".")[0] != "algan_lite":
            now = _held(self.source)
            self._told = {key: value for key, value in self._told.items() if now.get(key, value) == value}

    def rescue(self) -> str:
        """Save after an interrupt if that can be, and say what the file is now."""
        if not self.state.whole:
            return "not written in the middle of a step; an earlier one stays"
        try:
            self.save()
        except (OSError, ValueError, TrainingDiverged) as error:
            return f"not written: {error}"
        return f"of step {self.state.step:,}"


def _told(state: TrainState, source: Source) -> dict[str, object]:
    """Return what a checkpoint must have in common with the run that continues from it."""
    nets = {"G": state.G, "D": state.D}
    return {
        "format": FORMAT,
        "config": state.config.describe(),
        "functions": content_key(state.config.functions(), strict=False),
        "seeds": list(state.history.seeds),
        "source": f"{type(source).__qualname__} {content_key(type(source), strict=False)}",
        **_held(source),
        "networks": {player: _looks(net) for player, net in nets.items()},
        "code": {player: _code_key(net) for player, net in nets.items()},
        "trained": {player: _trained(net) for player, net in nets.items()},
    }


def _held(source: Source) -> dict[str, str]:
    """Return a key of each thing that a source holds."""
    held = getattr(source, "__dict__", None) or {"contents": source}
    return {f"source.{name}": content_key(value, strict=False) for name, value in held.items()}


def _looks(net: nn.Module) -> list[str]:
    """Return a network's layers, line by line, without places in memory."""
    return re.sub(" at 0x[0-9a-f]+", "", repr(net)).splitlines()


def _code_key(net: nn.Module) -> str:
    """Return a key of what a network computes beside its weights: its classes, numbers and functions."""
    net = net.member(0) if hasattr(net, "member") else net
    kinds = (*PLAIN, tuple, FunctionType, BuiltinFunctionType, partial)
    held = [{k: v for k, v in vars(part).items() if isinstance(v, kinds) and k[0] != "_"} for part in net.modules()]
    without_mode = [{k: v for k, v in one.items() if k != "training"} for one in held]
    return content_key([type(part) for part in net.modules()], without_mode, strict=False)


def _trained(net: nn.Module) -> list[str]:
    """Return the names of the weights that the optimizer moves, in its order."""
    return [name for name, weight in net.named_parameters() if weight.requires_grad]


def load_state(state: TrainState, path: Path, told: Mapping[str, Any]) -> None:
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
    if lacking := HELD - values.keys():
        raise ValueError(f"checkpoint must be that of a training run; {path} lacks {', '.join(sorted(lacking))}")
    _check_told(path, values, told)
    if state.config.num_steps < values["step"]:
        done = f"the {values['step']} steps of the checkpoint {path}"
        raise ValueError(f"num_steps must be at least {done}; got {state.config.num_steps}")
    _check_tensors(state, path, tensors, values)
    state.step, state.history.steps = values["step"], values["steps"]
    state.history.num_calls = values["num_calls"]
    _restore(state, tensors, values["columns"])


def _check_told(path: Path, values: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """Compare what the file and the run say of themselves."""
    if values["format"] != FORMAT:
        raise ValueError(f"checkpoint must have format {FORMAT}; {path} has {values['format']}: another version's")
    ours, theirs = ({**given["config"], **given} for given in (told, values))
    settings = ours.keys() | values["config"].keys()  # a newer version has settings that are unknown here
    settings -= {key for key in ours.keys() - theirs.keys() if key.startswith("source.")}  # they moved in that run
    _compare(path, "the settings", settings - {"config", "num_steps", *NETWORKS}, theirs, ours)
    for player, now in told["networks"].items():
        lines = zip_longest(values["networks"][player], now, fillvalue="nothing")
        if differ := [f"{old.strip()} in the file, {new.strip()} now" for old, new in lines if old != new]:
            raise ValueError(f"{player} must be the network of the checkpoint {path}; {differ[0]}")
    _compare(path, "the networks", NETWORKS, theirs, ours)


def _compare(path: Path, what: str, keys: Set[str], theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    words = [
        f"{key}: {_short(theirs.get(key))} in the file, {_short(ours.get(key))} now"
        for key in sorted(keys)
        if ours.get(key) != theirs.get(key)
    ]
    if words:
        raise ValueError(f"resume=True needs {what} of the checkpoint {path}; {'; '.join(words)}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]} ..."


def _check_tensors(state: TrainState, path: Path, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    """Refuse a file in which a tensor is missing or too many, or has another shape or type than it will have."""
    wanted = _wanted(state, tensors, values)
    got = {name: (tuple(value.shape), value.dtype) for name, value in tensors.items()}
    for name in sorted(wanted.keys() | got.keys()):
        old, new = got.get(name), wanted.get(name)
        if old is None or new is None or old[0] != new[0] or new[1] not in (None, old[1]):
            raise ValueError(
                f"checkpoint must be that of these networks; {name} of {path}: {_words(old)} in the file, "
                f"{_words(new)} now"
            )


def _words(kind: tuple | None) -> str:
    return "nothing" if kind is None else f"shape {kind[0]}, {kind[1] or 'any type'}"


def _wanted(state: TrainState, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> dict[str, tuple]:
    """Return name -> shape and type (None: any) of every tensor that a checkpoint of this run has."""
    runs, rows = len(state.history.seeds), len(values["steps"])
    wanted = dict.fromkeys(("diverged_at", "equilibrium_at", "calm"), ((runs,), torch.int64))
    wanted |= {"accuracy": ((runs,), None)} | {f"columns/{name}": ((rows, runs), None) for name in values["columns"]}
    for label, net in _networks(state).items():
        wanted |= {f"{label}/{name}": (tuple(v.shape), v.dtype) for name, v in net.state_dict().items()}
    rule, lead = state.config.balance, () if state.runs is None else (runs,)
    for player, optimizer in state.optimizers.items():
        clock = lead if rule is not None and rule.paces(player) else ()
        for index, weight in enumerate(optimizer.param_groups[0]["params"]):
            like = (tuple(weight.shape), weight.dtype)
            moments = {"exp_avg": like, "exp_avg_sq": like, "step": (clock, None)}
            moments = {f"adam/{player}/{index}/{name}": kind for name, kind in moments.items()}
            # A weight that has had no gradient yet has no moments; one that has some has all.
            wanted |= moments if moments.keys() & tensors.keys() else {}
    for purpose, source in state.streams.items():
        wanted[f"streams/{purpose}"] = (tuple(_saved_streams(source).shape), torch.uint8)
    wanted |= {f"balance/{name}": (lead, value.dtype) for name, value in state.memory.items()}
    return wanted | {name: (lead, None) for name in tensors if name.startswith("averages/")}


def _tensors(state: TrainState) -> dict[str, Tensor]:
    """Return every tensor that the next step depends on, by name."""
    history = state.history
    named = {f"columns/{name}": torch.stack(rows) for name, rows in history.columns.items()}
    named |= {"diverged_at": history.diverged_at, "equilibrium_at": history.equilibrium_at}
    named |= {"calm": state.watch.calm, "accuracy": state.watch.accuracy}
    named |= {f"averages/{name}": value for name, value in state.averages.items()}
    named |= {f"balance/{name}": value for name, value in state.memory.items()}
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
    state.memory = {name: value.to(place) for name, value in _below("balance/", tensors).items()}
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

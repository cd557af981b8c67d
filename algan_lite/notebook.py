"""Floor 4: what a notebook needs around its subject: settings, the package's real source, a check of the machine."""

from __future__ import annotations

import ast
import copy
import inspect
import os
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn

from algan_lite.checks import check_choice, check_integer
from algan_lite.machine import MachineCheck, check
from algan_lite.state import TrainState
from algan_lite.style import use_style

if TYPE_CHECKING:
    from IPython.display import Markdown

PROFILES = ("smoke", "book", "full")
DEVICES = ("auto", "cpu", "cuda")

Value = TypeVar("Value")


@dataclass(frozen=True)
class Setup:
    """What a notebook runs with. As the last line of a cell it shows itself: one line of versions.

    Attributes:
        seed: Given to every source and every run by the notebook; nothing global is seeded.
        profile: ``smoke`` (seconds: does it run?), ``book`` (what the pages show) or ``full`` (for a patient machine).
        device: Where networks are put: ``G.to(setup.device)``.
    """

    seed: int
    profile: str
    device: torch.device

    def pick(self, *, smoke: Value, book: Value, full: Value) -> Value:
        """Return the value of this profile."""
        return {"smoke": smoke, "book": book, "full": full}[self.profile]

    def __repr__(self) -> str:
        from algan_lite import __version__  # here: the package imports this file

        place = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "CPU"
        parts = [f"algan_lite {__version__}", f"torch {torch.__version__}", place, f"profile {self.profile}"]
        return " · ".join([*parts, f"seed {self.seed}"])


def setup_notebook(seed: int = 0, *, profile: str | None = None, device: str | None = None) -> Setup:
    """Set the book's plot style and return the settings of this notebook. May be called as often as you like.

    Args:
        seed: The notebook's seed, at least 0.
        profile: ``smoke``, ``book`` or ``full``; by default the environment variable ALGAN_LITE_PROFILE, or ``book``.
        device: ``auto`` (a GPU if there is one), ``cpu`` or ``cuda``; by default ALGAN_LITE_DEVICE, or ``auto``.

    Raises:
        ValueError: If a value is unknown, or ``cuda`` is asked for and this machine or this PyTorch has none.

    Example:
        >>> setup_notebook(profile="smoke", device="cpu").pick(smoke=10, book=3000, full=20000)
        10
    """
    check_integer("seed", seed, 0)
    profile = check_choice("profile", _given("profile", profile, "book"), PROFILES)
    settings = Setup(seed, profile, resolve_device(device))
    use_style()
    return settings


def resolve_device(device: str | None = None) -> torch.device:
    """Return the device that a name, or else ALGAN_LITE_DEVICE, stands for."""
    name = check_choice("device", _given("device", device, "auto"), DEVICES)
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device must be 'auto' or 'cpu' here: PyTorch finds no usable GPU; got 'cuda'")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def _given(name: str, value: str | None, default: str) -> str:
    return (os.environ.get(f"ALGAN_LITE_{name.upper()}") or default) if value is None else value


def show_source(obj: object, *, docstring: bool = False, start: str | None = None, stop: str | None = None) -> Markdown:
    """Show the real source of a function, class or method, highlighted, under the name of its file.

    Args:
        obj: Anything written in Python.
        docstring: Show its own docstring too (those of a class's methods always stay).
        start: Begin with the first line that contains this text.
        stop: End before the next line that contains this text.

    Raises:
        TypeError: If ``obj`` is not written in Python (a number, a built-in function).
        ValueError: If ``start`` or ``stop`` does not occur.
    """
    from IPython.display import Markdown  # here: only a notebook needs it

    try:
        obj = inspect.unwrap(obj)  # behind a decorator such as torch.no_grad
        source, path = textwrap.dedent(inspect.getsource(obj)), Path(inspect.getsourcefile(obj))
    except (TypeError, OSError) as error:
        raise TypeError(f"obj must be a function, class or method written in Python; got {obj!r}") from error
    lines = (source if docstring else _without_docstring(source)).splitlines()
    lines = _excerpt(lines, start, stop)
    code = textwrap.dedent("\n".join(lines)).strip("\n")
    # A fence must be longer than any row of backticks inside it.
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
    return Markdown(f"{fence}python\n# {path.parent.name}/{path.name}\n{code}\n{fence}")


def _without_docstring(source: str) -> str:
    node = ast.parse(source).body[0]
    if not isinstance(node, ast.FunctionDef | ast.ClassDef) or ast.get_docstring(node) is None:
        return source
    lines, text = source.splitlines(), node.body[0]
    return "\n".join(lines[: text.lineno - 1] + lines[text.end_lineno :])


def _excerpt(lines: list[str], start: str | None, stop: str | None) -> list[str]:
    first = 0 if start is None else _find("start", start, lines, 0)
    last = len(lines) if stop is None else _find("stop", stop, lines, first + 1)
    return lines[first:last]


def _find(name: str, text: str, lines: list[str], begin: int) -> int:
    for number in range(begin, len(lines)):
        if text in lines[number]:
            return number
    raise ValueError(f"{name} must occur in the source, after the beginning of what is shown; got {text!r}")


class Snapshots:
    """A callback of ``train()`` that keeps copies of one G and D at some steps.

    Args:
        steps: At which steps of G, each at least 1.

    Attributes:
        pairs: Step -> (G, D) as they were after it.
    """

    def __init__(self, steps: Iterable[int]) -> None:
        self.steps = [check_integer("steps", step, 1) for step in steps]
        self.pairs: dict[int, tuple[nn.Module, nn.Module]] = {}

    def __call__(self, state: TrainState) -> None:
        """Keep a copy if this step is one of ours."""
        if state.step in self.steps:
            self.pairs[state.step] = copy.deepcopy((state.G, state.D))


def check_machine(device: str | None = None) -> MachineCheck:
    """Check in a few seconds, and without a network, whether this machine can run the book.

    Args:
        device: As for ``setup_notebook``.

    Returns:
        A table that shows itself: what was checked, what was found, and what to do where something is amiss.
        ``.ready`` is False if a chapter would fail; a machine that is only slow is ready.
    """
    return check(resolve_device(device))

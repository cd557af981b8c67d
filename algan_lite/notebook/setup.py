"""What a notebook needs around its subject: settings, the package's real source, a check of the machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TypeVar

import torch

from algan_lite.core.checks import check_choice, check_integer
from algan_lite.core.version import __version__

PROFILES = ("smoke", "book", "full")
DEVICES = ("auto", "cpu", "cuda")
ALL_THREADS = torch.get_num_threads()  # what PyTorch begins with: OMP_NUM_THREADS, or the machine's cores

Value = TypeVar("Value")


@dataclass(frozen=True)
class Setup:
    """What a notebook runs with. As the last line of a cell it shows itself: one line of versions.

    Attributes:
        seed: Given to every source and every run by the notebook; nothing global is seeded.
        profile: ``smoke`` (seconds: does it run?), ``book`` (what the pages show) or ``full`` (for a patient machine).
        device: Where networks are put: ``G.to(setup.device)``.
        threads: What one operation of PyTorch may use on a CPU.
    """

    seed: int
    profile: str
    device: torch.device
    threads: int = 1

    def pick(self, *, smoke: Value, book: Value, full: Value) -> Value:
        """Return the value of this profile."""
        return {"smoke": smoke, "book": book, "full": full}[self.profile]

    def __repr__(self) -> str:
        cpu = f"CPU, {self.threads} thread{'s' * (self.threads > 1)}"
        place = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else cpu
        parts = [f"algan_lite {__version__}", f"torch {torch.__version__}", place, f"profile {self.profile}"]
        return " · ".join([*parts, f"seed {self.seed}"])


def setup_notebook(
    seed: int = 0, *, profile: str | None = None, device: str | None = None, threads: int | str = 1
) -> Setup:
    """Set the book's plot style and PyTorch's threads, and return the settings. May be called as often as you like.

    Measured on two cores, in steps a second with one thread and with two: a dense pair on a ring 475 and 479 alone, 509
    and 36 beside one busy program; the convolutional pair on digits 13 and 22 alone, 13 and 1 beside it. Two threads of
    which one must wait for its core wait for each other at every operation; so one thread, unless images have the
    machine to themselves.

    Args:
        seed: The notebook's seed, at least 0.
        profile: ``smoke``, ``book`` or ``full``; by default the environment variable ALGAN_LITE_PROFILE, or ``book``.
        device: ``auto`` (a GPU if there is one), ``cpu`` or ``cuda``; by default ALGAN_LITE_DEVICE, or ``auto``.
        threads: Threads of PyTorch on a CPU, at least 1, for the whole process; ``all`` takes as many as PyTorch began
            with (OMP_NUM_THREADS, or one a core).

    Raises:
        ValueError: If a value is unknown, or ``cuda`` is asked for and this machine or this PyTorch has none.

    Example:
        >>> setup_notebook(profile="smoke", device="cpu").pick(smoke=10, book=3000, full=20000)
        10
    """
    check_integer("seed", seed, 0)
    profile = check_choice("profile", _given("profile", profile, "book"), PROFILES)
    threads = _threads(threads)
    settings = Setup(seed, profile, resolve_device(device), threads)
    torch.set_num_threads(threads)
    from algan_lite.plots.style import use_style  # here: matplotlib takes a third of a second

    use_style()
    return settings


def resolve_device(device: str | None = None) -> torch.device:
    """Return the device that a name, or else ALGAN_LITE_DEVICE, stands for."""
    name = check_choice("device", _given("device", device, "auto"), DEVICES)
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device must be 'auto' or 'cpu' here: PyTorch finds no usable GPU; got 'cuda'")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def _threads(threads: int | str) -> int:
    if isinstance(threads, str):
        check_choice("threads", threads, ("all",))
        return ALL_THREADS
    return check_integer("threads", threads, 1)


def _given(name: str, value: str | None, default: str) -> str:
    return (os.environ.get(f"ALGAN_LITE_{name.upper()}") or default) if value is None else value


def near(value: float, stated: float, tolerance: float, *, as_printed: bool = True) -> None:
    """Assert that a number is the one that a text states.

    Args:
        value: What this run found.
        stated: What the text says.
        tolerance: Largest distance, >= 0; it excludes the opposite verdict.
        as_printed: Whether the run has the settings of the text; other settings give other numbers, and no error.

    Raises:
        AssertionError: If they are farther apart, or the value is NaN.

    Example:
        >>> near(0.31, 0.3, 0.05)
    """
    if as_printed and not abs(value - stated) <= tolerance:
        raise AssertionError(f"the text says {stated} (± {tolerance}), this run {value:.3g}")

"""Is this machine ready for the book? Each check finds one thing and says in plain words what to do."""

from __future__ import annotations

import html
import importlib.util
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from algan_lite.data.images import mnist
from algan_lite.data.sources import Source
from algan_lite.models.pairs import conv_pair
from algan_lite.notebook.setup import resolve_device
from algan_lite.training.config import TrainConfig
from algan_lite.training.loop import train
from algan_lite.training.state import TrainState

GOOD, SLOW, BAD = "OK", "slow", "to do"
PACKAGES = (
    "numpy",
    "scipy",
    "pandas",
    "sklearn",
    "matplotlib",
    "PIL",
    "tqdm",
    "pooch",
    "safetensors",
    "joblib",
    "ipywidgets",
)
MIN_PYTHON, MIN_TORCH = (3, 11), (2, 6)
MIN_MEMORY, MIN_DISK = 2.0, 1.0  # GB
BOOK_STEP, BOOK_MINUTES = 79.0, 1.5  # ms a step, on one thread of the machine that the book is timed on; its longest
SLOW_MINUTES = 5.0


@dataclass(frozen=True)
class Finding:
    """One line of the table."""

    what: str
    found: str
    verdict: str  # GOOD, SLOW or BAD
    advice: str = "nothing to do"


@dataclass(frozen=True)
class MachineCheck:
    """The table of a machine; in a notebook it shows itself."""

    findings: tuple[Finding, ...]

    @property
    def ready(self) -> bool:
        """Whether every chapter will run (if slowly)."""
        return all(finding.verdict != BAD for finding in self.findings)

    @property
    def summary(self) -> str:
        """One sentence."""
        if not self.ready:
            return "Not ready yet: see the lines marked “to do”."
        slow = any(finding.verdict == SLOW for finding in self.findings)
        return "Ready, but slower than the book's timings." if slow else "Ready: every chapter will run here."

    def __repr__(self) -> str:
        lines = [f"{f.what:<16} {f.verdict:<6} {f.found}; {f.advice}" for f in self.findings]
        return "\n".join([*lines, self.summary])

    def _repr_html_(self) -> str:
        left = "style='text-align:left'"
        wide = "style='text-align:left;min-width:7rem'"  # on a phone the table scrolls: no sentence is a word wide
        head = "".join(f"<th scope='col' {left}>{name}</th>" for name in ("checked", "status", "found", "what to do"))
        rows = (
            f"<tr><th scope='row' {left}>{html.escape(f.what)}</th>"
            f"<td {left}>{html.escape(f.verdict)}</td>"
            f"<td {wide}>{html.escape(f.found)}</td><td {wide}>{html.escape(f.advice)}</td></tr>"
            for f in self.findings
        )
        table = f"<table class='dataframe'><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        return f"{table}<p><b>{self.summary}</b></p>"


def _python() -> Finding:
    found = sys.version.split()[0]
    if sys.version_info[:2] >= MIN_PYTHON:
        return Finding("Python", found, GOOD)
    return Finding("Python", found, BAD, "install Python 3.11 or newer, or open the notebook on Colab")


def _torch() -> Finding:
    found = str(torch.__version__)
    if tuple(int(part) for part in found.split("+")[0].split(".")[:2]) >= MIN_TORCH:
        return Finding("PyTorch", found, GOOD)
    return Finding("PyTorch", found, BAD, "install torch 2.6 or newer, then restart the kernel")


def _packages() -> Finding:
    lacking = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if not lacking:
        return Finding("other packages", f"all {len(PACKAGES)}", GOOD)
    names = ", ".join({"sklearn": "scikit-learn", "PIL": "pillow"}.get(name, name) for name in lacking)
    return Finding("other packages", f"without {names}", BAD, f"install {names}, then restart the kernel")


def memory_gb() -> float | None:
    """Return the memory that this process may use, in GB: the machine's, or its container's limit; None if unknown."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        limit = "max"
    return (min(total, int(limit)) if limit.isdigit() else total) / 1e9


def _memory() -> Finding:
    found = memory_gb()
    if found is None:
        return Finding("memory", "cannot tell here", GOOD, f"make sure that {MIN_MEMORY:g} GB are free")
    if found >= MIN_MEMORY:
        return Finding("memory", f"{found:.1f} GB", GOOD)
    return Finding("memory", f"{found:.1f} GB", BAD, f"{MIN_MEMORY:g} GB are needed: use another machine or Colab")


def _disk(folder: Path) -> Finding:
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError:
        return Finding("writing files", f"not allowed in {folder}", BAD, "start Jupyter in a folder of your own")
    free = shutil.disk_usage(folder).free / 1e9
    if free >= MIN_DISK:
        return Finding("writing files", f"allowed, {free:.0f} GB free", GOOD)
    return Finding("writing files", f"allowed, {free:.1f} GB free", BAD, f"make room: {MIN_DISK:g} GB")


def _gpu(device: torch.device) -> Finding:
    if device.type == "cuda":
        return Finding("GPU", torch.cuda.get_device_name(device), GOOD, "nothing to do: the notebooks use it")
    if torch.cuda.is_available():
        return Finding("GPU", "there, but not chosen", GOOD, "set ALGAN_LITE_DEVICE=auto to use it")
    return Finding("GPU", "none", GOOD, "nothing to do: the book is made for CPUs")


def _data() -> tuple[Finding, Source | None]:
    try:
        source = mnist()
    except (OSError, ValueError) as error:
        return Finding("the book's data", f"unreadable: {error}", BAD, "install this package again"), None
    return Finding("the book's data", f"{len(source.train):,} digits to train on", GOOD), source


def _speed(device: torch.device, source: Source) -> Finding:
    ms = step_ms(device, source)
    minutes = BOOK_MINUTES * max(1.0, ms / BOOK_STEP)
    threads = torch.get_num_threads()
    cores = f", {threads} thread{'s' * (threads > 1)}" if device.type == "cpu" else ""
    found = f"{ms:.0f} ms a step on digits{cores}: a chapter takes up to {minutes:.1f} min"
    if minutes <= SLOW_MINUTES:
        return Finding("speed", found, GOOD)
    return Finding("speed", found, SLOW, "close other programs, set ALGAN_LITE_PROFILE=smoke, or use Colab")


def step_ms(device: torch.device, source: Source, num_steps: int = 15) -> float:
    """Return the median time of a training step of the book's convolutional pair, in ms, after three to warm up."""
    G, D = (net.to(device) for net in conv_pair(seed=0))
    times: list[float] = []

    def note(state: TrainState) -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)  # the GPU works behind Python's back
        times.append(time.perf_counter())

    config = TrainConfig(num_steps=num_steps, batch_size=64, regularizers={"r1": 0.1})
    train(G, D, source, config, callbacks=[note], progress=False)
    return float(1000 * torch.tensor(times, dtype=torch.float64).diff()[3:].median())


def check_machine(device: str | None = None) -> MachineCheck:
    """Check in a few seconds, and without a network, whether this machine can run the book.

    Args:
        device: As for ``setup_notebook``.

    Returns:
        A table that shows itself: what was checked, what was found, and what to do where something is amiss.
        ``.ready`` is False if a chapter would fail; a machine that is only slow is ready.
    """
    place = resolve_device(device)
    before = [_python(), _torch(), _packages(), _memory(), _disk(Path.cwd()), _gpu(place)]
    data, source = _data()
    after = [data] if source is None else [data, _speed(place, source)]
    return MachineCheck((*before, *after))

"""Put live training into the built book: the page's modules, the runtime, the exported steps and the first states.

Nothing is loaded before a reader turns it on: then the runtime, once, and a graph for each setting that is chosen.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.colors import to_hex
from torch import nn

import algan_lite as al
from algan_lite import export
from algan_lite.objective.regularizers import WITHOUT_MOVES
from algan_lite.plots import VERDICT
from algan_lite.studies.explorer import DATA
from algan_lite.widgets.page.words import name_of, verdict_stops
from algan_lite.widgets.panel.settings import BETAS, LAMS, LIMIT, PLANE, POOL, RATES, SEEN, Settings, source_of
from tools.book.npm import node_modules
from tools.book.pages import HTML, ROOT

WIDGETS = ROOT / "algan_lite" / "widgets"
CACHE = ROOT / "_build" / "live"
RUNTIME = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")

START = Settings()
SIZES = {"batch": START.batch_size, "width": START.width, "depth": START.depth}
TAILS = 0.01  # of the noise, left out of G's grid at each end
LINES = torch.special.ndtri(torch.linspace(TAILS, 1 - TAILS, 19, dtype=torch.float64)).tolist()
VIEW = {"map": 40, "noise": 24, "lines": LINES, "pool": 256, "limit": LIMIT, "reals": SEEN}
"""Sides of D's maps over data and noise, lines of G's grid, candidates and reals shown, half the picture's width."""
CURVE = 512  # points that stand for a curve: nearer to each other than its noise is wide
SEEDS = range(8)
LOSSES = ("non_saturating", "wasserstein")
REGULARIZERS = ("none", *WITHOUT_MOVES)
STRATEGIES = ("random", "top_k", "bottom_k", "uncertain", "softmax")  # those that choose in one pass
COLORS = ("real", "fake", "chosen", "D")


@dataclass(frozen=True)
class Setting:
    """What a graph is fixed to; all else is an input of it."""

    loss: str
    regularizer: str  # "none" or a name in al.REGULARIZERS
    strategy: str
    pool_factor: int

    @property
    def name(self) -> str:
        """The graph's name."""
        return f"{self.loss}-{self.regularizer}-{self.strategy}-{self.pool_factor}"

    @property
    def config(self) -> al.TrainConfig:
        """The settings of ``train()``."""
        regularizers = {} if self.regularizer == "none" else {self.regularizer: 0.1}
        choice = {"strategy": self.strategy, "pool_factor": self.pool_factor}
        size = {"batch_size": SIZES["batch"], "betas": BETAS}
        return al.TrainConfig(loss=self.loss, regularizers=regularizers, **choice, **size)


BENCH = Setting("non_saturating", "r1", "top_k", 1)
REACHABLE = (
    *(
        Setting(loss, name, strategy, 1 if strategy == "random" else POOL)
        for loss, name, strategy in product(LOSSES, REGULARIZERS, STRATEGIES)
    ),
    BENCH,
)
"""Every setting that the page's controls can reach, and the one whose speed is measured."""


def build(target: Path, settings: Iterable[Setting] = REACHABLE, cache: Path = CACHE) -> None:
    """Write the folder ``_live``.

    Args:
        target: The folder; what it holds already is overwritten.
        settings: The graphs that are wanted.
        cache: Where exported graphs are kept.

    Raises:
        RuntimeError: If npm is absent, which brings the runtime.
    """
    for room in ("live", "kit"):
        shutil.copytree(WIDGETS / room, target / room, dirs_exist_ok=True)
    folder = _fresh(cache)
    configs = {setting.name: setting.config for setting in settings}
    points = {"num_x": VIEW["map"] ** 2, "num_z": VIEW["pool"] + len(LINES) ** 2 + VIEW["noise"] ** 2}
    manifest = export.graphs(folder, configs, *_pair(), **points, progress=False)
    files = [entry["file"] for kind in manifest.values() for entry in kind.values()]
    (target / "graphs").mkdir(exist_ok=True)
    for name in (_first_states(folder), *files):
        shutil.copy2(folder / name, target / "graphs" / name)
    runtime(target / "ort")
    places = {"ort": f"ort/{RUNTIME[0]}", "wasm": f"ort/{RUNTIME[1]}"}
    text = json.dumps({**places, **_graphs(manifest), **page_words()}, ensure_ascii=False)
    (target / "config.json").write_text(text, encoding="utf-8")


def _graphs(manifest: dict[str, dict[str, Any]]) -> dict[str, object]:
    """Return what the page needs to know of the graphs."""
    steps = {
        name: {"file": step["file"], "inputs": step["inputs"], "pool_factor": step["config"]["pool_factor"]}
        for name, step in manifest["steps"].items()
    }
    views = manifest["views"]
    seen = {step["config"]["loss"]: views[step["view"]] for step in manifest["steps"].values()}  # a view for each loss
    (size,) = {view["inputs"]["state"][0] for view in views.values()}
    look = {"files": {loss: view["file"] for loss, view in seen.items()}, "state_size": size}
    first = {"seeds": list(SEEDS), "states": "states.bin", "state_size": _spec().size}
    return {"steps": steps, "look": look, **first}


def page_words() -> dict[str, object]:
    """Return names, colors, laws, scales and first settings as the package has them."""
    names = {"regularizers": (REGULARIZERS, al.REGULARIZERS), "strategies": (STRATEGIES, al.STRATEGIES)}
    told = {
        kind: {key: f"{name_of(key)}: {table[key].doc}" if key in table else "none" for key in keys}
        for kind, (keys, table) in names.items()
    }
    told |= {"losses": {key: name_of(key) for key in LOSSES}}
    told |= {"boundaries": {key: al.LOSSES[key].boundary for key in LOSSES}}
    ends = dict(zip(("low", "middle", "high"), map(to_hex, VERDICT([0.0, 0.5, 1.0])), strict=True))
    colors = {name: al.plots.COLORS[name] for name in COLORS} | ends
    look = {"colors": colors, "markers": dict(al.plots.MARKERS), "verdict": verdict_stops(), "view": VIEW}
    start = {name: asdict(START)[name] for name in ("data", "loss", "regularizer", "lam", "strategy", "seed")}
    start |= {"pool": POOL, "lrG": START.lr, "lrD": START.lr}
    scales = {"sizes": SIZES, "betas": BETAS, "lams": LAMS, "rates": RATES, "start": start}
    return {**told, **look, **scales, "data": {name: _law(name) for name in PLANE}}


def _law(name: str) -> dict[str, object]:
    """Return the law of a source as points with normal noise around them; ``reach`` is 3 sigma where they are modes."""
    source = source_of(name)
    options = f"std={source.std:g}" if name in DATA else ""
    told = {"label": name_of(name).capitalize(), "python": f"al.data.{name}({options})"}
    if source.modes is None:
        points = source.curve((torch.arange(CURVE) + 0.5) / CURVE)
        return told | {
            "points": points.double().round(decimals=4).tolist(),
            "weights": None,
            "std": source.noise,
            "reach": None,
        }
    law = {"points": source.modes.tolist(), "weights": source.weights.tolist(), "std": source.std}
    return told | law | {"reach": 3 * source.std}


def runtime(target: Path) -> None:
    """Copy the two files of onnxruntime-web that one wasm thread needs.

    Args:
        target: Their folder.

    Raises:
        RuntimeError: If npm is absent: a page may load nothing from another host instead.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("live training needs npm, which brings onnxruntime-web: install Node.js")
    target.mkdir(parents=True, exist_ok=True)
    package = node_modules(npm) / "onnxruntime-web"
    for name in RUNTIME:
        shutil.copy2(package / "dist" / name, target)


def _fresh(cache: Path) -> Path:
    """Return the folder of this package's graphs; those of another version are removed."""
    folder = cache / _key()
    folder.mkdir(parents=True, exist_ok=True)
    for other in cache.iterdir():
        if other != folder:
            shutil.rmtree(other)
    return folder


def _key() -> str:
    """Return a key of what the graphs depend on: the package's Python below its widgets, and the environment."""
    digest = hashlib.sha256()
    package = [path for path in (ROOT / "algan_lite").rglob("*.py") if "widgets" not in path.relative_to(ROOT).parts]
    for path in sorted([*package, ROOT / "requirements.txt", Path(__file__)]):
        digest.update(f"{path.name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _pair(seed: int = 0) -> tuple[nn.Module, nn.Module]:
    return al.models.mlp_pair(width=SIZES["width"], depth=SIZES["depth"], seed=seed)


def _spec() -> export.StepSpec:
    return export.StepSpec.of(Setting(LOSSES[0], "none", "random", 1).config, *_pair())


def _first_states(folder: Path) -> str:
    """Write the first state of every seed, one row each, and return the file's name."""
    rows = [_spec().pack(*_pair(seed)).numpy() for seed in SEEDS]
    np.stack(rows).astype("<f4").tofile(folder / "states.bin")
    return "states.bin"


def main() -> int:
    """Build beside the pages; return the exit status."""
    target = HTML / "_live"
    shutil.rmtree(target, ignore_errors=True)
    build(target)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file()) / 1e6
    print(f"Live training: {size:.1f} MB in {target.name}, loaded only by readers who turn it on.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

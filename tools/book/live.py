"""Put live training into the built book: the page's modules, the runtime, the exported steps and the first states.

Nothing is loaded before a reader turns it on: then the runtime, once, and a graph for each setting that is chosen.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn

import algan_lite as al
from algan_lite import export
from tools.book.npm import node_modules
from tools.book.pages import HTML, ROOT

WIDGETS = ROOT / "algan_lite" / "widgets"
CACHE = ROOT / "_build" / "live"
RUNTIME = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
CDN = "https://cdn.jsdelivr.net/npm/onnxruntime-web@{version}/dist/"

BATCH, WIDTH, DEPTH = 128, 32, 2  # also in algan_lite/widgets/live.js
SEEDS = range(8)
VIEW_X, VIEW_Z = 40**2, 256 + 19**2 + 24**2  # also in live/view.js, which refuses a graph with other sizes


@dataclass(frozen=True)
class Setting:
    """What a graph is fixed to; all else is an input of it."""

    regularizer: str  # "none" or a name in REGULARIZERS
    strategy: str
    pool_factor: int

    @property
    def name(self) -> str:
        """The key in the manifest."""
        return f"{self.regularizer}/{self.strategy}/{self.pool_factor}"

    @property
    def file(self) -> str:
        """The file's name."""
        return f"{self.name.replace('/', '-')}.onnx"


REGULARIZERS = ("none", "r1", "r2", "wgan_gp", "dragan", "lecam", "mode_seeking", "consensus")
SELECTING = ("top_k", "bottom_k", "uncertain", "softmax")
BENCH = Setting("r1", "top_k", 1)
REACHABLE = (
    *(Setting(regularizer, "random", 1) for regularizer in REGULARIZERS),
    *(Setting(regularizer, strategy, 2) for regularizer in REGULARIZERS for strategy in SELECTING),
    BENCH,
)
"""Every setting that the page's controls can reach, and the one whose speed is measured."""


def build(target: Path, settings: Iterable[Setting] = REACHABLE, cache: Path = CACHE) -> str | None:
    """Write the folder ``_live``.

    Args:
        target: The folder; what it holds already is overwritten.
        settings: The graphs that are wanted.
        cache: Where exported graphs are kept.

    Returns:
        The address of the CDN that readers load the runtime from where npm is absent, else None.
    """
    settings = tuple(settings)
    (target / "graphs").mkdir(parents=True, exist_ok=True)
    shutil.copytree(WIDGETS / "live", target, dirs_exist_ok=True)
    folder = graphs(settings, cache)
    for name in ("view.onnx", "states.bin", *(setting.file for setting in settings)):
        shutil.copy2(folder / name, target / "graphs" / name)
    (target / "graphs" / "manifest.json").write_text(json.dumps(_manifest(folder, settings)), encoding="utf-8")
    origin = runtime(target / "ort")
    base = "ort/" if origin is None else origin
    config = {"ort": base + RUNTIME[0], "wasm": base + RUNTIME[1]}
    (target / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return origin


def runtime(target: Path) -> str | None:
    """Copy the two files of onnxruntime-web that one wasm thread needs.

    Args:
        target: Their folder.

    Returns:
        None, or the address of a CDN that has them: npm is absent.
    """
    npm = shutil.which("npm")
    if npm is None:
        shutil.rmtree(target, ignore_errors=True)
        lock = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
        return CDN.format(version=lock["dependencies"]["onnxruntime-web"])
    target.mkdir(parents=True, exist_ok=True)
    package = node_modules(npm) / "onnxruntime-web"
    for name in RUNTIME:
        shutil.copy2(package / "dist" / name, target)
    return None


def graphs(settings: Iterable[Setting], cache: Path = CACHE) -> Path:
    """Export the graphs and first states that are not in the cache yet.

    Args:
        settings: The graphs that are wanted.
        cache: The folder of all caches; those of an older package are removed.

    Returns:
        The folder that holds ``view.onnx``, ``states.bin`` and for each setting a graph and its interface as JSON.
    """
    folder = cache / _key()
    folder.mkdir(parents=True, exist_ok=True)
    for other in cache.iterdir():
        if other != folder:
            shutil.rmtree(other)
    for setting in settings:
        if not (folder / setting.file).exists():
            _export(setting, folder)
    if not (folder / "view.onnx").exists():
        _export_view(folder)
    return folder


def _key() -> str:
    """Return a key of what the graphs depend on: the package's Python below its widgets, and the environment."""
    digest = hashlib.sha256()
    for path in sorted([*(ROOT / "algan_lite").glob("*.py"), ROOT / "requirements.txt", Path(__file__)]):
        digest.update(f"{path.name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _pair(seed: int = 0) -> tuple[nn.Module, nn.Module]:
    return al.models.mlp_pair(latent_dim=2, sample_shape=(2,), width=WIDTH, depth=DEPTH, seed=seed)


def _config(setting: Setting) -> al.TrainConfig:
    regularizers = {} if setting.regularizer == "none" else {setting.regularizer: 0.1}
    choice = {"strategy": setting.strategy, "pool_factor": setting.pool_factor}
    return al.TrainConfig(batch_size=BATCH, regularizers=regularizers, **choice)


def _export(setting: Setting, folder: Path) -> None:
    """Write the interface of a step as JSON, and last its graph, whose presence says that both are there."""
    config, pair = _config(setting), _pair()
    interface = json.dumps(export.StepSpec.of(config, *pair).plain())
    (folder / f"{setting.file}.json").write_text(interface, encoding="utf-8")
    export.training_step(folder / setting.file, config, *pair)


def _export_view(folder: Path) -> None:
    """Write the first state of every seed, one row each, and the view's graph."""
    config = _config(Setting("none", "random", 1))
    spec = export.StepSpec.of(config, *_pair())
    rows = [spec.pack(*_pair(seed)).numpy() for seed in SEEDS]
    np.stack(rows).astype("<f4").tofile(folder / "states.bin")
    export.view(folder / "view.onnx", *_pair(), config, num_x=VIEW_X, num_z=VIEW_Z)


def _manifest(folder: Path, settings: Iterable[Setting]) -> dict[str, object]:
    """Return what the page needs to know of the graphs."""
    size = (folder / "states.bin").stat().st_size // 4 // len(SEEDS)
    steps = {}
    for setting in settings:
        inputs = json.loads((folder / f"{setting.file}.json").read_text(encoding="utf-8"))["inputs"]
        entry = {"file": setting.file, "inputs": list(inputs), "pool_factor": setting.pool_factor}
        steps[setting.name] = {**entry, "state_size": inputs["state"][0]}
    view = {"file": "view.onnx", "x": VIEW_X, "z": VIEW_Z, "state_size": size}
    first = {"seeds": list(SEEDS), "states": "states.bin", "state_size": size}
    return {"batch_size": BATCH, **first, "view": view, "steps": steps}


def main() -> int:
    """Build beside the pages; return the exit status."""
    target = HTML / "_live"
    shutil.rmtree(target, ignore_errors=True)
    origin = build(target)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file()) / 1e6
    print(f"Live training: {size:.1f} MB in {target.name}, loaded only by readers who turn it on.")
    if origin is not None:
        print(f"npm is absent: those readers load the runtime from {origin}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

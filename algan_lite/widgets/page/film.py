"""Recorded runs side by side under one slider of time: what each rule makes of the same start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from algan_lite.core.checks import check_kind, check_list
from algan_lite.plots.style import COLORS, INK, MARKERS, STYLE, WIDTH
from algan_lite.widgets.page.multiples import Paper, draw_panel
from algan_lite.widgets.page.pack import pack
from algan_lite.widgets.page.page import bundle, png_of
from algan_lite.widgets.page.words import verdict_stops


@dataclass(frozen=True, eq=False)
class Scene:
    """What was recorded of one run, at T moments.

    Attributes:
        fakes: (T, N, 2), in data units: the same N fakes at every moment.
        verdict: (T, H, H), D's probability of real over the box, in [0, 1]; row 0 at the bottom.
        chosen: (T, N), bool: those that the fakes' player learns from.
        notes: T lines of text, one below each moment; on paper a line ends at each semicolon.
    """

    fakes: np.ndarray
    verdict: np.ndarray
    chosen: np.ndarray
    notes: Sequence[str]


class Film:
    """Runs of several rules, side by side: a slider of time, with play and stop, moves them all.

    In a notebook or a built page it shows itself, with its data inside. It needs neither a kernel nor a network.

    Args:
        scenes: What stands above a run -> its ``Scene``; all with the same T, H and N.
        steps: (T,), rising.
        reals: (R, 2), in data units.
        box: Left, right, bottom and top of the pictures, in data units.
        title: Stands above them, as text.
        note: Stands below them, as text: data, networks, seed.

    Raises:
        TypeError: If a scene is none.
        ValueError: If shapes do not fit, steps do not rise, or the box is empty.
    """

    def __init__(
        self,
        scenes: Mapping[str, Scene],
        steps: Sequence[int],
        reals: np.ndarray,
        box: tuple[float, float, float, float],
        *,
        title: str = "The same start, other rules",
        note: str = "",
    ) -> None:
        check_kind("scenes", scenes, Mapping, "a mapping, words -> Scene")
        self.steps = [int(step) for step in check_list("steps", steps, "a list of steps")]
        if not self.steps or self.steps != sorted(set(self.steps)):
            raise ValueError(f"steps must be 1 or more and rise; got {self.steps}")
        left, right, low, high = self.box = tuple(map(float, box))
        if not (left < right and low < high):
            raise ValueError(f"box must be left < right, low < high; got {self.box}")
        _check_scenes(scenes, len(self.steps))
        self.scenes, self.title, self.note = {str(name): scene for name, scene in scenes.items()}, str(title), str(note)
        self._reals = self._bytes(np.asarray(reals, dtype=float).reshape(-1, 2))
        self._bundle: dict[str, str] | None = None

    def __repr__(self) -> str:
        return f"Film({', '.join(self.scenes)}: {len(self.steps)} moments)"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        if self._bundle is None:
            entries, data = pack(self._packed())
            parts = {"title": self.title, "alt": self._alt(), "picture": png_of(self.figure())}
            parts |= {"config": {**self._config(), "entries": entries}, "data": data}
            self._bundle = bundle(**parts, body="film.html", script="film.js")
        return self._bundle

    def figure(self) -> Figure:
        """Return the first moment above and the last below, a column a run, for paper."""
        packed, moments = self._packed(), (0, len(self.steps) - 1)
        with mpl.rc_context(STYLE):
            figure = Paper(figsize=(WIDTH, 6.2), layout="constrained")
            figure.get_layout_engine().set(h_pad=0.15)  # inches: titles reach a little beyond what it measures
            grid = figure.subplots(2, len(self.scenes), squeeze=False)
            for k, (name, scene) in enumerate(self.scenes.items()):
                frames = {part: packed[f"{k}/{part}"] for part in ("heat", "fakes", "chosen")}
                frames |= {"reals": self._reals, "box": np.array(self.box)}
                for ax, moment in zip(grid[:, k], moments, strict=True):
                    draw_panel(ax, moment, frames)
                    ax.set_xlabel(scene.notes[moment].replace("; ", "\n"))
                grid[0, k].set_title(name)
            for ax, moment in zip(grid[:, 0], moments, strict=True):
                ax.set_ylabel(f"step {self.steps[moment]:,}", color=INK)
            handles, labels = max(
                (ax.get_legend_handles_labels() for ax in grid.ravel()), key=lambda pair: len(pair[1])
            )
            figure.legend(handles, labels, loc="outside lower center", ncols=len(handles), handletextpad=0.1)
        return figure

    def _bytes(self, points: np.ndarray) -> np.ndarray:
        """Return points as places in the box, 0 to 255; what lies beyond stands on its edge."""
        left, right, low, high = self.box
        share = (points - [left, low]) / [right - left, high - low]
        return np.rint(255 * share.clip(0, 1)).astype(np.uint8)

    def _packed(self) -> dict[str, np.ndarray]:
        packed = {"reals": self._reals}
        for k, scene in enumerate(self.scenes.values()):
            heat = np.rint(255 * np.clip(scene.verdict, 0, 1)).astype(np.uint8)
            packed |= {f"{k}/heat": heat, f"{k}/fakes": self._bytes(scene.fakes), f"{k}/chosen": scene.chosen}
        return packed

    def _config(self) -> dict[str, object]:
        first = next(iter(self.scenes.values()))
        return {
            "scenes": [{"name": name, "notes": list(scene.notes)} for name, scene in self.scenes.items()],
            "steps": self.steps,
            "box": list(self.box),
            "side": first.verdict.shape[-1],
            "colors": dict(COLORS),
            "markers": dict(MARKERS),
            "verdict": verdict_stops(),
            "note": self.note,
        }

    def _alt(self) -> str:
        ends = "; ".join(f"{name}: {scene.notes[-1]}" for name, scene in self.scenes.items())
        return f"Fakes over reals and D's verdict, at the start and after {self.steps[-1]:,} steps. {ends}."


def _check_scenes(scenes: Mapping[str, Scene], moments: int) -> None:
    """Refuse scenes that cannot be shown side by side."""
    if not scenes:
        raise ValueError("scenes must hold 1 or more; got none")
    sizes: tuple[int, int] | None = None
    for name, scene in scenes.items():
        check_kind(f"scenes[{name!r}]", scene, Scene, "a Scene")
        sizes = sizes or (scene.fakes.shape[1], scene.verdict.shape[-1])
        shapes = {
            "fakes": (moments, sizes[0], 2),
            "verdict": (moments, sizes[1], sizes[1]),
            "chosen": (moments, sizes[0]),
        }
        for part, shape in shapes.items():
            if getattr(scene, part).shape != shape:
                raise ValueError(f"scenes[{name!r}].{part} must be {shape}; got {getattr(scene, part).shape}")
        if scene.chosen.dtype != np.bool_:
            raise ValueError(f"scenes[{name!r}].chosen must be bool; got {scene.chosen.dtype}")
        if len(scene.notes) != moments:
            raise ValueError(f"scenes[{name!r}].notes must be {moments}; got {len(scene.notes)}")

"""A slider that moves lambda in a page without a kernel; the data are a study, computed before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from algan_lite.core.checks import check_choice, check_number
from algan_lite.plots.style import COLORS, MARKERS
from algan_lite.studies.study import Study
from algan_lite.widgets.page.contract import EACH, check_arrays
from algan_lite.widgets.page.multiples import draw_multiples, panels, verdict_in_words
from algan_lite.widgets.page.pack import pack
from algan_lite.widgets.page.page import bundle, png_of
from algan_lite.widgets.page.words import describe, limits, measure, name_of, nearest, short, verdict_stops

if TYPE_CHECKING:
    from algan_lite.widgets.panel import LivePanel


class LambdaExplorer:
    """A study of lambda under the reader's hands: data, loss, regularizer, lambda, noise selection and training time.

    In a notebook or a built page it shows itself, with its data inside. It needs neither a kernel nor a network.

    Args:
        results: A study with arrays ``data`` (names), ``combos`` (C, 3): loss, regularizer, strategy, ``lams`` (L,)
            from 0 upward, ``steps`` (T,), ``metrics``, ``num_modes``, ``sentinels`` (names) and, for each name d,
            ``d/values`` (C, L, T, S, metrics), ``d/fakes`` (C, L, T, P, 2), ``d/chosen`` (C, L, T, P), ``d/heat``
            (C, L, T, H, H), ``d/zeros`` (sentinels, metrics), ``d/reals`` (N, 2) and ``d/box`` (4,): left, right,
            bottom and top of the picture in data units.
        lam: Where the slider starts: the measured value nearest to it, at least 0.
        title: Stands above it, as text.

    Raises:
        TypeError: If ``results`` is not a study.
        ValueError: If the study lacks an array, or shapes do not fit.
    """

    def __init__(self, results: Study, *, lam: float = 1.0, title: str = "What does λ do? Move it and see.") -> None:
        if not isinstance(results, Study):
            raise TypeError(f"results must be a Study with arrays, as load_study returns it; got {type(results)}")
        check_number("lam", lam, 0)
        self.results, self.title, self._arrays = results, str(title), dict(results.arrays)
        check_arrays(self._arrays)
        self.lam_index = nearest(self._arrays["lams"], lam)
        self._bundle: dict[str, str] | None = None

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(self._arrays[name])} {name}" for name in ("data", "combos", "lams", "steps"))
        return f"LambdaExplorer({self.results.name}: {counts})"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        if self._bundle is None:
            entries, data = pack(self._packed())
            picture = png_of(self.figure())
            config = {**self._config(), "entries": entries}
            parts = {"title": self.title, "alt": self._alt(), "picture": picture, "config": config, "data": data}
            self._bundle = bundle(**parts, body="explorer.html", script="explorer.js")
        return self._bundle

    def figure(
        self,
        data: str | None = None,
        regularizer: str | None = None,
        strategy: str = "random",
        *,
        loss: str | None = None,
    ) -> Figure:
        """Return six values of lambda side by side, at the last snapshot of the first seed, for paper.

        Args:
            data: A data set of the study; by default its first.
            regularizer: One that was measured with this loss; by default its first.
            strategy: One that was measured with both.
            loss: One of the study; by default its first.

        Raises:
            ValueError: If the study does not hold it.
        """
        arrays, combos = self._arrays, self._arrays["combos"].tolist()
        data = check_choice("data", data or str(arrays["data"][0]), arrays["data"].tolist())
        picked: list[str] = []
        for name, wish in (("loss", loss), ("regularizer", regularizer), ("strategy", strategy)):
            fitting = [combo[len(picked)] for combo in combos if combo[: len(picked)] == picked]
            picked.append(check_choice(name, wish or fitting[0], fitting))
        combo = combos.index(picked)
        frames = {name: arrays[f"{data}/{name}"] for name in EACH}
        frames |= {name: frames[name][combo, :, -1] for name in ("values", "fakes", "chosen", "heat")}
        title = f"{data}: {', '.join(map(name_of, picked))}, step {arrays['steps'][-1]:,}"
        names = arrays["metrics"].tolist()
        return draw_multiples(title, arrays["lams"], self.lam_index, frames, self._num_modes(data), names)

    def live(self, **settings: Any) -> LivePanel:  # noqa: ANN401  # the panel names and checks them
        """Return a panel that trains in this notebook's kernel, with the same controls.

        Args:
            settings: As ``LivePanel`` takes them: data, loss, regularizer, lam, strategy, seed; by default where the
                explorer opens.
        """
        from algan_lite.widgets.panel import LivePanel  # here: a page without a kernel needs no ipywidgets

        loss, regularizer, strategy = self._arrays["combos"][0].tolist()
        first = {"data": str(self._arrays["data"][0]), "loss": loss, "regularizer": regularizer, "strategy": strategy}
        return LivePanel(**{**first, "lam": float(self._arrays["lams"][self.lam_index]), **settings})

    def _num_modes(self, data: str) -> int:
        return int(self._arrays["num_modes"][self._arrays["data"].tolist().index(data)])

    def _packed(self) -> dict[str, np.ndarray]:
        packed = {}
        for d, data in enumerate(self._arrays["data"]):
            for m, metric in enumerate(self._arrays["metrics"]):
                packed[f"{d}/{metric}"] = self._arrays[f"{data}/values"][..., m]
            for name in ("heat", "fakes", "chosen", "reals"):
                packed[f"{d}/{name}"] = self._arrays[f"{data}/{name}"]
        return packed

    def _config(self) -> dict[str, object]:
        arrays, names = self._arrays, self._arrays["data"].tolist()
        combos = arrays["combos"].tolist()
        return {
            "data": [self._data_config(name) for name in names],
            "combos": combos,
            "words": {key: [name_of(key), describe(key)] for key in ("none", *np.unique(combos).tolist())},
            "lams": arrays["lams"].tolist(),
            "steps": arrays["steps"].tolist(),
            "metrics": [measure(name) for name in arrays["metrics"].tolist()],
            "sentinels": [name_of(name) for name in arrays["sentinels"].tolist()],
            "seeds": arrays[f"{names[0]}/values"].shape[3],
            "start": self.lam_index,
            "side": arrays[f"{names[0]}/heat"].shape[-1],
            "colors": dict(COLORS),
            "markers": dict(MARKERS),
            "verdict": verdict_stops(),
            "source": _source_line(self.results),
        }

    def _data_config(self, data: str) -> dict[str, object]:
        values, box, modes = self._arrays[f"{data}/values"], self._arrays[f"{data}/box"], self._num_modes(data)
        axes = [limits(name, values[..., m], modes) for m, name in enumerate(self._arrays["metrics"])]
        scores = self._arrays[f"{data}/zeros"].T.astype(object)
        zeros = np.where(np.isfinite(scores.astype(float)), scores, None).tolist()  # JSON has no NaN
        return {"key": data, "name": name_of(data), "modes": modes, "box": box.tolist(), "axes": axes, "zeros": zeros}

    def _alt(self) -> str:
        arrays, data = self._arrays, str(self._arrays["data"][0])
        modes, names, last = self._num_modes(data), arrays["metrics"].tolist(), arrays[f"{data}/values"][0, :, -1]
        said = [
            f"λ = {short(arrays['lams'][k])}: {verdict_in_words(last[k], modes, names)}".replace("\n", ", ")
            for k in panels(len(last), self.lam_index)
        ]
        how = " and ".join(map(name_of, arrays["combos"][0].tolist()))
        return f"Fakes over reals and D's verdict on {data} after training with {how}. {'; '.join(said)}."


def _source_line(study: Study) -> str:
    keys = ("command", "commit", "device", "date")
    parts = [f"{key} {study.provenance[key]}" for key in keys if key in study.provenance]
    return f"Computed before, study “{study.name}”: {', '.join(parts)}."

"""Image samples against lambda: every picture lies in one sheet, and two sliders say which to show."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from algan_lite.core.checks import check_number
from algan_lite.plots.style import INK, STYLE, WIDTH
from algan_lite.widgets.page.multiples import Paper, panels
from algan_lite.widgets.page.page import bundle, png_of
from algan_lite.widgets.page.words import nearest, short

GRAYS = 16  # levels of a sheet: four bits a point


class SpriteExplorer:
    """Samples of image GANs under two sliders: lambda and training time.

    Args:
        images: (L, T, K, H, W), uint8: for each lambda and snapshot the first K samples, from the same K latents.
        lams: (L,), rising from 0 upward.
        steps: (T,), rising.
        lam: Where the slider starts: the value nearest to it, at least 0.
        title: Stands above the pictures, as text.
        note: Stands below them, as text: data, regularizer, seed.

    Raises:
        TypeError: If ``images`` is not an array of uint8.
        ValueError: If shapes do not fit.
    """

    def __init__(
        self,
        images: np.ndarray,
        lams: Sequence[float],
        steps: Sequence[int],
        *,
        lam: float = 0.1,
        title: str = "The same noise, another λ",
        note: str = "",
    ) -> None:
        if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
            raise TypeError(f"images must be an array of uint8; got {getattr(images, 'dtype', type(images))}")
        if images.ndim != 5 or 0 in images.shape or images.shape[:2] != (len(lams), len(steps)):
            raise ValueError(f"images must be ({len(lams)}, {len(steps)}, K, H, W), none of them 0; got {images.shape}")
        check_number("lam", lam, 0)
        self.images, self.title, self.note = images, str(title), str(note)
        self.lams, self.steps = [float(value) for value in lams], [int(step) for step in steps]
        self.lam_index = nearest(self.lams, lam)
        self._bundle: dict[str, str] | None = None

    def __repr__(self) -> str:
        return f"SpriteExplorer({self.images.shape[2]} samples, {len(self.lams)} lams, {len(self.steps)} steps)"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        if self._bundle is None:
            config = {"lams": self.lams, "steps": self.steps, "start": self.lam_index, "note": self.note}
            config |= {"tiles": self.images.shape[2], "height": self.images.shape[3], "width": self.images.shape[4]}
            parts = {"title": self.title, "alt": self._alt(), "picture": png_of(self.figure()), "config": config}
            self._bundle = bundle(**parts, data=self._sheet(), body="sprites.html", script="sprites.js")
        return self._bundle

    def figure(self) -> Figure:
        """Return up to six values of lambda, one a row, at the last snapshot, for paper: the first samples of each."""
        shown, count = panels(len(self.lams), self.lam_index), min(10, self.images.shape[2])
        with mpl.rc_context(STYLE):
            figure = Paper(figsize=(WIDTH, 0.62 * len(shown) + 0.5), layout="constrained")
            for ax, k in zip(figure.subplots(len(shown), 1, squeeze=False).ravel(), shown, strict=True):
                ax.imshow(np.concatenate(list(self.images[k, -1, :count]), axis=1), cmap="gray", vmin=0, vmax=255)
                weight = "bold" if k == self.lam_index else "normal"
                ax.set_ylabel(f"λ = {short(self.lams[k])}", rotation=0, ha="right", va="center", fontweight=weight)
                ax.set(xticks=[], yticks=[])
                ax.spines[:].set_visible(False)
            figure.get_layout_engine().set(w_pad=0.15)  # inches: the labels reach a little beyond what it measures
            figure.suptitle(f"After {self.steps[-1]:,} steps", color=INK)
        return figure

    def _sheet(self) -> str:
        """Return one PNG in base 64: a row for each lambda and snapshot, a column for each sample."""
        L, T, K, H, W = self.images.shape
        sheet = self.images.transpose(0, 1, 3, 2, 4).reshape(L * T * H, K * W)
        levels = np.rint(sheet / 255 * (GRAYS - 1)).astype(np.uint8)
        image = Image.fromarray(levels)
        image.putpalette([round(255 * k / (GRAYS - 1)) for k in range(GRAYS) for _ in range(3)])
        raw = io.BytesIO()
        image.save(raw, format="png", bits=4, optimize=True)
        return base64.b64encode(raw.getvalue()).decode("ascii")

    def _alt(self) -> str:
        shown = ", ".join(f"{short(self.lams[k])}" for k in panels(len(self.lams), self.lam_index))
        return f"Samples of G after {self.steps[-1]:,} steps, a row for each value of λ: {shown}. {self.note}".strip()

"""How the live panel shows a frame: a picture, its key, and the numbers in words."""

from __future__ import annotations

import html
from io import BytesIO

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from algan_lite.plots.charts import curves
from algan_lite.plots.planes import decision_map, scatter
from algan_lite.plots.style import COLORS, INK
from algan_lite.widgets.panel.scene import Frame
from algan_lite.widgets.panel.settings import LIMIT, SEEN

LOSSES = ["loss_D", "loss_G"]


def _mark(kind: str, text: str) -> str:
    return f'<span style="white-space:nowrap"><span style="color:{COLORS[kind]}">{text[0]}</span>{text[1:]}</span>'


MARKS = {"real": "● real", "fake": "▲ fake", "chosen": "◆ chosen for G", "D": "━ loss of D", "G": "╍ loss of G"}
KEY = (
    f'<div style="line-height:1.5;max-width:440px">{" &ensp; ".join(_mark(*item) for item in MARKS.items())}<br>'
    "Map: D says <b>real</b> (blue), <b>fake</b> (orange) or cannot tell (pale).</div>"
)


def picture(frame: Frame) -> bytes:
    """Return a PNG, 4.4 x 5.7 inches at 150 dots an inch: points over D's verdict, and the losses below.

    Nothing global of matplotlib is read or set but its defaults, since other threads may be drawing as well.
    """
    figure = Figure(figsize=(4.4, 5.7), dpi=150, layout="none", facecolor="none")
    plane, below = figure.add_axes((0.16, 0.351, 0.83, 0.641)), figure.add_axes((0.16, 0.09, 0.83, 0.14))
    scatter(frame.x_real, frame.x_fake, chosen=frame.chosen, ax=plane, limit=LIMIT, most=SEEN, size=12, legend=False)
    extent = (-LIMIT, LIMIT, -LIMIT, LIMIT)
    decision_map(frame.D, plane, extent=extent, loss=frame.settings.loss, resolution=50, colorbar=False)
    # No mathematics in the labels: matplotlib's reader of it serves one thread at a time.
    plane.set(xlabel="x₁ (data units)", ylabel="x₂", xticks=[-2, 0, 2], yticks=[-2, 0, 2])
    if len(frame.curve):
        rows = pd.DataFrame(frame.curve, columns=["step", *LOSSES]).assign(run=0)
        curves(rows, LOSSES, ax=below).get_legend().remove()  # the key is text, beside the picture
        below.locator_params(nbins=4)
    else:
        below.set(xlim=(0, 1), xticks=[0], yticks=[])
    below.set(xlabel="step of G", ylabel="loss")
    for ax in (plane, below):
        _dress(ax)
    png = BytesIO()
    figure.savefig(png, format="png", facecolor="none", pil_kwargs={"compress_level": 1})  # quick, and large enough
    return png.getvalue()


def _dress(ax: Axes) -> None:
    """Give axes the book's look, whatever style is set."""
    ax.set_facecolor("none")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[:].set_color(INK)
    ax.tick_params(colors=INK, labelsize=10)
    ax.yaxis.set_label_coords(-0.14, 0.5)
    for label in (ax.xaxis.label, ax.yaxis.label):
        label.set(color=INK, size=10)


def numbers(frame: Frame) -> str:
    """Return the frame's numbers as an HTML table."""
    last, name = frame.last, frame.settings.regularizer
    rows = {
        "step": f"{frame.step:,}",
        "steps a second": _number(frame.rate, ".0f"),
        "modes found": "no modes here" if frame.modes is None else f"{frame.modes[0]} of {frame.modes[1]}",
        "quality (within 3σ)": _number(frame.quality, ".0%"),
        "loss of D": _number(last.get("loss_D"), ".3f"),
        "loss of G": _number(last.get("loss_G"), ".3f"),
        "R, before λ": _number(last.get(f"R_{name}"), ".3g"),
    }
    cells = "".join(
        f'<tr><th scope="row" style="text-align:left;font-weight:normal;padding-right:1.5em">{html.escape(label)}</th>'
        f'<td style="text-align:right;font-variant-numeric:tabular-nums">{html.escape(value)}</td></tr>'
        for label, value in rows.items()
    )
    return f'<table style="line-height:1.5">{cells}</table>'


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)

"""What a panel leaves on a page where no kernel answers: a picture, its words, and the panel where one does."""

from __future__ import annotations

import base64
import html
import os

from IPython.display import display
from ipywidgets import Widget

STATIC = "ALGAN_LITE_STATIC"  # set to 1 where no kernel will answer: a built page
VIEW = "application/vnd.jupyter.widget-view+json"


def still(words: str, png: bytes, place: str, *, key: str = "", then: str, width: int = 440) -> dict[str, str]:
    """Return a picture by type: ``text/html``, ``image/png`` (base 64) and ``text/plain``.

    Args:
        words: What there is to see; the picture's alternative text.
        png: The picture.
        place: Id of the figure, so that the living panel can hide it.
        key: HTML beside the picture.
        then: What a reader with a kernel can do.
        width: Of the picture, in CSS pixels.
    """
    picture = base64.b64encode(png).decode("ascii")
    text = (
        f'<figure id="{place}" class="al-still" style="margin:0"><img src="data:image/png;base64,{picture}" '
        f'alt="{html.escape(words)}" style="width:{width}px;max-width:100%">{key}<figcaption style="color:inherit">'
        f"{html.escape(words)}. A still picture: <strong>{html.escape(then)}</strong></figcaption></figure>"
    )
    return {"text/plain": words, "text/html": text, "image/png": picture}


def hiding(place: str) -> str:
    """Return the style that hides a still picture where its panel is alive."""
    return f"<style>#{place} {{ display: none }}</style>"


def show(picture: dict[str, str], box: Widget) -> None:
    """Display a still picture, for where no kernel answers, and the panel (unless ALGAN_LITE_STATIC is 1)."""
    display(picture, raw=True)
    if os.environ.get(STATIC) != "1":
        view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
        display({"text/plain": "", VIEW: view}, raw=True)

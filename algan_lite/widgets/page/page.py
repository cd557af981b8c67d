"""A widget as one piece of a page: markup, picture, data, style and script, without a reference to outside."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from string import Template

from matplotlib.figure import Figure
from PIL import Image

FOLDER = Path(__file__).parent
IMPORT = re.compile(r'^import \{[^}]*\} from "([^"]+)";\n', re.MULTILINE)
CONTROLS = ("lambda_control", "time_control")  # what both widgets have

SHELL = Template("""\
<div class="lambda-explorer" data-explorer="$id" role="group" aria-label="$title">
<style>$style</style>
<p class="lx-title">$title</p>
<noscript><img class="lx-still" alt="$alt" src="data:image/webp;base64,$still"></noscript>
<p class="lx-failure" role="alert" data-is="failure"></p>
<div data-is="body" hidden>
$body
</div>
<script type="application/json" data-is="config">$config</script>
<script type="text/plain" data-is="packed">$data</script>
<script>(() => {
"use strict";
$script
begin("$id", $start);
})();</script>
</div>
""")


def bundle(
    *, title: str, alt: str, picture: bytes, config: Mapping[str, object], data: str, body: str, script: str
) -> dict[str, str]:
    """Return what a notebook shows of a widget, by type: the page's piece, a picture and a line of text.

    Args:
        title: Any string; it is shown as text.
        alt: Says the picture in words.
        picture: A PNG, for readers without scripts.
        config: What the script reads, as JSON.
        data: The packed arrays.
        body: File of this folder with the markup of the controls; parts that the script needs carry ``data-is``. It
            holds no data: the script fills it with text, never with markup.
        script: A module of this folder that exports a function of its own name, which starts the widget.

    Returns:
        ``text/html``, ``image/png`` (base 64) and ``text/plain``.
    """
    texts = {
        "title": html.escape(title),
        "alt": html.escape(alt),
        "body": Template(_source(body)).substitute({name: _source(f"{name}.html") for name in CONTROLS}),
        "config": json.dumps(config, sort_keys=True).replace("<", "\\u003c"),  # so no string can end the script
        "data": data,
        "style": _source("explorer.css"),
        "script": inlined("common.js", script),
        "start": Path(script).stem,
    }
    # From what the page shows: two builds agree, and two widgets on a page differ. Pictures may vary with fonts.
    mark = hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()[:12]
    piece = SHELL.substitute(texts, still=_still(picture), id=f"lx-{mark}")
    png = base64.b64encode(picture).decode("ascii")
    return {"text/html": piece, "image/png": png, "text/plain": f"{title}\n{alt}"}


def png_of(figure: Figure) -> bytes:
    """Return a figure as a PNG without a date or a version in it."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=150, metadata={"Software": None})
    return file.getvalue()


def inlined(*modules: str) -> str:
    """Return modules of this folder and all that they import as one script, each once, behind what it needs.

    All names share one scope; so no two modules may declare the same one, and imports rename nothing.
    """
    texts: dict[Path, str] = {}

    def add(path: Path) -> None:
        if path not in texts:
            text = path.read_text(encoding="utf-8")
            for name in IMPORT.findall(text):
                add((path.parent / name).resolve())
            texts[path] = re.sub(r"^export ", "", IMPORT.sub("", text), flags=re.MULTILINE).strip()

    for module in modules:
        add((FOLDER / module).resolve())
    return "\n".join(texts.values())


def _still(png: bytes) -> str:
    """Return a picture as WebP in base 64: a fifth of the PNG, and no bands in the map's smooth colors."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.save(file, format="webp", quality=85, method=4)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _source(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8").strip()

"""The film as a Python object: what it shows, what is inside, and what its door refuses."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from algan_lite.widgets import Film, Scene
from algan_lite.widgets.page.pack import LEVELS

EVIL = "</script></noscript><img src=x onerror=alert(1)>\"'"
BOX = (-3.0, 3.0, -3.0, 3.0)
STEPS, SIDE = [0, 10, 200], 6


def scene(kept: float = 0.5, notes: tuple[str, ...] = ("half bad", "some bad", "none bad")) -> Scene:
    """Return eight fakes that move to the right, and a verdict that rises with time."""
    fakes = np.stack([np.column_stack([np.full(8, x), np.linspace(-2, 2, 8)]) for x in (-1.0, 0.0, 4.0)])
    verdict = np.broadcast_to(np.array([0.0, 0.5, 1.0])[:, None, None], (3, SIDE, SIDE))
    return Scene(fakes, verdict, np.tile(np.arange(8) < 8 * kept, (3, 1)), notes)


def film(**options: object) -> Film:
    return Film({"plain": scene(1.0), "top_k": scene()}, STEPS, np.zeros((4, 2)), BOX, **options)


def test_bundle_has_a_page_a_picture_and_a_text() -> None:
    bundle = film(title="Two rules")._repr_mimebundle_()
    page = bundle["text/html"]
    with Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))) as picture:
        assert picture.width > 600
    assert re.findall(r'<input type="range"[^>]*data-is="(\w+)"', page) == ["time"]
    assert 'src="data:image/webp;base64,' in page
    assert bundle["text/plain"].startswith("Two rules\n")
    assert "top_k: none bad" in bundle["text/plain"]
    assert set(re.findall(r"https?://[^\s\"'`]+", page)) <= {"http://www.w3.org/2000/svg"}
    assert 20_000 < len(page) < 120_000


def test_script_starts_with_what_the_page_needs() -> None:
    page = film(note="seed 0")._repr_mimebundle_()["text/html"]
    config = json.loads(re.search(r'data-is="config">(.*?)</script>', page)[1])
    assert config["steps"] == STEPS
    assert [one["name"] for one in config["scenes"]] == ["plain", "top_k"]
    assert config["scenes"][1]["notes"] == ["half bad", "some bad", "none bad"]
    assert config["note"] == "seed 0"
    entries = {entry["name"]: entry["shape"] for entry in config["entries"]}
    assert entries["1/fakes"] == [3, 8, 2]
    assert entries["0/heat"] == [3, SIDE, SIDE]
    assert page.count("async function film(") == 1
    assert len(re.findall(r"^const WORDS\b", page, flags=re.MULTILINE)) == 1  # modules share one scope


def test_places_and_verdicts_are_packed_as_bytes() -> None:
    packed = film()._packed()
    assert packed["0/fakes"][:, 0, 0].tolist() == [85, 128, 255]  # -1 and 0 of [-3, 3]; 4 lies beyond, on the edge
    assert abs(int(packed["0/heat"][1, 0, 0]) - 128) < LEVELS
    assert packed["1/chosen"].sum(-1).tolist() == [4, 4, 4]


def test_figure_shows_both_ends_of_every_rule_and_marks_the_chosen() -> None:
    figure = film().figure()
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["plain", "top_k", "", ""]
    assert [ax.get_xlabel() for ax in figure.axes] == ["half bad", "half bad", "none bad", "none bad"]
    plain, top_k = (ax.get_legend_handles_labels()[1] for ax in figure.axes[:2])
    assert plain == ["real", "fake"]  # where all are chosen, none stands out
    assert top_k == ["real", "fake", "chosen"]


def test_ids_depend_on_the_content() -> None:
    ids = [re.search(r'data-explorer="(lx-\w+)"', one._repr_mimebundle_()["text/html"])[1] for one in (film(), film())]
    assert ids[0] == ids[1]
    assert ids[0] not in film(note="another")._repr_mimebundle_()["text/html"]


def test_strings_stay_text() -> None:
    evil = Film({EVIL: scene(notes=(EVIL,) * 3)}, STEPS, np.zeros((4, 2)), BOX, title=EVIL, note=EVIL)
    page = evil._repr_mimebundle_()["text/html"]
    assert "<img src=x" not in page
    plain = Film({"a": scene()}, STEPS, np.zeros((4, 2)), BOX)._repr_mimebundle_()["text/html"]
    assert page.count("</script>") == plain.count("</script>")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fakes": np.zeros((2, 8, 2))}, r"fakes must be \(3, 8, 2\); got \(2, 8, 2\)"),
        ({"verdict": np.zeros((3, SIDE, 5))}, r"verdict must be \(3, 5, 5\)"),
        ({"chosen": np.zeros((3, 7), bool)}, r"chosen must be \(3, 8\)"),
        ({"chosen": np.zeros((3, 8))}, "chosen must be bool; got float64"),
        ({"notes": ["a", "b"]}, "notes must be 3; got 2"),
    ],
)
def test_scenes_that_do_not_fit_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Film({"top_k": replace(scene(), **change)}, STEPS, np.zeros((4, 2)), BOX)


def test_doors_refuse_what_they_cannot_show() -> None:
    with pytest.raises(TypeError, match=r"scenes\['a'\] must be a Scene"):
        Film({"a": 3}, STEPS, np.zeros((4, 2)), BOX)
    with pytest.raises(ValueError, match="scenes must hold 1 or more"):
        Film({}, STEPS, np.zeros((4, 2)), BOX)
    with pytest.raises(ValueError, match="steps must be 1 or more and rise"):
        Film({"a": scene()}, [0, 10, 10], np.zeros((4, 2)), BOX)
    with pytest.raises(ValueError, match="box must be left < right"):
        Film({"a": scene()}, STEPS, np.zeros((4, 2)), (1, 0, 0, 1))

"""The explorers as Python objects: what they show a notebook, how data are packed, and what their doors refuse."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
import types
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from explorer_study import COMBOS, METRICS, invented_study
from PIL import Image

from algan_lite.objective.losses import LOSSES
from algan_lite.objective.regularizers import REGULARIZERS
from algan_lite.selection.select import STRATEGIES
from algan_lite.studies.study import Study
from algan_lite.widgets import LambdaExplorer, SpriteExplorer
from algan_lite.widgets.page.multiples import panels
from algan_lite.widgets.page.pack import pack
from algan_lite.widgets.page.words import describe, limits, measure, short

PAGE_LIMIT = 2_000_000  # bytes of a whole page
EVIL = "</script></noscript></title><img src=x onerror=alert(1)>\"'"


def small_study(**provenance: object) -> Study:
    return invented_study(lams=5, steps=3, points=8, side=8, **provenance)


def digits(lams: int = 4, steps: int = 3, tiles: int = 10) -> np.ndarray:
    """Return tiles that say where they come from: all points of a tile have one gray."""
    grays = np.arange(lams * steps * tiles).reshape(lams, steps, tiles) * 255 // (lams * steps * tiles - 1)
    return np.broadcast_to(grays[..., None, None], (lams, steps, tiles, 28, 28)).astype(np.uint8)


def sprite_explorer(**options: object) -> SpriteExplorer:
    return SpriteExplorer(digits(), [0, 0.01, 0.1, 1], [1, 10, 100], **options)


class Reader(HTMLParser):
    """Collects tags and attributes as a browser would see them, inside noscript too."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("explorer", [LambdaExplorer(small_study()), sprite_explorer()])
def test_bundle_has_a_page_a_picture_and_a_text(explorer: LambdaExplorer | SpriteExplorer) -> None:
    bundle = explorer._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    with Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))) as picture:
        assert picture.format == "PNG"
        assert picture.width > 600
    reader = Reader(bundle["text/html"])
    assert [attrs["type"] for tag, attrs in reader.tags if tag == "input"] == ["range", "range"]
    (still,) = [attrs for tag, attrs in reader.tags if tag == "img"]
    assert still["src"].startswith("data:image/webp;base64,")
    assert len(still["alt"]) > 40
    assert explorer.title in bundle["text/plain"]


@pytest.mark.parametrize("explorer", [LambdaExplorer(small_study()), sprite_explorer()])
def test_page_points_to_nothing_outside(explorer: LambdaExplorer | SpriteExplorer) -> None:
    page = explorer._repr_mimebundle_()["text/html"]
    addresses = set(re.findall(r"https?://[^\s\"'`]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, not an address: nothing loads it
    for tag, attrs in Reader(page).tags:
        assert tag not in ("link", "iframe", "object"), tag
        assert attrs.get("src", "data:").startswith("data:"), attrs
        assert "href" not in attrs


def test_page_of_the_planned_size_stays_below_the_limit() -> None:
    page = LambdaExplorer(invented_study())._repr_mimebundle_()["text/html"]
    assert 500_000 < len(page.encode()) < PAGE_LIMIT


def test_ids_depend_on_the_content_only() -> None:
    code = (
        "from explorer_study import invented_study; from algan_lite.widgets import LambdaExplorer;"
        "page = LambdaExplorer(invented_study(5, 3, 8, 8))._repr_mimebundle_()['text/html'];"
        "print(page.split('data-explorer=\"')[1].split('\"')[0])"
    )
    here = Path(__file__).parents[1]
    command, other = [sys.executable, "-c", code], {"PYTHONPATH": f"{here}:{here.parent}", "PYTHONHASHSEED": "7"}
    done = subprocess.run(command, env=other, capture_output=True, text=True)
    ids = [
        re.findall(r'data-explorer="(lx-[^"]+)"', LambdaExplorer(study)._repr_mimebundle_()["text/html"])
        for study in (small_study(), small_study(), small_study(commit="1"))
    ]
    assert ids[0] == ids[1] == [done.stdout.strip()], done.stderr
    assert ids[2] != ids[0]
    assert re.fullmatch(r"lx-[0-9a-f]{12}", ids[0][0])


def test_strings_stay_text() -> None:
    plain, evil = LambdaExplorer(small_study()), LambdaExplorer(small_study(command=EVIL, device=EVIL), title=EVIL)
    sprites = sprite_explorer(), sprite_explorer(title=EVIL, note=EVIL)
    for calm, angry in ((plain, evil), sprites):
        pages = [Reader(explorer._repr_mimebundle_()["text/html"]).tags for explorer in (calm, angry)]
        assert [tag for tag, _ in pages[0]] == [tag for tag, _ in pages[1]]
        assert not any("onerror" in attrs for _, attrs in pages[1])
        assert any(attrs.get("aria-label") == EVIL for _, attrs in pages[1])


def unpack(entries: list[dict], text: str) -> dict[str, np.ndarray]:
    """The slow and obvious way back, one number at a time."""
    raw, start, arrays = zlib.decompress(base64.b64decode(text)), 0, {}
    for entry in entries:
        count = int(np.prod(entry["shape"]))
        if entry["code"] == "bits":
            numbers = [raw[start + k // 8] >> (k % 8) & 1 == 1 for k in range(count)]
            start += -(-count // 8)
        elif entry["code"] == "floats":
            steps = [raw[start + k] + 256 * raw[start + count + k] for k in range(count)]
            low, high = entry["low"], entry["high"]
            numbers = [np.nan if s == 65535 else np.sinh(low + s / 65534 * (high - low)) for s in steps]
            start += 2 * count
        else:
            numbers = list(raw[start : start + count])
            start += count
        arrays[entry["name"]] = np.array(numbers).reshape(entry["shape"])
        if entry["code"] == "map":
            sums = arrays[entry["name"]].cumsum(-1).cumsum(-2) % 256
            arrays[entry["name"]] = np.minimum(4 * sums, 255)
    assert start == len(raw)
    return arrays


def test_packing_loses_no_more_than_it_says() -> None:
    rng = np.random.default_rng(0)
    given = {
        "bits": rng.random((3, 5)) < 0.5,
        "bytes": rng.integers(0, 256, (4, 3), dtype=np.uint8),
        "a/heat": rng.integers(0, 256, (2, 6, 6), dtype=np.uint8),
        "wide": np.array([[-3.0, 0.0, 0.5], [np.nan, 8.0, 25_000.0]], dtype=np.float32),
        "same": np.full(3, 0.25),
        "lost": np.array([np.nan, np.inf]),
    }
    found = unpack(*pack(given))
    assert {name: array.shape for name, array in found.items()} == {name: a.shape for name, a in given.items()}
    np.testing.assert_array_equal(found["bits"], given["bits"])
    np.testing.assert_array_equal(found["bytes"], given["bytes"])
    assert np.abs(found["a/heat"].astype(int) - given["a/heat"]).max() <= 2  # half a level, rounded to the nearest
    np.testing.assert_allclose(found["wide"], given["wide"], rtol=3e-4, atol=3e-4)
    np.testing.assert_allclose(found["same"], given["same"], rtol=1e-12)
    assert np.isnan(found["lost"]).all()


def test_the_middle_of_the_map_stays_the_middle() -> None:
    heat = np.full((1, 4, 4), 128, np.uint8)
    np.testing.assert_array_equal(unpack(*pack({"heat": heat}))["heat"], heat)


def test_counts_of_modes_survive_packing() -> None:
    modes = np.arange(26, dtype=np.float32)
    np.testing.assert_allclose(unpack(*pack({"modes": modes}))["modes"], modes, atol=0.002)


def test_pack_refuses_other_types() -> None:
    with pytest.raises(TypeError, match="a must be an array of bool, uint8 or float; got int64"):
        pack({"a": np.arange(3)})


@pytest.mark.parametrize(("count", "default"), [(13, 6), (13, 0), (13, 12), (13, 1), (13, 11), (7, 3), (6, 2)])
def test_panels_are_six_and_hold_ends_and_default(count: int, default: int) -> None:
    chosen = panels(count, default)
    assert len(set(chosen)) == 6
    assert chosen == sorted(chosen)
    assert {0, default, count - 1} <= set(chosen)


def test_panels_of_few_values_are_all_of_them() -> None:
    assert [panels(1, 0), panels(2, 0), panels(3, 1)] == [[0], [0, 1], [0, 1, 2]]


def test_figure_says_what_was_measured() -> None:
    study = small_study()
    figure = LambdaExplorer(study, lam=10).figure("grid", "lecam", loss="wasserstein")
    axes = figure.axes
    assert [ax.get_title() for ax in axes] == ["λ = 0", "λ = 0.001", "λ = 0.022", "λ = 0.46", "λ = 10"]
    assert axes[-1].title.get_fontweight() == "bold"
    assert axes[-1].get_xlabel() == "diverged"
    values = study.arrays["grid/values"][COMBOS.index(("wasserstein", "lecam", "random")), 1, -1]
    assert axes[1].get_xlabel().startswith(f"{values[:, METRICS.index('modes')].mean():.1f} of 25 modes")
    assert "step 3,000" in figure.get_suptitle()


def test_figures_show_themselves() -> None:
    for explorer in (LambdaExplorer(small_study()), sprite_explorer()):
        assert explorer.figure()._repr_png_().startswith(b"\x89PNG")


def test_figure_marks_chosen_noise_by_shape() -> None:
    explorer = LambdaExplorer(small_study())
    labels = {strategy: explorer.figure(strategy=strategy).axes[1].get_legend_handles_labels()[1] for strategy in
              ("random", "top_k")}  # fmt: skip
    assert labels == {"random": ["real", "fake"], "top_k": ["real", "fake", "chosen"]}


def test_every_regularizer_and_strategy_has_its_words() -> None:
    assert all(describe(name) for name in (*LOSSES, *REGULARIZERS, *STRATEGIES, "none"))
    assert describe("unknown") == ""
    assert {measure(name)["kind"] for name in METRICS} == {"count", "share", "number"}
    assert measure("my_own")["label"] == "my own"


def test_axes_end_at_what_is_possible() -> None:
    values = np.array([np.nan, *np.linspace(0, 1, 101), 1e9])
    assert limits("modes", values, 8) == (0, 8)
    assert limits("quality", values, 8) == (0, 1)
    assert limits("reverse_kl", values, 8) == (0, pytest.approx(np.log(8)))
    assert limits("loss_D", values, 8) == (pytest.approx(0.02), pytest.approx(0.99))
    assert limits("loss_D", np.linspace(0.69, 2.93, 50), 8) == (pytest.approx(0.7), pytest.approx(2.9))
    assert limits("loss_D", np.full(3, 1.3863), 8) == (pytest.approx(1.3863, abs=1e-3), pytest.approx(1.3863, abs=1e-3))
    assert limits("loss_D", np.array([np.nan]), 8) == (0, 1)


def test_numbers_have_two_digits_that_count() -> None:
    assert [short(number) for number in (0.0, 0.0316, 0.00032, 100.0, 1.0)] == ["0", "0.032", "0.00032", "100", "1"]


def test_data_without_modes_have_an_axis_of_their_own() -> None:
    study = small_study()
    arrays = {**study.arrays, "num_modes": np.array([0, 25])}
    assert LambdaExplorer(replace(study, arrays=arrays))._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lams": None}, "it lacks lams"),
        ({"grid/heat": None}, "of grid; it lacks heat"),
        ({"ring/fakes": np.zeros((2, 5, 3, 8, 2), np.uint8)}, r"ring/fakes must have shape \(17, 5, 3, 8, 2\)"),
        ({"steps": np.array([], int)}, r"steps must have shape \(0,\), no size 0"),
        ({"combos": np.array(["r1"])}, "combos must have shape"),
        ({"num_modes": np.array([8])}, r"num_modes must have shape \(2,\)"),
        ({"metrics": np.array(["modes"])}, "ring/values must have shape"),
        ({"lams": np.array([0, 0.1, np.nan, 1, 10])}, "lams must be finite and rise"),
        ({"lams": np.array([0, 1, 0.1, 5, 10])}, "lams must be finite and rise"),
        ({"lams": np.array([-1, 0, 0.1, 5, 10])}, "lams must be finite and rise from 0"),
        ({"lams": np.array(list("abcde"))}, "lams must be numbers; got <U1"),
        ({"steps": np.array([3000, 2, 1])}, "steps must be finite and rise"),
        ({"ring/box": np.array([3.0, -3, -3, 3])}, "ring/box must be left < right"),
        ({"ring/box": np.full(4, np.nan)}, "ring/box must be left < right"),
        ({"ring/box": np.zeros(3)}, r"ring/box must have shape \(4,\)"),
        ({"grid/chosen": np.zeros((17, 5, 3, 8), np.uint8)}, "grid/chosen must be bool; got uint8"),
        ({"grid/reals": np.zeros((4, 2))}, "grid/reals must be uint8; got float64"),
        ({"grid/reals": np.zeros((4, 3), np.uint8)}, "grid/reals must have shape"),
        ({"grid/heat": np.zeros((17, 5, 3, 4, 5), np.uint8)}, "grid/heat must have shape"),
        ({"grid/values": np.zeros((17, 5, 3, 9, 5), np.float32)}, "grid/values must have shape"),
        ({"combos": np.array([["r1", "random"]] * 17)}, r"combos must have shape \(17, 3\)"),
        ({"sentinels": None}, "it lacks sentinels"),
        ({"ring/zeros": np.zeros((1, 5))}, r"ring/zeros must have shape \(2, 5\)"),
        ({"data": np.array([1, 2])}, "data must be text; got int64"),
    ],
)
def test_a_study_that_does_not_fit_is_refused(change: dict[str, np.ndarray | None], message: str) -> None:
    study = small_study()
    arrays = {name: array for name, array in {**study.arrays, **change}.items() if array is not None}
    with pytest.raises(ValueError, match=message):
        LambdaExplorer(replace(study, arrays=arrays))


@pytest.mark.parametrize("name", ["a $", "$x$", r"$\frac$", "<b>", "${title}", "a/b", "%s {0}"])
def test_any_name_of_data_is_shown_as_it_is(name: str) -> None:
    study = small_study()
    arrays = {key.replace("ring/", f"{name}/"): array for key, array in study.arrays.items()}
    explorer = LambdaExplorer(replace(study, arrays={**arrays, "data": np.array([name, "grid"])}), title=name)
    assert explorer.figure().get_suptitle().startswith(f"{name}:")
    assert explorer._repr_mimebundle_()["text/plain"].startswith(name)


def test_doors_refuse_what_they_cannot_show() -> None:
    with pytest.raises(TypeError, match="results must be a Study"):
        LambdaExplorer({"lams": [0]})
    with pytest.raises(ValueError, match=r"lam must be in \[0, inf\)"):
        LambdaExplorer(small_study(), lam=-1)
    explorer = LambdaExplorer(small_study())
    for arguments, name in ((("moons",), "data"), (("ring", "r9"), "regularizer"), (("ring", "r2", "top_k"), "strat")):
        with pytest.raises(ValueError, match=f"{name}.* must be one of"):
            explorer.figure(*arguments)
    with pytest.raises(TypeError, match="images must be an array of uint8"):
        SpriteExplorer(digits().astype(float), [0, 1, 2, 3], [1, 2, 3])
    with pytest.raises(ValueError, match=r"images must be \(2, 3, K, H, W\)"):
        SpriteExplorer(digits(), [0, 1], [1, 2, 3])


def test_live_hands_its_settings_to_the_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = types.ModuleType("algan_lite.widgets.panel")
    panel.LivePanel = lambda **settings: settings
    monkeypatch.setitem(sys.modules, "algan_lite.widgets.panel", panel)
    first = {"data": "ring", "loss": "wasserstein", "regularizer": "r1", "strategy": "random"}
    explorer = LambdaExplorer(small_study())
    assert explorer.live() == first | {"lam": pytest.approx(0.46, abs=0.01)}
    assert explorer.live(lam=0.3, data="grid") == first | {"lam": 0.3, "data": "grid"}


def test_sheet_holds_every_tile_at_its_place() -> None:
    with Image.open(io.BytesIO(base64.b64decode(sprite_explorer()._sheet()))) as image:
        sheet = np.asarray(image.convert("L"))
    tiles = sheet.reshape(4, 3, 28, 10, 28).transpose(0, 1, 3, 2, 4)
    assert np.abs(tiles.astype(int) - digits()).max() <= 9  # 16 grays

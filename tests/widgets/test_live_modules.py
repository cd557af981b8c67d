"""The modules of the live page that need no browser, run by Node and held against the package."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
import torch

import algan_lite as al
from algan_lite.objective.regularizers import WITHOUT_MOVES
from algan_lite.studies import explorer
from algan_lite.widgets.panel.settings import BETAS, LAMS, source_of
from tools.book import live
from tools.book.pages import ROOT

WIDGETS = ROOT / "algan_lite" / "widgets"
NODE = shutil.which("node")

needs_node = pytest.mark.skipif(NODE is None, reason="needs Node (nodejs.org): none on the PATH")


def node(module: str, expression: str) -> object:
    """Import everything of a module and return the value of an expression, as JSON."""
    told = json.dumps(live.page_words())
    book = f"import {{ book }} from '{(WIDGETS / 'live' / 'book.js').as_uri()}'; Object.assign(book, {told});"
    program = f"import * as m from '{(WIDGETS / 'live' / module).as_uri()}'; console.log(JSON.stringify({expression}))"
    streams = f"import {{ Stream }} from '{(WIDGETS / 'live' / 'random.js').as_uri()}';"
    command = [NODE, "--input-type=module", "-"]
    done = subprocess.run(
        command, input=streams + book + program, capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(done.stdout)


@needs_node
def test_the_same_seed_gives_the_same_numbers_and_another_purpose_others() -> None:
    def first(seed: int, purpose: str) -> object:
        return node("random.js", f"Array.from(new m.Stream({seed}, '{purpose}').uniforms(5))")

    assert first(0, "data") == first(0, "data")
    assert first(0, "data") != first(1, "data")
    assert first(0, "data") != first(0, "penalties")


@needs_node
def test_the_random_numbers_have_the_laws_that_they_claim() -> None:
    uniform, normal = (
        np.array(values)
        for values in node(
            "random.js",
            "[Array.from(new m.Stream(0, 'a').uniforms(40000)), Array.from(new m.Stream(0, 'b').normals(40000))]",
        )
    )
    assert 0 <= uniform.min() < 0.001
    assert 0.999 < uniform.max() < 1
    counts = np.histogram(uniform, 20, (0, 1))[0]
    assert ((counts - 2000) ** 2 / 2000).sum() == pytest.approx(19, abs=25)  # chi squared with 19 degrees of freedom
    assert normal.mean() == pytest.approx(0, abs=0.025)
    assert normal.std() == pytest.approx(1, abs=0.02)
    assert (np.abs(normal) < 1.96).mean() == pytest.approx(0.95, abs=0.006)
    assert np.corrcoef(normal[:-1], normal[1:])[0, 1] == pytest.approx(0, abs=0.025)


@needs_node
@pytest.mark.parametrize("name", ["ring", "grid", "two_moons", "swiss_roll", "imbalanced_ring"])
def test_a_data_set_of_the_page_has_the_law_of_the_package(name: str) -> None:
    page = torch.tensor(node("data.js", f"Array.from(m.sample(m.laws().{name}, new Stream(0, 'data'), 4000))"))
    page, source = page.float().view(-1, 2), source_of(name)
    ours = source.sample(4000, seed=0)
    torch.testing.assert_close(page.mean(0), ours.mean(0), atol=0.1, rtol=0)
    torch.testing.assert_close(page.std(0), ours.std(0), atol=0.06, rtol=0)
    distance = al.METRICS["wasserstein_2d"](page, ours)
    floor = al.METRICS["wasserstein_2d"](source.sample(4000, seed=1), ours)
    assert float(distance) == pytest.approx(float(floor), rel=0.5)
    if source.modes is not None:
        scores = node("data.js", f"m.modeScores(m.laws().{name}, {page.flatten().tolist()})")
        assert scores["found"] == int(al.METRICS["mode_coverage"](page, source)) == scores["modes"]
        assert scores["quality"] == pytest.approx(float(al.METRICS["quality_3sigma"](page, source)), abs=0.002)


@needs_node
def test_a_drawing_is_drawn_from_its_points() -> None:
    values = node("data.js", "Array.from(m.sample(m.drawn([[1, 2], [-1, 0]]), new Stream(0, 'data'), 2000))")
    x = torch.tensor(values).view(-1, 2)
    near = torch.cdist(x, torch.tensor([[1.0, 2.0], [-1.0, 0.0]]))
    assert near.min(1).values.max() < 6 * 0.03
    assert float((near[:, 0] < near[:, 1]).float().mean()) == pytest.approx(0.5, abs=0.05)


@needs_node
def test_the_slider_has_the_values_of_the_panel() -> None:
    values = node("settings.js", "Array.from({ length: 34 }, (_, i) => m.lamAt(i))")
    assert tuple(values) == LAMS
    assert node("settings.js", f"{values}.map(m.positionOf)") == list(range(len(values)))
    assert node("settings.js", "[0.0001, 0.11, 0.118, 99].map(m.positionOf)") == [1, 17, 18, 33]


def test_the_grid_of_the_noise_has_cells_of_one_probability() -> None:
    shares = np.array([NormalDist().cdf(line) for line in live.LINES])
    np.testing.assert_allclose(np.diff(shares), 0.98 / 18, rtol=1e-6)
    assert shares[0] == pytest.approx(0.01)


@needs_node
def test_every_choice_of_the_page_is_in_the_package() -> None:
    told = live.page_words()
    regularizers, strategies = told["regularizers"], told["strategies"]
    presets = node("settings.js", "Object.keys(m.PRESETS).map((name) => m.preset(name))")
    assert list(regularizers) == ["none", *WITHOUT_MOVES]
    assert set(strategies) <= set(al.STRATEGIES)
    assert all(text.endswith(al.STRATEGIES[name].doc) for name, text in strategies.items())
    names = node(
        "settings.js", "Object.keys(m.PRESETS).map((name) => [name, m.presetOf({ ...m.preset(name), seed: 3 })])"
    )
    assert all(name == found for name, found in names)
    assert node("settings.js", "m.presetOf({ ...m.preset('ring'), lam: 0.2 })") == ""
    for setting in presets:
        assert setting["regularizer"] in regularizers
        assert setting["strategy"] in strategies
        assert setting["data"] in al.data.SOURCES


SETTINGS = [
    {"data": "ring", "loss": "wasserstein", "regularizer": "r1", "lam": 0.1, "strategy": "top_k", "pool": 2}
    | {"lrG": 0.001, "lrD": 0.002},
    {"data": "drawn", "loss": "non_saturating", "regularizer": "none", "lam": 0, "strategy": "random", "pool": 2}
    | {"lrG": 1e-4, "lrD": 1e-4},
]


@needs_node
@pytest.mark.parametrize("setting", SETTINGS, ids=["ring", "drawn"])
def test_the_notebook_cell_runs_and_says_what_the_page_did(setting: dict[str, object]) -> None:
    points = [[0.5, 1.0], [-0.25, -1.0], [1.0, 0.0]]
    source = "m2.laws().ring" if setting["data"] == "ring" else f"m2.drawn({points})"
    imported = f"(await import('{(WIDGETS / 'live' / 'data.js').as_uri()}').then((m2) => {source}))"
    sizes = "{ batch: 128, width: 32, depth: 2 }"
    code = node("snippet.js", f"m.snippet({json.dumps({**setting, 'seed': 3})}, {imported}, {sizes}, 7)")
    scope: dict[str, object] = {}
    exec(code, scope)  # our own text, made two lines above
    config, history, drawn_from = scope["config"], scope["history"], scope["source"]
    assert (config.num_steps, config.batch_size, config.strategy) == (7, 128, setting["strategy"])
    assert (config.loss, config.betas) == (setting["loss"], BETAS)
    assert dict(config.regularizers) == ({} if setting["regularizer"] == "none" else {"r1": 0.1})
    assert (config.lr, config.lr_D or config.lr) == (setting["lrG"], setting["lrD"])
    assert config.pool_factor == (2 if setting["strategy"] == "top_k" else 1)
    assert len(history.frame()) > 0
    if setting["data"] == "drawn":
        torch.testing.assert_close(drawn_from.train.sort(0).values, torch.tensor(points).sort(0).values)


def test_without_npm_there_is_no_runtime_and_none_of_another_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.shutil, "which", lambda _: None)
    with pytest.raises(RuntimeError, match="live training needs npm"):
        live.runtime(tmp_path / "ort")
    assert not (tmp_path / "ort").exists()


def test_no_number_or_color_of_the_package_is_written_again() -> None:
    told = live.page_words()
    written = "".join(path.read_text(encoding="utf-8").lower() for path in (WIDGETS / "live").iterdir())
    assert not [color for color in told["colors"].values() if color.lower() in written]
    assert not re.findall(r"also in|algan_lite/\w+\.py", written)
    assert told["data"]["ring"]["std"] == explorer.DATA["ring"]().std

"""The explorer on a phone, on paper, in the dark, without scripts, and its live switch."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from browser.explorer import shared
from explorer_study import invented_study
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from algan_lite.widgets import LambdaExplorer
from tools.audit.axe import axe_faults, axe_script

pytestmark = pytest.mark.skipif(
    shared.CHROMIUM is None or shared.DRIVER is None, reason="needs chromium and chromium-driver"
)


EVIL = "<img src=x onerror=\"document.title='broken'\">"


CUT = """
const cut = [], width = innerWidth;
const wide = document.documentElement.scrollWidth;
if (wide > width) cut.push(`the page is ${wide} px wide`);
for (const node of document.querySelectorAll('.lambda-explorer, .lambda-explorer *:not(path, .lx-spoken)')) {
  const box = node.getBoundingClientRect();
  if (box.width && (box.right > width + 0.5 || box.left < -0.5)) cut.push(`${node.className} ends at ${box.right}`);
  if (node.clientWidth && node.scrollWidth > node.clientWidth + 1 && node.tagName !== 'svg')
    cut.push(`${node.tagName} ${node.className} hides ${node.scrollWidth - node.clientWidth} px`);
}
const labels = [...document.querySelectorAll('.lx-tick-named, .lx-range, .lx-bottom, .lx-top, .lx-label, .lx-value')];
const boxes = labels.map((node) => {
  const range = document.createRange();
  range.selectNodeContents(node);
  return [node.textContent, range.getBoundingClientRect()];
}).filter(([, box]) => box.width);
for (const [i, [one, a]] of boxes.entries()) for (const [two, b] of boxes.slice(i + 1))
  if (a.left < b.right && b.left < a.right && a.top + 4 < b.bottom && b.top + 4 < a.bottom)
    cut.push(`${one} lies on ${two}`);
return cut;
"""


def test_title_stays_text(driver: webdriver.Chrome, tmp_path: Path) -> None:
    shared.window(driver)
    study = invented_study(5, 3, 8, 8, command=EVIL)
    evil = study.arrays | {"data": np.array(["ring", EVIL])}
    evil |= {name.replace("grid", EVIL): array for name, array in study.arrays.items() if name.startswith("grid")}
    explorer = LambdaExplorer(replace(study, arrays=evil), title=EVIL)
    shared.ready(driver, shared.write(tmp_path / "page.html", explorer, shared.sprite_explorer(title=EVIL, note=EVIL)))
    Select(shared.part(driver, "data")).select_by_value("1")
    shared.settle(driver)
    assert driver.find_element(By.CLASS_NAME, "lx-title").text == EVIL
    assert EVIL in shared.part(driver, "source").text
    assert EVIL in Select(shared.part(driver, "data")).first_selected_option.text
    assert driver.find_elements(By.CSS_SELECTOR, "img[onerror]") == []
    assert driver.title == "Explorer"


def test_two_of_the_same_work_on_one_page(driver: webdriver.Chrome, tmp_path: Path) -> None:
    shared.window(driver)
    explorer = shared.small_explorer()
    shared.ready(driver, shared.write(tmp_path / "page.html", explorer, explorer))
    sliders = driver.find_elements(By.CSS_SELECTOR, '[data-is="lam"]')
    sliders[1].send_keys(Keys.HOME)
    assert [slider.get_attribute("aria-valuetext") for slider in sliders] == ["0.04", "0"]
    assert driver.execute_script("return [...document.querySelectorAll('[id]')].length") == 0


@pytest.mark.parametrize("width", [360, 690, 1400])
def test_nothing_is_cut(driver: webdriver.Chrome, tmp_path: Path, width: int) -> None:
    shared.window(driver, width)
    shared.ready(
        driver,
        shared.write(tmp_path / "page.html", LambdaExplorer(invented_study()), shared.sprite_explorer(note="A note.")),
    )
    assert driver.execute_script(CUT) == []
    shared.part(driver, "lam").send_keys(Keys.END)  # the longest words: seeds that diverged
    assert driver.execute_script(CUT) == []


def test_colors_follow_the_page(driver: webdriver.Chrome, tmp_path: Path) -> None:
    tone = "return document.querySelector('.lambda-explorer').dataset.tone"
    cases = [(None, "light", "light"), (None, "dark", "dark"), ("light", "dark", "light"), ("dark", "light", "dark")]
    for theme, scheme, expected in cases:
        shared.window(driver, scheme=scheme)
        shared.ready(driver, shared.write(tmp_path / "page.html", shared.small_explorer(), theme=theme))
        assert driver.execute_script(tone) == expected
    driver.execute_script("document.documentElement.dataset.theme = 'light'")
    WebDriverWait(driver, 5, 0.02).until(lambda d: d.execute_script(tone) == "light")


def test_without_scripts_there_is_a_picture(driver: webdriver.Chrome, page: str) -> None:
    shared.window(driver)
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        driver.get(page)
        picture = driver.find_element(By.CLASS_NAME, "lx-still")
        assert picture.is_displayed()
        assert picture.size["height"] > 300
        assert not shared.part(driver, "lam").is_displayed()
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_on_paper_there_is_a_picture(driver: webdriver.Chrome, page: str) -> None:
    shared.window(driver)
    shared.ready(driver, page)
    assert not driver.find_element(By.CLASS_NAME, "lx-still").is_displayed()
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert driver.find_element(By.CLASS_NAME, "lx-still").is_displayed()
    assert not shared.part(driver, "lam").is_displayed()
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_an_old_browser_says_what_it_lacks(driver: webdriver.Chrome, page: str) -> None:
    shared.window(driver)
    script = {"source": "delete window.DecompressionStream"}
    added = driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", script)
    try:
        shared.ready(driver, page, "failed")
        assert "too old to unpack the data" in shared.part(driver, "failure").text
        assert driver.find_element(By.CLASS_NAME, "lx-still").is_displayed()
    finally:
        driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield tmp_path, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def press_live(driver: webdriver.Chrome) -> str:
    shared.part(driver, "live").click()
    WebDriverWait(driver, 10, 0.05).until(lambda d: shared.part(d, "live").is_enabled())
    return shared.part(driver, "answer").text


def test_live_from_a_file_says_what_it_needs(driver: webdriver.Chrome, page: str) -> None:
    shared.window(driver)
    shared.ready(driver, page)
    assert "needs the page served" in press_live(driver)
    assert shared.part(driver, "live").get_attribute("aria-checked") == "false"
    shared.part(driver, "lam").send_keys(Keys.HOME)
    assert shared.state(driver)["lam"] == "0"


def test_live_without_its_files_says_so(driver: webdriver.Chrome, served: tuple[Path, str]) -> None:
    folder, address = served
    shared.window(driver)
    shared.write(folder / "page.html", shared.small_explorer())
    shared.ready(driver, f"{address}/page.html")
    assert "there is no /_live/live/live.js (404)" in press_live(driver)
    assert shared.part(driver, "live").get_attribute("aria-checked") == "false"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a mistake", "export const mount = (;", "Unexpected token"),
        ("what mount throws", "export const mount = () => { throw new Error('no WebAssembly'); }", "no WebAssembly"),
        ("no mount", "export const other = 1;", "mount is not a function"),
    ],
)
def test_live_says_why_it_did_not_start(
    driver: webdriver.Chrome, served: tuple[Path, str], name: str, text: str, said: str
) -> None:
    folder, address = served
    (folder / "_live" / "live").mkdir(parents=True)
    (folder / "_live" / "live" / "live.js").write_text(text)
    shared.window(driver)
    shared.write(folder / "page.html", shared.small_explorer())
    shared.ready(driver, f"{address}/page.html")
    answer = press_live(driver)
    assert said in answer, name
    assert "The values computed before stay here." in answer


def test_live_is_mounted_and_unmounted(driver: webdriver.Chrome, served: tuple[Path, str]) -> None:
    folder, address = served
    shared.window(driver)
    (folder / "_live" / "live").mkdir(parents=True)
    (folder / "book").mkdir()
    (folder / "_live" / "live" / "live.js").write_text(
        "export async function mount(box, { settings }) { box.textContent = JSON.stringify(settings);"
        " return () => { document.title = 'stopped'; }; }"
    )
    shared.write(folder / "book" / "page.html", shared.small_explorer(), root="../")
    shared.ready(driver, f"{address}/book/page.html")
    assert press_live(driver) == ""
    assert shared.part(driver, "live").get_attribute("aria-checked") == "true"
    begins = json.loads(shared.part(driver, "live-box").text)
    told = {"data": "ring", "loss": "wasserstein", "regularizer": "r1", "strategy": "random"}
    assert begins == told | {"lam": pytest.approx(0.04, abs=0.001)}
    assert press_live(driver) == ""
    assert driver.title == "stopped"
    assert shared.part(driver, "live-box").text == ""
    assert shared.part(driver, "live").get_attribute("aria-checked") == "false"


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm, to fetch axe-core")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1000, 360])
def test_axe_finds_nothing_serious(driver: webdriver.Chrome, tmp_path: Path, theme: str, width: int) -> None:
    shared.window(driver, width)
    shared.ready(
        driver,
        shared.write(
            tmp_path / "page.html", shared.small_explorer(), shared.sprite_explorer(note="A note."), theme=theme
        ),
    )
    Select(shared.part(driver, "strategy")).select_by_value("top_k")
    shared.part(driver, "live").click()
    assert axe_faults(driver, axe_script()) == []

"""The panels in a real JupyterLab in Chromium: opened, trained, moved by the keyboard, run again; digits labeled.

Takes the `jupyter-lab` of this environment, or the one that ALGAN_LITE_LAB names. A screenshot stays in `_build`.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from time import sleep

import ipywidgets
import nbformat
import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tools.audit.browser import browser
from tools.book.pages import ROOT

LAB = os.environ.get("ALGAN_LITE_LAB") or shutil.which("jupyter-lab", path=str(Path(sys.executable).parent))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LAB, reason="JupyterLab is not installed (ALGAN_LITE_LAB may name a jupyter-lab)"),
    pytest.mark.skipif(not shutil.which("chromedriver"), reason="Chromium and its driver are not installed"),
]
VERSION = int(ipywidgets.__version__.partition(".")[0])
CELLS = (
    "from algan_lite.widgets.panel import LivePanel\npanel = LivePanel()\npanel",
    "print(6 * 7, panel.playing)",
)
SECONDS = 180  # of patience with a crowded machine


class Notebook:
    """A notebook open in JupyterLab."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def all(self, selector: str) -> list:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def wait(self, what: Callable[[], object]) -> object:
        return WebDriverWait(self.driver, SECONDS, ignored_exceptions=(WebDriverException, IndexError)).until(
            lambda _: what()
        )

    def run(self, cell: int, text: str | None = None) -> None:
        """Run a cell by the keyboard, with a new text if one is given."""

        def enter() -> bool:
            editor = self.all(".jp-Notebook .jp-CodeCell .jp-InputArea-editor")[cell]
            self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", editor)
            editor.click()
            return True

        self.wait(enter)
        keys = ActionChains(self.driver)
        if text is not None:
            keys.key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).send_keys(text)
        keys.key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()

    def printed(self) -> list[str]:
        return [output.text for output in self.all(".jp-OutputArea-output pre")]

    def number(self, name: str) -> str:
        """Return the panel's number of that name."""
        rows = [row.text for row in self.all(".jp-OutputArea-output table tr")]
        return next((row.removeprefix(name).strip() for row in rows if row.startswith(name)), "")

    def press(self, name: str) -> None:
        next(button for button in self.all(".widget-button, .jupyter-button") if button.text.strip() == name).click()

    def errors(self) -> list[str]:
        """Return what went wrong in the page, in the log or in place of a widget."""
        log = [entry["message"] for entry in self.driver.get_log("browser")]
        words = ("Could not create a view", "is not registered", "Uncaught")
        shown = [node.text for node in self.all(".jp-OutputArea-output") if "javascript error" in node.text]
        return shown + [line for line in log if any(word in line for word in words)]


def write(root: Path) -> None:
    """Write the notebook, its kernel, which is this Python, and settings that open no window of their own."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    notebook.metadata.kernelspec = {"name": "here", "display_name": "here", "language": "python"}
    nbformat.write(notebook, root / "panel.ipynb")
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel = {"argv": command, "display_name": "here", "language": "python"}
    settings = "config/lab/user-settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    for name, content in (("path/kernels/here/kernel.json", kernel), (settings, {"fetchNews": "false"})):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("lab")
    write(root)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = Path(LAB).resolve().parent.parent / "share/jupyter/labextensions/@jupyter-widgets"
    paths = [str(root / "path"), *([] if own.is_dir() else [f"{sys.prefix}/share/jupyter"])]
    places = {f"JUPYTER_{name}_DIR": str(root / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    env = {**os.environ, **places, "JUPYTER_PATH": os.pathsep.join(paths), "IPYTHONDIR": str(root / "ipython")}
    flags = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", f"--ServerApp.root_dir={root}"]
    flags += ["--ServerApp.token=", "--ServerApp.password=", "--IdentityProvider.token="]
    with (root / "log").open("w") as log:
        server = subprocess.Popen([LAB, *flags], env=env | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log)
        try:
            wait_for_server(server, f"http://127.0.0.1:{port}/api", root / "log")
            yield f"http://127.0.0.1:{port}/lab/tree/panel.ipynb"
        finally:
            server.terminate()
            server.wait(60)


def get(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
        return answer.read()


def kernel_is_idle(address: str) -> bool:
    kernels = json.loads(get(address.partition("/lab/")[0] + "/api/kernels"))
    return [kernel["execution_state"] for kernel in kernels] == ["idle"]


def wait_for_server(server: subprocess.Popen, url: str, log: Path) -> None:
    for _ in range(2 * SECONDS):
        assert server.poll() is None, log.read_text(encoding="utf-8")[-2000:]
        try:
            get(url)
        except OSError:
            sleep(0.5)
        else:
            return
    raise AssertionError(f"JupyterLab does not answer: {log.read_text(encoding='utf-8')[-2000:]}")


@pytest.fixture(scope="module")
def lab(address: str) -> Iterator[Notebook]:
    with browser() as driver:
        driver.set_window_size(1300, 1000)
        driver.set_page_load_timeout(SECONDS)
        driver.get(address)
        notebook = Notebook(driver)
        notebook.wait(lambda: notebook.all(".jp-Notebook .jp-CodeCell .jp-InputArea-editor"))
        notebook.wait(lambda: kernel_is_idle(address))  # before that a cell would not run
        notebook.run(0)
        notebook.wait(lambda: notebook.all(".widget-image")[0].get_property("naturalWidth") > 0)
        yield notebook


def test_the_panel_opens(lab: Notebook) -> None:
    assert lab.number("step") == "0"
    assert lab.number("modes found").endswith("of 8")
    assert lab.errors() == []
    if VERSION >= 8:
        assert "verdict of D" in lab.all(".widget-image")[0].get_attribute("title")


def test_it_trains_while_the_kernel_answers_and_lambda_moves(lab: Notebook) -> None:
    before = lab.all(".widget-image")[0].get_attribute("src")
    lab.press("Play")
    lab.wait(lambda: int(lab.number("step").replace(",", "") or 0) >= 200)
    assert lab.all(".widget-image")[0].get_attribute("src") != before
    lab.run(1)
    lab.wait(lambda: "42 True" in lab.printed())
    slider = lab.all(".jp-OutputArea-output .noUi-handle, .jp-OutputArea-output .ui-slider-handle")[0]
    slider.send_keys(Keys.ARROW_RIGHT * 8)  # eight a decade
    lab.wait(lambda: lab.all(".widget-readout")[0].text == "1")
    lab.run(1, "print(panel.config.regularizers, panel.playing, panel.drive(lam=1.0))")
    lab.wait(lambda: "{'r1': 1.0} True None" in lab.printed())
    (ROOT / "_build").mkdir(exist_ok=True)
    lab.driver.execute_script("document.querySelector('.widget-image').scrollIntoView({block: 'center'})")
    lab.driver.save_screenshot(str(ROOT / "_build" / f"panel-{VERSION}.png"))
    assert lab.errors() == []


def test_a_panel_whose_cell_is_run_again_ends(lab: Notebook) -> None:
    lab.run(1, "old = panel; print('old', old.playing)")
    lab.wait(lambda: "old True" in lab.printed())
    lab.run(0)
    lab.wait(lambda: lab.number("steps a second") == "–")  # the new one, which has not begun
    count = "[thread.name for thread in threading.enumerate()].count('algan_lite panel')"
    lab.run(1, f"import threading; print('then', old.playing, old is panel, {count})")
    lab.wait(lambda: "then False False 1" in lab.printed())


def test_digits_are_labeled_by_buttons_and_by_the_keyboard(lab: Notebook) -> None:
    make = "panels.LabelingPanel(num_pool=200, budget=5, strategy='margin')"
    lab.run(1, f"from algan_lite.widgets import panel as panels; labeling = {make}; display(labeling)")
    said = lambda role: [node.text for node in lab.all(f".jp-OutputArea-output [role={role}]")][-1:]  # noqa: E731
    lab.wait(lambda: said("status") == ["0 of 5 labels"])
    image = lambda: lab.all(".widget-image")[-1].get_attribute("src")  # noqa: E731
    before = image()
    lab.press("3")
    lab.wait(lambda: said("status")[0].startswith("1 of 5 labels, test error") and image() != before)
    field = lab.all(".widget-text input")[-1]
    field.send_keys("s7")
    lab.wait(lambda: said("status")[0].startswith("2 of 5 labels"))
    field.send_keys(Keys.BACKSPACE)
    lab.wait(lambda: said("status")[0].startswith("1 of 5 labels"))
    field.send_keys("x")
    lab.wait(lambda: "keys must be one of" in said("alert")[0])
    lab.press("Start again")
    lab.wait(lambda: said("status") == ["0 of 5 labels"] and not said("alert"))
    for digit in "01234":
        lab.press(digit)
    lab.wait(lambda: said("status")[0].startswith("5 of 5 labels") and said("status")[0].endswith("Done"))
    lab.driver.execute_script("[...document.querySelectorAll('[role=status]')].at(-1).scrollIntoView({block: 'end'})")
    lab.driver.save_screenshot(str(ROOT / "_build" / f"labeling-{VERSION}.png"))
    assert lab.errors() == []


def test_a_panel_whose_browser_is_gone_pauses(lab: Notebook, address: str) -> None:
    lab.run(1, "from algan_lite.widgets.panel import presence; presence.PATIENCE = 5; print('patience', 5)")
    lab.wait(lambda: "patience 5" in lab.printed())
    lab.press("Play")
    lab.wait(lambda: int(lab.number("step").replace(",", "") or 0) >= 50)
    sleep(8)
    lab.run(1, "print('still', panel.playing)")
    lab.wait(lambda: "still True" in lab.printed())
    lab.driver.get("about:blank")
    sleep(12)
    lab.driver.get(address)
    lab.wait(lambda: lab.all(".jp-Notebook .jp-CodeCell .jp-InputArea-editor"))
    lab.wait(lambda: kernel_is_idle(address))
    lab.run(1, "print('gone', panel.playing)")
    lab.wait(lambda: "gone False" in lab.printed())

"""What the browser tests of live training share: reading and moving its controls."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from importlib.util import find_spec

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from tools.bench.page import press
from tools.book.live import REACHABLE, Setting

MISSING = [name for name in ("npm", "chromedriver") if shutil.which(name) is None]
MISSING += [name for name in ("onnx",) if find_spec(name) is None]
NEEDED = [pytest.mark.slow, pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")]
LOST = Setting("non_saturating", "dragan", "softmax", 2)  # left out of the folder, to see what the panel says then
BUILT = tuple(setting for setting in REACHABLE if setting != LOST)


def show(driver: webdriver.Chrome, width: int, height: int, theme: str) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)


def read(driver: webdriver.Chrome, name: str) -> str:
    return driver.execute_script("return document.querySelector(`[data-name=${arguments[0]}]`).textContent", name)


def step(driver: webdriver.Chrome) -> int:
    return int(read(driver, "step").replace(",", ""))


def wait(condition: Callable[[], object], seconds: float = 20) -> object:
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "nothing has happened in time"
        time.sleep(0.05)
    return value


def choose(driver: webdriver.Chrome, label: str, value: str) -> None:
    box = driver.find_element(By.XPATH, f"//label[normalize-space()='{label}']/following-sibling::select")
    Select(box).select_by_value(value)
    settle(driver)


def settle(driver: webdriver.Chrome) -> None:
    """Wait until the worker has taken over what was set."""
    busy = "return document.querySelector('.al-live').getAttribute('aria-busy') === 'true'"
    wait(lambda: not driver.execute_script(busy))


def code(driver: webdriver.Chrome) -> str:
    driver.execute_script("document.querySelector('.al-cell').open = true")
    return wait(lambda: driver.execute_script("return document.querySelector('.al-cell code').textContent"))


def steps_by_hand(driver: webdriver.Chrome, n: int) -> list[str]:
    """Press Step n times and return what the panel says of the losses after each."""
    said = []
    for _ in range(n):
        before = step(driver)
        press(driver, "Step")
        wait(lambda before=before: step(driver) == before + 1)
        said.append(read(driver, "lossD") + " " + read(driver, "lossG"))
    return said

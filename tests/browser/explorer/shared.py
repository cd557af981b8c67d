"""What the browser tests of the explorer share: pages with it, and a window."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from explorer_study import invented_study
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from algan_lite.widgets import LambdaExplorer, SpriteExplorer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


DRIVER = shutil.which("chromedriver")
NEEDED = pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="needs chromium and chromium-driver")


# As the book's theme does it: data-theme on <html> decides, and without it the reader's system.
PAGE = """<!doctype html>
<html lang="en"{attributes}><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Explorer</title><style>
:root {{ color-scheme: light dark; }}
html[data-theme=light] {{ color-scheme: light; }}
html[data-theme=dark] {{ color-scheme: dark; }}
body {{ max-width: 690px; margin: 0 auto; padding: 0 16px; background: Canvas; color: CanvasText; }}
body {{ font: 16px/1.65 sans-serif; }}
html[data-theme=dark] .cell_output .text_html {{ background: #ced6dd; color: #222; padding: .5rem; }}
</style></head><body><main><h1>A page</h1><div class="cell_output">{body}</div></main></body></html>
"""


STATE = """
const root = document.querySelector('.lambda-explorer'), part = (name) => root.querySelector(`[data-is="${name}"]`);
const canvas = part('canvas'), brush = canvas.getContext('2d');
const pixels = brush.getImageData(0, 0, canvas.width, canvas.height).data;
let sum = 0;
for (let k = 0; k < pixels.length; k++) sum = (sum * 31 + pixels[k]) % 1000000007;
return {picture: sum, said: canvas.getAttribute('aria-label'), lam: part('lam').getAttribute('aria-valuetext'),
        time: part('time').getAttribute('aria-valuetext'), numbers: part('numbers')?.innerText,
        curves: part('numbers')?.innerHTML, legend: part('legend')?.innerText};
"""


@cache  # it keeps its page
def small_explorer(**options: object) -> LambdaExplorer:
    return LambdaExplorer(invented_study(lams=7, steps=5, points=16, side=8), **{"lam": 0.1, **options})


def sprite_explorer(**options: object) -> SpriteExplorer:
    grays = np.arange(4 * 3 * 10).reshape(4, 3, 10, 1, 1) * 2
    images = np.broadcast_to(grays, (4, 3, 10, 28, 28)).astype(np.uint8)
    return SpriteExplorer(images, [0, 0.01, 0.1, 1], [1, 10, 100], **options)


def write(path: Path, *explorers: LambdaExplorer | SpriteExplorer, theme: str | None = None, root: str = "") -> str:
    """Write a page that holds the explorers, and return its address."""
    attributes = (f' data-theme="{theme}"' if theme else "") + (f' data-content_root="{root}"' if root else "")
    pieces = [explorer._repr_mimebundle_()["text/html"] for explorer in explorers]
    body = "".join(f'<div class="output text_html">{piece}</div>' for piece in pieces)
    path.write_text(PAGE.format(attributes=attributes, body=body), encoding="utf-8")
    return path.as_uri()


def window(driver: webdriver.Chrome, width: int = 1000, scheme: str = "light", **features: str) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    wanted = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}, *wanted]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)


def ready(driver: webdriver.Chrome, url: str, expected: str = "yes") -> None:
    driver.get(url)
    state = "return [...document.querySelectorAll('.lambda-explorer')].map((root) => root.dataset.ready)"
    WebDriverWait(driver, 60, 0.05).until(lambda d: set(d.execute_script(state)) <= {"yes", "failed"})
    assert set(driver.execute_script(state)) == {expected}, part(driver, "failure").text
    settle(driver)


def choose(driver: webdriver.Chrome, loss: str, regularizer: str, strategy: str) -> None:
    """Choose a combination, by way of one that was measured with every other choice."""
    for name, value in (("strategy", "random"), ("regularizer", "r1"), ("loss", loss)):
        Select(part(driver, name)).select_by_value(value)
    for name, value in (("regularizer", regularizer), ("strategy", strategy)):
        Select(part(driver, name)).select_by_value(value)


def settle(driver: webdriver.Chrome) -> None:
    driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")


def part(driver: webdriver.Chrome, name: str) -> webdriver.remote.webelement.WebElement:
    return driver.find_element(By.CSS_SELECTOR, f'[data-is="{name}"]')


def state(driver: webdriver.Chrome) -> dict[str, str]:
    settle(driver)
    return driver.execute_script(STATE)

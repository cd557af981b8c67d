"""Measure live training in the page: steps and pictures a second in headless Chromium, one wasm thread."""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from selenium import webdriver

from tools.audit.browser import browser, served
from tools.book.live import BENCH, build

SETTINGS = {"regularizer": "r1", "lam": 0.1, "strategy": "top_k", "pool": 1}
WARM_UP, SECONDS, TURNS = 3.0, 4.0, 5

PAGE = """<!doctype html>
<html lang="en" data-theme="light"><head><meta charset="utf-8"><title>Live training</title>
<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width, initial-scale=1">
<style>body { margin: 0 auto; max-width: 780px; padding: 0 8px; background: #fff; color: #1f2328 }
html[data-theme=dark] body { background: #121212; color: #e6e8eb }</style></head>
<body><main><h1>Live training</h1><div id="there"></div></main>
<script type="module">
const live = await import("./_live/live/live.js");
window.mountLive = async (options) => {
  window.unmountLive = await live.mount(document.getElementById("there"), options);
};
</script></body></html>
"""
MOUNT = """
const [options, done] = arguments;
const begin = () => window.mountLive
  ? window.mountLive(options).then(() => done("mounted"), (error) => done(String(error))) : setTimeout(begin, 20);
begin();
"""
READ = """
const panel = document.querySelector(".al-live");
const number = (name) => Number(panel.querySelector(`[data-name=${name}]`).textContent.replaceAll(",", ""));
return [number("step"), Number(panel.dataset.pictures), performance.now() / 1000];
"""


@dataclass(frozen=True)
class Speed:
    """What a page reaches.

    Attributes:
        steps: Training steps a second.
        pictures: Pictures a second.
    """

    steps: float
    pictures: float


def mount(driver: webdriver.Chrome, address: str, **settings: object) -> None:
    """Open the page and wait for the panel's first picture.

    Args:
        driver: A browser.
        address: Of a folder that holds ``page.html`` and ``_live``.
        settings: Those that differ from the first preset.

    Raises:
        RuntimeError: If the panel does not start.
    """
    driver.get(f"{address}/page.html")
    state = driver.execute_async_script(MOUNT, {"settings": settings})
    if state != "mounted":
        raise RuntimeError(f"the panel does not start: {state}")


def press(driver: webdriver.Chrome, name: str) -> None:
    """Press the button that begins with ``name``.

    Args:
        driver: A browser that shows the panel.
        name: ``Run``, ``Pause``, ``Step`` or ``Reset``.
    """
    script = "[...document.querySelectorAll('.al-button')].find((b) => b.textContent.startsWith(arguments[0])).click()"
    driver.execute_script(script, name)


def speed(driver: webdriver.Chrome, seconds: float = SECONDS) -> Speed:
    """Count steps and pictures of a panel that runs.

    Args:
        driver: A browser whose panel trains.
        seconds: For how long.
    """
    step, pictures, begin = driver.execute_script(READ)
    time.sleep(seconds)
    last_step, last_pictures, end = driver.execute_script(READ)
    return Speed((last_step - step) / (end - begin), (last_pictures - pictures) / (end - begin))


def core_seconds(driver: webdriver.Chrome) -> dict[str, float] | None:
    """Return the seconds of a core that each thread of the browser has had, by the thread's name; None without /proc.

    On a busy machine they tell what the page would reach on a quiet one.

    Args:
        driver: A browser of this machine.
    """
    if not Path("/proc/self/stat").exists():
        return None
    seconds: dict[str, float] = {}
    for process in _family(driver.service.process.pid):
        for thread in Path(f"/proc/{process}/task").glob("*/stat"):
            with suppress(OSError):  # it has just ended
                name, _, numbers = thread.read_text().partition("(")[2].rpartition(")")
                ticks = sum(int(number) for number in numbers.split()[11:13])  # in user and in system mode
                seconds[name] = seconds.get(name, 0) + ticks / os.sysconf("SC_CLK_TCK")
    return seconds


def _family(process: int) -> Iterator[int]:
    yield process
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _family(int(child))


@contextmanager
def panel() -> Iterator[webdriver.Chrome]:
    """Serve the panel at the setting that is measured, and start it."""
    with TemporaryDirectory() as folder:
        build(Path(folder) / "_live", [BENCH])
        (Path(folder) / "page.html").write_text(PAGE, encoding="utf-8")
        with served(Path(folder)) as address, browser() as driver:
            mount(driver, address, **SETTINGS)
            press(driver, "Run")
            time.sleep(WARM_UP)
            yield driver


def bench_page(eager: Callable[[], float]) -> None:
    """Print the page's speed and its ratio to PyTorch eager, measured in turns; a line in words where it cannot run.

    Args:
        eager: Returns the steps a second of ``train()`` at the same setting.
    """
    if not (shutil.which("npm") and shutil.which("chromedriver")):
        print("page_steps_per_s needs npm and Chromium with its driver: not measured")
        return
    turns = []
    with panel() as driver:
        for _ in range(TURNS):
            page = speed(driver)
            press(driver, "Pause")  # the two do not share the cores
            turns.append((page, eager()))
            press(driver, "Run")
    print(f"page_steps_per_s {statistics.median(page.steps for page, _ in turns):.0f} steps/s")
    print(f"page_pictures_per_s {statistics.median(page.pictures for page, _ in turns):.1f} pictures/s")
    print(f"page_vs_eager {statistics.median(page.steps / other for page, other in turns):.2f} ratio", flush=True)

"""The film in a browser: keys and buttons move all its pictures at once, and it stops where it ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from browser.explorer.shared import NEEDED, part, ready, settle, window, write
from selenium import webdriver
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from algan_lite.widgets import Film, Scene

pytestmark = NEEDED
LOOK = """
return [...document.querySelectorAll('.lx-panel')].map((panel) => ({
  name: panel.querySelector('b').textContent, note: panel.querySelector('span').textContent,
  said: panel.querySelector('canvas').getAttribute('aria-label'), picture: panel.querySelector('canvas').toDataURL(),
}));
"""


def film() -> Film:
    """Return two rules and three moments, of which every picture differs."""
    verdict = np.broadcast_to(np.array([0.1, 0.5, 0.9])[:, None, None], (3, 6, 6))
    fakes = np.stack([np.column_stack([np.full(8, x), np.linspace(-2, 2, 8)]) for x in (-1.0, 0.0, 1.0)])
    chosen, notes = np.ones((3, 8), bool), ["half bad", "some bad", "none bad"]
    some = np.tile(np.arange(8) < 4, (3, 1))
    scenes = {"plain": Scene(fakes, verdict, chosen, notes), "top_k": Scene(fakes, verdict, some, notes)}
    return Film(scenes, [0, 10, 200], np.zeros((4, 2)), (-3, 3, -3, 3), note="seed 0")


def test_keys_and_buttons_move_every_picture(driver: webdriver.Chrome, tmp_path: Path) -> None:
    window(driver)
    ready(driver, write(tmp_path / "page.html", film()))
    seen = [driver.execute_script(LOOK)]
    assert [one["name"] for one in seen[0]] == ["plain", "top_k"]
    assert seen[0][0]["picture"] != seen[0][1]["picture"]  # the chosen stand out where not all are chosen
    for name, key in (("time", Keys.ARROW_LEFT), ("back", Keys.ENTER)):
        part(driver, name).send_keys(key)
        settle(driver)
        seen.append(driver.execute_script(LOOK))
    assert [look[1]["note"] for look in seen] == ["none bad", "some bad", "half bad"]
    assert seen[2][0]["said"] == "plain, step 0 of 200: half bad"
    assert len({look[k]["picture"] for look in seen for k in (0, 1)}) == 6
    assert part(driver, "back").get_attribute("aria-disabled") == "true"
    heard = "return document.querySelector('[data-is=spoken]').textContent"
    WebDriverWait(driver, 5, 0.05).until(lambda d: "step 0. plain: half bad; top_k" in d.execute_script(heard))


def test_it_plays_from_the_start_and_stops_at_the_end(driver: webdriver.Chrome, tmp_path: Path) -> None:
    window(driver)
    ready(driver, write(tmp_path / "page.html", film(), theme="dark"))
    part(driver, "play").click()
    assert part(driver, "play").get_attribute("aria-label") == "Pause"
    assert part(driver, "time-text").text == "step 0 of 200"
    WebDriverWait(driver, 10, 0.05).until(lambda d: part(d, "play").get_attribute("aria-label") == "Play")
    assert part(driver, "time-text").text == "step 200 of 200"
    assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_no_picture_is_cut_on_a_phone(driver: webdriver.Chrome, tmp_path: Path) -> None:
    window(driver, 360)
    ready(driver, write(tmp_path / "page.html", film()))
    assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    widths = driver.execute_script(
        "return [...document.querySelectorAll('.lx-panel canvas')].map((c) => c.clientWidth)"
    )
    assert min(widths) >= 120

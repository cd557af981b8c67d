"""Every control of live training changes something, for everybody."""

from __future__ import annotations

import time

import pytest
from browser.live.shared import NEEDED, choose, code, settle, show, step, steps_by_hand, wait
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tools.audit.axe import axe_faults, axe_script
from tools.bench.page import mount, press

pytestmark = NEEDED


def picture(driver: webdriver.Chrome, name: str = "al-stage") -> bytes:
    return driver.execute_script(f"return document.querySelector('.{name}').toDataURL()")


def click(driver: webdriver.Chrome, value: str) -> None:
    driver.execute_script("document.querySelector(`.al-chip [value=${arguments[0]}]`).click()", value)
    settle(driver)


def slide(driver: webdriver.Chrome, key: str) -> str:
    """Press a key on the slider of lambda and return what it says."""
    slider = driver.find_element(By.CSS_SELECTOR, "input[type=range]")
    driver.execute_script("arguments[0].focus()", slider)
    ActionChains(driver).send_keys(key).perform()
    settle(driver)
    return slider.get_attribute("aria-valuetext")


def test_reset_brings_back_the_same_run_and_another_seed_another(driver: webdriver.Chrome) -> None:
    first = steps_by_hand(driver, 4)
    press(driver, "Reset")
    wait(lambda: step(driver) == 0)
    assert steps_by_hand(driver, 4) == first
    choose(driver, "Seed", "1")
    wait(lambda: step(driver) == 0)
    assert steps_by_hand(driver, 4) != first
    choose(driver, "Seed", "0")
    wait(lambda: step(driver) == 0)
    assert steps_by_hand(driver, 4) == first


def test_run_pause_and_speed(driver: webdriver.Chrome) -> None:
    press(driver, "Run")
    wait(lambda: step(driver) > 20)
    press(driver, "Pause")
    time.sleep(0.5)
    rest = step(driver)
    time.sleep(0.7)
    assert step(driver) == rest
    assert f"Paused at step {rest:,}" in driver.find_element(By.CLASS_NAME, "al-status").text
    click(driver, "slow")
    press(driver, "Run")
    time.sleep(3)
    press(driver, "Pause")
    time.sleep(0.5)
    assert 3 <= step(driver) - rest <= 16  # four a second


@pytest.mark.parametrize("name", ["grid", "two_moons", "swiss_roll", "imbalanced_ring", "drawn"])
def test_another_data_set_gives_another_picture_and_cell(driver: webdriver.Chrome, name: str) -> None:
    before, text = picture(driver), code(driver)
    click(driver, name)
    wait(lambda: picture(driver) != before)
    wait(lambda: code(driver) != text)
    assert ("torch.tensor([" if name == "drawn" else f"al.data.{name}()") in code(driver)


@pytest.mark.parametrize("layer", ["map", "reals", "fakes", "mesh", "arrows"])
def test_a_layer_is_shown_or_not(driver: webdriver.Chrome, layer: str) -> None:
    before = picture(driver)
    click(driver, layer)
    assert picture(driver) != before
    click(driver, layer)
    assert picture(driver) == before


def test_the_chosen_candidates_are_lit(driver: webdriver.Chrome) -> None:
    choose(driver, "Noise that G trains on", "top_k")
    wait(lambda: '"top_k"' in code(driver))
    steps_by_hand(driver, 1)
    wait(lambda: "Step 1 chose 128 of 256" in driver.find_element(By.CSS_SELECTOR, "figcaption").text)
    before = picture(driver)
    click(driver, "chosen")
    assert picture(driver) != before


def test_lambda_by_keyboard_while_it_trains(driver: webdriver.Chrome) -> None:
    press(driver, "Run")
    slider = driver.find_element(By.CSS_SELECTOR, "input[type=range]")
    assert slider.get_attribute("aria-valuetext") == "lambda 0.1"
    assert slide(driver, Keys.ARROW_RIGHT) == "lambda 0.13"
    assert slide(driver, Keys.HOME) == "lambda 0"
    wait(lambda: '"r1": 0}' in code(driver))


@pytest.mark.parametrize(
    ("label", "value", "text"),
    [
        ("Loss", "wasserstein", 'loss="wasserstein"'),
        ("Regularizer R(G, D)", "none", "regularizers"),
        ("Noise that G trains on", "top_k", "pool_factor=2"),
        ("Learning rate of G", "0.01", "lr=0.01"),
        ("Learning rate of D", "0.01", "lr_D=0.01"),
    ],
)
def test_a_setting_changes_the_run_and_the_cell(driver: webdriver.Chrome, label: str, value: str, text: str) -> None:
    slide(driver, Keys.END)  # a large lambda, so that a few steps tell
    press(driver, "Reset")
    first, before = steps_by_hand(driver, 8), code(driver)
    choose(driver, label, value)
    wait(lambda: (text in code(driver)) != (text in before))
    press(driver, "Reset")
    wait(lambda: step(driver) == 0)
    assert steps_by_hand(driver, 8) != first


def test_lambda_changes_the_run(driver: webdriver.Chrome) -> None:
    first = steps_by_hand(driver, 8)
    assert slide(driver, Keys.END) == "lambda 10"
    press(driver, "Reset")
    wait(lambda: step(driver) == 0)
    assert steps_by_hand(driver, 8) != first


def test_a_preset_sets_everything_and_starts_anew(driver: webdriver.Chrome) -> None:
    steps_by_hand(driver, 2)
    choose(driver, "Preset", "plain")
    wait(lambda: step(driver) == 0)
    assert "regularizers" not in code(driver)
    assert not driver.find_element(By.CSS_SELECTOR, "input[type=range]").is_enabled()


def test_a_drawing_by_mouse_and_by_keyboard_is_trained_on(driver: webdriver.Chrome) -> None:
    click(driver, "drawn")
    pad = wait(lambda: next((p for p in driver.find_elements(By.CLASS_NAME, "al-pad") if p.is_displayed()), None))
    count = lambda: int(driver.find_element(By.CSS_SELECTOR, ".al-drawing output").text.split()[0])  # noqa: E731
    press(driver, "Run")
    press(driver, "Clear")
    assert count() == 0
    assert "Nothing is drawn" in driver.find_element(By.CLASS_NAME, "al-status").text
    assert not driver.find_element(By.CLASS_NAME, "al-main").is_enabled()
    assert code(driver) == "# Draw a point first."
    rest = step(driver)
    time.sleep(0.5)
    assert step(driver) == rest
    ActionChains(driver).move_to_element(pad).click_and_hold().move_by_offset(60, 30).release().perform()
    drawn = count()
    assert drawn >= 2
    driver.execute_script("arguments[0].focus()", pad)
    ActionChains(driver).send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT, " ").perform()
    assert count() == drawn + 1
    wait(lambda: "[-0.50, 0.00]" in code(driver))
    steps_by_hand(driver, 1)


def test_keys_are_answered_while_it_trains(driver: webdriver.Chrome) -> None:
    press(driver, "Run")
    wait(lambda: step(driver) > 5)
    driver.execute_script(
        "window.delays = []; addEventListener('keydown', (event) => "
        "window.delays.push(performance.now() - event.timeStamp))"
    )
    for _ in range(30):
        key = {"type": "rawKeyDown", "key": "Shift", "code": "ShiftLeft", "windowsVirtualKeyCode": 16}
        driver.execute_cdp_cmd("Input.dispatchKeyEvent", key)
        time.sleep(0.02)
    delays = sorted(driver.execute_script("return window.delays"))
    assert len(delays) == 30
    assert delays[27] <= 100  # ms; nine of ten


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_no_serious_fault_of_accessibility(driver: webdriver.Chrome, theme: str, width: int) -> None:
    show(driver, width, 900, theme)
    click(driver, "drawn")
    code(driver)
    steps_by_hand(driver, 1)
    assert axe_faults(driver, axe_script(), "#there") == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_cut_on_a_phone(driver: webdriver.Chrome, theme: str) -> None:
    show(driver, 360, 780, theme)
    code(driver)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 360
    small = driver.execute_script(
        "return [...document.querySelectorAll('.al-live :is(button, select, .al-chip)')]"
        ".map((e) => e.getBoundingClientRect()).filter((b) => b.width && (b.height < 32 || b.right > 360)).length"
    )
    assert small == 0


@pytest.mark.parametrize(("width", "height"), [(360, 780), (1200, 800), (1440, 900)])
def test_what_one_trains_with_stands_in_one_screen_in_the_order_of_the_markup(
    driver: webdriver.Chrome, width: int, height: int
) -> None:
    show(driver, width, height, "light")
    names = [".al-main", ".al-status", ".al-stage", ".al-core .al-slider", ".al-numbers", ".al-rules", ".al-data"]
    boxes = driver.execute_script(
        "const box = (name) => document.querySelector(`.al-live ${name}`).getBoundingClientRect().toJSON();"
        "return arguments[0].map(box)",
        names,
    )
    assert boxes[4]["bottom"] - boxes[0]["top"] <= height
    assert boxes[2]["bottom"] - boxes[0]["top"] <= height
    places = [(box["top"], box["left"]) for box in boxes]
    assert places == sorted(places)


def test_the_panel_begins_where_it_is_told_to(page: tuple[webdriver.Chrome, str]) -> None:
    driver, address = page
    mount(driver, address, data="grid", regularizer="none", strategy="no such", lam=0.0011)
    assert "al.data.grid()" in code(driver)
    assert "regularizers" not in code(driver)
    assert 'strategy="random"' in code(driver)


def test_the_theme_changes_the_picture(driver: webdriver.Chrome) -> None:
    before = picture(driver, "al-losses")
    show(driver, 1280, 1400, "dark")
    wait(lambda: picture(driver, "al-losses") != before)

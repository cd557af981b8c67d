"""The built folder of live training, served, and Chromium on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.live.shared import BUILT, show
from selenium import webdriver

from tools.audit.browser import browser, served
from tools.bench.page import PAGE, mount
from tools.book.live import build


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("live")
    assert build(place / "_live", BUILT) is None
    (place / "page.html").write_text(PAGE, encoding="utf-8")
    return place


@pytest.fixture(scope="module")  # no longer: a page that is left training keeps a core busy
def page(folder: Path) -> Iterator[tuple[webdriver.Chrome, str]]:
    with served(folder) as address, browser() as driver:
        yield driver, address


@pytest.fixture
def driver(page: tuple[webdriver.Chrome, str]) -> Iterator[webdriver.Chrome]:
    driver, address = page
    show(driver, 1280, 1400, "light")
    mount(driver, address)
    yield driver
    errors = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []

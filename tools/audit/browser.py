"""What only a browser shows: pages that load, scripts that fail, what the policy refuses, what a phone cuts."""

from __future__ import annotations

import base64
import json
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from tools.audit.axe import axe_faults, axe_script
from tools.audit.static import Finding

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-proxy-server",
    "--force-color-profile=srgb",
]
# Nothing but the page's own server is reached; whatever else the page asks for is a fault all the same.
ONLY_LOOPBACK = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"

READY = """
const done = arguments[arguments.length - 1];
const idle = () => requestAnimationFrame(() => requestAnimationFrame(() => done("ready")));
const math = window.MathJax && window.MathJax.startup && window.MathJax.startup.promise;
Promise.resolve(math).then(() => document.fonts.ready).then(idle, (error) => done("MathJax: " + error));
"""
# Before any script of a page: what its Content-Security-Policy refuses, in the order of the refusals.
REFUSED = """
window.refusedByPolicy = [];
document.addEventListener('securitypolicyviolation', (event) => window.refusedByPolicy.push(
  `${event.effectiveDirective} refuses ${event.blockedURI} ${event.sample} (line ${event.lineNumber})`));
"""
BROWSERS = 2  # at a time: a page keeps about one core busy
TALLEST = 6000  # px of a screenshot: a longer page takes several
LAZY = "document.querySelectorAll('img[loading=lazy]').forEach((image) => { image.loading = 'eager'; });"
# Content may scroll inside its own box; what sticks out of the window without such a box is cut on a phone.
CUT = """
const width = document.documentElement.clientWidth, cut = [];
if (document.documentElement.scrollWidth > width)
  cut.push(`the document is ${document.documentElement.scrollWidth} px wide`);
const scrolls = (node) => /auto|scroll/.test(getComputedStyle(node).overflowX);
const hidden = (node) => node.closest('mjx-assistive-mml, .visually-hidden, .sr-only, .headerlink, .copybtn');
for (const node of document.querySelectorAll('.bd-article *')) {
  const box = node.getBoundingClientRect();
  if (!box.width || !box.height || box.right <= width + 1 || hidden(node)) continue;
  let inside = node.parentElement;
  while (inside && inside !== document.body && !scrolls(inside)) inside = inside.parentElement;
  const boxed = inside && inside !== document.body && inside.getBoundingClientRect().right <= width + 1;
  if (!boxed && cut.length < 4) cut.push(`${node.tagName.toLowerCase()}.${node.className} ends at ${box.right} px`);
}
return cut;
"""
# The color behind the text on paper, between 0 (black) and 1 (white).
PAPER = """
dispatchEvent(new Event('beforeprint'));
let node = document.querySelector('.bd-article') || document.body, color = [0, 0, 0, 0];
for (; node && color[3] === 0; node = node.parentElement) {
  const found = getComputedStyle(node).backgroundColor.match(/[\\d.]+/g).map(Number);
  color = found.length < 4 ? [...found, 1] : found;
}
dispatchEvent(new Event('afterprint'));
return color[3] === 0 ? 1 : (color[0] + color[1] + color[2]) / 765;
"""
# What search shows below the titles that it found; none from a disk if no page there can read another.
EXCERPTS = "return [...document.querySelectorAll('#search-results li .context')].map((part) => part.textContent);"
BROKEN = """
return [...document.images].filter((image) => image.complete && image.currentSrc && !image.naturalWidth)
  .filter((image) => new URL(image.currentSrc).host === location.host || image.currentSrc.startsWith('data:'))
  .map((image) => image.currentSrc.slice(0, 80));
"""


@dataclass(frozen=True)
class View:
    """A way to look at a page."""

    name: str
    width: int  # CSS px
    height: int  # CSS px
    scheme: str  # "light" or "dark", as the reader's system asks for
    disk: bool = False  # from a disk and not from a server

    @property
    def phone(self) -> bool:
        """Whether this is a phone held upright."""
        return self.width < 500


VIEWS = (
    View("light", 1280, 900, "light"),
    View("dark", 1280, 900, "dark"),
    View("phone", 360, 780, "light"),
    View("phone-dark", 360, 780, "dark"),
    View("disk", 1280, 900, "light", disk=True),
)


def browser_findings(html: Path, names: list[str], shots: Path) -> Iterator[Finding]:
    """Open every page in every view.

    Args:
        html: The folder of the built pages.
        names: The pages that exist in it.
        shots: Where the screenshots go, one or more a page and view.

    Yields:
        A finding a page and view.
    """
    shutil.rmtree(shots, ignore_errors=True)
    shots.mkdir(parents=True)
    script = axe_script()
    with served(html) as address, ThreadPoolExecutor(BROWSERS) as pool:
        if (html / "search.html").is_file():
            yield from _search(html, address)
        shares = [names[k::BROWSERS] for k in range(BROWSERS) if names[k::BROWSERS]]
        for findings in pool.map(lambda share: list(_pages(html, share, shots, address, script)), shares):
            yield from findings


def _search(html: Path, address: str) -> Iterator[Finding]:
    with browser() as driver:
        for place in (address, html.resolve().as_uri()):
            yield f"search shows where the word stands, {place.split(':')[0]}", search_findings(driver, place)


def _pages(html: Path, names: list[str], shots: Path, address: str, script: str | None) -> Iterator[Finding]:
    """Open these pages in every view, in a browser of their own."""
    with browser() as driver:
        for name, view in product(names, VIEWS):
            place = html.resolve().as_uri() if view.disk else address
            yield f"{name}: {view.name}", look(driver, f"{place}/{name}.html", view)
            if view.disk:  # looks like the first view
                continue
            _screenshot(driver, view, shots / f"{name.replace('/', '-')}-{view.name}")
            if script and not view.phone:  # a phone shows the same elements and colors
                yield f"{name}: accessibility, {view.name}", axe_faults(driver, script)


def search_findings(driver: webdriver.Chrome, place: str, word: str = "generator") -> list[str]:
    """Search the book for a word; return what is wrong with what is shown.

    Args:
        driver: A browser.
        place: The address of the folder of the built pages.
        word: One that the book holds.
    """
    url = f"{place}/search.html?q={word}"
    _forget_logs(driver)
    driver.get(url)
    found = False
    with suppress(TimeoutException):  # excerpts come one after another, and the first may hold the word's stem alone
        found = WebDriverWait(driver, 20).until(
            lambda _: any(word in text.lower() for text in driver.execute_script(EXCERPTS))
        )
    shown = driver.execute_script(EXCERPTS)
    return [f"{len(shown)} excerpts, none with “{word}”"] * (not found) + refused_or_failed(driver, url)


def look(driver: webdriver.Chrome, url: str, view: View) -> list[str]:
    """Load a page and say what is wrong with it.

    Args:
        driver: A browser.
        url: The page's address.
        view: Window and color scheme.

    Returns:
        One line a fault.
    """
    _resize(driver, view, view.height)
    scheme = {"features": [{"name": "prefers-color-scheme", "value": view.scheme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
    _forget_logs(driver)
    driver.get(url)
    driver.execute_script(LAZY)
    state = driver.execute_async_script(READY)
    wrong = [] if state == "ready" else [state]
    theme = driver.execute_script("return document.documentElement.dataset.theme")
    if theme != view.scheme:
        wrong.append(f"the page is {theme} where the reader's system is {view.scheme}")
    if view.scheme == "dark" and (paper := driver.execute_script(PAPER)) < 0.9:
        wrong.append(f"it prints on a ground of {paper:.0%} white")
    wrong += [f"picture does not load: {source}" for source in driver.execute_script(BROKEN)]
    wrong += [f"cut: {line}" for line in driver.execute_script(CUT)]
    return wrong + refused_or_failed(driver, url)


def refused_or_failed(driver: webdriver.Chrome, url: str) -> list[str]:
    """Return what the page's policy refused, what it asked of other hosts, and the errors in the console.

    Args:
        driver: A browser that shows the page.
        url: The page's address.
    """
    wrong = [f"policy: {line}" for line in driver.execute_script("return window.refusedByPolicy")]
    wrong += [f"asks another host: {address}" for address in asked_elsewhere(driver, url)]
    return wrong + [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


def _forget_logs(driver: webdriver.Chrome) -> None:
    for log in ("browser", "performance"):
        driver.get_log(log)


def asked_elsewhere(driver: webdriver.Chrome, url: str) -> list[str]:
    """Return the addresses that the browser has asked for since the last call and that are not the page's own.

    Args:
        driver: A browser.
        url: The page's address: http, or file for a page from a disk.
    """
    own = url[: url.index("/", url.index("://") + 3) + 1]  # with the slash, so that no longer name begins with it
    asked = []
    for entry in driver.get_log("performance"):
        told = json.loads(entry["message"])["message"]
        if told["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
            asked.append(told["params"]["request"]["url"] if "request" in told["params"] else told["params"]["url"])
    # What a page of the browser's own asks for, such as that of a new tab, comes from no host.
    return [
        address[:120]
        for address in asked
        if not address.startswith((own, "data:", "blob:", "chrome:", "chrome-untrusted:"))
    ]


def _screenshot(driver: webdriver.Chrome, view: View, path: Path) -> None:
    height = driver.execute_script("return document.documentElement.scrollHeight")
    _resize(driver, view, min(height, TALLEST))  # a capture beyond the window would lay the page out anew
    for part, top in enumerate(range(0, height, TALLEST), 1):
        driver.execute_script("scrollTo({left: 0, top: arguments[0], behavior: 'instant'})", top)
        shot = driver.execute_cdp_cmd("Page.captureScreenshot", {})
        path.with_name(f"{path.name}-{part}.png").write_bytes(base64.b64decode(shot["data"]))


def _resize(driver: webdriver.Chrome, view: View, height: int) -> None:
    size = {"width": view.width, "height": height, "deviceScaleFactor": 1, "mobile": view.phone}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


@contextmanager
def browser() -> Iterator[webdriver.Chrome]:
    """Start headless Chromium with a profile of its own, and end it."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    service = shutil.which("chromedriver")
    if binary is None or service is None:
        raise RuntimeError("Chromium and its driver are missing: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, ONLY_LOOPBACK, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(service))
        driver.set_page_load_timeout(60)
        driver.set_script_timeout(60)
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": REFUSED})
        try:
            yield driver
        finally:
            driver.quit()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:  # a line a request would bury the findings
        pass


@contextmanager
def served(html: Path) -> Iterator[str]:
    """Serve a folder on loopback; the value is its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(html))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()

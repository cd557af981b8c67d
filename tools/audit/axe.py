"""What axe-core, the checker of accessibility, finds in a page."""

from __future__ import annotations

import shutil

from selenium import webdriver

from tools.book.npm import node_modules

RUN = """
const done = arguments[arguments.length - 1];
axe.run(arguments[0], {resultTypes: ['violations']}).then(done, (error) => done(String(error)));
"""


def axe_script() -> str | None:
    """Return axe-core's program, or None on a machine without npm."""
    npm = shutil.which("npm")
    return npm and (node_modules(npm) / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def axe_faults(driver: webdriver.Chrome, script: str, within: str = "html") -> list[str]:
    """Return the serious and critical violations of the page that a browser shows.

    Args:
        driver: The browser.
        script: As :func:`axe_script` gives it.
        within: CSS selector of the part to look at.

    Returns:
        One line a rule, with the first elements that break it.

    Raises:
        RuntimeError: If axe fails or had nothing to look at: no fault found would then mean nothing.
    """
    driver.execute_script(script)
    found = driver.execute_async_script(RUN, within)
    if not isinstance(found, dict) or not found["passes"]:
        raise RuntimeError(f"axe looked at nothing: {found}")
    serious = [rule for rule in found["violations"] if rule["impact"] in ("serious", "critical")]
    return [f"{rule['id']}: {', '.join(node['html'][:120] for node in rule['nodes'][:4])}" for rule in serious]

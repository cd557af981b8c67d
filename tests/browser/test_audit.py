"""The audit finds what it is for: each fault is planted in a page."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools.audit.browser import browser_findings
from tools.audit.static import static_findings

PAGE = """<!doctype html><html lang="en" data-theme="light"><head><title>t</title>
<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width"></head><body>
<script>document.documentElement.dataset.theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'
</script><article class="bd-article">{}</article></body></html>"""
GOOD = '<h2 id="there">A</h2><a href="other.html#there">b</a><a href="#there">c</a><img src="data:," alt="d" hidden>'


def write(folder: Path, body: str) -> None:
    (folder / "page.html").write_text(PAGE.format(body))
    (folder / "other.html").write_text(PAGE.format('<p id="there">e</p>'))


def faults(folder: Path) -> list[str]:
    return [line for _, wrong in static_findings(folder, ["page", "other"]) for line in wrong]


def test_a_good_page_passes(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    assert faults(tmp_path) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="nowhere.html">a</a>', "nowhere.html"),
        ('<a href="other.html#gone">a</a>', "other.html#gone"),
        ('<a href="#gone">a</a>', "#gone"),
        ('<a href="../outside.html">a</a>', "../outside.html"),
        ('<img src="lost.png" alt="a">', "lost.png"),
        ('<img src="data:,">', "data:,"),
        ('<img src="data:," alt=" ">', "data:,"),
        ("<figure><svg></svg></figure>", "svg without aria-label or title"),
        ("<pre>Traceback (most recent call last)</pre>", "Traceback (most recent call last)"),
    ],
)
def test_a_fault_is_found(tmp_path: Path, body: str, fault: str) -> None:
    write(tmp_path, body)
    assert faults(tmp_path) == [fault]


def test_a_missing_page_is_found(tmp_path: Path) -> None:
    write(tmp_path, "")
    (tmp_path / "other.html").unlink()
    assert faults(tmp_path) == [str(tmp_path / "other.html")]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromedriver") is None, reason="needs Chromium and its driver")
def test_the_browser_finds_what_a_phone_cuts_and_scripts_that_fail(tmp_path: Path) -> None:
    bad = '<div style="width: 700px; height: 9px">a</div><button></button><script>undefinedName()</script>'
    write(tmp_path, bad)
    found = dict(browser_findings(tmp_path, ["page"], tmp_path / "shots"))
    spoken = [found.pop(f"page: accessibility, {view}", None) for view in ("light", "dark")]
    if shutil.which("npm"):  # brings axe-core
        assert [[line.split(":")[0] for line in wrong] for wrong in spoken] == [["button-name"]] * 2
    assert set(found) == {f"page: {view}" for view in ("light", "dark", "phone", "phone-dark")}
    assert all(any("undefinedName" in line for line in wrong) for wrong in found.values())
    cut = {view: any(line.startswith("cut:") for line in wrong) for view, wrong in found.items()}
    assert cut == {"page: light": False, "page: dark": False, "page: phone": True, "page: phone-dark": True}
    write(tmp_path, '<div style="overflow-x: auto" tabindex="0"><div style="width: 700px; height: 9px">a</div></div>')
    found = dict(browser_findings(tmp_path, ["page"], tmp_path / "shots"))
    assert [line for wrong in found.values() for line in wrong] == []
    assert len(list((tmp_path / "shots").glob("*.png"))) == 4

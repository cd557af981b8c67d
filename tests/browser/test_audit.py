"""The audit finds what it is for: each fault is planted in a page."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools.audit.browser import VIEWS, browser, browser_findings, look, served
from tools.audit.static import static_findings
from tools.book.pages import ROOT
from tools.book.policy import with_policy

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
    assert set(found) == {f"page: {view}" for view in ("light", "dark", "phone", "phone-dark", "disk")}
    assert all(any("undefinedName" in line for line in wrong) for wrong in found.values())
    cut = {view: any(line.startswith("cut:") for line in wrong) for view, wrong in found.items()}
    assert cut == {
        "page: light": False,
        "page: dark": False,
        "page: phone": True,
        "page: phone-dark": True,
        "page: disk": False,
    }
    write(tmp_path, '<div style="overflow-x: auto" tabindex="0"><div style="width: 700px; height: 9px">a</div></div>')
    found = dict(browser_findings(tmp_path, ["page"], tmp_path / "shots"))
    assert [line for wrong in found.values() for line in wrong] == []
    assert len(list((tmp_path / "shots").glob("*.png"))) == 4


# Each runs under the policy of its page, and each must be seen from a server and from a disk.
BREACHES = {
    "<script>document.title = 'hashed'</script>": None,
    '<button onclick="document.title = 1">b</button><script>document.querySelector("button").click()</script>': None,
    "<script>setTimeout('document.title = 1')</script>": "script-src",
    # Some browsers refuse a handler when it is set, others when it would run.
    "<script>document.body.innerHTML += '<p onclick=\"a()\">b</p>'; document.querySelector('p').click()</script>": (
        "script-src-attr"
    ),
    "<script>document.body.append(Object.assign(new Image(), {src: 'https://a.example/b.png', alt: 'c'}))</script>": (
        "img-src"
    ),
    "<script>fetch('https://a.example/b').catch(() => 0)</script>": "connect-src",
    "<script>const s = document.createElement('script'); s.text = 'b()'; document.body.append(s)</script>": (
        "script-src-elem"
    ),
}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromedriver") is None, reason="needs Chromium and its driver")
def test_the_browser_holds_a_page_to_its_policy_from_a_server_and_from_a_disk(tmp_path: Path) -> None:
    for number, body in enumerate(BREACHES):
        page = PAGE.format(body).replace("<head>", '<head><meta charset="utf-8">')
        (tmp_path / f"page{number}.html").write_text(with_policy(page))
    with served(tmp_path) as address, browser() as driver:
        for view, place in ((VIEWS[0], address), (VIEWS[-1], tmp_path.as_uri())):
            for number, directive in enumerate(BREACHES.values()):
                wrong = look(driver, f"{place}/page{number}.html", view)
                refused = [line.split()[1] for line in wrong if line.startswith("policy: ")]
                assert refused == [directive] * (directive is not None), (number, wrong)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromedriver") is None, reason="needs Chromium and its driver")
def test_requests_to_other_hosts_and_dark_paper_are_found_where_no_policy_is(tmp_path: Path) -> None:
    dark = "<style>html[data-theme=dark] body { background: #111 }</style>"
    write(tmp_path, f'{dark}<img src="https://a.example/b.png" alt="c"><script src="//b.example/d.js"></script>')
    found = dict(browser_findings(tmp_path, ["page"], tmp_path / "shots"))
    for view in ("light", "disk"):
        asked = [line for line in found[f"page: {view}"] if line.startswith("asks another host: ")]
        assert [line.split("//")[1] for line in asked] == ["a.example/b.png", "b.example/d.js"]
    assert sum("it prints on a ground of 7% white" in line for line in found["page: dark"]) == 1
    printed = (ROOT / "book" / "_assets" / "print.js").read_text(encoding="utf-8")
    write(tmp_path, f"{dark}<p>a</p><script>{printed}</script>")
    found = dict(browser_findings(tmp_path, ["page"], tmp_path / "shots"))
    assert [line for wrong in found.values() for line in wrong] == []

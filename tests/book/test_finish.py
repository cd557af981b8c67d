"""What the build does to Sphinx's pages: a policy each, shared data, search from a disk; and what it refuses."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from tools.audit.hosts import HEAVIEST, host_findings, in_css, in_js, in_json, in_page
from tools.book.excerpts import TEXTS, bare_text
from tools.book.finish import built_wrong, finish
from tools.book.policy import policy, with_policy, write_policies
from tools.book.share import LEAST, SHARED, share_data

PAGE = '<!doctype html><html><head><meta charset="utf-8"><title>t</title></head><body>{}</body></html>'
WORDS = '<article><section id="a"><h1>One</h1><p>two &lt; three</p><script>x()</script></section><p>four</p></article>'


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def directives(page: str) -> dict[str, str]:
    (meta,) = BeautifulSoup(page, "html.parser").select('meta[http-equiv="Content-Security-Policy"]')
    return {name: rest for name, _, rest in (line.partition(" ") for line in str(meta["content"]).split("; "))}


def write(folder: Path, **pages: str) -> Path:
    for name, body in pages.items():
        path = folder / f"{name.replace('__', '/')}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PAGE.format(body), encoding="utf-8")
    return folder


# The policy


def test_a_policy_has_own_files_and_the_hashes_of_what_stands_in_the_page() -> None:
    kinds = "".join(f"<script{kind}>run('ä')</script>" for kind in ("", ' type="module"', ' type="text/javascript"'))
    data = '<script type="application/json">{"run": 1}</script><script src="a.js"></script>'
    found = directives(with_policy(PAGE.format(kinds + data + '<button onclick="say(&quot;a&quot;)">b</button>')))
    assert found["script-src"].split() == [
        "'self'",
        "'wasm-unsafe-eval'",
        "'unsafe-hashes'",
        digest('say("a")'),  # as the browser reads it
        digest("run('ä')"),
    ]
    assert found["default-src"] == found["base-uri"] == "'none'"
    assert found["connect-src"] == found["worker-src"] == found["font-src"] == "'self'"
    assert found["style-src"] == "'self' 'unsafe-inline'"
    assert not any(word in " ".join(found.values()) for word in ("*", "http", "blob:", "'unsafe-eval'"))
    assert "unsafe-hashes" not in policy(PAGE.format(kinds))


def test_a_policy_stands_before_every_script_behind_the_encoding_and_once(tmp_path: Path) -> None:
    write(tmp_path, page="<script>a()</script>", book__inner="")
    (tmp_path / "bare.html").write_text("<p>a</p>")
    assert write_policies(tmp_path) == 3
    assert write_policies(tmp_path) == 0
    text = (tmp_path / "page.html").read_text()
    assert (
        text.index("charset") < text.index("Content-Security-Policy") < text.index("<title>") < text.index("<script>")
    )
    assert (tmp_path / "bare.html").read_text().startswith('<meta charset="utf-8"><meta http-equiv="Content-Sec')


# Data that pages share


def test_data_of_two_pages_is_one_file_that_writes_it_back(tmp_path: Path) -> None:
    block = f'<script type="text/plain" data-is="packed">{"é" + "x" * LEAST}</script>'
    small = '<script type="application/json">[1]</script>'
    alone = f'<script type="text/plain">{"y" * LEAST}</script>'
    write(tmp_path, one=block + small, book__deep__two=small + alone + block + "<p>after</p>")
    (path,) = share_data(tmp_path)
    assert path.parent == tmp_path / SHARED
    call = path.read_text(encoding="utf-8")
    assert call.startswith("document.currentScript.insertAdjacentHTML('afterend', ")
    assert json.loads(call[call.index('"') : call.rindex('"') + 1]) == block
    one, two = (name.read_text("utf-8") for name in (tmp_path / "one.html", tmp_path / "book" / "deep" / "two.html"))
    assert one == PAGE.format(f'<script src="{SHARED}/{path.name}"></script>{small}')
    assert two == PAGE.format(f'{small}{alone}<script src="../../{SHARED}/{path.name}"></script><p>after</p>')
    assert share_data(tmp_path) == []


# Search


def test_what_search_shows_are_words_and_sections() -> None:
    text = bare_text(PAGE.format(WORDS))
    assert text == '<main role="main"><section id="a">Onetwo &lt; three</section>four</main>'


def test_finished_pages_have_all_of_it(tmp_path: Path) -> None:
    write(tmp_path, search="", book__first=WORDS, book__second=WORDS)
    names = ["book/first", "book/second"]
    finish(tmp_path, names, "Title")
    assert (tmp_path / ".nojekyll").is_file()
    assert "url=book/first.html" in (tmp_path / "index.html").read_text()
    assert f'<script src="{TEXTS}"></script></head>' in (tmp_path / "search.html").read_text()
    texts = (tmp_path / TEXTS).read_text()
    assert all(f'"{name}.html": "<main' in texts for name in names)
    assert all("Content-Security-Policy" in path.read_text() for path in tmp_path.rglob("*.html"))
    assert built_wrong(tmp_path, names) == []
    assert built_wrong(tmp_path, [*names, "book/lost"]) == [f"book/lost: the page exists\n  {tmp_path}/book/lost.html"]


# Other hosts


@pytest.mark.parametrize(
    "body",
    [
        '<script src="https://cdn.example/a.js"></script>',
        '<script src="//cdn.example/a.js"></script>',
        '<link rel="preconnect" href="https://cdn.example">',
        '<img src="http://a.example/b.png" alt="c">',
        '<img srcset="https://a.example/b.png 2x" alt="c">',
        '<iframe src="https://a.example"></iframe>',
        '<form action="https://a.example/search"></form>',
        '<object data="https://a.example/b"></object>',
        '<a href="#b" ping="https://a.example">c</a>',
        '<p style="background: url(https://a.example/b.png)">c</p>',
        "<style>@import 'https://a.example/b.css';</style>",
        "<script>import('https://a.example/b.js')</script>",
        '<script type="module">import { a } from "https://a.example/b.js";</script>',
        '<script>fetch("https://a.example/b")</script>',
        '<script type="application/json">{"runtime": ["https://a.example/b.wasm"]}</script>',
        '<meta http-equiv="refresh" content="0; url=https://a.example">',
    ],
)
def test_a_reference_to_another_host_is_found(body: str) -> None:
    assert len(in_page(BeautifulSoup(PAGE.format(body), "html.parser"))) == 1


@pytest.mark.parametrize(
    "body",
    [
        '<a href="https://a.example">a link</a><script src="../a.js"></script><img src="data:image/png;base64,aa//a">',
        '<svg xmlns="http://www.w3.org/2000/svg"><use href="#a"></use></svg><p>see https://a.example</p>',
        "<script>const ns = 'http://www.w3.org/2000/svg'; // https://a.example\nimport('./b.js')</script>",
        '<script type="application/json">{"text": "see https://a.example"}</script><style>p { src: url(a) }</style>',
    ],
)
def test_links_and_names_are_no_references(body: str) -> None:
    assert in_page(BeautifulSoup(PAGE.format(body), "html.parser")) == []


def test_files_beside_the_pages_are_looked_into(tmp_path: Path) -> None:
    write(tmp_path, page="")
    files = {
        "a.css": "p { background: URL( 'https://a.example/b.png') }",
        "a.js": "new Worker(`https://a.example/b.js`); image.src = 'https://a.example/c.png'",
        "a.mjs": "export * from 'https://a.example/b.js'; request.open('GET', 'https://a.example/c')",
        "a.json": json.dumps({"ort": "https://a.example/ort.mjs", "wasm": "ort/ort.wasm"}),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = {title: wrong for title, wrong in host_findings(tmp_path, ["page"]) if wrong}
    assert list(found) == ["4 files beside the pages: no reference to another host"]
    (lines,) = found.values()
    assert [line.split(":")[0] for line in lines] == ["a.css", "a.js", "a.js", "a.json", "a.mjs", "a.mjs"]
    assert in_css("@font-face { src: url(../f.woff2) }") == in_js("import('./a.js')") == in_json('["a"]') == []


def test_a_heavy_page_is_found_with_the_data_that_it_shares(tmp_path: Path) -> None:
    block = f'<script type="text/plain">{"x" * (HEAVIEST // 2)}</script>'
    write(tmp_path, light=block, heavy=block + "y" * (HEAVIEST // 2))
    share_data(tmp_path)
    found = {title: wrong for title, wrong in host_findings(tmp_path, ["light", "heavy"]) if wrong}
    assert found == {"heavy: light": ["2.00 MB (below 2 MB)"]}

"""What the build does to the pages once Sphinx has written them: shared data, search from a disk, a policy each."""

from __future__ import annotations

from pathlib import Path

from tools.audit.hosts import host_findings
from tools.audit.static import page_findings
from tools.book.excerpts import write_excerpts
from tools.book.policy import write_policies
from tools.book.share import share_data

FIRST = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="refresh" content="0; url={page}.html"><link rel="icon" href="data:,"></head>
<body><p><a href="{page}.html">{title}</a></p></body></html>
"""


def finish(html: Path, names: list[str], title: str) -> None:
    """Finish the pages, in place.

    Args:
        html: The folder that Sphinx has written.
        names: The pages of the table of contents; the first is the one that the folder opens with.
        title: The book's.
    """
    (html / "index.html").write_text(FIRST.format(title=title, page=names[0]), encoding="utf-8")
    (html / ".nojekyll").touch()  # GitHub's pages would leave out folders whose names begin with _
    share_data(html)
    write_excerpts(html, names)
    write_policies(html)  # last: a policy has the hashes of what stands in its page


def built_wrong(html: Path, names: list[str]) -> list[str]:
    """Return what is wrong with the built pages: missing, with a traceback, too heavy, or asking another host."""
    findings = [*page_findings(html, ["index", *names]), *host_findings(html, names)]
    return ["\n  ".join([title, *found]) for title, found in findings if found]

"""Look at every page of the built book: its HTML, its seconds, and in headless Chromium, light, dark and on a phone."""

from __future__ import annotations

import sys
from itertools import chain

from tools.audit.browser import browser_findings
from tools.audit.hosts import host_findings
from tools.audit.seconds import seconds_findings
from tools.audit.static import static_findings
from tools.book.pages import HTML, pages

SHOTS = HTML.parent / "screenshots"


def main() -> int:
    """Print what is wrong and a last line of counts; return the exit status."""
    names = pages()
    built = [name for name in names if (HTML / f"{name}.html").is_file()]
    built += sorted(path.stem for path in HTML.glob("*.html"))  # the index, the search: no page of the book
    passed = failed = 0
    quick = chain(
        static_findings(HTML, names), host_findings(HTML, names), seconds_findings(HTML.parent / "config.yml")
    )
    for title, wrong in chain(quick, browser_findings(HTML, built, SHOTS)):
        passed, failed = passed + (not wrong), failed + bool(wrong)
        if wrong:
            print(f"FAILED {title}", *(f"  {line}" for line in wrong), sep="\n")
    print(f"Screenshots: {SHOTS}")
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0 or passed == 0)


if __name__ == "__main__":
    sys.exit(main())

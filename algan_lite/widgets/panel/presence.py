"""Whether anybody is there: a panel ends when its cell runs again, and rests when no browser answers any more."""

from __future__ import annotations

import sys
from time import monotonic
from typing import Protocol

from ipywidgets import Layout, Play

PATIENCE = 120.0  # seconds without a beat; a browser slows the timers of a page in the background to one a minute
BEAT = 2_000  # ms


class Heart(Play):
    """A widget that nobody sees: while it plays, the front end counts it up, as long as there is one."""

    def __init__(self) -> None:
        super().__init__(min=0, max=10**9, interval=BEAT, layout=Layout(display="none"))
        self._last: float | None = None
        self.observe(lambda _: setattr(self, "_last", monotonic()), "value")

    def beat(self, beating: bool) -> None:
        """Begin or go on, or rest."""
        name = "playing" if self.has_trait("playing") else "_playing"  # ipywidgets 8, and 7
        if beating and not getattr(self, name):
            self._last = None
        setattr(self, name, beating)

    @property
    def stopped(self) -> bool:
        """Whether a front end has answered since it began to beat, and does so no more."""
        return self._last is not None and monotonic() - self._last > PATIENCE


class Panel(Protocol):
    """What ends."""

    def close(self) -> None:
        """End it."""


_PANELS: dict[str, tuple[int, list[Panel]]] = {}  # cell -> which run of it made these panels


def replace_earlier(panel: Panel) -> None:
    """Close what an earlier run of the same cell has made; outside of a notebook nothing is closed."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    message = getattr(shell, "get_parent", dict)() or {}
    cell = message.get("metadata", {}).get("cellId") or message.get("content", {}).get("code")
    if not cell:
        return
    run, panels = _PANELS.get(cell, (None, []))
    if run != shell.execution_count:
        for earlier in panels:
            earlier.close()
        panels = []
    _PANELS[cell] = shell.execution_count, [*panels, panel]

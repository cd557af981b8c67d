"""Panels, drawn and quick."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from widgets.shared import PNG, SMALL

from algan_lite.widgets.panel import panel
from algan_lite.widgets.panel.panel import LivePanel


@pytest.fixture
def drawn() -> Iterator[LivePanel]:
    """Return a panel."""
    one = LivePanel(**SMALL)
    yield one
    one.close()


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Iterator[LivePanel]:
    """Return a panel whose picture costs nothing, since matplotlib takes longer than many a step."""
    monkeypatch.setattr(panel, "picture", lambda frame: PNG + str(frame.step).encode())
    one = LivePanel(**SMALL)
    yield one
    one.close()

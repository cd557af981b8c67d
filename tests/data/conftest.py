"""Fixtures of this room."""

from __future__ import annotations

import pytest

from algan_lite import data


@pytest.fixture(scope="module")
def sources() -> dict[str, data.Source]:
    return {name: factory() for name, factory in data.SOURCES.items()}

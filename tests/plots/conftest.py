"""Figures are closed and settings put back after every test of this room."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    with mpl.rc_context():
        yield
    plt.close("all")

"""What can take steps 2 to 5: PyTorch as it is, or the same step as one graph."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module

from algan_lite.core.checks import check_choice
from algan_lite.data.sources import Source
from algan_lite.training.state import Outcome, TrainState

Engine = Callable[[Source, int], Outcome]
"""Takes steps 2 to 5 at step k on draws from a source."""

RUNS = 16
"""Runs of one graph that a core's cache holds with their gradients: more at once are slower, run by run."""

GRAPH = "algan_lite.export.engine"  # of a room above, which brings the exporter: loaded when it is asked for


def start(engine: str, state: TrainState) -> Engine | None:
    """Return what takes the steps of a run; None: PyTorch as it is.

    Raises:
        ImportError: If a package is missing that the engine needs.
        ValueError: If ``engine`` is unknown.
    """
    check_choice("engine", engine, ("eager", "graph"))
    if engine == "eager":
        return None
    graph = import_module(GRAPH)
    graph.need_packages()
    try:
        return graph.Graph(state)
    except graph.UNFIT as error:
        warnings.warn(f"engine='graph' cannot take these steps, so 'eager' does: {error}", stacklevel=3)
        return None

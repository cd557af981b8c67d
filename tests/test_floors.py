"""The floors of the package: a file imports only from floors below it, and there are no circles."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tools.pages import ROOT

PACKAGE = ROOT / "algan_lite"
# The doors of each floor. A helper file (a part of one door, such as a table's entries) belongs to no floor by itself,
# but what it imports counts for whoever imports it.
FLOORS = [
    {"checks"},
    {"rng"},
    {"data", "models", "losses", "metrics", "stats"},
    {"regularizers", "selection", "sampling", "balance", "augment"},
    {"training"},
    {"sweep", "labels", "export"},
    {"widgets", "plots", "notebook"},
]
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}


def module(path: Path) -> str:
    return ".".join(part for part in path.relative_to(PACKAGE).with_suffix("").parts if part != "__init__")


def imports(path: Path, modules: set[str]) -> set[str]:
    """Return the package's own modules that a file imports anywhere, functions included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = ["algan_lite", *path.relative_to(PACKAGE).parts[: -node.level]]
                base = ".".join([*parts, base]).rstrip(".")
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return {name.removeprefix("algan_lite.") for name in found if name.startswith("algan_lite.")} & modules


PATHS = {name: path for path in sorted(PACKAGE.rglob("*.py")) if (name := module(path))}
GRAPH = {name: imports(path, set(PATHS)) - {name} for name, path in PATHS.items()}


def reach(name: str) -> set[str]:
    seen: set[str] = set()
    todo = [name]
    while todo:
        new = GRAPH[todo.pop()] - seen
        seen |= new
        todo += new
    return seen


def test_no_circles() -> None:
    order = list(TopologicalSorter(GRAPH).static_order())  # raises CycleError with the circle
    assert set(order) == set(PATHS)


@pytest.mark.parametrize("name", sorted(set(PATHS) & set(FLOOR)))
def test_imports_point_downward(name: str) -> None:
    reached = {other: FLOOR[other] for other in reach(name) if other in FLOOR}
    assert {other: floor for other, floor in reached.items() if floor >= FLOOR[name]} == {}

"""The floors of the package: a file imports only from floors below it, and there are no circles."""

from __future__ import annotations

import ast
import re
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


def declared(path: Path) -> int | None:
    """Return the floor that the first line of a file's docstring names: -1 for the ground, None for no floor."""
    first = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
    found = re.match(r"Ground floor:|Floor (\d):", first)
    return None if found is None else int(found[1]) if found[1] else -1


DECLARED = {name: declared(path) for name, path in PATHS.items()}


@pytest.mark.parametrize("name", PATHS)
def test_every_file_says_its_floor_and_imports_from_none_above(name: str) -> None:
    assert DECLARED[name] is not None, f"{name} must begin with 'Floor n:' or 'Ground floor:'"
    if name in FLOOR:  # the table counts checks and rng, the ground, as two floors
        assert DECLARED[name] == max(FLOOR[name] - 2, -1)
    assert {other: DECLARED[other] for other in GRAPH[name] if DECLARED[other] > DECLARED[name]} == {}


def test_the_rules_can_fail(tmp_path: Path) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(
        '"""Floor 0: wrong."""\ndef f():\n    from algan_lite import training\n    import algan_lite.state\n'
    )
    assert imports(path, set(PATHS)) == {"training", "state"}
    assert declared(path) == 0 < DECLARED["training"]

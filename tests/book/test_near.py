"""`near(value, stated, tolerance)` says something: its tolerance leaves out most other numbers, zero among them."""

from __future__ import annotations

import ast
import re

import nbformat
import pytest

from tools.book.pages import pages, source

LARGEST = 0.7  # of what is stated: from there on a value of nearly zero, or of nearly the double, would pass
NOTEBOOKS = {name: source(name) for name in pages() if source(name).suffix == ".ipynb"}


def calls(code: str) -> list[ast.Call]:
    """Return the calls of `near` in a cell."""
    lines = [line for line in code.splitlines() if not re.match(r"\s*[%!]", line)]  # magics are no Python
    found = ast.walk(ast.parse("\n".join(lines)))
    names = (("id", "near"), ("attr", "near"))
    return [
        node
        for node in found
        if isinstance(node, ast.Call) and any(getattr(node.func, field, None) == name for field, name in names)
    ]


def number(node: ast.expr) -> float | None:
    """Return the number that is written there, or None if it is computed."""
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return float(value) if isinstance(value, int | float) else None


def loose(code: str) -> list[str]:
    """Return the calls of `near` in a cell that hold for nearly anything."""
    found = []
    for call in calls(code):
        stated, tolerance = (number(node) for node in call.args[1:3])
        if stated and tolerance is not None and tolerance >= LARGEST * abs(stated):
            found.append(ast.unparse(call))
    return found


def loose_calls(page: str) -> list[str]:
    cells = nbformat.read(NOTEBOOKS[page], as_version=4).cells
    return [text for cell in cells if cell.cell_type == "code" for text in loose(cell.source)]


@pytest.mark.parametrize("page", sorted(NOTEBOOKS))
def test_a_tolerance_leaves_out_the_opposite(page: str) -> None:
    assert loose_calls(page) == []


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        ("near(p, 0.12, 0.12)", 1),
        ("al.near(gap, -0.06, 0.09)", 1),
        ("near(a, 1.0, 0.7), near(b, 1.0, 0.69)", 1),
        ("near(a, 0, 0.2)", 0),  # zero has no share
        ("near(a, stated[k], 0.08)", 0),  # computed: read by a person
        ("x = 3\n%timeit x\nnear(x, 3, 3)", 1),
    ],
)
def test_the_rule(code: str, refused: int) -> None:
    assert len(loose(code)) == refused

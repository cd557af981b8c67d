"""The advisory report on numbers finds what no cell asserts."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.book.numbers import unasserted


@pytest.mark.parametrize(
    ("prose", "code", "missing"),
    [
        ("The quality is 0.75.", "near(quality, 0.75, 0.2)", 0),
        ("The quality is 0.75.", "quality = 0.75", 1),  # written, not asserted
        ("Its std is 0.1.", "ring(std=0.1)", 0),  # a setting
        ("After 1,000 steps.", "num_steps = 2000", 1),
        ("It reports 17.3 modes {footcite}`lin2018`. We see 3.3.", "assert True", 1),
    ],
)
def test_the_rule(prose: str, code: str, missing: int) -> None:
    page = new_notebook(cells=[new_markdown_cell("# Title"), new_code_cell(code), new_markdown_cell(prose)])
    assert len(unasserted(page)) == missing

"""The exercises of a notebook: one Markdown cell each, its text and its hidden solution.

    ```{exercise} Read (5 minutes)
    :label: gan-1
    :nonumber:
    ...
    ```

    ````{solution} gan-1
    :class: dropdown
    ...
    ````

Learner and solution copies are made from this one source (``tools.book.copies``), and tests run the solutions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbformat import NotebookNode

# No number: it would be counted through the whole book.
EXERCISE = re.compile(
    r"^(?P<fence>`{3,})\{exercise\} (?P<title>.+)\n:label: (?P<label>\S+)\n:nonumber:\n\n?", re.MULTILINE
)
SOLUTION = re.compile(r"^(?P<fence>`{3,})\{solution\} \S+\n:class: dropdown\n(?P<text>.*?)^(?P=fence)\s*$", re.M | re.S)
CODE = re.compile(r"^```python\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        cell: Its place among the notebook's cells.
        label: Its name, such as ``gan-1``.
        title: Kind and minutes.
        question: Its text, Markdown without directives.
        answer: The solution's text.
        code: The solution's code, perhaps empty; it ends in the check value's assertion.
    """

    cell: int
    label: str
    title: str
    question: str
    answer: str
    code: str


def exercises(notebook: NotebookNode) -> list[Exercise]:
    """Return the exercises of a notebook, in its order.

    Raises:
        ValueError: If an exercise has no solution, or is not closed.
    """
    found = [
        (k, c.source) for k, c in enumerate(notebook.cells) if c.cell_type == "markdown" and EXERCISE.search(c.source)
    ]
    return [_exercise(k, source) for k, source in found]


def _exercise(cell: int, source: str) -> Exercise:
    head, hidden = EXERCISE.search(source), SOLUTION.search(source)
    label = head["label"]
    end = source.find(f"\n{head['fence']}\n", head.end() - 1)
    if hidden is None or end < 0:
        raise ValueError(f"exercise {label} must be closed and have a dropdown {{solution}} in the same cell")
    code = "\n".join(block.strip("\n") for block in CODE.findall(hidden["text"]))
    return Exercise(cell, label, head["title"], source[head.end() : end].strip(), hidden["text"].strip(), code)

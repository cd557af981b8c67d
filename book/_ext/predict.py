"""Predictions that commit: a question whose answer opens once the reader has given their own.

A choice is a list at the end of the question, a number is a slider (``:x:``), a point is a place in a plot (``:x:`` and
``:y:``). The answer is Markdown between ``<details>`` and ``</details>``, which folds in a plain notebook, too::

    :::{predict}
    :x: 0 8 1 modes found

    **Predict:** how many of the eight modes will G find?

    <details data-answer="6"><summary>Answer</summary>

    Six of eight.

    </details>
    :::

This file writes the question and the fold; ``book/_assets/predict.js`` adds what the reader answers with.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

OPEN = re.compile(r'<details data-answer="([^"]+)"><summary>Answer</summary>')
CLOSE = "</details>"


@dataclass
class Axis:
    """What a slider covers."""

    low: float
    high: float
    step: float
    label: str  # words, with the unit


def axis(text: str) -> Axis:
    """Read ``low high step label``.

    Raises:
        ValueError: If it is none, with what is wrong.
    """
    found = re.fullmatch(r"(\S+) (\S+) (\S+) (\S.*)", text.strip())
    if not found or len(found[4]) > 45:  # longer, it would leave the plot
        raise ValueError(f"must be 'low high step label', the label in 1 to 45 characters, got {text!r}")
    low, high, step = numbers(" ".join(found.groups()[:3]))
    if not (low < high and 0 < step <= high - low):
        raise ValueError(f"must have low < high and a step > 0 that fits between them, got {text!r}")
    return Axis(low, high, step, found[4])


def numbers(text: str) -> list[float]:
    """Read numbers with spaces between.

    Raises:
        ValueError: If one is none.
    """
    if not re.fullmatch(r"-?\d+(\.\d+)?( -?\d+(\.\d+)?)*", text):
        raise ValueError(f"must be numbers such as -1, 0 or 0.5 with one space between, got {text!r}")
    return [float(part) for part in text.split(" ")]


def check_answer(answer: list[float], axes: list[Axis], num_choices: int) -> None:
    """Check that the reader could have given this answer.

    Raises:
        ValueError: If not: it is no choice, or has not one number within each axis.
    """
    if not axes and not (len(answer) == 1 and answer[0] in range(1, num_choices + 1)):
        raise ValueError(f"must be the number of a choice, 1 to {num_choices}, got {answer}")
    if axes and not (len(answer) == len(axes) and all(a.low <= v <= a.high for a, v in zip(axes, answer, strict=True))):
        ranges = " and ".join(f"{a.low:g} to {a.high:g}" for a in axes)
        raise ValueError(f"must be one number for each axis, {ranges}, got {answer}")


class Question(nodes.General, nodes.Element):
    """A question, with the fold of its answer as its last child."""


class Answer(nodes.General, nodes.Element):
    """What the page finds."""


class Predict(SphinxDirective):
    """The directive ``predict``; what is wrong with one is an error of the build."""

    has_content = True
    option_spec: ClassVar = {"x": directives.unchanged_required, "y": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return the question as one node."""
        start, truth = self.fold()
        question = self.parsed(Question(ids=[self.identity(start)]), self.content[:start])
        if not question.children or not isinstance(question[0], nodes.paragraph):
            raise self.error("predict: the question must begin with a sentence")
        if "y" in self.options and "x" not in self.options:
            raise self.error("predict: :y: stands without :x:")
        axes = [self.checked(f":{name}:", axis, text) for name, text in sorted(self.options.items())]
        found = self.checked("data-answer", numbers, truth)
        self.checked("data-answer", check_answer, found, axes, 0 if axes else self.choices(question))
        question["data"] = json.dumps({"answer": found, "axes": [asdict(one) for one in axes]})
        question += self.parsed(Answer(), self.content[start + 1 : -1])
        return [question]

    def fold(self) -> tuple[int, str]:
        """Return the line on which the answer's fold begins, and the truth that it states."""
        opened = [(line, found[1]) for line, text in enumerate(self.content) if (found := OPEN.fullmatch(text.strip()))]
        if len(opened) != 1 or self.content[-1].strip() != CLOSE:
            raise self.error(
                f"predict: must end with one fold, {OPEN.pattern}, text, {CLOSE}, each on lines of its own"
            )
        return opened[0]

    def identity(self, start: int) -> str:
        """Return an id made of the page and the question, so that a changed question forgets what was answered."""
        text = "\n".join([self.env.docname, *self.content[:start], *sorted(self.options.values())])
        name = f"predict-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        if name in self.state.document.ids:
            raise self.error("predict: this question stands on the page twice")
        self.state.document.ids[name] = None
        return name

    def choices(self, question: Question) -> int:
        """Return how many choices the list at the end of the question has."""
        last = question[-1]
        if not isinstance(last, nodes.bullet_list) or len(last) < 2:
            raise self.error("predict: the question must end with a list of at least two choices, or have :x:")
        return len(last)

    def parsed(self, node: nodes.Element, lines: StringList) -> nodes.Element:
        """Return the node with these lines of Markdown in it."""
        self.state.nested_parse(lines, self.content_offset, node)
        return node

    def checked(self, name: str, check: Callable[..., Any], *values: object) -> Any:  # noqa: ANN401
        """Return what a check returns; its complaint becomes an error that names the field."""
        try:
            return check(*values)
        except ValueError as wrong:
            raise self.error(f"predict: {name} {wrong}") from None


def visit_question(writer: HTML5Translator, node: Question) -> None:
    """Open the box; its data are what the script needs."""
    writer.body.append(writer.starttag(node, "div", CLASS="predict", **{"data-predict": node["data"]}))


def visit_answer(writer: HTML5Translator, node: Answer) -> None:
    """Open the fold."""
    writer.body.append("<details><summary>Answer</summary>\n")


def close(tag: str) -> Callable[[HTML5Translator, nodes.Element], None]:
    """Return what writes the end of an element."""
    return lambda writer, node: writer.body.append(f"</{tag}>\n")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_node(Question, html=(visit_question, close("div")))
    app.add_node(Answer, html=(visit_answer, close("details")))
    app.add_directive("predict", Predict)
    app.add_js_file("predict.js", defer="defer")
    app.add_css_file("predict.css")
    return {"parallel_read_safe": True}

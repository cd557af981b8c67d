"""The package's own source, shown in a notebook as it is, never as a copy that grows old."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.display import Markdown


def show_source(obj: object, *, docstring: bool = False, start: str | None = None, stop: str | None = None) -> Markdown:
    """Show the real source of a function, class or method, highlighted, under the name of its file.

    Args:
        obj: Anything written in Python.
        docstring: Show its own docstring too (those of a class's methods always stay).
        start: Begin with the first line that contains this text.
        stop: End before the next line that contains this text.

    Raises:
        TypeError: If ``obj`` is not written in Python (a number, a built-in function).
        ValueError: If ``start`` or ``stop`` does not occur.
    """
    from IPython.display import Markdown  # here: only a notebook needs it

    try:
        obj = inspect.unwrap(obj)  # behind a decorator such as torch.no_grad
        source, path = textwrap.dedent(inspect.getsource(obj)), Path(inspect.getsourcefile(obj))
    except (TypeError, OSError) as error:
        raise TypeError(f"obj must be a function, class or method written in Python; got {obj!r}") from error
    lines = (source if docstring else _without_docstring(source)).splitlines()
    lines = _excerpt(lines, start, stop)
    code = textwrap.dedent("\n".join(lines)).strip("\n")
    # A fence must be longer than any row of backticks inside it.
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
    return Markdown(f"{fence}python\n# {path.parent.name}/{path.name}\n{code}\n{fence}")


def _without_docstring(source: str) -> str:
    node = ast.parse(source).body[0]
    if not isinstance(node, ast.FunctionDef | ast.ClassDef) or ast.get_docstring(node) is None:
        return source
    lines, text = source.splitlines(), node.body[0]
    return "\n".join(lines[: text.lineno - 1] + lines[text.end_lineno :])


def _excerpt(lines: list[str], start: str | None, stop: str | None) -> list[str]:
    first = 0 if start is None else _find("start", start, lines, 0)
    last = len(lines) if stop is None else _find("stop", stop, lines, first + 1)
    return lines[first:last]


def _find(name: str, text: str, lines: list[str], begin: int) -> int:
    for number in range(begin, len(lines)):
        if text in lines[number]:
            return number
    raise ValueError(f"{name} must occur in the source, after the beginning of what is shown; got {text!r}")

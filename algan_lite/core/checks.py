"""Tables of named entries, and the errors every public door raises.

An error names the argument, the accepted range and the value received.
"""

from __future__ import annotations

import html
import math
from collections.abc import Collection, Iterator, Mapping
from typing import Generic, TypeVar

Entry = TypeVar("Entry")


class UnknownNameError(KeyError, ValueError):
    """A name that a table does not hold; the message lists those that it does."""

    def __str__(self) -> str:
        """Return the message without the quotes that ``KeyError`` adds."""
        return str(self.args[0])


def check_choice(name: str, value: object, known: Collection[str]) -> str:
    """Return ``value`` if it is one of ``known``; otherwise say which names there are."""
    if isinstance(value, str) and value in known:
        return value
    raise UnknownNameError(f"{name} must be one of {', '.join(known)}; got {value!r}")


def check_number(
    name: str, value: object, low: float = -math.inf, high: float = math.inf, *, open_low: bool = False
) -> float:
    """Return ``value`` if it is a finite number in [low, high] (``open_low``: in (low, high])."""
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise TypeError(f"{name} must be a number in {_interval(low, high, open_low)}; got {value!r}")
    number = float(value)
    inside = (low < number if open_low else low <= number) and number <= high
    if not inside or not math.isfinite(number):
        raise ValueError(f"{name} must be in {_interval(low, high, open_low)}; got {value!r}")
    return number


def check_integer(name: str, value: object, low: float = -math.inf, high: float = math.inf) -> int:
    """Return ``value`` if it is an integer in [low, high]."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer in {_interval(low, high)}; got {value!r}")
    return int(check_number(name, value.__index__(), low, high))


def _interval(low: float, high: float, open_low: bool = False) -> str:
    left = "(" if open_low or low == -math.inf else "["
    right = ")" if high == math.inf else "]"
    return f"{left}{low:g}, {high:g}{right}"


class Table(Mapping[str, Entry], Generic[Entry]):
    """A read-only table: name -> documented entry. An unknown name lists the known ones.

    Args:
        kind: What one entry is, in words; it stands in error messages.
        entries: name -> entry. An entry documents itself: its ``doc``, or else its docstring.
    """

    def __init__(self, kind: str, entries: Mapping[str, Entry]) -> None:
        self.kind = kind
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> Entry:
        if name not in self:
            check_choice(self.kind, name, self._entries)
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def describe(self) -> dict[str, str]:
        """Return name -> first line of the entry's documentation."""
        return {name: _first_line(entry) for name, entry in self._entries.items()}

    def __repr__(self) -> str:
        width = max(map(len, self._entries), default=0)
        lines = [f"{name:<{width}}  {text}" for name, text in self.describe().items()]
        return "\n".join([f"{self.kind} ({len(self)}):", *lines])

    def _repr_html_(self) -> str:
        cells = (
            f"<tr><th scope='row' style='text-align:left'><code>{html.escape(name)}</code></th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for name, text in self.describe().items()
        )
        return f"<table><caption>{html.escape(self.kind)}</caption>{''.join(cells)}</table>"


def _first_line(entry: object) -> str:
    text = getattr(entry, "doc", None) or entry.__doc__ or ""
    return text.strip().splitlines()[0] if text.strip() else ""

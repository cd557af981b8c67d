"""Tables of named entries, and the errors every public door raises.

An error names the argument, the accepted range and the value received.
"""

from __future__ import annotations

import html
import inspect
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

E = TypeVar("E", bound="Entry")
Fn = TypeVar("Fn", bound=Callable[..., Any])


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


@dataclass(frozen=True)
class Entry:
    """What every table says of each of its entries; a table's own kind of entry adds fields.

    Attributes:
        name: Its key.
        doc: One line for readers.
        source: Where it comes from: a paper, or the book itself.
    """

    name: str
    doc: str = ""
    source: str = "your own"


class Table(Mapping[str, E], Generic[E]):
    """A table, name -> documented entry, that is filled by decorators. An unknown name lists the known ones.

    Args:
        kind: What one entry is, in words; it stands in error messages.
        make: Makes an entry from ``name``, ``doc``, ``source``, ``fn`` and the fields that the decorator gives.
    """

    def __init__(self, kind: str, make: Callable[..., E]) -> None:
        self.kind, self._make = kind, make
        self._entries: dict[str, E] = {}

    def enter(self, *, source: str, **fields: object) -> Callable[[Fn], Fn]:
        """Return a decorator that enters a function under its own name, with its docstring's first line as ``doc``.

        The source becomes the last section of the docstring, so that it is stated once and shown everywhere.

        Args:
            source: Where the idea comes from.
            **fields: The other fields of the entry.
        """

        def decorator(fn: Fn) -> Fn:
            text = inspect.cleandoc(fn.__doc__)
            fn.__doc__ = f"{text}\n\nReference:\n    {source}."
            self.add(self._make(name=fn.__name__, doc=text.splitlines()[0], source=source, fn=fn, **fields))
            return fn

        return decorator

    def add(self, entry: E) -> None:
        """Enter an entry that is ready.

        Raises:
            ValueError: If the table has this name already.
        """
        if entry.name in self._entries:
            raise ValueError(f"name must be a new {self.kind}; got {entry.name!r} a second time")
        self._entries[entry.name] = entry

    def __getitem__(self, name: str) -> E:
        try:
            return self._entries[name]
        except (KeyError, TypeError):  # TypeError: a list, say, which no table can hold
            check_choice(self.kind, name, self._entries)
            raise

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def describe(self) -> dict[str, str]:
        """Return name -> one line."""
        return {name: entry.doc for name, entry in self._entries.items()}

    def __repr__(self) -> str:
        width = max(map(len, self._entries), default=0)
        lines = [f"{name:<{width}}  {entry.doc} [{entry.source}]" for name, entry in self._entries.items()]
        return "\n".join([f"{self.kind} ({len(self)}):", *lines])

    def _repr_html_(self) -> str:
        cells = (
            f"<tr><th scope='row' style='text-align:left'><code>{html.escape(entry.name)}</code></th>"
            f"<td style='text-align:left'>{html.escape(entry.doc)}</td>"
            f"<td style='text-align:left'>{html.escape(entry.source)}</td></tr>"
            for entry in self._entries.values()
        )
        return f"<table><caption>{html.escape(self.kind)}</caption>{''.join(cells)}</table>"

"""Tables of named entries, and the errors every public door raises.

An error names the argument, the accepted range and the value received.
"""

from __future__ import annotations

import html
import inspect
import math
import operator
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

E = TypeVar("E", bound="Entry")
Fn = TypeVar("Fn", bound=Callable[..., Any])


LARGEST = 2**63 - 1  # of the integers that tensors hold


class UnknownNameError(KeyError, ValueError):
    """A name that a table does not hold; the message lists those that it does."""

    def __str__(self) -> str:
        """Return the message without the quotes that ``KeyError`` adds."""
        return str(self.args[0])


def check_choice(name: str, value: object, known: Collection[str]) -> str:
    """Return ``value`` if it is one of ``known``; otherwise say which names there are."""
    if isinstance(value, str) and value in known:
        return value
    raise UnknownNameError(f"{name} must be one of {', '.join(known)}; got {shown(value)}")


def shown(value: object) -> str:
    """Return how a value that was received stands in a message: never longer than two lines."""
    if isinstance(value, Tensor | np.ndarray) and value.ndim:
        return f"{type(value).__name__} of shape {tuple(value.shape)}, {value.dtype}"
    try:
        text = repr(value)
    except Exception:  # an object of somebody's own, or an integer with too many digits to print
        text = type(value).__name__
    return text if len(text) <= 200 else f"{text[:200]} ..."


def check_number(
    name: str, value: object, low: float = -math.inf, high: float = math.inf, *, open_low: bool = False
) -> float:
    """Return ``value`` if it is a finite number in [low, high] (``open_low``: in (low, high])."""
    number = _scalar(value, float)
    if number is None:
        raise TypeError(f"{name} must be a number in {_interval(low, high, open_low)}; got {shown(value)}")
    inside = (low < number if open_low else low <= number) and number <= high
    if not inside or not math.isfinite(number):
        raise ValueError(f"{name} must be in {_interval(low, high, open_low)}; got {shown(value)}")
    return number


def check_integer(name: str, value: object, low: float = -math.inf, high: float = math.inf) -> int:
    """Return ``value`` if it is an integer in [low, high]."""
    number = _scalar(value, operator.index)
    if number is None:
        raise TypeError(f"{name} must be an integer in {_interval(low, high)}; got {shown(value)}")
    if not low <= number <= min(high, LARGEST):
        raise ValueError(f"{name} must be in {_interval(low, high)}; got {shown(value)}")
    return number


def _scalar(value: object, convert: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - what ``convert`` returns
    """Return one number, infinite if it is too large, or None for what is none: a truth value, a text, an array."""
    if isinstance(value, bool | np.bool_ | str | bytes) or getattr(value, "ndim", 0):
        return None
    try:
        return convert(value)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError, RuntimeError):  # RuntimeError: PyTorch's, of a complex tensor
        return None


def check_flag(name: str, value: object) -> bool:
    """Return ``value`` if it is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False; got {shown(value)}")
    return bool(value)


def check_options(name: str, call: Callable[..., Any], given: Mapping[str, object], but: Collection[str] = ()) -> None:
    """Refuse keyword options that a function does not have; ``but`` are parameters that are no options."""
    parameters = inspect.signature(call).parameters.values()
    known = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name not in but]
    for option, value in given.items():
        if option not in known:
            raise TypeError(f"{name} has the options {', '.join(known) or 'none'}; got {option}={shown(value)}")


def check_list(name: str, value: object, takes: str) -> list[Any]:
    """Return the items of a sequence, an array or another iterable that is neither text nor one number."""
    if isinstance(value, str | bytes) or getattr(value, "ndim", 1) != 1 or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be {takes}; got {shown(value)}")
    return list(value)


def check_device(name: str, device: object) -> torch.device:
    """Return a device given as one or by its name."""
    if isinstance(device, torch.device):
        return device
    try:
        return torch.device(device)
    except (RuntimeError, TypeError, ValueError) as error:
        raise TypeError(f"{name} must be a device, such as 'cpu' or 'cuda'; got {shown(device)}") from error


def check_kind(name: str, value: object, kind: type | tuple[type, ...], takes: str) -> None:
    """Refuse what is not of a type; ``takes`` says in words what would be."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {takes}; got {type(value).__name__}")


def check_tensor(name: str, value: object, takes: str = "") -> Tensor:
    """Return ``value`` if it is a floating tensor; ``takes`` is its shape, in words."""
    if isinstance(value, Tensor) and value.is_floating_point():
        return value
    raise TypeError(f"{name} must be a floating tensor{takes and ' ' + takes}; got {shown(value)}")


def ask(name: str, call: Callable[[Tensor], Any], given: Tensor, takes: str, hint: str = "") -> Tensor:
    """Call a function of somebody's own on a tensor, and say in terms of its contract how it fails.

    Raises:
        TypeError: If it returns something else than a tensor.
        ValueError: If it fails.
    """
    try:
        out = call(given)
    except Exception as error:
        message = f"{type(error).__name__}: {error}"[:300]
        told = f"{name} must take {takes}; with {tuple(given.shape)} it raised {message}{hint and '; ' + hint}"
        raise ValueError(told) from error
    return check_output(name, out)


def check_output(name: str, out: object) -> Tensor:
    """Return what a function returned if it is a tensor."""
    if not isinstance(out, Tensor):
        raise TypeError(f"{name} must return one tensor; got {type(out).__name__}")
    return out


def as_tensor(name: str, value: object, takes: str = "a tensor or an array") -> Tensor:
    """Return numbers as a tensor: an array in any byte order, flipped or not to be written to, too."""
    if isinstance(value, Tensor):
        return value
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf":
        got = shown(value) if isinstance(value, np.ndarray) else type(value).__name__
        raise TypeError(f"{name} must be {takes}; got {got}")
    plain = np.dtype(np.float64) if value.dtype.itemsize > 8 else value.dtype.newbyteorder("=")
    return torch.from_numpy(value.astype(plain, order="C", copy=not value.flags.writeable))


def check_sizes(name: str, sizes: object) -> tuple[int, ...]:
    """Return the lengths of the axes of a tensor, perhaps none."""
    if type(sizes) is tuple and all(type(size) is int and 0 <= size <= LARGEST for size in sizes):
        return sizes  # the usual case, asked at every draw
    if isinstance(sizes, str | bytes) or not isinstance(sizes, Sequence):
        raise TypeError(f"{name} must be a tuple of integers in [0, inf); got {shown(sizes)}")
    return tuple(check_integer(f"{name}[{k}]", size, 0) for k, size in enumerate(sizes))


def check_shape(name: str, shape: object) -> tuple[int, ...]:
    """Return the shape of one sample, such as (2,) or (1, 28, 28)."""
    if isinstance(shape, str | bytes) or not isinstance(shape, Sequence):
        raise TypeError(
            f"{name} must be a tuple of integers in [1, inf), such as (2,) or (1, 28, 28); got {shown(shape)}"
        )
    if not shape:
        raise ValueError(f"{name} must hold 1 integer or more, such as (2,) or (1, 28, 28); got {shape!r}")
    return tuple(check_integer(f"{name}[{k}]", size, 1) for k, size in enumerate(shape))


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

    def remove(self, name: str) -> None:
        """Take an entry out that was entered for a while."""
        del self._entries[self[name].name]

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

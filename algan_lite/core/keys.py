"""A short key of what values are, so that a file can say what it depends on: equal keys, equal values."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType

import numpy as np
import torch
from torch import Tensor, nn


def content_key(*values: object, strict: bool = True) -> str:
    """Return 16 hexadecimal digits that depend on every number, name and array in the values, and on nothing else.

    Mappings count whatever their order. Functions count by module, name and code.

    Args:
        *values: Plain values, tensors, arrays, containers and dataclasses of them, functions, and objects with a
            ``key()`` of their own, such as sources.
        strict: Refuse functions without a name that another process could find, such as a lambda; otherwise they
            count by their code and by what they hold.

    Raises:
        TypeError: If a value cannot be told from another one of its kind.
    """
    digest = hashlib.sha256()
    for part in _parts(list(values), strict):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()[:16]


def _parts(value: object, strict: bool) -> Iterator[bytes]:
    """Yield what tells ``value`` from others."""
    inner: Iterator[object] | Sequence[object] = ()
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | torch.dtype):
        yield f"{type(value).__name__} {value!r}".encode()
    elif isinstance(value, Tensor | np.ndarray):
        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
        yield f"array {array.dtype.str} {array.shape}".encode()
        yield np.ascontiguousarray(array).tobytes()
    elif isinstance(value, Mapping):
        yield b"mapping"
        inner = sorted(value.items(), key=lambda item: repr(item[0]))
    elif isinstance(value, Sequence):
        yield b"sequence"
        inner = value
    elif isinstance(value, Set):
        yield b"set"
        inner = sorted(value, key=repr)
    elif callable(getattr(value, "key", None)) and not isinstance(value, type):
        yield f"{type(value).__qualname__} {value.key()}".encode()
    elif isinstance(value, type):
        yield f"type {value.__module__}.{value.__qualname__}".encode()
    elif isinstance(value, FunctionType | BuiltinFunctionType | MethodType | partial):
        inner = _function(value, strict)
    elif isinstance(value, CodeType):
        inner = [value.co_code, value.co_names, *value.co_consts]
    elif is_dataclass(value):
        yield f"{type(value).__module__}.{type(value).__qualname__}".encode()
        inner = [(field.name, getattr(value, field.name)) for field in fields(value)]
    elif isinstance(value, nn.Module):
        yield repr(value).encode()
        inner = [value.state_dict()]
    else:
        raise TypeError(f"a file's key takes plain values, arrays and functions; got {type(value).__name__} {value!r}")
    for one in inner:
        yield from _parts(one, strict)


def _function(call: Callable[..., object], strict: bool) -> list[object]:
    if isinstance(call, partial):
        return [call.func, call.args, call.keywords]
    if isinstance(call, MethodType):
        return [call.__func__, call.__self__]
    name = f"{call.__module__}.{call.__qualname__}"
    if isinstance(call, BuiltinFunctionType):
        return [name]
    if "<" in name:  # <lambda>, <locals>
        if strict:
            raise TypeError(
                f"a file's key needs functions that another process can find by name: write a def at the top of a "
                f"module or notebook; got {name}"
            )
        held = [cell.cell_contents for cell in call.__closure__ or ()]
        return [name, call.__code__, call.__defaults__, held]
    return [name, call.__code__]

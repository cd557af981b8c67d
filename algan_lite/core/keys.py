"""A short key of what values are, so that a file can say what it depends on: equal keys, equal values."""

from __future__ import annotations

import dis
import hashlib
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from enum import Enum
from functools import partial
from pathlib import PurePath
from types import BuiltinFunctionType, CodeType, EllipsisType, FunctionType, MethodType, ModuleType, NoneType

import numpy as np
import torch
from torch import Tensor

PLAIN = (NoneType, bool, int, float, complex, str, bytes, Enum, PurePath, slice, EllipsisType)
PLAIN += (torch.dtype, torch.device)
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def content_key(*values: object, strict: bool = True) -> str:
    """Return 16 hexadecimal digits that depend on every number, name and array in the values, and on nothing else.

    Mappings and sets count whatever their order. Functions and classes of this package and of other installed ones
    count by name; your own also by their code, the values of the global names that they use, and what they hold.

    Args:
        *values: Plain values, tensors, arrays, containers, functions, classes, and objects made of these.
        strict: Refuse your own functions without a name that another process could find, such as a lambda, and
            objects that do not show what they hold; otherwise the former count by their code, the latter by their type.

    Raises:
        TypeError: If a value cannot be told from another one of its kind.
    """
    digest = hashlib.sha256()
    for part in _parts(list(values), strict, ()):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()[:16]


def _parts(value: object, strict: bool, outer: tuple[object, ...]) -> Iterator[bytes]:
    """Yield what tells ``value`` from others; ``outer`` holds what it is a part of: functions may name each other."""
    depth = next((k for k, whole in enumerate(outer) if whole is value), None)
    if depth is not None:
        yield f"again {depth}".encode()
        return
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, PLAIN):
        yield f"{type(value).__name__} {value!r}".encode()
        return
    if isinstance(value, Tensor | np.ndarray) and not (isinstance(value, np.ndarray) and value.dtype.hasobject):
        yield from _numbers(value)
        return
    label, inner = _open(value, strict)
    yield f"{label}: {len(inner)}".encode()
    for one in inner:
        yield from _parts(one, strict, (*outer, value))


def _numbers(value: Tensor | np.ndarray) -> Iterator[bytes]:
    """Yield type, shape and numbers of a tensor or an array."""
    if isinstance(value, Tensor):
        yield f"tensor {value.dtype} {tuple(value.shape)}".encode()
        if value.is_meta:
            return
        value = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()  # NumPy has no bfloat16
    else:
        yield f"array {value.dtype.str} {value.shape}".encode()
    yield np.ascontiguousarray(value).tobytes()


def _open(value: object, strict: bool) -> tuple[str, Sequence[object]]:
    """Return what kind of thing a value is, and what it is made of."""
    if isinstance(value, Mapping):
        return "mapping", sorted(value.items(), key=lambda item: repr(item[0]))
    if isinstance(value, Sequence):
        return "sequence", value
    if isinstance(value, Set):
        return "set", sorted(value, key=repr)
    if isinstance(value, np.ndarray):  # of objects
        return f"array {value.shape}", value.ravel().tolist()
    if isinstance(value, CodeType):
        return "code", [value.co_code, value.co_names, *value.co_consts]
    if isinstance(value, ModuleType):
        return f"module {value.__name__}", []
    if isinstance(value, type):
        return f"class {_name(value)}", [] if _is_installed(value) else [_written(value), value.__bases__]
    if callable(value) and (opened := _open_function(value, strict)):
        return opened
    return _open_object(value, strict)


def _open_function(call: Callable[..., object], strict: bool) -> tuple[str, Sequence[object]] | None:
    """Return what a function is made of; None for another kind of callable."""
    if isinstance(call, partial):
        return "partial", [call.func, call.args, call.keywords]
    if isinstance(call, MethodType):
        return "method", [call.__func__, call.__self__]
    if isinstance(call, BuiltinFunctionType):
        return f"function {_name(call)}", [getattr(call, "__self__", None)]
    if not isinstance(call, FunctionType):
        return ("wrapped", [call.__wrapped__]) if hasattr(call, "__wrapped__") else None  # as functools.cache leaves it
    name, installed = _name(call), _is_installed(call)
    local = "<" in name  # <lambda>, <locals>
    if installed and not local:
        return f"function {name}", []
    if local and strict and not installed:
        raise TypeError(
            f"needs functions that another process finds by name, written at the top of a module; got {name}"
        )
    held = [_cell(cell) for cell in call.__closure__ or ()]
    used = {} if installed else {key: call.__globals__[key] for key in _global_names(call.__code__, call.__globals__)}
    return f"function {name}", [call.__code__, call.__defaults__, call.__kwdefaults__, held, used]


def _open_object(value: object, strict: bool) -> tuple[str, Sequence[object]]:
    """Return what an object holds: its attributes, and its class where that is your own."""
    slots = [name for kind in type(value).__mro__ for name in _slots(kind)]
    if not slots and not hasattr(value, "__dict__"):
        if isinstance(getattr(value, "__name__", None), str):  # a NumPy function, a method of a built-in type
            return f"{_name(type(value))} {value.__name__}", []
        if strict:
            raise TypeError(f"needs values, arrays, functions and objects made of these; got {value!r}")
        return f"some {_name(type(value))}", []
    held = {name: getattr(value, name) for name in slots if hasattr(value, name)} | getattr(value, "__dict__", {})
    held.pop("training", None)  # the mode of a network
    return "object", [type(value), held]


def _slots(kind: type) -> Sequence[str]:
    slots = kind.__dict__.get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def _written(kind: type) -> dict[str, object]:
    """Return what somebody wrote into a class: methods and constants."""
    found: dict[str, object] = {}
    for name, value in vars(kind).items():
        if isinstance(value, property):
            found[name] = [value.fget]
        elif isinstance(value, staticmethod | classmethod):
            found[name] = value.__func__
        elif isinstance(value, FunctionType):
            if value.__code__.co_filename != "<string>" and name != "__repr__":  # not what a dataclass generates
                found[name] = value
        elif isinstance(value, (*PLAIN, Tensor, np.ndarray, Mapping, list, tuple)) and not name.startswith("__"):
            found[name] = value
    return found


def _name(thing: object) -> str:
    return f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', type(thing).__qualname__)}"


def _is_installed(thing: object) -> bool:
    """Return whether a function or class comes with this package, Python or an installed package."""
    module = getattr(thing, "__module__", None) or ""
    if module.partition(".")[0] == "algan_lite":
        return True
    file = getattr(sys.modules.get(module), "__file__", None)
    return module != "__main__" if file is None else file.startswith(_INSTALLED) or "-packages" in file


def _cell(cell: object) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _global_names(code: CodeType, known: Mapping[str, object]) -> set[str]:
    """Return the global names that a function's code looks up."""
    looks = {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    inner = [_global_names(part, known) for part in code.co_consts if isinstance(part, CodeType)]
    return {name for name in looks if name in known}.union(*inner)

"""A file is written whole or not at all, and read at once."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from glob import escape as glob_escape
from pathlib import Path
from shutil import copymode
from typing import BinaryIO

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from algan_lite.core.keys import content_key

_KEY, _DIGEST = "algan_lite", "algan_lite_digest"
_writing: set[Path] = set()  # by any thread of this process


def regular_file(name: str, path: str | os.PathLike[str]) -> Path:
    """Return where a file is or will be: ``~`` means home, and a link stands for what it leads to.

    Args:
        name: Of the argument, for the message.
        path: The file; it need not exist.

    Raises:
        TypeError: If ``path`` is no path.
        ValueError: If there is something else than a regular file: a folder, a device.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{name} must be a path; got {path!r}")
    try:
        place = Path(path).expanduser().resolve()
        wrong = place.exists() and not place.is_file()
    except (OSError, RuntimeError) as error:  # links in a circle, an unknown user's home
        raise ValueError(f"{name} must be the path of a file; {path} is not: {error}") from error
    if wrong:
        raise ValueError(f"{name} must be a regular file, there already or not; got {path}")
    return place


def check_writable(name: str, path: str | os.PathLike[str]) -> Path:
    """Return the path of a file that can be written; otherwise refuse now what would fail after the work."""
    place = regular_file(name, path)
    try:
        if place.exists() and not os.access(place, os.W_OK):
            raise PermissionError("it is read-only")
        place.parent.mkdir(parents=True, exist_ok=True)
        probe = _partial(place)
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise ValueError(f"{name} must be a file that can be written; {path} cannot: {error}") from error
    return place


def write_atomically(path: str | os.PathLike[str], write: Callable[[BinaryIO], object]) -> None:
    """Let ``write`` fill a file beside ``path``, then put it there: readers find the old file or the whole new one.

    What killed processes have left half written beside it is removed.

    Args:
        path: The file; its folder is made if it is missing.
        write: Gets the open file.

    Raises:
        ValueError: If there is something else than a regular file.
    """
    path = regular_file("path", path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path)
    _writing.add(partial)
    try:
        with partial.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            copymode(path, partial)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    finally:
        _writing.discard(partial)
    _clean(path)


def _clean(path: Path) -> None:
    """Remove what killed processes have left half written beside a file."""
    for left in path.parent.glob(f".{glob_escape(path.name)}.*.partial"):
        process = left.name.split(".")[-2].partition("-")[0]
        ours = process == str(os.getpid())  # in a container every run may have the same number
        if left not in _writing if ours else not _is_alive(process):
            with suppress(OSError):
                left.unlink()


def _partial(path: Path) -> Path:
    """Return the name of a file being written; it says which process writes it."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")


def _is_alive(process: str) -> bool:
    """Return whether a process may still be there, by its number."""
    if os.name == "nt":  # where the question would be a signal
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError):  # it belongs to somebody else, or the name is none of ours
        return True
    return True


def save_checkpoint(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], values: Mapping[str, object]) -> None:
    """Write a checkpoint so that ``path`` holds either the old file or the whole new one, whenever the power fails.

    Args:
        path: The file to write; its folder is made if it is missing.
        tensors: Names to tensors of any dtype, shape and device.
        values: Plain JSON values.
    """
    # Copies: safetensors refuses tensors that share memory or are not contiguous.
    copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    text = json.dumps(dict(values))
    content = save(copies, {_KEY: text, _DIGEST: content_key(copies, text)})
    write_atomically(path, lambda file: file.write(content))


def load_checkpoint(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Return the tensors (on the CPU) and the plain values of a checkpoint, read at once: they are of one moment.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a whole checkpoint of this package.
    """
    place = regular_file("checkpoint", path)
    if not place.exists():
        raise FileNotFoundError(f"there is no checkpoint at {path}")
    content = place.read_bytes()
    try:
        tensors = load(content)
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"checkpoint must be a whole safetensors file; {path} is not: {error}") from error
    if _KEY not in metadata:
        raise ValueError(f"checkpoint must have been written by algan_lite; {path} was not")
    if content_key(tensors, metadata[_KEY]) != metadata.get(_DIGEST):
        raise ValueError(f"checkpoint must be as it was written; {path} has been damaged, or another version wrote it")
    # Copies: what the file's bytes lie in would stay in memory as long as one tensor does.
    return {name: tensor.clone() for name, tensor in tensors.items()}, json.loads(metadata[_KEY])

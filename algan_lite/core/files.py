"""A file is written whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor


def write_atomically(path: str | os.PathLike[str], write: Callable[[BinaryIO], object]) -> None:
    """Let ``write`` fill a file beside ``path``, then put it there: readers find the old file or the whole new one.

    Args:
        path: The file; its folder is made if it is missing.
        write: Gets the open file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with partial.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


_KEY = "algan_lite"


def save_checkpoint(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], values: Mapping[str, object]) -> None:
    """Write a checkpoint so that ``path`` holds either the old file or the whole new one, whenever the power fails.

    Args:
        path: The file to write; its folder is made if it is missing.
        tensors: Names to tensors of any dtype, shape and device.
        values: Plain JSON values.
    """
    # Copies: safetensors refuses tensors that share memory or are not contiguous.
    copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    write_atomically(path, lambda file: file.write(save(copies, {_KEY: json.dumps(dict(values))})))


def load_checkpoint(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Return the tensors (on the CPU) and the plain values of a checkpoint.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a whole checkpoint of this package.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no checkpoint at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except SafetensorError as error:
        raise ValueError(f"checkpoint must be a whole safetensors file; {path} is not: {error}") from error
    if _KEY not in metadata:
        raise ValueError(f"checkpoint must have been written by algan_lite; {path} was not")
    return tensors, json.loads(metadata[_KEY])

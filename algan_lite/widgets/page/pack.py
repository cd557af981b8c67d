"""Arrays as text inside a page: small numbers, deflated, in base 64. ``unpack.js`` is the way back."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping

import numpy as np

MISSING = 65535  # stands for a value that is not finite
LEVELS = 4  # D's verdict, 0 to 255, is kept in steps of 4: 128, "cannot tell", stays 128

Entry = dict[str, object]


def pack(arrays: Mapping[str, np.ndarray]) -> tuple[list[Entry], str]:
    """Pack arrays of four kinds, each by its type and name.

    - bool: eight to a byte.
    - uint8: as they are; a name that ends with ``heat`` is a stack of maps (..., H, H), packed as differences between
      neighbors, which are small where a map is smooth.
    - float: 65,535 steps between the lowest and the highest asinh(value). So 0.01 and 1,000 both keep four digits.

    Args:
        arrays: Name -> array.

    Returns:
        A list of entries (``name``, ``code``, ``shape`` and what else ``unpack.js`` needs), and the text.

    Raises:
        TypeError: If an array is of another type.
    """
    entries, blocks = [], []
    for name, array in arrays.items():
        entry, block = _pack_one(name, array)
        entries.append({"name": name, "shape": list(array.shape), **entry})
        blocks.append(block)
    return entries, base64.b64encode(zlib.compress(b"".join(blocks), 9)).decode("ascii")


def _pack_one(name: str, array: np.ndarray) -> tuple[Entry, bytes]:
    if array.dtype == np.bool_:
        return {"code": "bits"}, np.packbits(array.ravel(), bitorder="little").tobytes()
    if array.dtype == np.uint8 and name.endswith("heat"):
        return {"code": "map", "levels": LEVELS}, _differences(array).tobytes()
    if array.dtype == np.uint8:
        return {"code": "bytes"}, array.tobytes()
    if np.issubdtype(array.dtype, np.floating):
        steps, low, high = _quantize(array)
        # Low bytes first, then high bytes: the high ones repeat, and deflate finds them in one place.
        planes = np.stack([steps & 255, steps >> 8]).astype(np.uint8)
        return {"code": "floats", "low": low, "high": high, "missing": MISSING}, planes.tobytes()
    raise TypeError(f"{name} must be an array of bool, uint8 or float; got {array.dtype}")


def _differences(maps: np.ndarray) -> np.ndarray:
    """Return what each point of a map adds to its left and lower neighbors, modulo 256."""
    steps = ((maps.astype(np.uint16) + LEVELS // 2) // LEVELS).astype(np.uint8)
    for axis in (-2, -1):
        steps = np.diff(steps, axis=axis, prepend=np.uint8(0))
    return steps


def _quantize(values: np.ndarray) -> tuple[np.ndarray, float, float]:
    finite = np.isfinite(values)
    scaled = np.arcsinh(np.where(finite, values, 0.0).astype(np.float64))
    low = float(scaled[finite].min()) if finite.any() else 0.0
    high = float(scaled[finite].max()) if finite.any() else 0.0
    steps = np.rint((scaled - low) / ((high - low) or 1.0) * (MISSING - 1))
    return np.where(finite, steps, MISSING).astype(np.uint16), low, high

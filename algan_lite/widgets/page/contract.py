"""What a study must hold to be explored: which arrays, of which shape and kind."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

SHARED = {
    "data": ("D",),
    "combos": ("C", 3),
    "lams": ("L",),
    "steps": ("T",),
    "metrics": ("M",),
    "num_modes": ("D",),
    "sentinels": ("Z",),
}
EACH = {
    "values": ("C", "L", "T", "S", "M"),
    "fakes": ("C", "L", "T", "P", 2),
    "chosen": ("C", "L", "T", "P"),
    "heat": ("C", "L", "T", "H", "H"),
    "zeros": ("Z", "M"),
    "reals": ("N", 2),
    "box": (4,),
}
TEXTS = dict.fromkeys(("data", "combos", "metrics", "sentinels"), "U")
KINDS = {**TEXTS, "values": "f", "zeros": "f", "chosen": "b"}  # the others: numbers
BYTES = ("fakes", "heat", "reals")


def check_arrays(arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse arrays that cannot be shown.

    Args:
        arrays: Those of a study, as ``LambdaExplorer`` describes them.

    Raises:
        ValueError: If one is missing, or of another shape or kind; or if lambdas, steps or a box are out of order.
    """
    sizes: dict[str, int] = {}
    _check_group("", SHARED, arrays, sizes)
    for data in arrays["data"].tolist():
        _check_group(f"{data}/", EACH, arrays, {key: sizes[key] for key in "CLTMZ"} | {"S": sizes.get("S", 0)})
        sizes["S"] = arrays[f"{data}/values"].shape[3]
        left, right, low, high = arrays[f"{data}/box"].astype(float)
        if not (left < right and low < high):
            raise ValueError(
                f"results: {data}/box must be left < right, low < high; got {left}, {right}, {low}, {high}"
            )
    for name in ("lams", "steps"):
        numbers = arrays[name].astype(float)
        if not np.isfinite(numbers).all() or numbers[0] < 0 or (np.diff(numbers) <= 0).any():
            raise ValueError(f"results: {name} must be finite and rise from 0 or more; got {arrays[name].tolist()}")


def _check_group(
    prefix: str, shapes: Mapping[str, tuple], arrays: Mapping[str, np.ndarray], sizes: dict[str, int]
) -> None:
    """Check the arrays ``prefix`` + name; ``sizes`` holds those of axes that are known, 0 where any will do."""
    if lacking := [name for name in shapes if prefix + name not in arrays]:
        whose = f" of {prefix[:-1]}" if prefix else ""
        raise ValueError(f"results must hold {', '.join(shapes)}{whose}; it lacks {', '.join(lacking)}")
    for name, axes in shapes.items():
        array = arrays[prefix + name]
        if len(array.shape) == len(axes):
            for axis, size in zip(axes, array.shape, strict=True):
                if isinstance(axis, str) and not sizes.get(axis):
                    sizes[axis] = size
        wanted = tuple(sizes[axis] if isinstance(axis, str) and axis in sizes else axis for axis in axes)
        if array.shape != wanted or 0 in wanted:
            raise ValueError(f"results: {prefix}{name} must have shape {wanted}, no size 0; got {array.shape}")
        kind = KINDS.get(name, "iuf")
        if array.dtype.kind not in kind or (name in BYTES and array.dtype != np.uint8):
            what = "uint8" if name in BYTES else {"U": "text", "f": "float", "b": "bool"}.get(kind, "numbers")
            raise ValueError(f"results: {prefix}{name} must be {what}; got {array.dtype}")

"""An ONNX graph while it grows: nodes, constants, and which tensor of the recorded run is which value."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

Number = float | int | bool
Operand = Tensor | Number
Axes = int | Sequence[int] | None
Translation = Callable[..., Any]  # (graph, result, *arguments) -> name of the result in the graph, or names
ONNX_TYPE = {torch.float32: 1, torch.int32: 6, torch.int64: 7, torch.bool: 9, torch.float64: 11}  # TensorProto.DataType
OVERWRITTEN = "overwritten"


def key(tensor: Tensor) -> tuple[Hashable, ...]:
    """Return what tells one value from another while all of them are alive: where and how it lies in memory."""
    place = tensor.untyped_storage().data_ptr()
    return place, tensor.storage_offset(), tuple(tensor.shape), tensor.stride(), tensor.dtype


class Node(NamedTuple):
    """One node of the graph."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: tuple[tuple[str, Any], ...]


class Graph:
    """The nodes and constants of a graph while it grows; tensors of the recorded run stand for its values."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.constants: dict[str, np.ndarray] = {}
        self.origin: dict[tuple[str, str], Any] = {}  # (what was done, name of the result) -> what it was done to
        self._names: dict[tuple[Hashable, ...], str | None] = {}  # value -> its name; None: a constant
        self._known: dict[Hashable, Any] = {}  # what a node or constant computes -> its names
        self._alive: list[Tensor] = []  # so that no address is used twice

    def bind(self, tensor: Tensor, name: str | None) -> None:
        """Let ``tensor`` be known by a name from now on; None: it depends on no input."""
        self._alive.append(tensor)
        self._names[key(tensor)] = name

    def overwrite(self, tensor: Tensor) -> None:
        """Note that the memory of ``tensor`` holds something new, so that its other views are refused from now on."""
        self._names |= {place: OVERWRITTEN for place in self._names if place[0] == key(tensor)[0]}

    def depends(self, tensor: Tensor) -> bool:
        """Return whether ``tensor`` depends on an input of the graph."""
        name = self._names.get(key(tensor))
        if name == OVERWRITTEN:
            raise NotImplementedError("a view of a tensor that was overwritten has no place in a graph")
        return name is not None

    def knows(self, tensor: Tensor) -> bool:
        """Return whether ``tensor`` has a name."""
        return self._names.get(key(tensor)) not in (None, OVERWRITTEN)

    def name(self, tensor: Tensor) -> str:
        """Return the name of a value, writing it as a constant where it depends on no input."""
        return self._names[key(tensor)] if self.depends(tensor) else self.constant(tensor.detach().cpu().numpy())

    def constant(self, value: object, dtype: torch.dtype | None = None) -> str:
        """Return the name of a constant: an array, or numbers of ``dtype``."""
        array = np.array(value) if dtype is None else torch.tensor(value, dtype=dtype).numpy()
        same = ("constant", str(array.dtype), array.shape, array.tobytes())
        if same not in self._known:
            self._known[same] = f"c{len(self.constants)}"
            self.constants[self._known[same]] = array
        return self._known[same]

    def add(self, op: str, *inputs: str, outputs: int = 1, **attributes: object) -> Any:  # noqa: ANN401
        """Add a node, unless it is there already, and return the name of its output, or names of its outputs."""
        what = (op, inputs, tuple(sorted(attributes.items())), outputs)
        if what not in self._known:
            names = tuple(f"v{len(self.nodes)}" + (f"_{i}" if outputs > 1 else "") for i in range(outputs))
            self.nodes.append(Node(op, inputs, names, what[2]))
            self._known[what] = names[0] if outputs == 1 else names
        return self._known[what]


def entering(table: dict[str, Translation]) -> Callable[..., Callable[[Translation], Translation]]:
    """Return a decorator that enters a function in ``table`` under the names of ATen operations (in place or not)."""

    def translates(*names: str) -> Callable[[Translation], Translation]:
        def enter(function: Translation) -> Translation:
            table.update(dict.fromkeys(names, function))
            return function

        return enter

    return translates


def ints(graph: Graph, values: Sequence[int]) -> str:
    """Return a constant list of integers."""
    return graph.constant(list(values), torch.int64)


def f32(graph: Graph, value: float) -> str:
    """Return a constant float."""
    return graph.constant(value, torch.float32)


def number(graph: Graph, value: Operand, dtype: torch.dtype) -> str:
    """Return the name of a tensor or number as ``dtype``."""
    if not isinstance(value, Tensor):
        return graph.constant(value, dtype)
    if value.dtype == dtype:
        return graph.name(value)
    return graph.add("Cast", graph.name(value), to=ONNX_TYPE[dtype])


def operands(
    graph: Graph, shape: Sequence[int], dtype: torch.dtype, *values: Operand, beside: Sequence[Sequence[int]] = ()
) -> list[str]:
    """Return names of ``dtype`` whose broadcast has ``shape``: each as small as the others and ``beside`` allow."""
    small = list(values)
    for i, value in enumerate(small):
        if isinstance(value, Tensor):
            others = [other.shape for j, other in enumerate(small) if j != i and isinstance(other, Tensor)]
            less = _before_expanding(graph, value)
            if torch.broadcast_shapes(less.shape, *others, *beside) == torch.Size(shape):
                small[i] = less
    return [number(graph, value, dtype) for value in small]


def _before_expanding(graph: Graph, value: Tensor) -> Tensor:
    """Return what ``value`` was expanded from; one number for a constant whose values are all the same."""
    if graph.depends(value):
        return graph.origin.get(("expand", graph.name(value)), value)
    flat = value.detach().reshape(-1)
    return flat[0].clone() if value.ndim and len(flat) and bool((flat == flat[0]).all()) else value


def axis(tensor: Tensor, dim: int) -> int:
    """Return ``dim`` counted from the front."""
    return dim % max(tensor.ndim, 1)


def axes(tensor: Tensor, dim: Axes) -> list[int]:
    """Return the axes that ``dim`` names; all for None or an empty list."""
    if dim is None or (isinstance(dim, Sequence) and not dim):
        return list(range(tensor.ndim))
    return [axis(tensor, d) for d in ([dim] if isinstance(dim, int) else dim)]

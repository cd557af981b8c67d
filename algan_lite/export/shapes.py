"""How ATen operations that move, join, pick or add up values are said in ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from algan_lite.export.graph import Axes, Graph, Number, Operand, Translation, axes, axis, entering, f32, ints, number

TABLE: dict[str, Translation] = {}
translates = entering(TABLE)


@translates("alias", "detach", "clone")
def _same(graph: Graph, out: Tensor, x: Tensor, **_: object) -> str:
    return graph.name(x)


@translates("_to_copy")
def _to_copy(graph: Graph, out: Tensor, x: Tensor, **_: object) -> str:
    return number(graph, x, out.dtype)


@translates("view", "_unsafe_view", "unsqueeze", "squeeze")
def reshape(graph: Graph, out: Tensor, x: Tensor, *_: object) -> str:
    """Return the name of the values of x in the shape of ``out``."""
    if out.shape == x.shape:
        return graph.name(x)
    first = graph.origin.get(("reshape", graph.name(x)), x)
    if first.shape == out.shape:
        return graph.name(first)
    name = _without_kept_axes(graph, out, first) or graph.add("Reshape", graph.name(first), ints(graph, out.shape))
    graph.origin["reshape", name] = first
    return name


def _without_kept_axes(graph: Graph, out: Tensor, x: Tensor) -> str | None:
    """Return the sum or the like that x keeps axes of, without them, if that is ``out``; a reshape less."""
    op, name, where = graph.origin.get(("reduce", graph.name(x)), (None, None, None))
    if op is None or [size for axis, size in enumerate(x.shape) if axis not in where] != list(out.shape):
        return None
    return graph.add(op, name, ints(graph, where), keepdims=0)


@translates("expand")
def _expand(graph: Graph, out: Tensor, x: Tensor, *_: object, **__: object) -> str:
    if out.shape == x.shape:
        return graph.name(x)
    first = graph.origin.get(("expand", graph.name(x)), x)
    name = graph.add("Expand", graph.name(x), ints(graph, out.shape))
    graph.origin["expand", name] = first
    return name


@translates("cat")
def _cat(graph: Graph, out: Tensor, tensors: Sequence[Tensor], dim: int = 0) -> str:
    parts = [number(graph, x, out.dtype) for x in tensors if x.numel()]
    return parts[0] if len(parts) == 1 else graph.add("Concat", *parts, axis=axis(out, dim))


@translates("split_with_sizes")
def _split(graph: Graph, out: Sequence[Tensor], x: Tensor, sizes: object, dim: int = 0) -> Sequence[str]:
    if len(out) == 1:
        return graph.name(x)
    lengths = [part.shape[axis(x, dim)] for part in out]
    return graph.add("Split", graph.name(x), ints(graph, lengths), outputs=len(out), axis=axis(x, dim))


@translates("unbind")
def _unbind(graph: Graph, out: Sequence[Tensor], x: Tensor, dim: int = 0) -> Sequence[str]:
    return [_select(graph, part, x, dim, i) for i, part in enumerate(out)]


@translates("select")
def _select(graph: Graph, out: Tensor, x: Tensor, dim: int, index: int) -> str:
    return graph.add("Gather", graph.name(x), graph.constant(index % x.shape[dim], torch.int64), axis=axis(x, dim))


@translates("slice")
def _slice(
    graph: Graph, out: Tensor, x: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> str:
    if out.shape == x.shape:
        return graph.name(x)
    begin, stop = _bounds(x.shape[dim], start, end)
    places = [ints(graph, [value]) for value in (begin, stop, axis(x, dim), step)]
    return graph.add("Slice", graph.name(x), *places)


def _bounds(length: int, start: int | None, end: int | None) -> tuple[int, int]:
    return slice(start, end).indices(length)[:2]


def _pad(graph: Graph, x: str, ndim: int, dim: int, before: int, after: int) -> str:
    pads = [0] * (2 * ndim)
    pads[dim], pads[ndim + dim] = before, after
    return graph.add("Pad", x, ints(graph, pads), f32(graph, 0.0))


@translates("slice_backward")
def _slice_backward(
    graph: Graph, out: Tensor, g: Tensor, sizes: Sequence[int], dim: int, start: int, end: int, step: int
) -> str:
    if step != 1:
        raise NotImplementedError(f"the gradient of a slice must have step 1; got {step}")
    begin, stop = _bounds(sizes[dim], start, end)
    return _pad(graph, graph.name(g), out.ndim, axis(out, dim), begin, sizes[dim] - stop)


@translates("select_backward")
def _select_backward(graph: Graph, out: Tensor, g: Tensor, sizes: Sequence[int], dim: int, index: int) -> str:
    dim, index = axis(out, dim), index % sizes[dim]
    shape = [*sizes[:dim], 1, *sizes[dim + 1 :]]
    thin = graph.add("Reshape", graph.name(g), ints(graph, shape))
    return _pad(graph, thin, out.ndim, dim, index, sizes[dim] - index - 1)


def _reduce(op: str) -> Callable[..., str]:
    def translate(graph: Graph, out: Tensor, x: Tensor, dim: Axes = None, keepdim: bool = False, **_: object) -> str:
        where = axes(x, dim)
        if not where:
            return graph.name(x)
        whole = number(graph, x, out.dtype)
        name = graph.add(op, whole, ints(graph, where), keepdims=int(keepdim))
        if keepdim:
            graph.origin["reduce", name] = op, whole, where
        return name

    return translate


REDUCTIONS = {"sum": _reduce("ReduceSum"), "mean": _reduce("ReduceMean"), "amax": _reduce("ReduceMax")}


@translates("linalg_vector_norm")
def _norm(
    graph: Graph, out: Tensor, x: Tensor, order: Number = 2, dim: Axes = None, keepdim: bool = False, **_: object
) -> str:
    if order != 2:
        raise NotImplementedError(f"a norm must be the Euclidean one; got order {order}")
    return graph.add("ReduceL2", graph.name(x), ints(graph, axes(x, dim)), keepdims=int(keepdim))


@translates("var")
def _var(graph: Graph, out: Tensor, x: Tensor, dim: Axes = None, correction: float = 1, keepdim: bool = False) -> str:
    where = axes(x, dim)
    n = x.numel() // max(out.numel(), 1)
    names = ints(graph, where)
    off = graph.add("Sub", graph.name(x), graph.add("ReduceMean", graph.name(x), names, keepdims=1))
    total = graph.add("ReduceSum", graph.add("Mul", off, off), names, keepdims=int(keepdim))
    return graph.add("Div", total, f32(graph, n - correction))


@translates("max")
def _max(graph: Graph, out: object, x: Tensor, dim: int, keepdim: bool = False) -> Sequence[str]:
    name, where = graph.name(x), axis(x, dim)
    best = graph.add("ReduceMax", name, ints(graph, [where]), keepdims=int(keepdim))
    return best, graph.add("ArgMax", name, axis=where, keepdims=int(keepdim))


@translates("cumsum")
def _cumsum(graph: Graph, out: Tensor, x: Tensor, dim: int) -> str:
    return graph.add("CumSum", number(graph, x, out.dtype), graph.constant(axis(x, dim), torch.int64))


@translates("sort")
def _sort(
    graph: Graph, out: object, x: Tensor, dim: int = -1, descending: bool = False, stable: bool | None = None
) -> Sequence[str]:
    # TopK breaks ties by index, in both directions: it is stable.
    count = ints(graph, [x.shape[dim]])
    return graph.add("TopK", graph.name(x), count, outputs=2, axis=axis(x, dim), largest=int(descending), sorted=1)


@translates("gather")
def _gather(graph: Graph, out: Tensor, x: Tensor, dim: int, index: Tensor, sparse_grad: bool = False) -> str:
    rows = graph.origin.get(("expand", graph.name(index)))
    if rows is not None and axis(x, dim) == x.ndim - 2 and rows.shape == (*index.shape[:-1], 1):  # whole rows
        return graph.add("GatherND", graph.name(x), graph.name(rows), batch_dims=x.ndim - 2)
    return graph.add("GatherElements", graph.name(x), graph.name(index), axis=axis(x, dim))


@translates("scatter")
def _scatter(graph: Graph, out: Tensor, x: Tensor, dim: int, index: Tensor, value: Operand) -> str:
    updates = graph.name(value) if isinstance(value, Tensor) else graph.constant(torch.full(index.shape, value).numpy())
    return graph.add("ScatterElements", graph.name(x), graph.name(index), updates, axis=axis(x, dim))


@translates("scatter_add")
def _scatter_add(graph: Graph, out: Tensor, x: Tensor, dim: int, index: Tensor, value: Tensor) -> str:
    where = axis(x, dim)
    return graph.add(
        "ScatterElements", graph.name(x), graph.name(index), graph.name(value), axis=where, reduction="add"
    )


@translates("_log_softmax")
def _log_softmax(graph: Graph, out: Tensor, x: Tensor, dim: int, half_to_float: bool = False) -> str:
    return graph.add("LogSoftmax", graph.name(x), axis=axis(x, dim))

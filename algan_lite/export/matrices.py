"""How products of matrices and their transposes are said in ONNX, and in which order their values lie.

A value may be known by its transpose alone: then what is done to its values one at a time is done to that, and a
``Transpose`` that nobody asks for is left out in the end. So a dense layer works on (units, samples) throughout, where
a bias is one number a row and each row is long: a tenth faster than (samples, units).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from algan_lite.export import ops
from algan_lite.export.graph import Axes, Graph, Number, Operand, Translation, axes, axis, entering, f32
from algan_lite.export.shapes import REDUCTIONS, reshape

TABLE: dict[str, Translation] = {}
translates = entering(TABLE)


@translates("t")
def _t(graph: Graph, out: Tensor, x: Tensor) -> str:
    return _permute(graph, out, x, range(x.ndim)[::-1])


@translates("transpose")
def _transpose(graph: Graph, out: Tensor, x: Tensor, a: int, b: int) -> str:
    order = list(range(x.ndim))
    order[a], order[b] = order[b], order[a]
    return _permute(graph, out, x, order)


@translates("permute")
def _permute(graph: Graph, out: Tensor, x: Tensor, dims: Sequence[int]) -> str:
    if graph.knows(out):  # x itself, the transpose of a transpose, or another look at one
        return graph.name(out)
    order = tuple(axis(x, dim) for dim in dims)
    return _swap(graph, out, x) if order == _swapped(x) else graph.add("Transpose", graph.name(x), perm=order)


def _swapped(x: Tensor) -> tuple[int, ...]:
    return (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)


def _swap(graph: Graph, out: Tensor, x: Tensor) -> str:
    """Return the name of ``out``, the transpose of x."""
    if 1 in x.shape[-2:]:
        return reshape(graph, out, x)
    name = graph.add("Transpose", graph.name(x), perm=_swapped(x))
    graph.origin["turn", name] = graph.name(x)
    return name


def _turned(graph: Graph, x: Tensor) -> str:
    """Return the name of the transpose of x."""
    if graph.depends(x) and not graph.knows(x.mT):
        graph.bind(x.mT, _swap(graph, x.mT, x))
    return graph.name(x.mT)


def _turn_back(graph: Graph, out: Tensor, name: str) -> str:
    """Let the transpose of ``out`` be known by a name, and return that of ``out``."""
    graph.bind(out.mT, name)
    return _swap(graph, out, out.mT)


def _lies_turned(graph: Graph, x: Tensor) -> bool:
    """Return whether x is known as the transpose of another value, and not the other way round."""
    if x.ndim < 2 or not (graph.depends(x) and graph.knows(x.mT)):
        return False
    return 1 not in x.shape[-2:] and graph.origin.get(("turn", graph.name(x))) == graph.name(x.mT)


def as_it_lies(translation: Translation) -> Translation:
    """Return a translation of what is done to values one at a time, which works on transposes where those are known."""

    def translate(graph: Graph, out: Tensor, *args: Operand, **kwargs: object) -> str:
        matrices = [arg for arg in args if isinstance(arg, Tensor) and arg.ndim]
        whole = [matrix for matrix in matrices if graph.depends(matrix) and 1 not in matrix.shape[-2:]]
        alike = all(matrix.ndim == out.ndim for matrix in matrices)
        if not (alike and whole and all(_lies_turned(graph, matrix) for matrix in whole)):
            return translation(graph, out, *args, **kwargs)
        for matrix in matrices:
            _turned(graph, matrix)
        turned = [arg.mT if isinstance(arg, Tensor) and arg.ndim else arg for arg in args]
        return _turn_back(graph, out, translation(graph, out.mT, *turned, **kwargs))

    return translate


def _reduced(translation: Translation) -> Translation:
    """Return a translation of a sum or the like over axes, which works on the transpose where that is known."""

    def translate(
        graph: Graph, out: Tensor, x: Tensor, dim: Axes = None, keepdim: bool = False, **kwargs: object
    ) -> str:
        if not _lies_turned(graph, x):
            return translation(graph, out, x, dim, keepdim, **kwargs)
        last, other = {x.ndim - 1, x.ndim - 2}, {x.ndim - 1: x.ndim - 2, x.ndim - 2: x.ndim - 1}
        where = axes(x, dim)
        turned = [other.get(axis, axis) for axis in where]
        if not keepdim and last.intersection(where):  # one axis is left of the two, or none
            return translation(graph, out, x.mT, turned, keepdim, **kwargs)
        return _turn_back(graph, out, translation(graph, out.mT, x.mT, turned, keepdim, **kwargs))

    return translate


TABLE |= {name: _reduced(REDUCTIONS[name]) for name in REDUCTIONS}


@translates("mm", "bmm")
def _product(graph: Graph, out: Tensor, a: Tensor, b: Tensor) -> str:
    """Multiply, and keep the result with its longer rows: (A B)^T = B^T A^T costs no more than A B."""
    if out.shape[-2] < out.shape[-1]:
        return _multiply(graph, out.ndim, graph.name(a), graph.name(b))
    return _turn_back(graph, out, _multiply(graph, out.ndim, _turned(graph, b), _turned(graph, a)))


@translates("addmm", "baddbmm")
def _layer(graph: Graph, out: Tensor, bias: Tensor, a: Tensor, b: Tensor, beta: float = 1, alpha: float = 1) -> str:
    factors = float(alpha), float(beta)
    if out.shape[-2] < out.shape[-1]:
        return _multiply(graph, out.ndim, graph.name(a), graph.name(b), graph.name(bias), *factors)
    column = reshape(graph, bias.unsqueeze(-1) if bias.ndim == 1 else bias.mT, bias)
    return _turn_back(graph, out, _multiply(graph, out.ndim, _turned(graph, b), _turned(graph, a), column, *factors))


def _multiply(
    graph: Graph, ndim: int, a: str, b: str, added: str | None = None, alpha: float = 1.0, beta: float = 1.0
) -> str:
    """Return alpha A B + beta C: one node for two matrices; of a batch the runtime itself takes transposes in."""
    if ndim == 2:
        sides = {side: graph.origin.get(("turn", name)) for side, name in (("transA", a), ("transB", b))}
        flags = {side: int(whole is not None) for side, whole in sides.items()}
        names = [before or name for before, name in zip(sides.values(), (a, b), strict=True)]
        how = {"alpha": alpha, "beta": beta, **flags}
        if added is not None:
            return graph.add("Gemm", *names, added, **how)
        name = graph.add("Gemm", *names, **how) if any(flags.values()) else graph.add("MatMul", *names)
        graph.origin["product", name] = names, how
        return name
    name = _times(graph, graph.add("MatMul", a, b), alpha)
    return name if added is None else graph.add("Add", name, _times(graph, added, beta))


@translates("add")
def _add(graph: Graph, out: Tensor, a: Operand, b: Operand, alpha: Number = 1) -> str:
    """Add a product to what was there in one node, as where a weight's gradient is a sum."""
    product = graph.origin.get(("product", graph.name(b))) if isinstance(b, Tensor) else None
    if product is None or alpha != 1 or not isinstance(a, Tensor) or a.shape != b.shape:
        return ops.TABLE["add"](graph, out, a, b, alpha)
    names, how = product
    return graph.add("Gemm", *names, graph.name(a), **how)


TABLE["add"] = as_it_lies(TABLE["add"])


def _times(graph: Graph, name: str, factor: float) -> str:
    return name if factor == 1 else graph.add("Mul", name, f32(graph, factor))

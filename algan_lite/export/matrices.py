"""How products of matrices and their transposes are said in ONNX, and in which order their values lie.

A value may be known by its transpose alone: then what is done to its values one at a time is done to that, and a
``Transpose`` that nobody asks for is left out in the end. So a dense layer works on (units, samples) throughout, where
a bias is one number a row and each row is long: a tenth faster than (samples, units).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from algan_lite.export.graph import Graph, Operand, Translation, axis, entering, f32
from algan_lite.export.shapes import reshape

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
    order = tuple(axis(x, dim) for dim in dims)
    if order == tuple(range(x.ndim)):
        return graph.name(x)
    swapped = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)
    if order == swapped and 1 in x.shape[-2:]:
        return reshape(graph, out, x)
    name = graph.add("Transpose", graph.name(x), perm=order)
    if order == swapped:
        graph.origin["turn", name] = graph.name(x)
    return name


def _turned(graph: Graph, x: Tensor) -> str:
    """Return the name of the transpose of x."""
    if graph.depends(x) and not graph.knows(x.mT):
        graph.bind(x.mT, _transpose(graph, x.mT, x, -1, -2))
    return graph.name(x.mT)


def _turn_back(graph: Graph, out: Tensor, name: str) -> str:
    """Let the transpose of ``out`` be known by a name, and return that of ``out``."""
    graph.bind(out.mT, name)
    return _transpose(graph, out, out.mT, -1, -2)


def as_it_lies(translation: Translation) -> Translation:
    """Return a translation of what is done to values one at a time, which works on transposes where those are known."""

    def translate(graph: Graph, out: Tensor, *args: Operand, **kwargs: object) -> str:
        if not _lies_turned(graph, out, args):
            return translation(graph, out, *args, **kwargs)
        matrices = [arg for arg in args if isinstance(arg, Tensor) and arg.ndim]
        for matrix in matrices:
            _turned(graph, matrix)
        turned = [arg.mT if isinstance(arg, Tensor) and arg.ndim else arg for arg in args]
        return _turn_back(graph, out, translation(graph, out.mT, *turned, **kwargs))

    return translate


def _lies_turned(graph: Graph, out: Tensor, args: Sequence[Operand]) -> bool:
    matrices = [arg for arg in args if isinstance(arg, Tensor) and arg.ndim]
    whole = [matrix for matrix in matrices if graph.depends(matrix) and 1 not in matrix.shape[-2:]]
    alike = out.ndim > 1 and all(matrix.ndim == out.ndim for matrix in matrices)
    return alike and bool(whole) and all(graph.knows(matrix.mT) for matrix in whole)


@translates("mm", "bmm")
def _product(graph: Graph, out: Tensor, a: Tensor, b: Tensor) -> str:
    """Multiply, and keep the result with its longer rows: (A B)^T = B^T A^T costs no more than A B."""
    if out.shape[-2] <= out.shape[-1]:
        return _multiply(graph, out.ndim, graph.name(a), graph.name(b))
    return _turn_back(graph, out, _multiply(graph, out.ndim, _turned(graph, b), _turned(graph, a)))


@translates("addmm", "baddbmm")
def _layer(graph: Graph, out: Tensor, bias: Tensor, a: Tensor, b: Tensor, beta: float = 1, alpha: float = 1) -> str:
    factors = float(alpha), float(beta)
    if out.shape[-2] <= out.shape[-1]:
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
        if added is None and not any(flags.values()):
            return graph.add("MatMul", *names)
        return graph.add("Gemm", *names, *([] if added is None else [added]), alpha=alpha, beta=beta, **flags)
    name = _times(graph, graph.add("MatMul", a, b), alpha)
    return name if added is None else graph.add("Add", name, _times(graph, added, beta))


def _times(graph: Graph, name: str, factor: float) -> str:
    return name if factor == 1 else graph.add("Mul", name, f32(graph, factor))

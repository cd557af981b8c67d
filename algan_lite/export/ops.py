"""How ATen operations on one value at a time are said in ONNX, activations and their slopes included."""

from __future__ import annotations

from torch import Tensor

from algan_lite.export.graph import Graph, Number, Operand, Translation, entering, f32, number, operands

TABLE: dict[str, Translation] = {}
translates = entering(TABLE)
ALONE = {
    "neg": "Neg",
    "abs": "Abs",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "relu": "Relu",
    "reciprocal": "Reciprocal",
}
PAIRED = {"div": "Div", "minimum": "Min", "maximum": "Max", "logical_and": "And"}
COMPARED = {"gt": "Greater", "ge": "GreaterOrEqual", "lt": "Less", "le": "LessOrEqual", "eq": "Equal"}


def _alone(op: str) -> Translation:
    return lambda graph, out, x: graph.add(op, graph.name(x))


def _paired(op: str) -> Translation:
    return lambda graph, out, a, b: graph.add(op, *operands(graph, out.shape, out.dtype, a, b))


def _compared(op: str) -> Translation:
    return lambda graph, out, a, b: graph.add(op, *operands(graph, out.shape, a.dtype, a, b))


TABLE |= {aten: _alone(op) for aten, op in ALONE.items()}
TABLE |= {aten: _paired(op) for aten, op in PAIRED.items()}
TABLE |= {aten: _compared(op) for aten, op in COMPARED.items()}


def _is(graph: Graph, value: Operand, number: float) -> bool:
    """Return whether ``value`` is a constant with this number everywhere."""
    if isinstance(value, Tensor):
        return not graph.depends(value) and bool((value == number).all())
    return value == number


def _unchanged(graph: Graph, out: Tensor, a: Operand, b: Operand, neutral: float) -> Tensor | None:
    """Return the operand that the result is equal to, if the other one changes nothing."""
    for value, other in ((a, b), (b, a)):
        same = isinstance(value, Tensor) and value.shape == out.shape and value.dtype == out.dtype
        if same and _is(graph, other, neutral):
            return value
    return None


@translates("mul")
def _mul(graph: Graph, out: Tensor, a: Operand, b: Operand) -> str:
    same = _unchanged(graph, out, a, b, 1)
    return graph.name(same) if same is not None else _paired("Mul")(graph, out, a, b)


@translates("add")
def _add(graph: Graph, out: Tensor, a: Operand, b: Operand, alpha: Number = 1) -> str:
    same = _unchanged(graph, out, a, b, 0) if alpha == 1 else None
    return graph.name(same) if same is not None else _sum(graph, "Add", out, a, b, alpha)


@translates("sub")
def _sub(graph: Graph, out: Tensor, a: Operand, b: Operand, alpha: Number = 1) -> str:
    return _sum(graph, "Sub", out, a, b, alpha)


@translates("rsub")
def _rsub(graph: Graph, out: Tensor, a: Tensor, b: Operand, alpha: Number = 1) -> str:
    return _sum(graph, "Sub", out, b, a, alpha)


def _sum(graph: Graph, op: str, out: Tensor, a: Operand, b: Operand, alpha: Number) -> str:
    first, second = operands(graph, out.shape, out.dtype, a, b)
    if alpha != 1:
        second = graph.add("Mul", second, graph.constant(alpha, out.dtype))
    return graph.add(op, first, second)


@translates("pow")
def _pow(graph: Graph, out: Tensor, base: Operand, exponent: Operand) -> str:
    if isinstance(exponent, int | float) and exponent in (1, 2):
        return graph.name(base) if exponent == 1 else graph.add("Mul", graph.name(base), graph.name(base))
    return graph.add("Pow", *operands(graph, out.shape, out.dtype, base, exponent))


@translates("where")
def _where(graph: Graph, out: Tensor, condition: Tensor, a: Operand, b: Operand) -> str:
    return graph.add(
        "Where", graph.name(condition), *operands(graph, out.shape, out.dtype, a, b, beside=[condition.shape])
    )


@translates("masked_fill")
def _masked_fill(graph: Graph, out: Tensor, x: Tensor, mask: Tensor, value: Operand) -> str:
    return graph.add("Where", graph.name(mask), number(graph, value, out.dtype), graph.name(x))


@translates("nan_to_num")
def _nan_to_num(
    graph: Graph, out: Tensor, x: Tensor, nan: Number = 0.0, posinf: Number = 0.0, neginf: Number = 0.0
) -> str:
    name = graph.name(x)
    for value, test in ((neginf, {"detect_positive": 0}), (posinf, {"detect_negative": 0})):
        name = graph.add("Where", graph.add("IsInf", graph.name(x), **test), number(graph, value, out.dtype), name)
    return graph.add("Where", graph.add("IsNaN", graph.name(x)), number(graph, nan, out.dtype), name)


@translates("clamp", "clamp_min")
def _clamp(graph: Graph, out: Tensor, x: Tensor, low: Number | None = None, high: Number | None = None) -> str:
    return graph.add("Clip", graph.name(x), *("" if v is None else number(graph, v, out.dtype) for v in (low, high)))


@translates("log1p")
def _log1p(graph: Graph, out: Tensor, x: Tensor) -> str:
    # ONNX has none: 2 artanh(x / (2 + x)) near 0, where 1 + x would be rounded, and log(1 + x) elsewhere.
    name, half = graph.name(x), f32(graph, 0.5)
    ratio = graph.add("Div", name, graph.add("Add", name, f32(graph, 2.0)))
    near = graph.add("Mul", graph.add("Atanh", ratio), f32(graph, 2.0))
    far = graph.add("Log", graph.add("Add", name, f32(graph, 1.0)))
    return graph.add("Where", graph.add("Less", graph.add("Abs", name), half), near, far)


@translates("expm1")
def _expm1(graph: Graph, out: Tensor, x: Tensor) -> str:
    # ONNX has none: 2 t / (1 - t) with t = tanh(x / 2) near 0, and exp(x) - 1 elsewhere.
    name, half, one = graph.name(x), f32(graph, 0.5), f32(graph, 1.0)
    t = graph.add("Tanh", graph.add("Mul", name, half))
    near = graph.add("Div", graph.add("Mul", t, f32(graph, 2.0)), graph.add("Sub", one, t))
    far = graph.add("Sub", graph.add("Exp", name), one)
    return graph.add("Where", graph.add("Less", graph.add("Abs", name), half), near, far)


@translates("lerp")
def _lerp(graph: Graph, out: Tensor, a: Tensor, b: Tensor, weight: Operand) -> str:
    # PyTorch's own two branches, where the weight is a number; a tensor is never above one half but at its start.
    first, second = graph.name(a), graph.name(b)
    step = graph.add("Sub", second, first)
    if isinstance(weight, Tensor) or abs(weight) < 0.5:
        return graph.add("Add", first, graph.add("Mul", number(graph, weight, out.dtype), step))
    return graph.add("Sub", second, graph.add("Mul", step, f32(graph, 1 - weight)))


@translates("leaky_relu")
def _leaky_relu(graph: Graph, out: Tensor, x: Tensor, slope: float = 0.01) -> str:
    name = graph.add("LeakyRelu", graph.name(x), alpha=float(slope))
    if slope >= 0:
        graph.origin["activated", graph.name(x)] = name
    return name


def _slope(graph: Graph, x: Tensor, low: float) -> str:
    """Return 1 where x > 0 and ``low`` elsewhere: a product that is cut off, since Where is four times as slow.

    An activation that falls nowhere has the sign of its x; if nothing else needs x, the runtime makes one node of
    layer and activation.
    """
    signed = graph.origin.get(("activated", graph.name(x)), graph.name(x))
    return graph.add("Clip", graph.add("Mul", signed, f32(graph, 2.0**127)), f32(graph, low), f32(graph, 1.0))


@translates("leaky_relu_backward")
def _leaky_relu_backward(graph: Graph, out: Tensor, g: Tensor, x: Tensor, slope: float, is_result: bool) -> str:
    (gradient,) = operands(graph, out.shape, out.dtype, g, beside=[x.shape])
    return graph.add("Mul", gradient, _slope(graph, x, slope))


@translates("threshold_backward")
def _threshold_backward(graph: Graph, out: Tensor, g: Tensor, x: Tensor, threshold: float) -> str:
    if threshold != 0:
        raise NotImplementedError(f"a slope must change at 0; got {threshold}")
    (gradient,) = operands(graph, out.shape, out.dtype, g, beside=[x.shape])
    return graph.add("Mul", gradient, _slope(graph, x, 0.0))


@translates("tanh_backward")
def _tanh_backward(graph: Graph, out: Tensor, g: Tensor, y: Tensor) -> str:
    rest = graph.add("Sub", f32(graph, 1.0), graph.add("Mul", graph.name(y), graph.name(y)))
    return graph.add("Mul", *operands(graph, out.shape, out.dtype, g, beside=[y.shape]), rest)


@translates("sigmoid_backward")
def _sigmoid_backward(graph: Graph, out: Tensor, g: Tensor, y: Tensor) -> str:
    slope = graph.add("Mul", graph.name(y), graph.add("Sub", f32(graph, 1.0), graph.name(y)))
    return graph.add("Mul", *operands(graph, out.shape, out.dtype, g, beside=[y.shape]), slope)


@translates("softplus")
def _softplus(graph: Graph, out: Tensor, x: Tensor, beta: float = 1, threshold: float = 20) -> str:
    if beta != 1:
        raise NotImplementedError(f"softplus must have beta 1; got {beta}")
    return graph.add("Softplus", graph.name(x))


@translates("softplus_backward")
def _softplus_backward(graph: Graph, out: Tensor, g: Tensor, x: Tensor, beta: float, threshold: float) -> str:
    return graph.add(
        "Mul", *operands(graph, out.shape, out.dtype, g, beside=[x.shape]), graph.add("Sigmoid", graph.name(x))
    )

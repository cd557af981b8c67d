"""What is recorded is what was computed: each translation against PyTorch, and what a recorder must refuse."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from export.shared import onnx, onnxruntime
from helpers import normal
from torch import Tensor
from torch.nn.functional import leaky_relu, softplus

from algan_lite.export.graph import Graph
from algan_lite.export.record import TRANSLATIONS, model_bytes

X = normal(4, 5)
Function = Callable[[Tensor], Tensor]


def slope(function: Function, order: int = 1) -> Function:
    """Return the gradient of the sum of squares of a function, or the gradient of that gradient's."""

    def gradient(x: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        value = function(x)
        for left in range(order, 0, -1):
            (value,) = torch.autograd.grad(value.square().sum(), x, create_graph=left > 1)
        return value

    return gradient


def in_onnx(function: Function, x: Tensor) -> np.ndarray:
    content = model_bytes(lambda inputs: {"y": function(inputs["x"])}, {"x": tuple(x.shape)})
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, {"x": x.numpy()})[0]


INDEX = torch.tensor([[3, 0], [1, 2], [2, 2], [0, 4]])
# Operation -> a function whose graph holds its translation.
EXAMPLES: dict[str, Function] = {
    "neg": lambda x: -x,
    "abs": torch.abs,
    "exp": torch.exp,
    "log": lambda x: (x.square() + 1).log(),
    "sqrt": lambda x: (x.square() + 1).sqrt(),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "reciprocal": lambda x: (x.square() + 1).reciprocal(),
    "div": lambda x: 2 * x / (x[0] ** 2 + 1),
    "minimum": lambda x: torch.minimum(x, x[0]),
    "maximum": lambda x: torch.maximum(x, x[:, :1]),
    "logical_and": lambda x: ((x > 0).logical_and(x < 1)).float(),
    "gt": lambda x: torch.where(x > 0.5, x, -1.0),
    "ge": lambda x: (x >= x[1]).float(),
    "lt": lambda x: (x < x[:, 2:3]).float() * x,
    "le": lambda x: (x <= 0).float(),
    "eq": lambda x: (x == x[0]).float(),
    "nan_to_num": lambda x: torch.cat([sign * x / x.relu() for sign in (1, -1, 0)]).nan_to_num(7.0, 8.0, -9.0),
    "mul": lambda x: (x * 1.0) * x[0] * torch.ones(4, 1) * torch.full((4, 5), 3.0),
    "add": lambda x: torch.add(x + 0, torch.arange(5.0) + x[:, :1], alpha=0.5),
    "sub": lambda x: torch.sub(x, x[0], alpha=2) - 1,
    "rsub": lambda x: torch.rsub(x, 1.0, alpha=3),
    "pow": lambda x: 0.9**x + x**2 + x**1 + x.abs() ** 1.5,
    "where": lambda x: torch.where(x[:, :1] > 0, x, x[0].expand(4, 5)),
    "masked_fill": lambda x: x.masked_fill(x > 0, 7.0),
    "clamp": lambda x: x.clamp(-0.5, 0.25),
    "clamp_min": lambda x: x.clamp_min(0.1),
    "log1p": lambda x: torch.log1p(x.square() * 1e-3) + torch.log1p(-0.9 * torch.sigmoid(x)),
    "expm1": lambda x: torch.expm1(x * 1e-4) + torch.expm1(3 * x) / 20,
    "lerp": lambda x: torch.lerp(x, x[0].expand(4, 5), 0.2) + torch.lerp(x, x[:1].expand(4, 5), 0.9),
    "leaky_relu": lambda x: leaky_relu(x, 0.2),
    "leaky_relu_backward": slope(lambda x: leaky_relu(x, 0.2) ** 2, 2),
    "threshold_backward": slope(torch.relu),
    "tanh_backward": slope(torch.tanh, 2),
    "sigmoid_backward": slope(torch.sigmoid, 2),
    "softplus": softplus,
    "softplus_backward": slope(softplus, 2),
    "_log_softmax": lambda x: x.log_softmax(-1),
    "cumsum": lambda x: x.cumsum(-1) + x.cumsum(0),
    "alias": lambda x: torch.ops.aten.alias(x) + 1,
    "detach": lambda x: x.detach() + 1,
    "clone": lambda x: x.mT.clone(memory_format=torch.contiguous_format),
    "_to_copy": lambda x: (x > 0).to(torch.float32),
    "view": lambda x: x.view(20).view(2, 10).view(4, 5) + x.view(2, 10).view(20)[0],
    "_unsafe_view": lambda x: x.reshape(2, 2, 5) @ x.mT,
    "unsqueeze": lambda x: x.unsqueeze(1),
    "squeeze": lambda x: x[:, :1].squeeze(1),
    "expand": lambda x: x[0].expand(2, 5).expand(3, 2, 5),
    "t": lambda x: x.t().t() @ x.t(),
    "transpose": lambda x: x.view(2, 2, 5).transpose(0, 2),
    "permute": lambda x: x.view(2, 2, 5).permute(2, 0, -2),
    "cat": lambda x: torch.cat([x, 2 * x], -1),
    "split_with_sizes": lambda x: x.split([2, 3], 1)[1] * x.split([5], 1)[0][:, :1],
    "unbind": lambda x: x.unbind(1)[3],
    "select": lambda x: x[:, -2],
    "slice": lambda x: x[1:, -4:-1:2],
    "slice_backward": slope(lambda x: x[1:3, 2:]),
    "select_backward": slope(lambda x: x[:, -2] * x[1, 1]),
    "mm": lambda x: (x.t() @ x).t() + (x.t() @ (x @ x.t()) @ x).t(),
    "addmm": lambda x: torch.addmm(x[0], x, x.t() @ x, beta=0.5, alpha=2.0),
    "bmm": lambda x: x.view(2, 2, 5).mT @ x.view(2, 2, 5) @ x.view(2, 5, 2).tanh() + x.view(2, 5, 2).exp(),
    "baddbmm": lambda x: (
        torch.baddbmm(x[:2, None], x.view(2, 2, 5).mT, x.view(2, 2, 5), beta=0.5).relu() @ x.view(2, 5, 2)
    ),
    "sum": lambda x: x.sum(0) + x.sum() + x.sum(1, keepdim=True)[0],
    "mean": lambda x: x.mean(-1, keepdim=True) * x.mean(),
    "amax": lambda x: x.amax(0),
    "linalg_vector_norm": lambda x: x.norm(dim=-1),
    "var": lambda x: x.var((0, 1), correction=0) + x.var(1, keepdim=True),
    "max": lambda x: x.max(1, keepdim=True).values * x.max(0).indices,
    "sort": lambda x: x.sort(1, descending=True).values + x.sort(1).indices,
    "gather": lambda x: x.gather(1, INDEX),
    "scatter": lambda x: x.scatter(1, INDEX[:, :1], 9.0).scatter(1, INDEX[:, 1:], x[:, :1]),
    "scatter_add": slope(lambda x: x.gather(1, INDEX)),
}


def test_every_translation_has_an_example() -> None:
    assert EXAMPLES.keys() == TRANSLATIONS.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_translation(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called, translate = [], TRANSLATIONS[name]
    monkeypatch.setitem(TRANSLATIONS, name, lambda *a, **k: called.append(name) or translate(*a, **k))
    expected = EXAMPLES[name](X)
    np.testing.assert_allclose(in_onnx(EXAMPLES[name], X), expected.numpy(), rtol=2e-5, atol=1e-6)
    assert called
    assert expected.abs().sum() > 0


@pytest.mark.parametrize("runs", [(), (3,)])
def test_what_is_known_by_its_transpose_is_what_it_was(runs: tuple[int, ...]) -> None:
    """A product with long columns is kept turned: sums, changes in place, views and further products notice nothing."""

    def function(x: Tensor) -> Tensor:
        y = (x @ x.mT[..., :2]).tanh()  # (..., 6, 2)
        y.add_(x[..., :2]).mul_(2.0)
        sums = (
            y.sum(-2, keepdim=True)
            + y.mean(-1, keepdim=True)
            + y.amax((-2, -1), keepdim=True) * y.sum(-2).unsqueeze(-2)
        )
        return torch.cat([y.mT @ (y + sums), y.mT.contiguous() @ y.exp(), y[..., 4:, :].mT], -2)

    x = normal(*runs, 6, 3)
    np.testing.assert_allclose(in_onnx(function, x), function(x).numpy(), rtol=2e-5, atol=1e-5)


def two_products(x: Tensor) -> Tensor:
    return x.t() @ x + (x * 2).t() @ x.exp()


def activated_layer(x: Tensor, low: float) -> Tensor:
    x = x.detach().requires_grad_()
    return torch.autograd.grad(leaky_relu(x @ x.t(), low).square().sum(), x)[0]


@pytest.mark.parametrize(
    ("function", "nodes"),
    [
        (lambda x: x.sum(0, keepdim=True).view(5), ["ReduceSum"]),
        (lambda x: x.sum(0, keepdim=True).view(5, 1), ["ReduceSum", "Reshape"]),
        (two_products, ["Exp", "Gemm", "Gemm", "Mul", "Transpose"]),
    ],
)
def test_what_one_node_can_do_is_one_node(function: Function, nodes: list[str]) -> None:
    model = onnx.load_from_string(model_bytes(lambda inputs: {"y": function(inputs["x"])}, {"x": (4, 5)}))
    assert sorted(node.op_type for node in model.graph.node) == nodes
    np.testing.assert_allclose(in_onnx(function, X), function(X).numpy(), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("low", [0.2, 0.0, -0.5])
def test_a_slope_is_read_from_the_activation_where_that_has_its_sign(low: float) -> None:
    def function(x: Tensor) -> Tensor:
        return activated_layer(x, low)

    model = onnx.load_from_string(model_bytes(lambda inputs: {"y": function(inputs["x"])}, {"x": (4, 5)}))
    (activation,) = (node for node in model.graph.node if node.op_type == "LeakyRelu")
    readers = [node.op_type for node in model.graph.node if activation.input[0] in node.input]
    assert readers == (["LeakyRelu"] if low >= 0 else ["LeakyRelu", "Mul"])
    np.testing.assert_allclose(in_onnx(function, X), function(X).numpy(), rtol=2e-5, atol=1e-5)


def test_log1p_and_expm1_of_tiny_numbers() -> None:
    tiny = 10.0 ** torch.arange(-30, 0).float()
    np.testing.assert_allclose(in_onnx(torch.log1p, tiny), tiny.log1p().numpy(), rtol=1e-5)
    np.testing.assert_allclose(in_onnx(torch.log1p, -tiny), (-tiny).log1p().numpy(), rtol=1e-5)
    np.testing.assert_allclose(in_onnx(torch.expm1, tiny), tiny.expm1().numpy(), rtol=1e-5)


def test_ties_keep_their_order() -> None:
    x = torch.tensor([1.0, 2.0, 1.0, 2.0, 2.0, 1.0])
    for descending in (False, True):
        mine = in_onnx(lambda x, d=descending: x.sort(descending=d, stable=True).indices, x)
        np.testing.assert_array_equal(mine, x.sort(descending=descending, stable=True).indices.numpy())


def test_the_same_is_computed_once_and_nothing_in_vain() -> None:
    def function(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        x = inputs["x"]
        _ = x.tanh().exp()  # no output needs it
        return {"a": x.sqrt() + x.sqrt(), "b": x.sqrt(), "c": x.sqrt(), "d": x}

    content = model_bytes(function, {"x": (3,)})
    model = onnx.load_from_string(content)
    assert sorted(node.op_type for node in model.graph.node) == ["Add", "Identity", "Identity", "Sqrt"]
    given = np.array([1, 4, 9], np.float32)
    found = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, {"x": given})
    np.testing.assert_array_equal(found, [[2, 4, 6], [1, 2, 3], [1, 2, 3], given])


def test_what_depends_on_no_input_is_a_constant() -> None:
    model = onnx.load_from_string(model_bytes(lambda inputs: {"y": torch.ones(3).cumsum(0)}, {"x": (3,)}))
    assert [node.op_type for node in model.graph.node] == ["Identity"]
    assert [onnx.numpy_helper.to_array(value).tolist() for value in model.graph.initializer] == [[1.0, 2.0, 3.0]]


def overwritten(x: Tensor) -> Tensor:
    y = x * 2
    row = y[0]
    y.clamp_(0, 1)
    return y + row


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x + torch.rand(5), r"draws numbers of its own"),
        (lambda x: x * x.sum().item(), r"_local_scalar_dense.* has no translation"),
        (lambda x: torch.linalg.svdvals(x), r"_linalg_svd.* has no translation"),
        (lambda x: x.norm(p=3, dim=-1), r"Euclidean"),
        (lambda x: softplus(x, beta=2.0), r"softplus must have beta 1; got 2"),
        (overwritten, r"a tensor that was overwritten"),
    ],
)
def test_recorder_refuses(function: Function, message: str) -> None:
    with pytest.raises(NotImplementedError, match=message):
        in_onnx(function, X)


def test_in_place_is_followed() -> None:
    def function(x: Tensor) -> Tensor:
        y = x * 2
        y.clamp_(-0.5, 0.5)
        return y.mul_(3.0)

    np.testing.assert_allclose(in_onnx(function, X), function(X).numpy(), rtol=1e-6)


def test_constants_are_shared() -> None:
    graph = Graph()
    assert graph.constant(2.0, torch.float32) == graph.constant(2.0, torch.float32)
    assert graph.constant(2.0, torch.float32) != graph.constant(2, torch.int64)
    assert graph.add("Neg", "x") == graph.add("Neg", "x") != graph.add("Exp", "x")

"""Records what a function does with its tensors, and writes it as an ONNX model.

The function is run once on examples while every ATen operation passes through ``Recorder``, those of backward passes
included. What depends on an input becomes nodes, everything else a constant.

``torch.onnx.export`` could do this too, but it takes some ten seconds for a step, and its optimizer takes Adam's
epsilon of 1e-8 for a zero and leaves it out: then a weight without a gradient becomes 0 / 0.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.export import default_decompositions
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from algan_lite.export import matrices, ops, shapes
from algan_lite.export.graph import Graph, Node, Translation
from algan_lite.export.matrices import as_it_lies

Step = Callable[[dict[str, Tensor]], Mapping[str, Tensor]]
TRANSLATIONS = {name: as_it_lies(entry) for name, entry in ops.TABLE.items()} | matrices.TABLE | shapes.TABLE
# Results that depend on the shape of their argument alone.
CREATED = {"full_like", "zeros_like", "ones_like", "empty_like", "new_full", "new_zeros", "new_ones", "new_empty"}
CREATED |= {"new_empty_strided", "empty_strided"}
OPSET = 18  # of 2023: what runs in a browser has known it for long
IR_VERSION = 10


class Recorder(TorchDispatchMode):
    """Writes every operation on a value that depends on an input into a graph.

    An operation without a translation is taken apart by PyTorch's own decompositions.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph

    def __torch_dispatch__(
        self, func: OpOverload, types: object, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> object:
        kwargs = dict(kwargs or {})
        name = func._schema.name.removeprefix("aten::").rstrip("_")
        if name in CREATED or not any(map(self.graph.depends, _tensors((args, kwargs)))):
            return self._constant(func, args, kwargs)
        if name in TRANSLATIONS:
            return self._translate(TRANSLATIONS[name], func, args, kwargs)
        smaller = _decompositions()
        decompose = smaller[func] if func in smaller else func.decompose  # noqa: SIM401 - get() looks past it
        with self:
            out = decompose(*args, **kwargs)
        if out is NotImplemented:
            raise NotImplementedError(f"{func} has no translation into ONNX; dense networks of usual layers have")
        return out

    def _constant(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
        if torch.Tag.nondeterministic_seeded in func.tags:
            raise NotImplementedError(f"{func} draws numbers of its own; in a graph every draw must be an input")
        out = func(*args, **kwargs)
        for result in _tensors(out):
            self.graph.bind(result, None)
        return out

    def _translate(
        self, translation: Translation, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> object:
        out = func(*args, **kwargs)
        names = translation(self.graph, out, *args, **kwargs)
        results = _tensors(out)
        if func._schema.is_mutable:
            self.graph.overwrite(results[0])
        for result, its in zip(results, [names] if isinstance(names, str) else names, strict=True):
            self.graph.bind(result, its)
        return out


@cache
def _decompositions() -> Mapping[OpOverload, Callable[..., Any]]:
    return default_decompositions()  # a tenth of a second, and few networks need one


def _tensors(tree: object) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def model_bytes(function: Step, shapes: Mapping[str, Sequence[int]], free: Collection[str] = ()) -> bytes:
    """Return a function of named tensors as a serialized ONNX model: the same bytes every time.

    Args:
        function: Named inputs -> named outputs.
        shapes: Name of each input, float32 -> its shape.
        free: Inputs whose last axis may be longer than that.

    Raises:
        NotImplementedError: If the function does something that has no translation into ONNX.
        ImportError: If the package ``onnx`` is not installed.
    """
    onnx = need_onnx()
    graph, generator = Graph(), torch.Generator().manual_seed(0)
    # The examples lie between 0 and 1; which numbers they are makes no difference to the graph.
    longer = {name: (*shape[:-1], shape[-1] + 1) if name in free else tuple(shape) for name, shape in shapes.items()}
    inputs = {name: torch.rand(shape, generator=generator) for name, shape in longer.items()}
    for name, value in inputs.items():
        graph.bind(value, name)
    with Recorder(graph):
        outputs = function(inputs)
    nodes = _needed(_with_outputs(graph, outputs), outputs)
    used = {name for node in nodes for name in node.inputs}
    helper, info = onnx.helper, onnx.helper.make_tensor_value_info
    element = {
        name: helper.np_dtype_to_tensor_dtype(value.detach().cpu().numpy().dtype) for name, value in outputs.items()
    }
    model = helper.make_model(
        helper.make_graph(
            [helper.make_node(node.op, node.inputs, node.outputs, **dict(node.attributes)) for node in nodes],
            "algan_lite",
            [info(k, 1, [*v[:-1], f"any_{k}"] if k in free else list(v)) for k, v in shapes.items()],
            [info(name, element[name], list(value.shape)) for name, value in outputs.items()],
            [onnx.numpy_helper.from_array(v, name) for name, v in graph.constants.items() if name in used],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def need_onnx() -> ModuleType:
    """Return the package ``onnx``.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import onnx
        import onnx.checker
        import onnx.numpy_helper
    except ImportError as error:
        raise ImportError("writing a graph needs the package onnx: pip install onnx") from error
    return onnx


def _with_outputs(graph: Graph, outputs: Mapping[str, Tensor]) -> list[Node]:
    """Return the nodes; each output has a name of its own, even where it is a constant or two outputs are one value."""
    inner = {name: graph.name(value.detach()) for name, value in outputs.items()}
    made = {out for node in graph.nodes for out in node.outputs}
    names = {of: name for name, of in reversed(inner.items()) if of in made}  # the first output gives a value its name
    nodes = [
        node._replace(
            inputs=tuple(names.get(name, name) for name in node.inputs),
            outputs=tuple(names.get(name, name) for name in node.outputs),
        )
        for node in graph.nodes
    ]
    copies = [
        Node("Identity", (names.get(of, of),), (name,), ()) for name, of in inner.items() if names.get(of) != name
    ]
    return [*nodes, *copies]


def _needed(nodes: Sequence[Node], outputs: Collection[str]) -> list[Node]:
    """Return the nodes that some output needs, in order."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted.intersection(node.outputs):
            wanted.update(node.inputs)
            kept.append(node)
    return kept[::-1]

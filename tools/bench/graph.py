"""Measure the step as one graph: one run, chunks of runs, a whole sweep, what a run takes of memory."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import onnx
from torch import nn

import algan_lite as al
from algan_lite.export.engine import Graph, one_thread
from algan_lite.export.record import model_bytes
from algan_lite.export.step import training_step
from algan_lite.training.engines import RUNS
from algan_lite.training.state import TrainState
from algan_lite.training.step import Step
from tools.bench.timing import PLAIN, SMALL, TOY, at_threads, seconds, toy_steps_per_second, turns

SWEPT = 64  # runs of the sweep


def bench_graph(cores: int) -> None:
    """Compare graphs with one run of PyTorch alone at the better of one thread and all.

    Args:
        cores: Threads that PyTorch has by default.
    """
    _compare(cores, SMALL, "")
    _compare(cores, {}, "_default")
    _compare_chunks()
    print(f"graph_memory_per_run {_alone(memory):.2f} MB", flush=True)
    _sweep(cores)


class Clock:
    """A callback that takes the time of every step, and so leaves the set-up out."""

    looks = False

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, state: object) -> None:
        """Look at the clock."""
        self.times.append(time.perf_counter())

    def steps_per_second(self) -> float:
        """Return the mean speed after the first step."""
        return (len(self.times) - 1) / (self.times[-1] - self.times[0])


def _speed(runs: int | None, engine: str, steps: int, sizes: dict[str, int]) -> float:
    """Return run-steps a second without the set-up."""
    config, (G, D) = _pair(runs, sizes)
    clock = Clock()
    config = replace(config, num_steps=steps)
    al.train(G, D, al.data.ring(), config, engine=engine, callbacks=[clock], progress=False)
    return clock.steps_per_second() * (runs or 1)


def _compare(cores: int, sizes: dict[str, int], suffix: str) -> None:
    *alone, one, chunk = turns(
        *(lambda t=t: at_threads(t, lambda: _speed(None, "eager", 200, sizes)) for t in sorted({1, cores})),
        lambda: at_threads(1, lambda: _speed(None, "graph", 1000, sizes)),
        lambda: at_threads(1, lambda: _speed(RUNS, "graph", 200, sizes)),
    )
    alone = max(alone, key=statistics.median)  # its better number of threads
    for name, values in ((f"speedup_1{suffix}", one), (f"ensemble_speedup_16{suffix}", chunk)):
        print(f"graph_{name} {statistics.median(a / b for a, b in zip(values, alone, strict=True)):.2f} ratio")
    share = statistics.median(chunk) * _flops(sizes) / _peak(sizes)
    print(f"graph_share_of_peak{suffix} {share:.2f} of the speed of its own largest product", flush=True)


def _compare_chunks() -> None:
    """Compare 256 runs, chunk by chunk, with one chunk, set-up included."""
    chunk, chunks = turns(lambda: _chunks_per_second(1), lambda: _chunks_per_second(256 // RUNS))
    slower = statistics.median(a / b for a, b in zip(chunk, chunks, strict=True))
    print(f"graph_seconds_256_vs_16 {slower:.3f} ratio", flush=True)


def _chunks_per_second(count: int) -> float:
    work = lambda: [toy_steps_per_second(RUNS, engine="graph", steps=100, **SMALL) for _ in range(count)]  # noqa: E731
    return count / at_threads(1, lambda: seconds(work))


def _pair(runs: int | None, sizes: dict[str, int]) -> tuple[al.TrainConfig, tuple[nn.Module, nn.Module]]:
    pair = al.models.mlp_pair(**sizes) if runs is None else al.models.ensemble(al.models.mlp_pair, runs=runs, **sizes)
    return TOY if sizes else PLAIN, pair


def _flops(sizes: dict[str, int]) -> float:
    """Return how many sums and products the matrix products of a run-step take."""
    config, (G, D) = _pair(2, sizes)
    spec = al.export.StepSpec.of(config, G, D)
    model = onnx.shape_inference.infer_shapes(
        onnx.load_from_string(model_bytes(training_step(Step(G, D, config)), spec.inputs))
    )
    known = [*model.graph.value_info, *model.graph.input]
    shapes = {value.name: [axis.dim_value for axis in value.type.tensor_type.shape.dim] for value in known}
    shapes |= {value.name: list(value.dims) for value in model.graph.initializer}
    products = [node for node in model.graph.node if node.op_type == "MatMul"]
    return sum(2 * math.prod(shapes[node.output[0]]) * shapes[node.input[0]][-1] for node in products) / 2


def _peak(sizes: dict[str, int]) -> float:
    """Return sums and products a second of a hidden layer's product, of a chunk of runs, alone."""
    config, (_, D) = _pair(RUNS, sizes)
    width = D.weights()["trunk.2.weight"].shape[-1]
    shapes = {"a": [RUNS, width, width], "b": [RUNS, width, config.batch_size]}
    info, repeats = onnx.helper.make_tensor_value_info, 20
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["a", "b" if k == 0 else f"y{k - 1}"], [f"y{k}"]) for k in range(repeats)],
        "products",
        [info(name, 1, shape) for name, shape in shapes.items()],
        [info(f"y{repeats - 1}", 1, shapes["b"])],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    session = one_thread(model.SerializeToString())
    given = {name: np.full(shape, 1 / width, np.float32) for name, shape in shapes.items()}
    (times,) = turns(lambda: seconds(lambda: session.run(None, given)))
    return 2 * repeats * RUNS * width * width * config.batch_size / statistics.median(times)


def _alone(measure: Callable[[], float]) -> float:
    """Return what a new process measures: this one may give memory of earlier figures back meanwhile."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(measure).result()


def memory() -> float:
    """Return what a run takes of memory beside its networks, in MB, counted over four chunks."""
    chunks, before = [], 0
    for k in range(5):  # the first brings the libraries
        config, (G, D) = _pair(RUNS, SMALL)
        before = _resident() if k == 1 else before
        engine = Graph(TrainState.start(G, D, config, 0))
        for step in range(3):
            engine(al.data.ring(), step)
        chunks.append(engine)
    return (_resident() - before) / (4 * RUNS) / 1e6


def _resident() -> float:
    """Return how much memory this process has now, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def _sweep(cores: int) -> None:
    """Compare a sweep, with set-up and measures, with as many run-steps of one run alone."""
    config = replace(TOY, num_steps=2000)
    whole = lambda: at_threads(  # noqa: E731
        cores,
        lambda: (
            SWEPT
            * config.num_steps
            / seconds(lambda: al.sweep(al.data.ring(), config, range(SWEPT), sizes=SMALL, jobs=cores, progress=False))
        ),
    )
    *alone, swept = turns(
        *(lambda t=t: at_threads(t, lambda: toy_steps_per_second(None, **SMALL)) for t in sorted({1, cores})), whole
    )
    alone = [max(values) for values in zip(*alone, strict=True)]
    ratio = statistics.median(a / b for a, b in zip(swept, alone, strict=True))
    print(f"sweep_graph_speedup_{SWEPT} {ratio:.2f} ratio", flush=True)

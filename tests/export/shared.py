"""What the tests of export share: settings, networks, and a graph that runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import tiny
from torch import nn

import algan_lite as al

onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="the package onnxruntime is not installed")
SIZES = {"num_steps": 50, "batch_size": 16, "pool_factor": 2, "log_every": 1}


def pair(config: al.TrainConfig, seed: int = 0) -> tuple[nn.Module, nn.Module]:
    return tiny(seed=seed, depth=2, num_heads=3 if config.strategy == "disagreement" else 1)


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def compute(graph: onnxruntime.InferenceSession, **inputs: object) -> dict[str, torch.Tensor]:
    fed = {name: np.asarray(value, dtype=np.float32) for name, value in inputs.items()}
    names = [output.name for output in graph.get_outputs()]
    return dict(zip(names, map(torch.from_numpy, map(np.asarray, graph.run(names, fed))), strict=True))

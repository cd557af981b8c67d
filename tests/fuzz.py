"""Values that somebody may give by mistake, and what an error should say."""

from __future__ import annotations

import linecache
from functools import partial
from pathlib import Path

import numpy as np
import torch
from doors import EMPTY_PARTS, FEW, FINITE, FRAME, D, Ds, G, Gs
from helpers import RING, normal, tiny
from torch import nn
from torch.utils.data import DataLoader

import algan_lite as al

PACKAGE = str(Path(al.__file__).parent)


class TupleD(nn.Module):
    sample_shape = (2,)

    def forward(self, x: torch.Tensor) -> tuple:
        return (x.sum(-1), x)


def values() -> dict[str, object]:
    """Return what may be given by mistake, by a name that stands in reports; some of it can be read only once."""
    return {**_plain(), **_containers(), **_arrays(), **_tensors(), **_objects()}


def _plain() -> dict[str, object]:
    numbers = {
        "-1": -1,
        "0": 0,
        "1": 1,
        "2": 2,
        "7": 7,
        "0.5": 0.5,
        "-0.5": -0.5,
        "1e-310": 1e-310,
        "1e308": 1e308,
        "NaN": np.nan,
        "inf": np.inf,
        "10**400": 10**400,
        "1j": 1j,
        "True": True,
        "np.int64": np.int64(3),
        "np.float32": np.float32(0.25),
        "np.True_": np.True_,
    }
    texts = {"''": "", "'a'": "a", "'$x_1'": "$x_1", "bytes": b"a", "'3'": "3", "'cpu'": "cpu"}
    return {**numbers, **texts}


def _containers() -> dict[str, object]:
    lists = {
        "[]": [],
        "()": (),
        "[0, 1]": [0, 1],
        "(2,)": (2,),
        "[nan]": [np.nan],
        "['a']": ["a"],
        "[None]": [None],
        "[[1.0], [2]]": [[1.0], [2]],
        "{}": {},
        "{'r1': -1}": {"r1": -1},
        "{1: 2}": {1: 2},
        "set": {1, 2},
        "range": range(3),
        "generator": (k for k in range(2)),
        "(-1,)": (-1,),
        "slice": slice(2),
    }
    return lists


def _arrays() -> dict[str, object]:
    arrays = {
        f"array {kind}": np.arange(6).reshape(3, 2).astype(kind)
        for kind in (">f8", "<f4", "i8", "u1", "O", "U", "?", "c16", "f2", "M8[s]")
    }
    arrays |= {
        "flipped": np.eye(4)[::-1],
        "array ()": np.array(3.0),
        "array (0,)": np.zeros(0),
        "array [0, 1]": np.array([0, 1]),
    }
    return arrays


def _tensors() -> dict[str, object]:
    shapes = [(), (0,), (1,), (6,), (8,), (0, 2), (3, 2), (8, 3), (2, 3, 2), (4, 1, 1, 3), (4, 3, 1, 1), (1, 1, 28, 28)]
    tensors = {f"tensor {shape}": normal(*shape) for shape in shapes} | {
        f"tensor {kind}": normal(8, 3).to(kind)
        for kind in (
            torch.float64,
            torch.float16,
            torch.bfloat16,
            torch.int64,
            torch.uint8,
            torch.bool,
            torch.complex64,
        )
    }
    tensors |= {
        "NaN (8, 3)": normal(8, 3) * np.nan,
        "inf (20, 2)": normal(20, 2) / 0,
        "large (20, 2)": normal(20, 2) * 1e30,
        "not contiguous": normal(3, 8).mT,
        "requires_grad": normal(8, 3).requires_grad_(),
        "expanded": torch.ones(1).expand(6),
    }
    return tensors


def _objects() -> dict[str, object]:
    nets = {
        "G": G,
        "D": D,
        "Gs": Gs,
        "Ds": Ds,
        "double": tiny(width=4)[1].double(),
        "half": tiny(width=4)[0].half(),
        "Linear": nn.Linear(3, 2),
        "tuple": TupleD(),
        "none": nn.Identity(),
        "sigmoid": nn.Sequential(D, nn.Sigmoid()),
    }
    others = {
        "None": None,
        "lambda": lambda *a, **k: None,
        "lambda of x": lambda x: x[..., 0],
        "partial": partial(al.models.mlp_pair, width=4),
        "class": dict,
        "object": object(),
        "module": np,
        "dtype": torch.float32,
        "torch.Generator": torch.Generator().manual_seed(0),
        "np generator": np.random.default_rng(0),
        "loader": DataLoader(list(normal(9, 2))),
        "dict loader": DataLoader([{"x": normal(2)}] * 9),
        "ring": RING,
        "moons": al.data.two_moons(),
        "array": FINITE,
        "no parts": EMPTY_PARTS,
        "config": FEW,
        "frame": FRAME,
        "empty frame": FRAME[:0],
        "series": FRAME["loss_D"],
        "loss": al.losses.alpha(2.0),
        "metric": al.METRICS["kid"],
    }
    return {**nets, **others}


def told(error: BaseException) -> str | None:
    """Return what is wrong with an error: not ours, not documented, or without a word of what was taken and got."""
    if not isinstance(error, TypeError | ValueError | al.TrainingDiverged):
        documented = isinstance(error, RuntimeError | NotImplementedError) and _raised_by_us(error)
        return None if documented else f"{type(error).__name__} is no documented error"
    return None if _raised_by_us(error) else "its message is not ours"


def _raised_by_us(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    line = linecache.getline(trace.tb_frame.f_code.co_filename, trace.tb_lineno).strip()
    ours = trace.tb_frame.f_code.co_filename.startswith(PACKAGE) and line.startswith("raise")
    # A call with too few or too many arguments is refused by Python, in the words that everybody knows.
    return ours or "positional argument" in str(error) or "keyword argument" in str(error)

"""A file is whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from helpers import normal
from torch import nn

from algan_lite.core.files import load_checkpoint, save_checkpoint


def test_round_trip_of_any_tensor_and_value(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "c.ckpt"
    base = normal(4, 6)
    tensors = {
        "view": base[:, ::2].T,
        "same memory": base,
        "channels last": normal(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "bytes": torch.arange(5, dtype=torch.uint8),
        "number": torch.tensor(3.5, dtype=torch.float64),
        "half": normal(3).bfloat16(),
        "parameter": nn.Parameter(normal(2)),
        "empty": torch.zeros(0, 3),
    }
    values = {"a": [1, 2.5, None, "ü"], "b": {"c": True}}
    save_checkpoint(path, tensors, values)
    loaded, plain = load_checkpoint(path)
    assert plain == values
    assert loaded.keys() == tensors.keys()
    for name, value in tensors.items():
        assert loaded[name].dtype == value.dtype
        assert torch.equal(loaded[name], value)
    assert os.listdir(path.parent) == ["c.ckpt"]


@pytest.mark.parametrize("failing", ["os.replace", "os.fsync"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    path = tmp_path / "c.ckpt"
    save_checkpoint(path, {"x": torch.ones(3)}, {"which": "old"})

    def fail(*args: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(failing, fail)
        with pytest.raises(OSError, match="no space left"):
            save_checkpoint(path, {"x": torch.zeros(3)}, {"which": "new"})
    tensors, values = load_checkpoint(path)
    assert values == {"which": "old"}
    assert torch.equal(tensors["x"], torch.ones(3))
    assert os.listdir(tmp_path) == ["c.ckpt"]  # nothing half-written is left behind

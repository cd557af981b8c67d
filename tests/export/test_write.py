"""What is written: small, once, and nothing where it must be refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from export.shared import onnx, session
from helpers import tiny, untouched
from torch import nn

import algan_lite as al
from algan_lite import export


def test_graph_is_small_and_the_same_every_time(tmp_path: Path) -> None:
    config, files = al.TrainConfig(regularizers={"r1": 0.1}, strategy="top_k", batch_size=128), []
    for seed in (0, 1):
        G, D = al.models.mlp_pair(width=32, seed=seed)
        with untouched(G, D):
            export.training_step(tmp_path / "step.onnx", config, G, D)
        files.append((tmp_path / "step.onnx").read_bytes())
    assert files[0] == files[1]  # the weights are inputs
    assert len(files[0]) < 13_000
    model = onnx.load_from_string(files[0])
    assert len(model.graph.node) < 270
    assert not model.metadata_props
    assert not model.graph.value_info
    assert not any(node.doc_string or node.name or node.metadata_props for node in model.graph.node)


def test_graphs_are_written_once(tmp_path: Path) -> None:
    G, D = tiny()
    base = al.TrainConfig(batch_size=4)
    configs = {"plain": base, "r1": al.TrainConfig(batch_size=4, regularizers={"r1": 1.0}, loss="hinge")}
    manifest = export.graphs(tmp_path, configs, G, D, num_x=3, num_z=2, progress=False)
    assert json.loads((tmp_path / "manifest.json").read_text()) == json.loads(json.dumps(manifest))
    assert {p.name for p in tmp_path.iterdir()} == {
        *("plain.onnx", "r1.onnx", "view_non_saturating.onnx", "view_hinge.onnx", "manifest.json")
    }
    assert manifest["steps"]["r1"]["view"] in manifest["views"]
    step = session(tmp_path / manifest["steps"]["plain"]["file"])
    assert [i.name for i in step.get_inputs()] == list(manifest["steps"]["plain"]["inputs"])
    for path in tmp_path.glob("*.onnx"):
        path.write_bytes(b"left as it is")
    configs["r1"] = al.TrainConfig(batch_size=8, regularizers={"r1": 1.0}, loss="hinge")
    export.graphs(tmp_path, configs, G, D, num_x=3, num_z=2, progress=False)
    kept = {p.name for p in tmp_path.glob("*.onnx") if p.read_bytes() == b"left as it is"}
    assert kept == {"plain.onnx", "view_non_saturating.onnx", "view_hinge.onnx"}
    (tmp_path / "plain.onnx").unlink()
    export.graphs(tmp_path, configs, G, D, num_x=3, num_z=2, progress=False)
    assert onnx.load(tmp_path / "plain.onnx").graph.node


def with_buffer() -> tuple[nn.Module, nn.Module]:
    G, D = tiny()
    D.register_buffer("count", torch.zeros(1))
    return G, D


def frozen() -> tuple[nn.Module, nn.Module]:
    G, D = tiny()
    G.body[0].weight.requires_grad_(False)
    return G, D


def with_dropout() -> tuple[nn.Module, nn.Module]:
    G, D = tiny()
    D.trunk.append(nn.Dropout())
    return G, D


REFUSED = [
    (tiny, {"d_steps": 2}, ValueError, r"d_steps must be 1 .* got 2"),
    (tiny, {"balance": "gap_aware"}, ValueError, r"balance must be None .* got GapAware"),
    (tiny, {"regularizers": {"r1": torch.ones(2)}}, ValueError, r"regularizers\['r1'\] must have shape \(\)"),
    (tiny, {"strategy": "disagreement"}, ValueError, r"num_heads in \[2, inf\); got 1"),
    (lambda: al.models.ensemble(al.models.conv_pair, 2), {}, ValueError, r"G must be an ensemble of dense networks"),
    (lambda: tiny(runs=2), {"regularizers": {"r1": torch.ones(3)}}, ValueError, r"shape \(\) or \(2,\); got \(3,\)"),
    (with_buffer, {}, ValueError, r"D must hold no buffers.* got count"),
    (frozen, {}, ValueError, r"weights of G must be float32 and require gradients; got body\.0\.weight"),
    (with_dropout, {}, NotImplementedError, r"every draw must be an input"),
    (al.models.conv_pair, {}, NotImplementedError, r"has no translation into ONNX"),
]


@pytest.mark.parametrize(("nets", "options", "error", "message"), REFUSED)
def test_refuses(nets: Callable, options: dict, error: type[Exception], message: str, tmp_path: Path) -> None:
    G, D = nets()
    with pytest.raises(error, match=message):
        export.training_step(tmp_path / "step.onnx", al.TrainConfig(batch_size=4, **options), G, D)
    assert not list(tmp_path.iterdir())


def test_refuses_strange_arguments(tmp_path: Path) -> None:
    G, D = tiny()
    config = al.TrainConfig(batch_size=4)
    with pytest.raises(TypeError, match=r"config must be a TrainConfig; got dict"):
        export.training_step(tmp_path / "step.onnx", {}, G, D)
    with pytest.raises(ValueError, match=r"num_x must be in \[1, inf\); got 0"):
        export.view(tmp_path / "view.onnx", G, D, config, num_x=0)
    with pytest.raises(ValueError, match=r"names of configs .* got 'a/b'"):
        export.graphs(tmp_path, {"a/b": config}, G, D)


def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)  # importing it raises ImportError
    with pytest.raises(ImportError, match=r"pip install onnx$"):
        export.training_step(tmp_path / "step.onnx", al.TrainConfig(batch_size=4), *tiny())

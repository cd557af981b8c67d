"""An exported step is the step that ``train()`` takes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import RING, assert_near, normal, tiny, untouched
from torch import nn

import algan_lite as al
from algan_lite import export
from algan_lite.export.step import adam
from algan_lite.training.state import TrainState
from algan_lite.training.step import Step

onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="the package onnxruntime is not installed")

LOSSES = list(al.LOSSES)
REGULARIZERS = [None, *al.REGULARIZERS]
STRATEGIES = list(al.STRATEGIES)
# The gradient of mode_seeking at tiny networks is huge, and rounding with it.
LAMS = dict.fromkeys(al.REGULARIZERS, 0.3) | {"mode_seeking": 1e-3}
SIZES = {"num_steps": 50, "batch_size": 16, "pool_factor": 2, "log_every": 1}
OTHERS = {
    "LOGAN": {"strategy": "latent_ascent", "strategy_options": {"through": True, "steps": 2}},
    "drawn top_k": {"strategy": "top_k", "strategy_options": {"uniform_share": 0.5}, "reweight": True},
    "selected": {"strategy": "softmax", "reweight": True, "d_fakes": "selected", "regularizers": {"r1": 0.3}},
    "no boundary": {"strategy": "uncertain", "loss": "wasserstein", "regularizers": {"lecam": 0.3}},
    "features": {"strategy": "core_set", "strategy_options": {"space": "features"}},
    "own loss": {"loss": al.losses.alpha(0.5, 0.7), "betas": (0.0, 0.9), "ema_decay": 0.9},
    "schedule": {"regularizers": {"r2": lambda step: 0.1 * step, "lecam": 0.3}, "lr_D": 3e-3},
    "one batch": {"strategy": "top_k", "pool_factor": 1, "regularizers": {"r1": 0.1}},
}


def settings(loss: int, regularizer: int, strategy: int) -> al.TrainConfig:
    """Return settings by places in the three tables; a list that has ended begins again."""
    name = REGULARIZERS[regularizer % len(REGULARIZERS)]
    return al.TrainConfig(
        **SIZES,
        loss=LOSSES[loss % len(LOSSES)],
        regularizers={} if name is None else {name: LAMS[name]},
        strategy=STRATEGIES[strategy % len(STRATEGIES)],
    )


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


def walk(path: Path, config: al.TrainConfig, spec: export.StepSpec, seed: int = 0) -> list[dict[str, torch.Tensor]]:
    """Return the outputs of all steps of the exported graph, on the draws that ``train()`` makes."""
    graph, (G, D), outputs = session(path), pair(config), []
    run, state = TrainState.start(G, D, config, seed), spec.pack(G, D)
    for step in range(config.num_steps):
        drawn = Step(G, D, config).draw(RING, run.streams, {})
        given = {"x_real": drawn.x_real, "z_pool": drawn.z_pool, "z2": drawn.z2, "noise": drawn.noise}
        given |= {f"lam_{name}": lam for name, lam in config.lams(step, "cpu").items()}
        given |= {"lr_G": config.lr, "lr_D": config.lr_D or config.lr, "step": step + 1, "state": state}
        given["selection_noise"] = drawn.chance
        outputs.append(compute(graph, **{name: given[name] for name in spec.inputs}))
        state = outputs[-1]["new_state"]
    return outputs


def assert_same_as_train(path: Path, config: al.TrainConfig) -> None:
    G, D = pair(config)
    spec = export.training_step(path, config, G, D)
    outputs, runs = walk(path, config, spec), []
    history = al.train(G, D, RING, config, seed=0, callbacks=[runs.append], progress=False)
    mine, its = spec.unpack(outputs[-1]["new_state"]), spec.unpack(spec.pack(G, D, runs[-1]))
    assert mine.keys() == its.keys()
    norms: dict[str, float] = {}  # of each group: a moment that is one number may just be crossing 0
    for name, value in its.items():
        norms[name.partition(".")[0]] = max(norms.get(name.partition(".")[0], 0.0), value.norm().item())
    for name, value in its.items():
        gap, norm = (mine[name] - value).norm().item(), value.norm().item()
        assert gap <= 1e-3 * norm + 1e-6 * norms[name.partition(".")[0]], (
            f"{name} differs by {gap:.3g}, norm {norm:.3g}"
        )
    for player in ("loss_D", "loss_G"):
        expected = torch.tensor(history.frame()[player].to_numpy(), dtype=torch.float32)
        assert_near(torch.stack([output[player] for output in outputs]), expected, 1e-3)
    assert all(output["chosen"].dtype == torch.int64 for output in outputs)


@pytest.mark.parametrize("i", range(max(map(len, (LOSSES, REGULARIZERS, STRATEGIES)))))
def test_step_is_that_of_train(i: int, tmp_path: Path) -> None:
    """Every loss, every regularizer and every strategy at least once."""
    assert_same_as_train(tmp_path / "step.onnx", settings(i, i + 3, i))


@pytest.mark.parametrize("name", OTHERS)
def test_options_are_those_of_train(name: str, tmp_path: Path) -> None:
    assert_same_as_train(tmp_path / "step.onnx", al.TrainConfig(**SIZES | OTHERS[name]))


@pytest.mark.slow
@pytest.mark.parametrize("strategy", range(len(STRATEGIES)))
@pytest.mark.parametrize("loss", range(len(LOSSES)))
def test_every_pair_is_that_of_train(loss: int, strategy: int, tmp_path: Path) -> None:
    """Every loss with every strategy, and the regularizers with most of both."""
    assert_same_as_train(tmp_path / "step.onnx", settings(loss, loss + strategy, strategy))


def test_chosen_is_what_select_noise_chooses(tmp_path: Path) -> None:
    config = al.TrainConfig(**SIZES | {"strategy": "top_k", "num_steps": 1})
    G, D = pair(config)
    spec = export.training_step(tmp_path / "step.onnx", config, G, D)
    (output,) = walk(tmp_path / "step.onnx", config, spec)
    z_pool = Step(G, D, config).draw(RING, TrainState.start(G, D, config, 0).streams, {}).z_pool
    assert torch.equal(output["chosen"], al.select_noise(G, D, z_pool, 16, "top_k").indices)


# ---- Adam


@pytest.mark.parametrize("fused", [False, True])
def test_adam_is_that_of_pytorch(fused: bool) -> None:
    weights = normal(40).requires_grad_()
    optimizer = torch.optim.Adam([weights], lr=0.01, betas=(0.5, 0.9), fused=fused)
    mine, m, v = weights.detach().clone(), torch.zeros(40), torch.zeros(40)
    for step in range(1, 31):
        weights.grad = normal(40, seed=step) * 10.0 ** -(step % 8)
        weights.grad[:3] = 0.0  # a unit that is off: 0 / (0 + eps)
        mine, m, v = adam(
            mine, weights.grad, m, v, torch.tensor(0.01), torch.tensor(float(step)), optimizer.param_groups[0]["betas"]
        )
        optimizer.step()
    memory = optimizer.state[weights]
    for ours, its in ((mine, weights.detach()), (m, memory["exp_avg"]), (v, memory["exp_avg_sq"])):
        assert_near(ours, its, 1e-5)
    assert torch.equal(mine[:3], normal(40)[:3])


def test_a_unit_without_gradient_stays(tmp_path: Path) -> None:
    """Adam's eps is in the graph: a weight that never had a gradient is 0 / eps, and not 0 / 0."""
    config = al.TrainConfig(**SIZES | {"num_steps": 1})
    G, D = pair(config)
    with torch.no_grad():
        G.body[0].bias.fill_(-100.0)  # the first layer is off for every latent
    spec = export.training_step(tmp_path / "step.onnx", config, G, D)
    inputs = {name: torch.rand(shape) for name, shape in spec.inputs.items()} | {"state": spec.pack(G, D), "step": 1}
    after = spec.unpack(compute(session(tmp_path / "step.onnx"), **inputs)["new_state"])
    assert torch.equal(after["G.body.0.weight"], G.body[0].weight.detach())
    assert not torch.equal(after["G.body.4.bias"], G.body[4].bias.detach())


# ---- the view


@pytest.mark.parametrize(("loss", "sign"), [("non_saturating", 1), ("energy", -1), ("relativistic", 1)])
@pytest.mark.parametrize("heads", [1, 3])
def test_view(loss: str, sign: int, heads: int, tmp_path: Path) -> None:
    config = al.TrainConfig(loss=loss, regularizers={"lecam": 1.0})
    G, D = tiny(depth=2, num_heads=heads)
    interface = export.view(tmp_path / "view.onnx", G, D, config, num_x=5, num_z=7)
    x, z = normal(5, 2), normal(7, 3, seed=1)
    state = export.StepSpec.of(config, G, D).pack(G, D)
    assert len(state) > interface["inputs"]["state"][0]  # one view for states with and without more behind the weights
    seen = compute(session(tmp_path / "view.onnx"), state=state, x=x, z=z)
    x_fake = G(z).detach().requires_grad_()
    logits = D(x_fake)
    assert {name: tuple(value.shape) for name, value in seen.items()} == interface["outputs"]
    assert_near(seen["logits_x"], D(x).detach())
    assert_near(seen["fakes"], x_fake.detach())
    assert_near(seen["logits_fakes"], logits.detach())
    if heads == 1:  # d softplus(-D) / dx = -sigmoid(-D) dD/dx; a pair of equals has sigmoid(0)
        (slope,) = torch.autograd.grad(logits.sum(), x_fake)
        pull = torch.full_like(logits, 0.5) if loss == "relativistic" else torch.sigmoid(-sign * logits)
        assert_near(seen["arrows"], sign * pull.detach().unsqueeze(-1) * slope)
    pair_loss = al.LOSSES[loss]
    moved = D(x_fake.detach() + 1e-2 * seen["arrows"])
    assert bool((pair_loss.realness(moved) > pair_loss.realness(logits)).all())


# ---- the interface


def test_spec_says_where_everything_is(tmp_path: Path) -> None:
    config = al.TrainConfig(**SIZES | {"strategy": "softmax", "regularizers": {"lecam": 0.1, "mode_seeking": 0.1}})
    G, D = pair(config)
    spec = export.StepSpec.of(config, G, D)
    assert {name: spec.inputs[name] for name in spec.inputs if name != "state"} == {
        "x_real": (16, 2),
        "z_pool": (32, 3),
        "z2": (16, 3),
        "selection_noise": (32,),
        **dict.fromkeys(("lam_lecam", "lam_mode_seeking", "lr_G", "lr_D", "step"), ()),
    }
    assert spec.outputs == {"new_state": (spec.size,), "loss_D": (), "loss_G": (), "chosen": (16,)}
    state = spec.unpack(spec.pack(G, D))
    assert sum(value.numel() for value in state.values()) == spec.size
    groups = list(dict.fromkeys(name.partition(".")[0] for name in state))
    assert groups == ["G", "D", "m_G", "m_D", "v_G", "v_D", "G_ema", "averages"]
    for name, weight in G.named_parameters():
        assert torch.equal(state[f"G.{name}"], weight)
        assert torch.equal(state[f"G_ema.{name}"], weight)
        assert not state[f"m_G.{name}"].any()
    assert [name for name in state if name.startswith("averages")] == [
        f"averages.{k}" for k in ("real", "fake", "weight")
    ]
    spec.save(tmp_path / "step.json")
    assert json.loads((tmp_path / "step.json").read_text()) == spec.plain()
    assert spec.plain()["config"]["strategy"] == "softmax"
    with pytest.raises(ValueError, match=r"state must have shape"):
        spec.unpack(torch.zeros(3))
    with pytest.raises(ValueError, match=r"G\.body\.0\.weight must have shape \(8, 3\); got \(8, 4\)"):
        spec.pack(*tiny(latent_dim=4, depth=2))


def test_graph_is_small_and_the_same_every_time(tmp_path: Path) -> None:
    config, files = al.TrainConfig(regularizers={"r1": 0.1}, strategy="top_k", batch_size=128), []
    for seed in (0, 1):
        G, D = al.models.mlp_pair(width=32, seed=seed)
        with untouched(G, D):
            export.training_step(tmp_path / "step.onnx", config, G, D)
        files.append((tmp_path / "step.onnx").read_bytes())
    assert files[0] == files[1]  # the weights are inputs
    assert len(files[0]) < 12_000
    model = onnx.load_from_string(files[0])
    assert len(model.graph.node) < 240
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


# ---- what is refused


def ensemble() -> tuple[nn.Module, nn.Module]:
    return tiny(runs=2)


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
    (tiny, {"strategy": "top_k", "keep_decay": 0.9}, ValueError, r"keep_decay must be None .* got 0\.9"),
    (tiny, {"regularizers": {"r1": torch.ones(2)}}, ValueError, r"regularizers\['r1'\] must have shape \(\)"),
    (tiny, {"strategy": "disagreement"}, ValueError, r"num_heads in \[2, inf\); got 1"),
    (ensemble, {}, ValueError, r"G must be one network.* got 2 runs"),
    (with_buffer, {}, ValueError, r"D must hold no buffers.* got count"),
    (frozen, {}, ValueError, r"weights of G must be float32 and require gradients; got body\.0\.weight"),
    (with_dropout, {}, NotImplementedError, r"every draw must be an input"),
    (al.models.conv_pair, {}, NotImplementedError, r"has no translation into ONNX"),
]


@pytest.mark.parametrize(("nets", "options", "error", "message"), REFUSED)
def test_refuses(nets: object, options: dict, error: type[Exception], message: str, tmp_path: Path) -> None:
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
    with pytest.raises(ImportError, match=r"pip install algan-lite\[export\]"):
        export.training_step(tmp_path / "step.onnx", al.TrainConfig(batch_size=4), *tiny())

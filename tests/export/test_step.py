"""An exported step is the step that ``train()`` takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from export.shared import SIZES, compute, pair, session
from helpers import RING, assert_near, normal, tiny

import algan_lite as al
from algan_lite import export
from algan_lite.training.state import TrainState
from algan_lite.training.step import Step

LOSSES = list(al.LOSSES)
REGULARIZERS = [None, *al.REGULARIZERS]
STRATEGIES = list(al.STRATEGIES)
# The gradient of mode_seeking at tiny networks is huge, and rounding with it.
LAMS = dict.fromkeys(al.REGULARIZERS, 0.3) | {"mode_seeking": 1e-3}
OTHERS = {
    "LOGAN": {"strategy": "latent_ascent", "strategy_options": {"through": True, "steps": 2}},
    "drawn top_k": {"strategy": "top_k", "strategy_options": {"uniform_share": 0.5}, "reweight": True},
    "selected": {"strategy": "softmax", "reweight": True, "d_fakes": "selected", "regularizers": {"r1": 0.3}},
    "no boundary": {"strategy": "uncertain", "loss": "wasserstein", "regularizers": {"lecam": 0.3}},
    "features": {"strategy": "core_set", "strategy_options": {"space": "features"}},
    "own loss": {"loss": al.losses.alpha(0.5, 0.7), "betas": (0.0, 0.9), "ema_decay": 0.9},
    "schedule": {"regularizers": {"r2": lambda step: 0.1 * step, "lecam": 0.3}, "lr_D": 3e-3},
    "keep": {"strategy": "top_k", "pool_factor": 1, "keep_decay": 0.8, "steps_per_epoch": 10},
    "one batch": {"strategy": "top_k", "pool_factor": 1, "regularizers": {"r1": 0.1}},
}


def settings(loss: int, regularizer: int, strategy: int) -> al.TrainConfig:
    """Return settings by places in the three tables; a list that has ended begins again."""
    name, chosen = REGULARIZERS[regularizer % len(REGULARIZERS)], STRATEGIES[strategy % len(STRATEGIES)]
    # A lottery by gradients: once rounding moves a draw across a boundary, another latent is in.
    steps = {"num_steps": 10} if chosen == "importance" else {}
    return al.TrainConfig(
        **SIZES | steps,
        loss=LOSSES[loss % len(LOSSES)],
        regularizers={} if name is None else {name: LAMS[name]},
        strategy=chosen,
    )


def walk(path: Path, config: al.TrainConfig, spec: export.StepSpec, seed: int = 0) -> list[dict[str, torch.Tensor]]:
    """Return the outputs of all steps of the exported graph, on the draws that ``train()`` makes."""
    graph, (G, D), outputs = session(path), pair(config), []
    run, state = TrainState.start(G, D, config, seed), spec.pack(G, D)
    for step in range(config.num_steps):
        drawn = Step(G, D, config).draw(RING, run.streams, {})
        given = {"x_real": drawn.x_real, "z_pool": drawn.z_pool, "z2": drawn.z2, "noise": drawn.noise}
        given |= {f"lam_{name}": lam for name, lam in config.lams(step, "cpu").items()}
        given |= {"lr_G": config.lr, "lr_D": config.lr_D or config.lr, "step": step + 1, "state": state}
        given |= {"selection_noise": drawn.chance, "keep": config.keep(step)}
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


# Not importance: it sorts candidates by slopes, which some losses make alike at the start: rounding orders them.
@pytest.mark.slow
@pytest.mark.parametrize("strategy", [k for k, name in enumerate(STRATEGIES) if name != "importance"])
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


def test_of_an_ensemble_each_row_is_a_run(tmp_path: Path) -> None:
    """Step and view: names of the layout are those of one network, and every run has its own lambda and rates."""
    config = al.TrainConfig(batch_size=8, strategy="top_k", pool_factor=2, regularizers={"r1": 0.1})
    Gs, Ds = tiny(2, depth=2)
    spec = export.training_step(tmp_path / "step.onnx", config, Gs, Ds)
    looks = export.view(tmp_path / "view.onnx", Gs, Ds, config, num_x=5, num_z=7)
    given = {name: normal(*shape, seed=k) for k, (name, shape) in enumerate(spec.inputs.items())}
    given |= {"state": spec.pack(Gs, Ds), "lam_r1": torch.tensor([0.0, 3.0]), "step": torch.tensor(1.0)}
    given |= {"lr_G": torch.tensor([1e-3, 2e-3]), "lr_D": torch.tensor([2e-3, 1e-3])}
    together = compute(session(tmp_path / "step.onnx"), **given)
    x, z = normal(5, 2), normal(7, 3, seed=1)
    seen = compute(session(tmp_path / "view.onnx"), state=given["state"], x=x, z=z)
    assert {name: tuple(value.shape) for name, value in together.items()} == spec.outputs
    assert {name: tuple(value.shape) for name, value in seen.items()} == looks["outputs"]
    for k in range(2):
        G, D = Gs.member(k), Ds.member(k)
        one = export.training_step(tmp_path / "one.onnx", config, G, D)
        assert one.layout == spec.layout
        export.view(tmp_path / "look.onnx", G, D, config, num_x=5, num_z=7)
        own = {name: value if name == "step" else value[k] for name, value in given.items()}
        assert_near(own["state"], one.pack(G, D), 1e-9)
        alone = compute(session(tmp_path / "one.onnx"), **own)
        look = compute(session(tmp_path / "look.onnx"), state=own["state"], x=x, z=z)
        assert torch.equal(together["chosen"][k], alone["chosen"])
        for name in spec.outputs.keys() - {"chosen"}:
            assert_near(together[name][k], alone[name], 1e-6)
        for name, value in look.items():
            assert_near(seen[name][k], value, 1e-6)

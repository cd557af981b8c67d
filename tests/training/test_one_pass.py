"""Where pool and batch are one, the pass that scores the candidates is also the one that both players train on."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers import RING, assert_near, normal, tiny
from torch import Tensor, nn
from training.shared import config, run, same_weights

import algan_lite as al
from algan_lite.objective.batch import Batch, judge, update_averages
from algan_lite.objective.players import objective
from algan_lite.selection.select import STRATEGIES
from algan_lite.training.state import TrainState
from algan_lite.training.step import Step

JUDGING = ["top_k", "bottom_k", "uncertain", "softmax", "disagreement"]
SETTINGS: dict[str, dict[str, Any]] = {
    **{name: {"strategy": name} for name in JUDGING},
    **{f"{name}, kept": {"strategy": name, "keep_decay": 0.6, "keep_floor": 0.4} for name in JUDGING},
    "kept, selected": {"strategy": "top_k", "keep_decay": 0.6, "d_fakes": "selected"},
    "reweighted": {"strategy": "softmax", "strategy_options": {"sign": -1, "temperature": 0.5}, "reweight": True},
    "share": {"strategy": "top_k", "strategy_options": {"uniform_share": 0.5}, "reweight": True},
}
LAMS = dict.fromkeys(al.REGULARIZERS, 0.1) | {"mode_seeking": 1e-3}
STEP = 150  # in the second epoch of the schedule


def drawn_by(settings: al.TrainConfig, runs: int | None, dtype: torch.dtype) -> tuple[nn.Module, nn.Module, Batch]:
    G, D = (net.to(dtype) for net in tiny(runs=runs, num_heads=2))
    streams = TrainState.start(G, D, settings, seed=7).streams
    average = torch.full(() if runs is None else (runs,), 0.1, dtype=dtype)
    return G, D, Step(G, D, settings).draw(RING, streams, {"real": average, "fake": -average, "weight": average})


def ours(G: nn.Module, D: nn.Module, settings: al.TrainConfig, drawn: Batch) -> tuple[Tensor, list[Tensor]]:
    """The step of ``train()``: the places of the chosen, and the gradients of both players."""
    step = Step(G, D, settings)
    chosen = step.choose(drawn, settings.keep(STEP))
    x_fake = G(chosen.z) if chosen.x_fake is None else chosen.x_fake
    batch = step.classify(drawn, chosen, x_fake)
    terms = objective("D", G, D, batch, LAMS), objective("G", G, D, step.reclassify(batch, chosen, x_fake), LAMS)
    assert step.take_calls() == 0
    return chosen.indices, gradients(G, D, *terms)


def two_passes(G: nn.Module, D: nn.Module, settings: al.TrainConfig, drawn: Batch) -> tuple[Tensor, list[Tensor]]:
    """The same by hand: look, choose, generate in the order of the choice, and meet the other draws in that order."""
    how = {"loss": settings.loss, "reweight": settings.reweight, "noise": drawn.chance, **settings.strategy_options}
    n, keep = settings.batch_size, settings.keep(STEP)
    chosen = al.select_noise(G, D, drawn.z_pool, n, settings.strategy, keep=keep, **how)
    assert chosen.num_calls == n

    def sorted_as_chosen(x: Tensor) -> Tensor:
        return torch.take_along_dim(x, chosen.indices.unsqueeze(-1), -2)

    x_real, z2, noise = map(sorted_as_chosen, (drawn.x_real, drawn.z2, drawn.noise))
    x_real.requires_grad_()
    x_fake, lead = G(chosen.z), chosen.z.shape[:-1]
    real, fake = judge(D, x_real, lead), judge(D, x_fake, lead)
    state = update_averages(drawn.state, real.logits, fake.logits)
    for_G = chosen.weights if settings.reweight or keep is not None else None
    for_D = for_G if settings.d_fakes == "selected" else None
    seen = {"z2": z2, "noise": noise, "state": state, "z": chosen.z, "x_fake": x_fake, "real": real, "fake": fake}
    loss = al.LOSSES[settings.loss]
    terms = (
        objective(player, G, D, Batch(x_real, loss, weights=weights, **seen), LAMS)
        for player, weights in (("D", for_D), ("G", for_G))
    )
    return chosen.indices, gradients(G, D, *terms)


def gradients(G: nn.Module, D: nn.Module, terms_D: dict[str, Tensor], terms_G: dict[str, Tensor]) -> list[Tensor]:
    weights_D, weights_G = list(D.parameters()), list(G.parameters())
    of_D = torch.autograd.grad(terms_D["total"].sum(), weights_D, retain_graph=True)
    return [*of_D, *torch.autograd.grad(terms_G["total"].sum(), weights_G)]


@pytest.mark.parametrize("runs", [None, 3])
@pytest.mark.parametrize("loss", ["non_saturating", "relativistic", "wasserstein", "energy"])
@pytest.mark.parametrize("name", SETTINGS)
def test_one_pass_gives_the_choice_and_the_gradients_of_two(name: str, loss: str, runs: int | None) -> None:
    settings = config(loss=loss, regularizers=LAMS, **SETTINGS[name])
    G, D, drawn = drawn_by(settings, runs, torch.float64)
    (indices, mine), (its_indices, its) = ours(G, D, settings, drawn), two_passes(G, D, settings, drawn)
    assert torch.equal(indices, its_indices)
    for one, other in zip(mine, its, strict=True):
        assert_near(one, other, 1e-9)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("runs", [None, 3])
@pytest.mark.parametrize("name", SETTINGS)
def test_the_choice_is_that_of_select_noise_in_few_digits_too(
    name: str, runs: int | None, precision: torch.dtype
) -> None:
    for loss in ("non_saturating", "wasserstein"):
        settings = config(loss=loss, regularizers=LAMS, batch_size=64, **SETTINGS[name])
        G, D, drawn = drawn_by(settings, runs, torch.float32)
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            mine = Step(G, D, settings).choose(drawn, settings.keep(STEP))
            how = {"loss": loss, "noise": drawn.chance, **settings.strategy_options}
            its = al.select_noise(G, D, drawn.z_pool, 64, settings.strategy, **how)
        assert torch.equal(mine.indices, its.indices)
        assert torch.equal(mine.z, drawn.z_pool)


@pytest.mark.parametrize("name", ["top_k", "bottom_k", "uncertain", "softmax"])
def test_a_fake_without_a_finite_logit_has_the_last_rank(name: str) -> None:
    settings = config(strategy=name, keep_decay=0.5, keep_floor=0.1)
    G, D = tiny()
    z_pool, chance = normal(8, 3), torch.rand(8, generator=torch.Generator().manual_seed(0))
    z_pool[2] = torch.nan
    drawn = Batch(normal(8, 2), al.LOSSES["hinge"], z_pool, chance)
    chosen = Step(G, D, settings).choose(drawn, settings.keep(STEP))
    assert chosen.indices[-1] == 2
    assert chosen.weights[2] == 0
    assert chosen.weights.sort(descending=True).values.tolist() == [0.25] * 4 + [0.0] * 4
    assert set(chosen.weights.nonzero().flatten().tolist()) == set(chosen.indices[:4].tolist())


@pytest.mark.parametrize("runs", [None, 2])
@pytest.mark.parametrize("name", JUDGING)
def test_to_choose_a_whole_batch_is_the_plain_gan_bit_for_bit(name: str, runs: int | None) -> None:
    *mine, history = run(config(strategy=name, loss="relativistic"), runs, num_heads=2)
    *plain, _ = run(config(loss="relativistic"), runs, num_heads=2)
    assert all(map(same_weights, mine, plain))
    assert history.num_calls == 0


class OneHead(nn.Module):
    """A D of somebody's own, which may notice its mode."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), *layers, nn.Linear(8, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).squeeze(-1)


def test_a_layer_that_may_notice_its_mode_is_looked_at_apart() -> None:
    G, D = tiny()[0], OneHead(nn.Dropout(0.5))
    with torch.random.fork_rng():
        history = al.train(G, D, RING, config(strategy="top_k"), progress=False)
    assert history.num_calls == 10 * 8


def test_one_judge_cannot_disagree() -> None:
    with pytest.raises(ValueError, match=r"needs a D with num_heads in \[2, inf\); got 1"):
        run(config(strategy="disagreement"))


def test_only_those_that_judge_by_logits_are_given_them() -> None:
    assert [name for name, entry in STRATEGIES.items() if entry.judges] == JUDGING

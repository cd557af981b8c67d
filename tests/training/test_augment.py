"""Augmentations: known answers, a contract over the table, and training in which both players see through them."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from helpers import RING, normal, tiny
from torch import Tensor
from torch.nn.functional import softplus
from training.shared import config, run, same_weights

import algan_lite as al
from algan_lite.core import rng
from algan_lite.objective.batch import Batch, View, make_batch
from algan_lite.training import BALANCES
from algan_lite.training.augment import AUGMENTATIONS, Augmentation, Chain, resolve_augment
from algan_lite.training.step import Step

every = pytest.mark.parametrize("name", AUGMENTATIONS)


def uniform(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def samples(entry: Augmentation, *lead: int, seed: int = 0) -> Tensor:
    return normal(*lead, *((2,) if entry.axes == 1 else (2, 6, 5)), seed=seed)


@every
class TestContract:
    def test_strength_0_changes_nothing_and_the_usual_one_does(self, name: str) -> None:
        entry = AUGMENTATIONS[name]
        x, draws = samples(entry, 7), uniform(7, entry.draws)
        assert torch.equal(entry(x, 0, draws), x)
        assert torch.equal(entry(x, torch.tensor(0.0), draws), x)
        changed = entry(x, entry.strength, draws)
        assert (changed - x).flatten(1).norm(dim=1).median() > 0.01
        assert (changed.shape, changed.dtype) == (x.shape, x.dtype)
        assert entry(x.double(), entry.strength, draws).dtype == torch.float64

    def test_it_is_differentiable(self, name: str) -> None:
        entry = AUGMENTATIONS[name]
        x, draws = samples(entry, 3).double().requires_grad_(), uniform(3, entry.draws, dtype=torch.float64)
        assert torch.autograd.gradcheck(lambda x: entry(x, entry.strength, draws), x)
        assert torch.autograd.gradgradcheck(lambda x: entry(x, entry.strength, draws).square(), x)

    def test_reals_and_fakes_with_the_same_draws_are_changed_alike_sample_by_sample(self, name: str) -> None:
        entry = AUGMENTATIONS[name]
        real, draws = samples(entry, 6), uniform(6, entry.draws)
        whole = entry(real, entry.strength, draws)
        assert torch.equal(entry(real.clone(), entry.strength, draws), whole)
        for k in range(6):
            alone = entry(real[k : k + 1], entry.strength, draws[k : k + 1])
            torch.testing.assert_close(alone[0], whole[k], rtol=1e-6, atol=1e-6)

    def test_runs_have_a_strength_each(self, name: str) -> None:
        entry = AUGMENTATIONS[name]
        strength = torch.tensor([0.0, entry.strength / 2, entry.strength])
        x, draws = samples(entry, 3, 5), uniform(3, 5, entry.draws)
        together = entry(x, strength, draws)
        for k in range(3):
            torch.testing.assert_close(together[k], entry(x[k], strength[k].item(), draws[k]), rtol=1e-6, atol=1e-6)

    def test_it_refuses_by_name(self, name: str) -> None:
        entry = AUGMENTATIONS[name]
        x, draws = samples(entry, 4), uniform(4, entry.draws)
        with pytest.raises(ValueError, match=r"draws must be \(4, "):
            entry(x, 0.1, uniform(4, entry.draws + 1))
        with pytest.raises(ValueError, match=f"{name} changes .*; got samples of shape"):
            entry(normal(4, 3) if entry.axes == 1 else normal(5), 0.1, draws)
        for strength in (-0.1, torch.tensor([0.1, 0.2])):
            with pytest.raises(ValueError, match="strength must be"):
                entry(x, strength, draws)
        if entry.most < math.inf:
            with pytest.raises(ValueError, match=r"strength must be in \[0, "):
                entry(x, entry.most + 0.1, draws)


def test_brightness_and_contrast_by_hand() -> None:
    x, u = samples(AUGMENTATIONS["contrast"], 3), torch.tensor([[0.0], [0.5], [0.75]])
    expected = x + torch.tensor([-0.4, 0.0, 0.2]).view(3, 1, 1, 1)
    torch.testing.assert_close(AUGMENTATIONS["brightness"](x, 0.4, u), expected)
    mean = x.mean((1, 2, 3), keepdim=True)
    expected = mean + (x - mean) * torch.tensor([0.6, 1.0, 1.2]).view(3, 1, 1, 1)
    torch.testing.assert_close(AUGMENTATIONS["contrast"](x, 0.4, u), expected)


def test_translation_equals_a_loop_over_pixels_and_every_shift_is_as_likely() -> None:
    entry = AUGMENTATIONS["translation"]
    x, draws = samples(entry, 40), uniform(40, 2)
    height, width = x.shape[-2:]
    most = [round(0.4 * height), round(0.4 * width)]
    down, right = ([math.floor((2 * m + 1) * u) - m for u in draws[:, j].tolist()] for j, m in enumerate(most))
    expected = torch.empty_like(x)
    for k in range(40):
        for i in range(height):
            for j in range(width):
                row, column = min(max(i - down[k], 0), height - 1), min(max(j - right[k], 0), width - 1)
                expected[k, :, i, j] = x[k, :, row, column]
    assert torch.equal(entry(x, 0.4, draws), expected)
    point = torch.zeros(9000, 1, 9, 1)
    point[:, :, 4] = 1.0
    places = entry(point, 2 / 9, uniform(9000, 2)).flatten(1).argmax(1).bincount(minlength=9)
    assert places[[0, 1, 7, 8]].sum() == 0
    assert (places[2:7] / 9000 - 0.2).abs().max() < 0.02  # about 5 standard deviations


def test_cutout_equals_a_loop_over_pixels() -> None:
    entry = AUGMENTATIONS["cutout"]
    x, draws = samples(entry, 40) + 9, uniform(40, 2)  # no pixel is 0
    expected = x.clone()
    for k in range(40):
        spans = []
        for size, u in zip(x.shape[-2:], draws[k].tolist(), strict=True):
            side = round(0.5 * size)
            first = math.floor(u * (size + 1 - side % 2)) - side // 2
            spans.append(range(max(first, 0), min(first + side, size)))
        for i in spans[0]:
            for j in spans[1]:
                expected[k, :, i, j] = 0.0
    assert torch.equal(entry(x, 0.5, draws), expected)
    assert (entry(x, 1.0, torch.full((40, 2), 0.5)) == 0).all()  # a window of the whole size, in the middle


def test_rotation_keeps_the_radius_and_jitter_the_box() -> None:
    x, u = normal(500, 2), uniform(500, 1)
    turned = AUGMENTATIONS["rotation"](x, 0.3, u)
    torch.testing.assert_close(turned.norm(dim=1), x.norm(dim=1))
    angle = torch.atan2(turned[:, 1], turned[:, 0]) - torch.atan2(x[:, 1], x[:, 0])
    angle = torch.remainder(angle + math.pi, 2 * math.pi) - math.pi
    torch.testing.assert_close(angle, 0.3 * (2 * u[:, 0] - 1), atol=1e-5, rtol=0)
    moved = AUGMENTATIONS["jitter"](x, 0.3, uniform(500, 2)) - x
    assert 0.29 < moved.abs().max() <= 0.3001
    assert abs(moved.mean()) < 0.03


def test_a_chain_changes_a_share_p_of_the_samples_each_entry_by_itself() -> None:
    chain = Chain(resolve_augment(["brightness", "contrast"]))
    x, draws = samples(AUGMENTATIONS["contrast"], 3, 4000), uniform(3, 4000, chain.draws)
    shown = chain(x, torch.tensor([0.0, 0.3, 1.0]), draws)
    changed = (shown != x).flatten(2).any(-1).double().mean(-1)
    assert torch.equal(shown[0], x[0])
    assert changed[2] > 0.999
    assert abs(changed[1] - (1 - 0.7**2)) < 0.04  # either of the two
    both = AUGMENTATIONS["contrast"](AUGMENTATIONS["brightness"](x[2], 0.5, draws[2, :, 1:2]), 0.5, draws[2, :, 3:4])
    torch.testing.assert_close(shown[2], both)


def test_names_entries_and_strengths() -> None:
    named = resolve_augment({"translation": 0.25, "cutout": 0})
    assert [(entry.name, entry.strength) for entry in named] == [("translation", 0.25), ("cutout", 0.0)]
    settings = config(augment=["translation"])
    assert settings.describe()["augment"] == [["translation", 0.125]]
    assert replace(settings, num_steps=3).augment == settings.augment
    mine = Augmentation(name="jitter", fn=lambda x, s, d: x + s, draws=0, strength=0.1, most=1.0, axes=1)
    assert config(augment=[mine]).describe()["augment"] != config(augment=["jitter"]).describe()["augment"]
    with pytest.raises(ValueError, match=r"augment must be one of brightness, .*; got 'blur'"):
        config(augment=["blur"])
    with pytest.raises(ValueError, match=r"augment\['cutout'\] must be in \[0, 1\]; got 1.5"):
        config(augment={"cutout": 1.5})
    with pytest.raises(TypeError, match=r"augment must be names in AUGMENTATIONS.*; got 'cutout'"):
        config(augment="cutout")


# ---- training: both players see through the same changes

SHOWN = {"rotation": 0.4, "jitter": 0.2}


def shown_by_hand(x: Tensor, draws: Tensor) -> Tensor:
    angle = torch.where(draws[:, 0] < 0.6, 0.4 * (2 * draws[:, 1] - 1), 0.0)
    turned = torch.stack(
        [angle.cos() * x[:, 0] - angle.sin() * x[:, 1], angle.sin() * x[:, 0] + angle.cos() * x[:, 1]], -1
    )
    return torch.where(draws[:, 2:3] < 0.6, turned + 0.2 * (2 * draws[:, 3:] - 1), turned)


def test_training_equals_a_loop_by_hand() -> None:
    G, D = tiny(seed=3)
    data, candidates, changes = (rng.stream(3, name) for name in ("data", "candidates 0", "augmentation"))
    players = {"G": list(G.parameters()), "D": list(D.parameters())}
    adams = {player: torch.optim.Adam(weights, lr=1e-3, betas=(0.5, 0.999)) for player, weights in players.items()}
    for _ in range(12):
        x_real = RING.sample(8, generator=data).requires_grad_()
        z, draws = torch.randn(8, 3, generator=candidates), torch.rand(8, 5, generator=changes)
        seen = partial(shown_by_hand, draws=draws)
        logits = D(seen(x_real))
        (slope,) = torch.autograd.grad(logits.sum(), x_real, create_graph=True)
        penalty = 0.3 * slope.square().sum(-1).mean()
        for player in "DG":
            fakes = D(seen(G(z)))
            loss = (
                softplus(-logits).mean() + softplus(fakes).mean() + penalty
                if player == "D"
                else softplus(-fakes).mean()
            )
            for weight, gradient in zip(players[player], torch.autograd.grad(loss, players[player]), strict=True):
                weight.grad = gradient
            adams[player].step()
    settings = {"num_steps": 12, "augment": SHOWN, "augment_p": 0.6}
    mine = run(config(**settings, regularizers={"r1": 0.3}), seed=3)[:2]
    for ours, its in zip(mine, (G, D), strict=True):
        for p, q in zip(ours.parameters(), its.parameters(), strict=True):
            torch.testing.assert_close(p, q, rtol=1e-4, atol=1e-5)
    assert not same_weights(mine[0], run(config(num_steps=12, regularizers={"r1": 0.3}), seed=3)[0])


def test_with_p_0_it_is_the_plain_run_bit_for_bit() -> None:
    plain, never = run(config(num_steps=20)), run(config(num_steps=20, augment=SHOWN, augment_p=0.0))
    assert all(map(same_weights, plain[:2], never[:2]))


def test_a_chance_for_each_run() -> None:
    p = torch.tensor([0.0, 0.4, 1.0])
    G, _, _ = run(config(augment=SHOWN, augment_p=p), runs=3)
    for k in range(3):
        alone = run(config(augment=SHOWN, augment_p=p[k].item()), seed=k)[0]
        for mine, its in zip(G.member(k).parameters(), alone.parameters(), strict=True):
            torch.testing.assert_close(mine, its, rtol=1e-4, atol=1e-5)
    for runs in (None, 2):
        with pytest.raises(ValueError, match="augment_p must be a number or a tensor"):
            run(config(augment=SHOWN, augment_p=p), runs=runs)


def test_penalties_between_reals_and_fakes_see_through_it_too() -> None:
    G, D = tiny()
    plain = make_batch(G, D, normal(8, 2), normal(8, 3))
    far = plain._replace(augment=lambda x: 3 * x)
    for name in ("wgan_gp", "dragan"):
        fn = al.REGULARIZERS[name].fn
        assert not torch.isclose(fn(G, D, far), fn(G, D, plain))
        thrice = fn(G, lambda x: D(3 * x), plain)
        torch.testing.assert_close(fn(G, D, far), thrice)


def test_a_choice_looks_at_the_fakes_as_they_are_and_pays_for_it() -> None:
    settings = config(strategy="top_k", augment=SHOWN)
    assert run(settings)[2].num_calls == 10 * 8
    assert run(config(strategy="top_k"))[2].num_calls == 0
    assert al.passes_a_step(settings) == al.passes_a_step(config(strategy="top_k")) + 2
    assert al.passes_a_step(config(augment=["cutout"])) == 4.0
    G, D = tiny()
    assert not Step(G, D, settings)._one_pass


def test_samples_that_do_not_fit_are_refused_before_the_first_step() -> None:
    with pytest.raises(ValueError, match=r"cutout changes images \(C, H, W\); got samples of shape \(2,\)"):
        run(config(augment=["cutout"]))


@pytest.mark.parametrize("runs", [None, 2])
def test_a_run_that_was_stopped_goes_on_bit_for_bit(tmp_path: Path, runs: int | None) -> None:
    settings, path = config(augment=SHOWN, augment_p=0.5), tmp_path / "run.ckpt"
    whole = run(settings, runs)
    run(replace(settings, num_steps=4), runs, checkpoint=path)
    resumed = run(settings, runs, checkpoint=path, resume=True)
    assert all(map(same_weights, whole[:2], resumed[:2]))
    with pytest.raises(ValueError, match=r"augment: \[\['rotation', 0.4\].*now"):
        run(config(augment={"rotation": 0.3}, augment_p=0.5), runs, checkpoint=path, resume=True)


def test_the_graph_says_why_it_falls_back() -> None:
    settings = config(augment=SHOWN)
    with pytest.warns(UserWarning, match="'eager' does: augment must be empty .*; got rotation, jitter"):
        mine = run(settings, engine="graph")
    assert same_weights(mine[0], run(settings)[0])


# ---- ADA: the chance follows D's verdicts on the reals


def of_reals(*verdicts: float, loss: str = "non_saturating") -> Batch:
    """Return a batch on whose reals D said this."""
    logits = torch.tensor(verdicts)
    return Batch(normal(len(verdicts), 2), al.LOSSES[loss], real=View(logits), fake=View(-logits))


def test_ada_moves_p_as_published() -> None:
    rule = BALANCES["ada"]()  # target 0.6, every 4 batches, 0 to 1 in 500,000 images
    memory = {name: torch.tensor(value) for name, value in rule.start().items()}
    draws, p, seen, course = torch.Generator().manual_seed(0), 0.0, [], []
    for step in range(1, 2001):
        offset = 1.2 if step < 1000 else 0.4
        batch = of_reals(*(torch.randn(64, generator=draws) + offset).tolist())
        seen.append(batch.logits_real.sign().mean().item())
        memory = rule.read(memory, batch)
        if step % 4 == 0:  # the published loop, by hand
            r = sum(seen[-4:]) / 4
            p = min(max(p + math.copysign(1, r - 0.6) * 64 * 4 / 500_000, 0), 1)
        assert rule.dials(memory).augment.item() == pytest.approx(p, abs=1e-5)
        course.append(p)
    assert course[999] > 0.05
    assert course[-1] < course[999] / 2


@pytest.mark.parametrize(("verdict", "end"), [(1.0, 1.0), (-1.0, 0.0)])
def test_p_stays_between_0_and_1_and_goes_from_end_to_end_in_the_images_given(verdict: float, end: float) -> None:
    rule = BALANCES["ada"](images=640, every=2)
    memory = {name: torch.tensor(value) for name, value in rule.start().items()} | {"p": torch.tensor(1 - end)}
    course = []
    for _ in range(14):
        memory = rule.read(memory, of_reals(*[verdict] * 64))
        course.append(memory["p"].item())
    expected = [abs(1 - end - 0.2 * (step // 2)) for step in range(1, 11)] + [end] * 4
    assert course == pytest.approx(expected, abs=1e-5)


def test_runs_have_a_p_each_and_a_sum_that_begins_anew() -> None:
    rule = BALANCES["ada"](images=100, every=2)
    memory = {name: torch.full((2,), value) for name, value in rule.start().items()}
    logits = torch.tensor([[1.0] * 10, [1.0] * 5 + [-1.0] * 5])
    batch = Batch(normal(2, 10, 2), al.LOSSES["hinge"], real=View(logits), fake=View(logits))
    for _ in range(3):
        memory = rule.read(memory, batch)
    torch.testing.assert_close(memory["p"], torch.tensor([0.2, 0.0]))
    torch.testing.assert_close(memory["sum"], torch.tensor([1.0, 0.0]))
    assert memory["steps"].tolist() == [1.0, 1.0]


def test_energies_and_other_boundaries_are_read_as_their_loss_says() -> None:
    rule = BALANCES["ada"](images=10, every=1)
    memory = {name: torch.tensor(value) for name, value in rule.start().items()}
    squares = of_reals(0.4, 0.6, 0.7, 0.8, loss="least_squares")  # the boundary is 1/2
    assert rule.read(memory, squares)["p"].item() == 0.0  # r = 0.5, below the target
    assert rule.read(memory, of_reals(0.6, 0.6, 0.7, 0.8, loss="least_squares"))["p"].item() == pytest.approx(0.4)


def test_ada_is_refused_where_it_would_do_nothing_or_no_sense() -> None:
    with pytest.raises(ValueError, match="balance Ada turns augment_p: augment must hold one or more; got none"):
        config(balance="ada")
    with pytest.raises(ValueError, match=r"balance Ada needs a loss with a boundary.*got 'wasserstein'"):
        config(balance="ada", augment=["jitter"], loss="wasserstein")
    with pytest.raises(ValueError, match=r"images must be in \[1, inf\); got 0"):
        BALANCES["ada"](images=0)


@pytest.mark.parametrize("runs", [None, 2])
def test_p_is_what_the_next_step_is_shown_and_survives_a_stop(tmp_path: Path, runs: int | None) -> None:
    def trusting(settings: al.TrainConfig, **options: object) -> tuple:
        """Train a D that takes everything for real, so that p rises by 1/8 a step."""
        G, D = tiny(runs)
        with torch.no_grad():
            list(D.parameters())[-1].add_(5.0)
        return G, D, al.train(G, D, RING, settings, progress=False, **options)

    rule = BALANCES["ada"](images=64, every=1)
    settings, path = config(augment=SHOWN, balance=rule, log_every=1), tmp_path / "run.ckpt"
    whole = trusting(settings)
    course = whole[2].frame().query("run == 0")["dial_augment"].tolist()
    assert course == pytest.approx([min(step / 8, 1) for step in range(1, 11)])
    trusting(replace(settings, num_steps=5), checkpoint=path)
    resumed = trusting(settings, checkpoint=path, resume=True)
    assert all(map(same_weights, whole[:2], resumed[:2]))
    plain = trusting(config())
    assert not same_weights(whole[0], plain[0])
    late = trusting(config(augment=SHOWN, balance=BALANCES["ada"](images=64, every=20)))
    assert same_weights(late[0], plain[0])  # p is 0 for the first 20 steps, whatever augment_p is

"""Rules of balance: each by hand, and the contract over the table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from helpers import RING, assert_near, normal, slices, tiny, untouched
from torch import Tensor
from training.shared import config, run, same_weights

import algan_lite as al
from algan_lite.core.files import load_checkpoint
from algan_lite.objective.batch import Batch, View, player_loss
from algan_lite.objective.losses import LOSSES, alpha
from algan_lite.objective.players import objective
from algan_lite.training import BALANCES, Balance, Dials
from algan_lite.training.balance import ideal_loss
from algan_lite.training.state import TrainState

every_rule = pytest.mark.parametrize("name", BALANCES)
ALL_DIALS = {"regularizers": {"r1": 0.1}, "augment": ["jitter"]}  # so that each has something to turn


def saw(real: object, fake: object, loss: str = "non_saturating") -> Batch:
    """Return a batch in which D has said this of reals and fakes, (..., N)."""
    views = (View(x if isinstance(x, Tensor) else torch.tensor(x)) for x in (real, fake))
    return Batch(torch.zeros(1), LOSSES[loss], real=next(views), fake=next(views))


def told(rule: Balance, *batches: Batch) -> list[Dials]:
    """Return where a rule turns the dials after each of its looks."""
    memory = {name: torch.tensor(float(value)) for name, value in rule.start().items()}
    dials = []
    for batch in batches:
        memory = rule.read(memory, batch)
        assert memory.keys() == rule.start().keys()
        dials.append(rule.dials(memory))
    return dials


@pytest.mark.parametrize(
    ("gap", "factor"),
    [(-0.2, 0.1), (-0.1, 0.1), (-0.05, 0.1**0.5), (0.0, 1.0), (0.05, 2**0.5), (0.1, 2.0), (0.3, 2.0)],
)
def test_gap_aware_at_its_known_points(gap: float, factor: float) -> None:
    rule = BALANCES["gap_aware"](decay=0.0)
    # L = -log D(x) - log(1 - D(G(z))); a D that says v of both has L = softplus(-v) + softplus(v), L* = log 4 at v = 0
    assert ideal_loss(LOSSES["non_saturating"]) == pytest.approx(math.log(4))
    wanted = (1 + gap) * math.log(4) / 2  # of each half: reals at -v and fakes at v, so that softplus(v) = wanted
    v = math.log(math.expm1(wanted))
    (dials,) = told(rule, saw([-v], [v]))
    torch.testing.assert_close(dials.lr_D, torch.tensor(factor), rtol=2e-5, atol=0)
    direct = rule.dials({"gap": torch.tensor(gap)}).lr_D
    torch.testing.assert_close(direct, torch.tensor(factor), rtol=1e-6, atol=0)


def test_gap_aware_averages_the_loss_from_its_ideal_on() -> None:
    rule, average = BALANCES["gap_aware"](), math.log(4)
    batches = [saw(normal(8, seed=k), normal(8, seed=k + 9) - 1) for k in range(4)]
    for batch, dials in zip(batches, told(rule, *batches), strict=True):
        average = 0.95 * average + 0.05 * player_loss("D", batch).item()  # as the authors' demonstration has it
        x = abs(average - math.log(4)) / (0.1 * math.log(4))
        slow = max(0.1**x, 0.1) if average < math.log(4) else min(2**x, 2)
        assert dials.lr_D.item() == pytest.approx(slow, rel=1e-5)


IDEALS = {"minimax": math.log(4), "non_saturating": math.log(4), "least_squares": 0.25, "hinge": 2.0, "energy": 1.0}
IDEALS |= {"relativistic": math.log(2), "wasserstein": 0.0}


@pytest.mark.parametrize("loss", IDEALS)
def test_the_ideal_loss_is_that_of_a_D_that_cannot_tell(loss: str) -> None:
    assert ideal_loss(LOSSES[loss]) == pytest.approx(IDEALS[loss], abs=1e-6)


@pytest.mark.parametrize(
    ("real", "fake", "steps"),
    [
        ([1.0, 1, 1, 1, 1], [0.0, 0, 0, 0, 0], False),  # five of five pairs
        ([1.0, 1, 1, 1, -1], [0.0, 0, 0, 0, 0], True),  # four of five: not above .8
        ([1.0, 1, 1, 1, 0], [0.0, 0, 0, 0, 0], False),  # and a tie counts half
        ([-1.0] * 5, [0.0] * 5, True),
    ],
)
def test_skip_by_accuracy_decides_by_pairs(real: list, fake: list, steps: bool) -> None:
    (dials,) = told(BALANCES["skip_by_accuracy"](), saw(real, fake))
    assert dials.step_D.item() is steps
    offset = saw([x + 7 for x in real], [x + 7 for x in fake])
    assert told(BALANCES["skip_by_accuracy"](), offset)[0].step_D.item() is steps


def test_skip_by_accuracy_knows_which_way_the_logits_point() -> None:
    energies = saw([0.0] * 5, [1.0] * 5, "energy")  # reals have the lower energy: D is ahead
    assert not told(BALANCES["skip_by_accuracy"](), energies)[0].step_D


def with_losses(loss_D: float, loss_G: float) -> Batch:
    """Return logits whose losses are these: G's is softplus(-fake), D's softplus(-real) + softplus(fake)."""
    fake = -math.log(math.expm1(loss_G))
    real = -math.log(math.expm1(loss_D - math.log1p(math.exp(fake))))
    batch = saw([real], [fake])
    assert [player_loss(p, batch).item() for p in "DG"] == pytest.approx([loss_D, loss_G], rel=1e-5)
    return batch


def test_skip_by_loss_change_compares_shares() -> None:
    losses = [(4.0, 1.0), (2.0, 0.9), (1.8, 0.6), (1.6, 0.55)]
    # changes of D: -, 1/2, 1/10, 1/9; of G: -, 1/10, 1/3, 1/12
    looks = [with_losses(*pair) for pair in losses]
    steps = {
        ratio: [d.step_D.item() for d in told(BALANCES["skip_by_loss_change"](ratio=ratio), *looks)] for ratio in (1, 2)
    }
    assert steps == {1: [True, True, False, True], 2: [True, True, False, False]}


def test_began_moves_k_by_hand() -> None:
    rule = BALANCES["began"](gamma=0.5, rate=0.1)
    energy = lambda x: math.log1p(math.exp(-x))  # noqa: E731
    looks, k = [(0.0, 2.0), (-3.0, 3.0), (-3.0, 3.0), (5.0, -5.0)], 0.0
    for (real, fake), dials in zip(looks, told(rule, *(saw([real], [fake]) for real, fake in looks)), strict=True):
        k = min(max(k + 0.1 * (0.5 * energy(real) - energy(fake)), 0), 1)
        assert dials.fakes.item() == pytest.approx(k, abs=1e-6)
    assert k == 0, "fakes that D rejects have a large energy: k falls, and stops at 0"
    (most,) = told(BALANCES["began"](gamma=9.0, rate=9.0), saw([-9.0], [9.0]))
    assert most.fakes == 1


def test_the_weight_of_the_fakes_is_that_in_the_loss_of_D() -> None:
    G, D = tiny()
    batch = al.make_batch(G, D, normal(8, 2), normal(8, 3))
    reals, whole = (objective("D", G, D, Dials(fakes=torch.tensor(k)).weigh(batch), {})["loss"] for k in (0.0, 1.0))
    half = objective("D", G, D, Dials(fakes=torch.tensor(0.5)).weigh(batch), {})["loss"]
    torch.testing.assert_close(whole, player_loss("D", batch))
    torch.testing.assert_close(reals, torch.nn.functional.softplus(-batch.logits_real).mean())
    torch.testing.assert_close(half, (reals + whole) / 2)
    weighted = batch._replace(weights=torch.full((8,), 0.25))
    torch.testing.assert_close(Dials(fakes=torch.tensor(0.5)).weigh(weighted).weights, torch.full((8,), 0.125))


def test_pi_control_by_hand() -> None:
    rule = BALANCES["pi_lambda"](target=0.75, proportional=2.0, integral=0.5, bound=4.0)
    ahead, level = saw([1.0] * 4, [0.0] * 4), saw([1.0, 1, -1, -1], [0.0] * 4)  # accuracies 1 and 1/2: errors +-1/4
    exponents = [2 * 0.25 + 0.125, 2 * 0.25 + 0.25, -2 * 0.25 + 0.125, -2 * 0.25 + 0.0]
    dials = told(rule, ahead, ahead, level, level)
    torch.testing.assert_close(torch.stack([d.lam for d in dials]), torch.tensor(exponents).exp())
    many = told(rule, *[ahead] * 100, level)
    assert many[-2].lam.item() == pytest.approx(4.0), "the factor is bounded"
    assert many[-1].lam.item() == pytest.approx(math.exp(math.log(4) - 0.125 - 0.5)), "and the sum does not wind up"


def test_two_time_scales_is_two_learning_rates() -> None:
    settings = {"num_steps": 12, "betas": (0.0, 0.9)}
    rule = BALANCES["two_time_scales"](factor_D=0.25, factor_G=2.0)
    by_rule, by_hand = run(config(**settings, balance=rule, lr=1e-3)), run(config(**settings, lr=2e-3, lr_D=2.5e-4))
    for mine, its in zip(by_rule[:2], by_hand[:2], strict=True):
        for p, q in zip(mine.parameters(), its.parameters(), strict=True):
            assert_near(p.detach(), q.detach(), 1e-5)


# The contract


def ensemble_of(name: str, runs: int | None = 3, **changes: object) -> tuple:
    return run(config(**{"balance": name, **ALL_DIALS, "d_steps": 2, **changes}), runs=runs, seed=5)


@every_rule
def test_each_rule_turns_the_dials_that_it_says_and_says_whence_it_comes(name: str) -> None:
    kind = BALANCES[name]
    assert kind.source
    assert kind.doc.endswith(".")
    assert set(Dials._fields) >= set(kind.turns)
    for lead in ((), (3,)):
        memory = {key: torch.full(lead, float(value)) for key, value in kind().start().items()}
        for look in range(3):
            batch = saw(normal(*lead, 16, seed=look) + 1, normal(*lead, 16, seed=look + 7))
            before = {key: value.clone() for key, value in memory.items()}
            after = kind().read(memory, batch)
            for key in memory:
                torch.testing.assert_close(memory[key], before[key], equal_nan=True, rtol=0, atol=0)
            memory = after
            dials = kind().dials(memory)
            assert dials.turned.keys() == set(kind.turns)
            assert all(value.shape == lead for value in (*memory.values(), *dials.turned.values()))
    # one run is what it is among others
    alone = {key: value[1] for key, value in memory.items()}
    look = saw(normal(3, 16, seed=30), normal(3, 16, seed=31))
    for mine, its in zip(
        kind().read(memory, look).values(), kind().read(alone, saw(look.logits_real[1], look.logits_fake[1])).values(),
        strict=True,
    ):  # fmt: skip
        torch.testing.assert_close(mine[1], its)


@every_rule
@pytest.mark.parametrize("setting", [math.nan, -1.0, "much"])
def test_every_setting_of_a_rule_is_checked(name: str, setting: object) -> None:
    for field in fields(BALANCES[name].make):
        with pytest.raises((ValueError, TypeError), match=field.name):
            BALANCES[name](**{field.name: setting})


@every_rule
def test_a_rule_has_an_effect_and_only_through_what_it_turns(name: str) -> None:
    plain, ruled = ensemble_of(name, balance=None), ensemble_of(name)
    assert not same_weights(plain[1], ruled[1])
    columns = ruled[2].frame().filter(like="dial_")
    assert list(columns) == [f"dial_{dial}" for dial in Dials._fields if dial in BALANCES[name].turns]
    assert not plain[2].frame().filter(like="dial_").size


@every_rule
def test_memory_survives_a_resume_bit_for_bit(name: str, tmp_path: Path) -> None:
    for runs in (None, 3):
        path = tmp_path / f"{runs}.ckpt"
        whole = ensemble_of(name, runs)
        early = config(balance=name, **ALL_DIALS, d_steps=2, num_steps=5)
        run(early, runs=runs, seed=5, checkpoint=path)
        kept = {key for key in load_checkpoint(path)[0] if key.startswith("balance/")}
        assert kept == {f"balance/{key}" for key in BALANCES[name]().start()}
        G, D = tiny(runs=runs, seed=99)
        late = replace(early, num_steps=10)
        history = al.train(G, D, RING, late, seed=5, progress=False, checkpoint=path, resume=True)
        assert same_weights(G, whole[0])
        assert same_weights(D, whole[1])
        assert history.frame().equals(whole[2].frame())


@every_rule
def test_another_rule_or_setting_is_another_run(name: str, tmp_path: Path) -> None:
    path, rule = tmp_path / "run.ckpt", BALANCES[name]()
    first = fields(rule)[0].name
    other = replace(rule, **{first: getattr(rule, first) * 0.9})
    settings = config(**ALL_DIALS, balance=rule)
    run(settings, checkpoint=path)
    for balance in (None, other):
        with pytest.raises(ValueError, match=r"settings of the checkpoint .*balance: "):
            run(replace(settings, balance=balance), checkpoint=path, resume=True)
    assert settings.describe()["balance"][0] == name
    assert settings.describe() == replace(settings, balance=name).describe()


@dataclass(frozen=True)
class Own(Balance):
    """A rule of somebody's own: D steps every n-th time."""

    n: int = 2
    turns: ClassVar[tuple[str, ...]] = ("step_D",)

    def start(self) -> Mapping[str, float]:
        return {"looks": 0.0}

    def read(self, memory: Mapping[str, Tensor], batch: Batch) -> Mapping[str, Tensor]:
        return {"looks": memory["looks"] + 1}

    def dials(self, memory: Mapping[str, Tensor]) -> Dials:
        return Dials(step_D=memory["looks"] % self.n == 0)


def test_a_rule_of_your_own_is_asked_at_every_step_of_D() -> None:
    weights: list[Tensor] = []
    settings = config(balance=Own(3), num_steps=6)
    G, D = tiny()
    al.train(G, D, RING, settings, progress=False, callbacks=[lambda s: weights.append(next(D.parameters()).clone())])
    moved = [not torch.equal(a, b) for a, b in pairwise(weights)]
    assert moved == [False, True, False, False, True]
    assert settings.describe()["balance"][0] == "Own"
    assert settings.describe() != config(balance=Own(2), num_steps=6).describe()
    with pytest.raises(NotImplementedError, match="Balance must say where its dials stand"):
        run(config(balance=Balance()))


def test_a_run_that_skips_is_the_one_alone() -> None:
    settings = config(balance=BALANCES["skip_by_accuracy"](above=0.55), num_steps=30, lr=0.02)
    Gs, Ds, history = run(settings, runs=4)
    shares = history.frame().groupby("run")["dial_step_D"].mean()
    assert shares.nunique() > 1, "the runs must differ in when they skip"
    for k in (0, 3):
        G, D, _ = run(settings, seed=k)
        for nets, net in ((Gs, G), (Ds, D)):
            for mine, its in slices(k, nets, net):
                assert_near(mine, its, 2e-4)


def test_a_rule_looks_without_touching(tmp_path: Path) -> None:
    G, D = tiny()
    state = TrainState.start(G, D, config(balance="gap_aware"), 0)
    batch = al.make_batch(G, D, normal(8, 2), normal(8, 3))
    with untouched(G, D):
        dials = state.look_at(batch)
    assert not dials.lr_D.requires_grad
    assert state.dials.lr_D == dials.lr_D


REFUSED = {
    "lambda without a regularizer": ({"balance": "pi_lambda"}, "regularizers must hold one or more; got none"),
    "fakes in pairs": ({"balance": "began", "loss": "relativistic"}, "judge samples one by one.*'relativistic'"),
    "no ideal loss": ({"balance": "gap_aware", "loss": "wasserstein"}, "above 0 at its ideal; got 'wasserstein'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_settings_on_which_a_rule_makes_no_sense_are_refused(case: str) -> None:
    settings, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        al.TrainConfig(**settings)
    BALANCES[settings["balance"]]().check(alpha(0.5, 1), {"r1"})


def test_a_sweep_tells_rules_apart(tmp_path: Path) -> None:
    arms = {name: config(balance=name, regularizers={"r1": 0.1}) for name in ("gap_aware", "skip_by_accuracy")}
    arms |= {"narrow": replace(arms["gap_aware"], balance=BALANCES["gap_aware"](width=0.01)), "none": config()}
    options = {"sizes": {"width": 4, "depth": 1}, "num_samples": 20, "progress": False}
    path = tmp_path / "runs.csv"
    table = al.sweep(RING, arms, range(2), path=path, **options)
    assert table.groupby("arm")["spread_ratio"].first().nunique() == 4
    other = {"gap_aware": arms["narrow"]}
    with pytest.raises(ValueError, match="others under arm 'gap_aware'"):
        al.sweep(RING, other, range(2), path=path, **options)

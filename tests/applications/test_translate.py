"""Training a translator: its terms by hand, its steps against a slow twin, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from helpers import assert_near, normal, slices
from torch import Tensor, nn

import algan_lite as al
from algan_lite.applications import both, gap, one_way_pair, rotated, train_translation, two_way_pair

RING = al.data.ring(std=0.1)
SOURCE = both(RING, rotated(RING, 15.0))
SHORT = al.TrainConfig(num_steps=3, batch_size=8, regularizers={"r1": 0.2}, log_every=1)


def test_gap_by_hand() -> None:
    x, y = torch.tensor([[0.0, 1.0], [2.0, 3.0]]), torch.tensor([[1.0, 1.0], [2.0, 0.0]])
    assert gap(x, y).item() == 1.0  # (1 + 0 + 0 + 3) / 4
    assert gap(torch.stack([x, y]), y.expand(2, 2, 2)).tolist() == [1.0, 0.0]


def turning(degrees: float) -> nn.Module:
    """Return a translator that knows a rotation, in the form of a dense network of one layer."""
    from algan_lite.applications.domains import turn

    class Known(nn.Module):
        latent_dim, values_A, sample_shape = 4, 2, (4,)

        def __init__(self) -> None:
            super().__init__()
            self.nothing = nn.Parameter(torch.zeros(4))

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([turn(x[..., 2:], -degrees), turn(x[..., :2], degrees)], -1) + self.nothing

    return Known()


@pytest.mark.parametrize(("degrees", "on_pairs"), [(15.0, 0.0), (60.0, None), (0.0, None)])
def test_any_rotation_has_no_cycle_error_and_only_the_true_one_has_none_on_pairs(
    degrees: float, on_pairs: float | None
) -> None:
    x = SOURCE.sample(200, seed=0)
    a = RING.sample(50, seed=1)
    pairs = torch.cat([a, rotated_points(a, 15.0)], -1)
    T, D = turning(degrees), two_way_pair(width=4)[1]
    assert gap(T(T(x)), x) < 1e-5
    found = train_translation(T, D, SOURCE, replace(SHORT, num_steps=1, lr=1e-9), pairs=pairs, progress=False).frame()
    assert found["R_cycle"].iloc[0] < 1e-5
    far = found["R_pairs"].iloc[0]
    assert far < 1e-5 if on_pairs == 0.0 else far > 0.3


def rotated_points(a: Tensor, degrees: float) -> Tensor:
    from algan_lite.applications.domains import turn

    return turn(a, degrees)


def slow_steps(T: nn.Module, D: nn.Module, seed: int, pairs: Tensor, weights: tuple[float, float, float]) -> None:
    """Take the steps of SHORT as one would write them down, with plain losses and PyTorch's Adam."""
    softplus, names = nn.functional.softplus, ("data", "candidates 0")
    streams = {name: al.rng.stream(seed, name) for name in names}
    adams = [torch.optim.Adam(net.parameters(), lr=SHORT.lr, betas=SHORT.betas) for net in (D, T)]
    for _ in range(SHORT.num_steps):
        real = SOURCE.sample(8, generator=streams["data"])
        al.rng.draw(streams["candidates 0"], (8, 4), "cpu")  # the noise that the loop draws and does not use
        x = SOURCE.sample(8, generator=streams["candidates 0"])
        moved = T(x)
        loss_D = 0.0
        real.requires_grad_()
        for head_real, head_fake in zip(D.heads(real), D.heads(moved.detach()), strict=True):
            loss_D = loss_D + (softplus(-head_real).mean() + softplus(head_fake).mean()) / 2
        (slope,) = torch.autograd.grad(D(real).sum(), real, create_graph=True)
        loss_D = loss_D + 0.2 * slope.square().sum(-1).mean()
        adams[0].zero_grad()
        loss_D.backward()
        adams[0].step()
        loss_T = weights[0] * softplus(-D.heads(moved)).mean()
        loss_T = loss_T + weights[1] * (T(moved) - x).abs().mean() + weights[2] * (T(pairs) - pairs).abs().mean()
        adams[1].zero_grad()
        loss_T.backward()
        adams[1].step()


@pytest.mark.parametrize("weights", [(1.0, 1.0, 10.0), (0.5, 0.0, 2.0), (0.0, 2.0, 1.0)])
def test_the_steps_are_those_of_a_slow_twin(weights: tuple[float, float, float]) -> None:
    pairs = normal(5, 4)
    fast, slow = two_way_pair(width=8, seed=4), two_way_pair(width=8, seed=4)
    how = dict(zip(("adversarial", "cycle", "pair_weight"), weights, strict=True))
    train_translation(*fast, SOURCE, SHORT, pairs=pairs, seed=6, progress=False, **how)
    slow_steps(*slow, 6, pairs, weights)
    for net, twin in zip(fast, slow, strict=True):
        for mine, its in zip(net.parameters(), twin.parameters(), strict=True):
            assert_near(mine, its, 1e-4)


def test_a_run_of_an_ensemble_is_the_run_alone_with_pairs_of_its_own() -> None:
    pairs = normal(2, 12, 4)  # more than a batch holds: some are drawn
    both_runs = al.models.ensemble(two_way_pair, runs=2, seed=3, width=8)
    train_translation(*both_runs, SOURCE, SHORT, pairs=pairs, seed=3, progress=False)
    alone = two_way_pair(width=8, seed=4)
    train_translation(*alone, SOURCE, SHORT, pairs=pairs[1], seed=4, progress=False)
    for many, one in zip(both_runs, alone, strict=True):
        for mine, its in slices(1, many, one):
            assert_near(mine, its, 1e-3)


def test_no_weight_on_D_leaves_T_to_the_pairs() -> None:
    a = normal(64, 2)
    pairs = torch.cat([a, 2 * a], -1)
    T, D = one_way_pair(width=16, seed=0)
    source = al.data.array(pairs, validation=0, test=0)
    config = replace(SHORT, num_steps=300, lr=1e-2, batch_size=32)
    history = train_translation(T, D, source, config, cycle=0.0, pairs=pairs, adversarial=0.0, progress=False)
    assert "R_cycle" not in history.columns
    first, last = (history.frame()["R_pairs"].iloc[k] for k in (0, -1))
    assert last < 0.1 * first


def test_top_k_chooses_the_samples_that_D_likes_and_its_candidates_are_counted() -> None:
    T, D = two_way_pair(width=8, seed=1)
    config = replace(SHORT, strategy="top_k", pool_factor=2)
    assert train_translation(T, D, SOURCE, config, seed=1, progress=False).num_calls == 3 * 16


def test_a_ring_turned_a_little_is_found_by_residual_maps() -> None:
    from algan_lite.studies.translation import PLAIN, Bed, measured, trained

    for bed, right in ((Bed(15.0, residual=True), 1.0), (Bed(40.0, residual=True), 0.0)):
        found = measured(trained(bed, [3, 4], replace(PLAIN, num_steps=250)), bed)
        assert abs(found["right"] - right).max() < 0.05
        assert found["cycle"].max() < 0.1


def test_divergence_is_told() -> None:
    T, D = two_way_pair(width=8)
    with torch.no_grad():
        T.there.body[0].weight.fill_(torch.inf)
    with pytest.raises(al.TrainingDiverged):
        train_translation(T, D, SOURCE, SHORT, progress=False)
    assert all(p.grad is None for p in (*T.parameters(), *D.parameters()))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cycle": -1}, r"cycle must be in \[0, inf\]?\)?.*; got -1"),
        ({"pair_weight": "a"}, r"pair_weight must be a number"),
        ({"adversarial": float("nan")}, r"adversarial must be in"),
        ({"pairs": torch.zeros(3, 2)}, r"pairs must be \(k, 4\) with k >= 1; got \(3, 2\)"),
        ({"pairs": torch.zeros(0, 4)}, r"pairs must be .* with k >= 1"),
        ({"pairs": torch.full((1, 4), torch.nan)}, r"pairs must be finite; got 4 values that are not"),
        ({"pairs": [[0.0] * 4]}, r"pairs must be a floating tensor"),
        ({"config": replace(SHORT, balance="skip_by_accuracy")}, r"config\.balance must be None"),
        ({"config": replace(SHORT, equilibrium=al.Equilibrium())}, r"config\.equilibrium must be None"),
        ({"source": RING}, r"source must have samples \(a, b\).* of shape \(4,\).*; got \(2,\)"),
        (
            {"pairs": torch.full((1, 4), 1e300, dtype=torch.float64)},
            r"pairs must be finite; got 4 .* as torch\.float32",
        ),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, object], message: str) -> None:
    T, D = two_way_pair(width=8)
    with pytest.raises((TypeError, ValueError), match=message):
        train_translation(T, D, **{"source": SOURCE, "config": SHORT, "progress": False, **given})


@pytest.mark.parametrize("runs", [None, 2])
def test_a_map_without_a_way_back_has_no_cycle(runs: int | None) -> None:
    pair = one_way_pair(width=8) if runs is None else al.models.ensemble(one_way_pair, runs=runs, width=8)
    with pytest.raises(ValueError, match=r"cycle must be 0 for a OneWay translator, .*; got 1\.0"):
        train_translation(*pair, SOURCE, SHORT, progress=False)


def test_what_is_not_offered_is_said_before_anything_else() -> None:
    T, D = two_way_pair(width=8)
    fixed = al.data.array(normal(20, 4), validation=0, test=0)  # equilibrium could not be had of it anyway
    config = replace(SHORT, equilibrium=al.Equilibrium())
    with pytest.raises(ValueError, match=r"config\.equilibrium must be None for train_translation"):
        train_translation(T, D, fixed, config, progress=False)
    assert "no checkpoint and no resume" in train_translation.__doc__


def test_gap_of_unequal_shapes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"x and y must be \(\.\.\., N, values\).*; got \(3, 2\) and \(1, 2\)"):
        gap(normal(3, 2), normal(1, 2))


def test_float64_networks_and_float32_pairs() -> None:
    T, D = (net.double() for net in two_way_pair(width=8))
    history = train_translation(T, D, SOURCE, SHORT, pairs=normal(3, 4), progress=False)
    assert history.frame().drop(columns="seed").isna().sum().sum() == 0
    assert next(T.parameters()).dtype == torch.float64

"""The oracle ranks by the true density ratio: against closed forms, slow twins and itself alone."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from helpers import RING, assert_near, normal, tiny
from torch import Tensor, nn

import algan_lite as al
from algan_lite.export.engine import unfit
from algan_lite.studies.oracle import log_kernel_density, oracle


def normal_law(x: Tensor, center: Tensor, std: float) -> Tensor:
    return -(x - center).square().sum(-1) / (2 * std**2) - math.log(2 * math.pi * std**2)


@pytest.mark.parametrize("lead", [(), (3,)])
@pytest.mark.parametrize("shared", [True, False])
def test_kernel_density_is_its_slow_twin(lead: tuple[int, ...], shared: bool) -> None:
    x, points = normal(*lead, 7, 2), normal(*(() if shared else lead), 300, 2, seed=1)
    exact = points.double().unsqueeze(-3), x.double().unsqueeze(-2)
    twin = normal_law(*exact, 0.3).logsumexp(-1) - math.log(300)
    torch.testing.assert_close(log_kernel_density(x, points, 0.3), twin.float(), rtol=1e-4, atol=1e-4)


def test_kernel_density_integrates_to_one() -> None:
    ticks = torch.linspace(-6, 6, 241)
    mass = log_kernel_density(torch.cartesian_prod(ticks, ticks), normal(500, 2), 0.2).exp().sum() * 0.05**2
    assert float(mass) == pytest.approx(1, abs=1e-3)


def test_a_point_far_from_every_fake_keeps_a_finite_density() -> None:
    far, near = log_kernel_density(torch.tensor([[50.0, 0.0], [0.0, 0.0]]), normal(300, 2), 0.1)
    assert -75 < far < -60 < 0 > near > -4


@pytest.mark.parametrize("bandwidth", [0.1, 0.3])
def test_the_ratio_of_two_normal_laws(bandwidth: float) -> None:
    """G is the identity: its law is N(0, I), and through the kernel N(0, (1 + h^2) I)."""
    source, center = al.data.ring(modes=1, radius=1.0, std=0.5), torch.tensor([1.0, 0.0])
    rule = oracle(source, num_fakes=40_000, bandwidth=bandwidth)
    z = normal(400, 2)
    z = z[z.norm(dim=-1) < 2][:200]
    chosen = al.select_noise(nn.Identity(), lambda x: x[..., 0], z, 50, rule)
    exact = normal_law(z, center, math.hypot(0.5, bandwidth)) - normal_law(z, torch.zeros(2), math.hypot(1, bandwidth))
    gap = chosen.utilities - exact
    assert float(gap.abs().max()) < 0.5
    assert float(gap.mean()) == pytest.approx(0, abs=0.05)
    assert len(set(chosen.indices.tolist()) & set(exact.topk(50).indices.tolist())) >= 45


@pytest.mark.parametrize("bandwidth", [0.03, 0.1, 0.3])
def test_two_equal_laws_have_the_ratio_one_at_any_bandwidth(bandwidth: float) -> None:
    source = al.data.ring(modes=1, radius=1.0, std=0.1)
    rule = oracle(source, num_fakes=40_000, bandwidth=bandwidth)
    G = lambda z: torch.tensor([1.0, 0.0]) + 0.1 * z  # noqa: E731
    seen = al.select_noise(G, lambda x: x[..., 0], normal(300, 2), 10, rule).utilities
    assert float(seen.median()) == pytest.approx(0, abs=0.05)


def test_each_run_of_an_ensemble_is_that_run_alone() -> None:
    Gs, Ds = tiny(3)
    rule, z = oracle(RING, latent_dim=3), normal(3, 12, 3)
    together = al.select_noise(Gs, Ds, z, 5, rule)
    for k in range(3):
        alone = al.select_noise(Gs.member(k), Ds.member(k), z[k], 5, rule)
        assert torch.equal(together.indices[k], alone.indices)
        torch.testing.assert_close(together.utilities[k], alone.utilities, rtol=1e-4, atol=1e-3)
    assert together.num_calls == 12 + 2048


def test_a_lost_candidate_is_never_chosen_and_the_others_do_not_notice() -> None:
    z, rule = normal(12, 2), oracle(RING)
    before = al.select_noise(nn.Identity(), lambda x: x[..., 0], z, 5, rule)
    lost = int(before.indices[0])
    z[lost] = torch.nan
    after = al.select_noise(nn.Identity(), lambda x: x[..., 0], z, 5, rule)
    assert lost not in after.indices
    assert after.indices[:4].tolist() == before.indices[1:].tolist()


def test_both_engines_train_with_it_alike() -> None:
    config = al.TrainConfig(num_steps=5, batch_size=16, strategy=oracle(RING, latent_dim=3), pool_factor=2)
    assert unfit(config, *tiny(2)) is None
    nets = {}
    for engine in ("eager", "graph"):
        nets[engine], D = tiny(2)
        history = al.train(nets[engine], D, RING, config, engine=engine, progress=False)
        assert history.num_calls == 5 * (32 + 2048)
    for mine, its in zip(*(net.parameters() for net in nets.values()), strict=True):
        assert_near(mine, its, 1e-4)


def test_a_sweep_tells_the_oracles_of_two_sources_apart(tmp_path: Path) -> None:
    few = {"num_steps": 2, "batch_size": 8, "pool_factor": 2}
    arms = {f"std {std}": al.TrainConfig(strategy=oracle(al.data.ring(std=std)), **few) for std in (0.05, 0.1)} | {
        "top_k": al.TrainConfig(strategy="top_k", **few)
    }
    assert len({str(config.describe()["strategy"]) for config in arms.values()}) == 3
    call = {"seeds": range(2), "num_samples": 20, "progress": False, "path": tmp_path / "rows.csv"}
    table = al.sweep(RING, arms, **call)
    again = al.sweep(RING, arms, **call)  # every row is there already
    assert (table.error == "").all()
    assert table.num_calls.tolist() == again.num_calls.tolist() == [2 * (16 + 2048)] * 4 + [2 * 16] * 2


def test_it_is_no_strategy_for_users() -> None:
    assert "oracle" not in al.STRATEGIES


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"source": al.data.swiss_roll()}, TypeError, r"source must be normal modes.*got swiss_roll"),
        ({"source": RING, "num_fakes": 0}, ValueError, r"num_fakes must be in \[1, inf\); got 0"),
        ({"source": RING, "bandwidth": 0.0}, ValueError, r"bandwidth must be in \(0, inf\); got 0"),
        ({"source": RING, "latent_dim": 0}, ValueError, r"latent_dim must be in \[1, inf\); got 0"),
        ({"source": RING, "seed": -1}, ValueError, r"seed must be in \[0, inf\); got -1"),
    ],
)
def test_what_it_cannot_be_is_refused(arguments: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        oracle(**arguments)

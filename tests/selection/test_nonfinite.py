"""A candidate whose logit is NaN or infinite is never chosen, and no other run notices it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers import RING, normal, tiny
from selection.shared import choose
from torch import Tensor, nn

import algan_lite as al

LOST = [float("nan"), float("inf"), -float("inf")]
lost = pytest.mark.parametrize("value", LOST, ids=str)
RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "top_k": ("top_k", {}),
    "bottom_k": ("bottom_k", {}),
    "uncertain": ("uncertain", {}),
    "uncertain of a critic": ("uncertain", {"loss": "wasserstein"}),
    "softmax": ("softmax", {"seed": 0}),
    "softmax, rejected ones": ("softmax", {"seed": 0, "sign": -1, "reweight": True}),
    "importance": ("importance", {"seed": 0}),
    "a share by lot": ("top_k", {"seed": 0, "uniform_share": 0.5, "reweight": True}),
    "all by lot": ("bottom_k", {"seed": 0, "uniform_share": 1.0, "reweight": True}),
    "energy": ("top_k", {"loss": "energy"}),
    "keep": ("top_k", {"keep": 3}),
}
rule = pytest.mark.parametrize(("name", "options"), RULES.values(), ids=RULES)


@lost
@rule
@pytest.mark.parametrize("num_lost", [1, 20])
def test_it_is_left_out_and_the_rest_is_as_without_it(name: str, options: dict, num_lost: int, value: float) -> None:
    logits = normal(32)
    at = torch.arange(num_lost) + 3
    logits[at] = value
    chosen = choose(logits, 12, name, **options)
    assert not set(chosen.indices.tolist()) & set(at.tolist())
    assert chosen.weights.isfinite().all()
    assert torch.equal(chosen.utilities[at], torch.full((num_lost,), -torch.inf))
    if "seed" not in options:
        rest = torch.tensor([k for k in range(32) if k not in at])
        assert torch.equal(rest[choose(logits[rest], 12, name, **options).indices], chosen.indices)


@lost
@rule
def test_the_other_runs_of_an_ensemble_do_not_notice(name: str, options: dict, value: float) -> None:
    logits = normal(3, 32)
    before = choose(logits, 12, name, **options)
    logits[1, 2:30] = value
    after = choose(logits, 12, name, **options)
    for k in (0, 2):
        for part in ("indices", "weights", "utilities", "z"):
            assert torch.equal(getattr(after, part)[k], getattr(before, part)[k])


@lost
@rule
def test_a_pool_with_too_few_finite_logits_is_refused(name: str, options: dict, value: float) -> None:
    logits = normal(16)
    logits[3:] = value
    with pytest.raises(ValueError, match="z_pool must hold 12 candidates or more whose logits are finite; got 3"):
        choose(logits, 12, name, **options)


@pytest.mark.parametrize("share", [0.25, 1.0])
@pytest.mark.parametrize("strategy", ["top_k", "softmax", "importance"])
def test_weights_undo_the_bias_among_those_with_finite_logits(strategy: str, share: float) -> None:
    runs, values = 20_000, normal(8)
    values[2] = torch.nan
    options = {"top_k": {"uniform_share": share}, "softmax": {"temperature": 1 / share}, "importance": {"floor": share}}
    chosen = choose(values.expand(runs, 8), 3, strategy, reweight=True, seed=0, **options[strategy])
    sums = (chosen.weights * chosen.z[..., 0].square()).sum(-1)
    error = (sums.mean() - values[~values.isnan()].square().mean()) / (sums.std() / runs**0.5)
    assert abs(error) < 4


class PartlyLost(nn.Module):
    """D that is NaN for some fakes: those on the right."""

    sample_shape = (2,)

    def __init__(self) -> None:
        super().__init__()
        self.inner = tiny()[1]

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x[..., 0] > 0.3, torch.nan, self.inner(x))


@pytest.mark.parametrize("name", ["core_set", "disagreement", "latent_ascent"])
def test_points_heads_and_moves_that_are_not_finite(name: str) -> None:
    G, D = tiny(num_heads=2)
    z = normal(12, 3)
    z[4] = torch.nan
    chosen = al.select_noise(G, D, z, 4, name) if name != "latent_ascent" else al.select_noise(G, D, z, 12, name)
    assert name == "latent_ascent" or 4 not in chosen.indices
    moved = al.select_noise(G, PartlyLost(), normal(12, 3), 12, "latent_ascent").z
    assert moved.isfinite().all()


def test_a_run_that_is_lost_leaves_the_others_in_training_as_they_are() -> None:
    Gs, Ds = tiny(2)
    lost_G, lost_D = tiny(2)
    with torch.no_grad():
        next(lost_D.parameters())[1] = torch.nan
    config = al.TrainConfig(num_steps=5, batch_size=8, strategy="softmax", pool_factor=2, reweight=True)
    al.train(Gs, Ds, RING, config, progress=False)
    history = al.train(lost_G, lost_D, RING, config, progress=False)
    assert history.diverged_at.tolist() == [-1, 1]
    assert all(torch.equal(p[0], q[0]) for p, q in zip(Gs.parameters(), lost_G.parameters(), strict=True))

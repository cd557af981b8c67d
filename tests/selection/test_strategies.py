"""What each strategy chooses, calls and draws."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from selection.shared import NAMES, RANKING, M, N, case, choose, networks, pool
from torch import Tensor

from algan_lite.objective.losses import LOSSES
from algan_lite.selection.select import STRATEGIES, select_noise


def test_the_table_has_the_documented_names() -> None:
    assert list(STRATEGIES) == NAMES


def test_random_with_a_pool_of_n_is_the_pool_itself_without_a_call() -> None:
    def never(x: Tensor) -> Tensor:
        raise AssertionError("a network was called")

    z_pool = pool(2)
    chosen = select_noise(never, never, z_pool, M, "random")
    assert torch.equal(chosen.z, z_pool)
    assert torch.equal(chosen.weights, torch.full((2, M), 1 / M))
    assert chosen.num_calls == 0
    assert torch.equal(select_noise(never, never, z_pool, N, "random").z, z_pool[:, :N])
    assert select_noise(never, never, z_pool, N, "random_k", seed=0).num_calls == 0
    assert select_noise(never, never, z_pool, N, "core_set").num_calls == 0


def test_a_strategy_without_chance_leaves_the_generator_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    state = generator.get_state()
    for name in ("random", *RANKING, "latent_ascent"):
        select_noise(*networks(), pool(), N, name, generator=generator)
    assert torch.equal(generator.get_state(), state)


@case
def test_num_calls_counts_what_passed_through_the_networks(name: str, options: dict[str, Any]) -> None:
    G, D = networks()
    seen = []
    G.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape[-2]))
    assert select_noise(G, D, pool(2), N, name, seed=0, **options).num_calls == sum(seen)
    expected = {"random": 0, "random_k": 0, "latent_ascent": N * options.get("steps", 1)}.get(name, M)
    assert sum(seen) == (0 if (name, options) == ("core_set", {}) else expected)


@pytest.mark.parametrize("loss", ["non_saturating", "least_squares", "energy", "wasserstein"])
@pytest.mark.parametrize("name", ["top_k", "bottom_k", "uncertain"])
def test_ranking_twin(name: str, loss: str) -> None:
    logits = torch.tensor([0.6, -2.0, 0.3, 5.0, 0.6, -0.1, 0.4, -7.0])  # two are equal: the earlier one comes first
    entry = LOSSES[loss]
    real = [entry.sign * value for value in logits.tolist()]
    middle = sorted(real)[3] if entry.boundary is None else entry.boundary
    utility = {
        "top_k": real,
        "bottom_k": [-value for value in real],
        "uncertain": [-abs(value - middle) for value in real],
    }[name]
    expected = sorted(range(8), key=lambda i: (-utility[i], i))
    for n in (1, 4, 8):
        chosen = choose(logits, n, name, loss=loss)
        assert chosen.indices.tolist() == expected[:n]
        torch.testing.assert_close(chosen.utilities, torch.tensor(utility))


def test_distances_of_few_digits_are_not_rounded_to_a_tie() -> None:
    logits = torch.tensor([256.0, 256.0, 0.25, 0.5, 300.0])  # bfloat16 has neither 255.75 nor 255.5
    nets = torch.nn.Identity(), lambda x: x[..., 0].bfloat16()
    chosen = select_noise(*nets, logits.unsqueeze(-1), 5, "uncertain", loss="wasserstein")
    assert chosen.indices.tolist() == [0, 1, 4, 3, 2]


def test_uncertain_is_invariant_to_an_offset_of_a_wasserstein_critic() -> None:
    logits = pool()[:, 0]
    plain, moved = (choose(logits + offset, N, "uncertain", loss="wasserstein") for offset in (0, 3))
    assert torch.equal(plain.indices, moved.indices)

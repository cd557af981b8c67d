"""How n of M are taken: probabilities, ties, draws at the edge."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from selection.shared import M, N, choose, pool, value_as_logit
from torch import Tensor, nn

from algan_lite.selection import picks
from algan_lite.selection.scores import Request
from algan_lite.selection.select import select_noise
from algan_lite.selection.strategies import Strategy

BY_SIZE = Strategy(
    "by_size", fn=lambda request, z: z[..., 0].log(), pick=picks.in_proportion, draws=True, has_probability=True
)


def test_ties_are_broken_by_index_in_a_large_pool() -> None:
    logits = torch.zeros(500).index_fill(0, torch.tensor([100, 300]), 1.0)
    assert choose(logits, 50, "top_k").indices.tolist() == [100, 300, *range(48)]


def test_gumbel_top_k_is_sampling_without_replacement() -> None:
    trials, temperature = 60_000, 0.7
    logits = torch.tensor([0.5, -1.0, 0.0, 1.2])
    p = (logits / temperature).softmax(0).tolist()
    chosen = choose(logits.expand(trials, 4), 2, "softmax", temperature=temperature, seed=11).indices
    for i, j in itertools.permutations(range(4), 2):
        exact = p[i] * p[j] / (1 - p[i])  # first i, then j among those left
        hits = ((chosen[:, 0] == i) & (chosen[:, 1] == j)).double()
        assert abs(float(hits.mean()) - exact) < 4 * math.sqrt(exact * (1 - exact) / trials)
    reverse = choose(logits.expand(trials, 4), 1, "softmax", sign=-1, seed=12).indices
    worst = (reverse == 1).double().mean()
    assert abs(worst - (-logits).softmax(0)[1]) < 4 * math.sqrt(0.25 / trials)


def test_inclusion_twin_in_double_precision() -> None:
    logits, noise = 3 * pool(40)[..., 0], torch.rand(40, M, generator=torch.Generator().manual_seed(5))
    chosen = choose(logits, N, "softmax", reweight=True, noise=noise)
    for k in range(40):
        phi = logits[k].double().log_softmax(0)
        score = [float(phi[i]) - math.log(-math.log1p(-float(noise[k, i]))) for i in range(M)]
        order = sorted(range(M), key=lambda i: -score[i])
        weights = [-1 / (M * math.expm1(-math.exp(float(phi[i]) - score[order[N]]))) for i in order[:N]]
        assert chosen.indices[k].tolist() == order[:N]
        torch.testing.assert_close(chosen.weights[k], torch.tensor(weights), rtol=1e-3, atol=1e-6)


def test_uniform_draws_of_zero_stay_finite() -> None:
    noise = torch.tensor([0.0, 0.0, 0.9])
    chosen = choose(torch.tensor([-0.1, 0.0, 1.0]), 1, "softmax", reweight=True, noise=noise)
    assert chosen.indices.tolist() == [1]  # both zeros stand for the same draw, so that the logits decide
    assert chosen.weights.isfinite().all()


def test_random_k_takes_every_candidate_equally_often() -> None:
    chosen = select_noise(nn.Identity(), value_as_logit, torch.zeros(20_000, 6, 1), 2, "random_k", seed=0)
    share = torch.nn.functional.one_hot(chosen.indices, 6).sum((0, 1)) / 20_000
    assert (share - 1 / 3).abs().max() < 4 * math.sqrt(2 / 9 / 20_000)


def shares(sizes: list[float], n: int) -> list[float]:
    """Chances in proportion to the sizes, n in all and none above 1, the obvious way: who is above 1 is in."""
    certain: set[int] = set()
    while True:
        rest = sum(size for i, size in enumerate(sizes) if i not in certain)
        found = {i: 1.0 if i in certain else (n - len(certain)) * size / rest for i, size in enumerate(sizes)}
        if max(found.values()) <= 1 + 1e-12:
            return [found[i] for i in range(len(sizes))]
        certain |= {i for i, q in found.items() if q > 1}


def by_size(sizes: Tensor, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return the indices and weights of a choice in proportion to given sizes."""
    z_pool = sizes.unsqueeze(-1)
    chosen = select_noise(nn.Identity(), value_as_logit, z_pool, n, BY_SIZE, reweight=True, seed=seed)
    return chosen.indices, chosen.weights


SIZES = [
    [1.0, 2.0, 3.0, 4.0, 2.0],
    [1.0, 1.0, 1.0, 50.0, 2.0],
    [9.0, 9.0, 0.1, 0.1, 0.2],
    [1.0, 1.0, 1.0, 1.0, 1.0],
    [5.0, 0.0, 1.0, 5.0, 5.0],
]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("n", [1, 3, 4])
def test_each_is_taken_in_proportion_to_its_size_and_none_twice(sizes: list[float], n: int) -> None:
    trials, expected = 20_000, torch.tensor(shares(sizes, n))
    indices, weights = by_size(torch.tensor(sizes).expand(trials, 5), n)
    hits = torch.nn.functional.one_hot(indices, 5).sum(1)
    assert hits.max() == 1
    assert (hits.sum(0) / trials - expected).abs().max() < 4 * math.sqrt(0.25 / trials)
    torch.testing.assert_close(weights, 1 / (sum(size > 0 for size in sizes) * expected[indices]))


def test_where_too_few_may_be_chosen_they_are_repeated_and_the_mean_is_theirs() -> None:
    sizes = torch.tensor([3.0, 0.0, 0.0, 1.0, 0.0])
    request = Request(nn.Identity(), value_as_logit, (), sizes.unsqueeze(-1), 4, None, {}, torch.full((5,), 0.5))
    taken = picks.in_proportion(request, sizes.log())
    assert sorted(taken.indices.tolist()) == [0, 0, 3, 3]
    torch.testing.assert_close(taken.inclusion, torch.full((4,), 2.0))


def test_equal_sizes_have_equal_weights_whatever_the_draw() -> None:
    _, weights = by_size(torch.full((500, 256), 0.3), 128)
    torch.testing.assert_close(weights, torch.full((500, 128), 1 / 128))


@pytest.mark.parametrize("draw", [0.0, 1 - 2.0**-24])
def test_marks_at_the_edges_find_those_with_a_size(draw: float) -> None:
    """The first and the last of the row have none: no rounding may put a mark on them."""
    for size in (1e-6, 1.0, 1e6):
        sizes = torch.tensor([0.0, *[size] * 254, 0.0])
        noise = torch.full((256,), draw)
        request = Request(nn.Identity(), value_as_logit, (), sizes.unsqueeze(-1), 128, None, {}, noise)
        taken = picks.in_proportion(request, sizes.log())
        assert taken.indices.unique().numel() == 128
        assert taken.indices.min() > 0
        assert taken.indices.max() < 255
        torch.testing.assert_close(taken.inclusion, torch.full((128,), 128 / 254))

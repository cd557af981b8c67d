"""How n of M are taken: probabilities, ties, draws at the edge."""

from __future__ import annotations

import itertools
import math

import torch
from selection.shared import M, N, choose, pool, value_as_logit
from torch import nn

from algan_lite.selection.select import select_noise


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

"""What the queries without a GAN choose: by hand, by a slow twin, or as scikit-activeml does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import normal
from labels.shared import CENTERS, Nearest, X, Y, pool
from torch import Tensor

import algan_lite as al
from algan_lite.labels import Pool, query
from algan_lite.labels.classic import pure_radius


class Says:
    """A model that says what it is told, row by row of the pool."""

    def __init__(self, x: Tensor, probabilities: Tensor) -> None:
        self.x, self.probabilities = x, probabilities

    def predict_proba(self, x: Tensor) -> Tensor:
        return self.probabilities[torch.cdist(x, self.x).argmin(1)]


P = torch.tensor([[1.0, 0, 0], [0.5, 0.5, 0], [0.4, 0.3, 0.3], [0.45, 0.35, 0.2], [0.9, 0.1, 0]])
FIVE = torch.arange(5.0)[:, None]


@pytest.mark.parametrize(("name", "order"), [("margin", [1, 2, 3, 4, 0]), ("entropy", [2, 3, 1, 4, 0])])
def test_doubt_in_order_by_hand(name: str, order: list[int]) -> None:
    its = Pool(FIVE, lambda rows: [0] * len(rows))
    assert query(its, name, 5, model=Says(FIVE, P)).tolist() == order


def test_random_gives_all_the_same_chance() -> None:
    its, counts, asked = pool((0, 1)), torch.zeros(30), torch.Generator().manual_seed(0)
    for _ in range(2000):
        counts[query(its, "random", 7, generator=asked)] += 1
    assert (counts[:2] == 0).all()
    assert (counts[2:] - 500).abs().max() < 5 * (2000 * 0.25 * 0.75) ** 0.5


def test_core_set_is_the_farthest_point_again_and_again() -> None:
    its = pool((0,))
    chosen = query(its, "core_set", 6, seed=0).tolist()
    covered = [0]
    for k in chosen:  # a twin: every candidate's distance to the nearest that is covered, by hand
        reach = [min(float((X[i] - X[j]).norm()) for j in covered) for i in range(30)]
        assert k == int(np.argmax(reach))
        covered.append(k)


def test_core_set_lies_where_features_say() -> None:
    its = pool((0,))
    (farthest,) = query(its, "core_set", 1, features=lambda x: x[:, :1], seed=0).tolist()
    assert farthest == int((X[:, 0] - X[0, 0]).abs().argmax())


def test_badge_begins_with_the_largest_gradient_and_draws_by_squared_distance() -> None:
    its, model = pool((0, 1)), Nearest()
    p, x = model.predict_proba(X[2:]), X[2:]
    embedding = [
        torch.outer(row - torch.eye(3)[row.argmax()], point).flatten() for row, point in zip(p, x, strict=True)
    ]
    size = torch.stack(embedding).square().sum(1)
    counts = torch.zeros(28)
    for seed in range(400):
        first, second = (query(its, "badge", 2, model=model, seed=seed) - 2).tolist()
        assert first == int(size.argmax())
        counts[second] += 1
    apart = (torch.stack(embedding) - embedding[first]).square().sum(1).minimum(size)
    expected = 400 * apart / apart.sum()
    assert (counts - expected).abs().max() < 5 * expected.max().sqrt()
    assert int(counts.argmax()) == int(expected.argmax())


def test_typi_clust_asks_for_the_densest_of_each_cluster_without_a_label() -> None:
    its = pool((0,))  # of the first of three clusters far apart: the other two are asked
    chosen = query(its, "typi_clust", 2, seed=0, neighbors=20)
    assert sorted(Y[chosen].tolist()) == [1, 2]
    for k in chosen.tolist():
        own = torch.where(Y[k] == Y, 1, 0).nonzero().squeeze(1).tolist()
        spread = {i: sum(float((X[i] - X[j]).norm()) for j in own) for i in own}  # fewer than 20 neighbors: all of them
        assert k == min(spread, key=spread.get)


def test_prob_cover_covers_most_that_is_not_covered() -> None:
    points = normal(60, 2)
    its = Pool(points, lambda rows: [0] * len(rows), labeled=[0, 1, 2])
    drawn = al.rng.draw(al.rng.stream(0, "labels"), (1,), "cpu", "index", 2**31 - 1)
    radius = pure_radius(points, 3, 0.5, seed=int(drawn))
    open_to = {j for j in range(60) if all((points[j] - points[i]).norm() > radius for i in (0, 1, 2))}
    gains = []
    for k in query(its, "prob_cover", 8, seed=0, num_classes=3, purity=0.5).tolist():
        balls = {i: {j for j in open_to if (points[i] - points[j]).norm() <= radius} for i in range(3, 60)}
        gains.append(len(balls[k]))
        assert gains[-1] == max(map(len, balls.values()))
        open_to -= balls[k]
    assert gains[0] > gains[3] > gains[-1] > 0


@pytest.mark.parametrize("purity", [0.8, 0.95, 1.0])
def test_the_radius_is_the_largest_at_which_enough_balls_are_pure(purity: float) -> None:
    from sklearn.cluster import KMeans

    points = torch.cat([normal(60, 2), normal(60, 2, seed=1) + 2.5])
    cluster = KMeans(2, random_state=3).fit_predict(points.numpy())

    def share(radius: float) -> float:
        pure = [
            len({int(cluster[j]) for j in range(120) if (points[i] - points[j]).norm() <= radius}) == 1
            for i in range(120)
        ]
        return sum(pure) / len(pure)

    radius = pure_radius(points, 2, purity, seed=3)
    assert share(radius) >= purity
    assert share(radius * 1.00001) < purity


def test_a_radius_of_three_clusters_far_apart_reaches_from_one_to_the_next() -> None:
    radius = pure_radius(X, 3, seed=0)
    gap = torch.cdist(X, X)[Y[:, None] != Y].min()
    assert 0.9999 * gap <= radius < (CENTERS[1] - CENTERS[0]).norm()

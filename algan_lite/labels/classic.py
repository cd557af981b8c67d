"""Queries that need no GAN: what the learner doubts, what covers the pool, and both."""

from __future__ import annotations

import torch
from torch import Tensor

from algan_lite.core import rng
from algan_lite.core.checks import check_integer, check_number
from algan_lite.labels import activeml
from algan_lite.labels.table import Question, entered, in_turn
from algan_lite.selection.strategies import Option


@entered(source="-", draws=True)
def random(question: Question) -> Tensor:
    """By chance: the arm to beat."""
    return rng.draw(question.generator, (len(question.unlabeled),), "cpu", "uniform")


@entered(source="Scheffer 2001", needs=("model",))
def margin(question: Question) -> Tensor:
    """Where the learner's two best guesses are nearest to each other."""
    best = question.probabilities(question.candidates).topk(2, dim=-1).values
    return best[:, 1] - best[:, 0]


@entered(source="Settles 2009", needs=("model",))
def entropy(question: Question) -> Tensor:
    """Where the learner's guesses are spread most evenly."""
    return torch.special.entr(question.probabilities(question.candidates)).sum(-1)


@entered(source="Sener 2018, by scikit-activeml", draws=True)
def core_set(question: Question) -> Tensor:
    """Greedy k-center: always the sample farthest from all that have a label."""
    return activeml.ask(question, activeml.need("pool").CoreSet())


@entered(source="Ash 2020, by scikit-activeml", needs=("model",), draws=True)
def badge(question: Question) -> Tensor:
    """k-means++ on the gradients that the learner's own guesses would give: doubtful, and different."""
    return activeml.ask(question, activeml.need("pool").Badge())


@entered(
    source="Hacohen 2022, by scikit-activeml",
    options={"neighbors": Option(20, lambda name, value: check_integer(name, value, 1))},
    draws=True,
)
def typi_clust(question: Question) -> Tensor:
    """The densest sample of each of the largest clusters without a label; as many clusters as labels then."""
    return activeml.ask(question, activeml.need("pool").TypiClust(k=question.options["neighbors"]))


@entered(
    source="Yehuda 2022",
    options={
        "num_classes": Option(10, lambda name, value: check_integer(name, value, 2)),
        "purity": Option(0.95, lambda name, value: check_number(name, value, 0, 1, open_low=True)),
    },
    draws=True,
)
def prob_cover(question: Question) -> Tensor:
    """Whose ball covers most samples that no ball around a label covers; its radius is the largest with pure balls.

    A ball is pure if k-means, with as many clusters as there are classes, puts all that it holds into one cluster;
    ``pure_radius`` says how large it may be. (scikit-activeml has this query too; its radii suit points on the unit
    sphere, and must be chosen anew for others.)
    """
    points, options = question.points(question.pool.x), question.options
    seed = int(rng.draw(question.generator, (1,), "cpu", "index", 2**31 - 1))
    radius = pure_radius(points, options["num_classes"], options["purity"], seed)
    covers = (torch.cdist(points, points) <= radius).to(torch.float32)  # (N, N): counts by products are fast
    bare = 1 - covers[question.pool.labeled].sum(0).clamp_max(1)
    covers = covers[question.unlabeled]  # (M, N)
    chosen: list[int] = []
    for _ in range(question.n):
        gain = covers @ bare
        gain[chosen] = -1
        chosen.append(int(gain.argmax()))
        bare = bare * (1 - covers[chosen[-1]])
    return in_turn(question, torch.tensor(chosen))


def pure_radius(points: Tensor, num_classes: int, purity: float = 0.95, seed: int = 0) -> float:
    """Return the largest radius at which a share of the balls around all points is pure.

    A ball is pure as long as it is smaller than the distance to the nearest point of another cluster. So no radii need
    to be tried: it is the quantile of these distances.

    Args:
        points: (N, F).
        num_classes: Clusters of k-means, in [2, N].
        purity: That share, in (0, 1].
        seed: Of k-means.

    Reference:
        Yehuda et al. 2022, section 3.3 (who try radii in steps).
    """
    from sklearn.cluster import KMeans

    found = KMeans(num_classes, random_state=seed).fit_predict(points.double().cpu().numpy())
    cluster = torch.from_numpy(found)
    distance = torch.cdist(points, points).cpu()
    reach = distance.masked_fill_(cluster[:, None] == cluster, torch.inf).amin(1).sort().values
    impure = min(int((1 - purity) * len(points) + 1e-9), len(points) - 1)  # so many balls may be
    return float(reach[impure]) * (1 - 1e-6)

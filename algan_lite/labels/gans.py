"""Queries that a GAN answers: what D says of the pool, what G can draw of it, and what G draws near the boundary."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from algan_lite.core import rng
from algan_lite.core.checks import ask, check_choice, check_integer, check_number
from algan_lite.labels.inversion import reconstruction_variance as variance_over
from algan_lite.labels.inversion import residuals
from algan_lite.labels.table import Question, entered, in_turn
from algan_lite.models.networks import evaluating, layers_of
from algan_lite.models.pairs import mlp_pair
from algan_lite.objective.losses import LOSSES
from algan_lite.selection.strategies import Option


def _at_least(low: int) -> Callable[[str, object], int]:
    return lambda name, value: check_integer(name, value, low)


def _sign(name: str, value: object) -> int:
    if abs(sign := check_integer(name, value, -1, 1)) != 1:
        raise ValueError(f"{name} must be 1 or -1; got {value!r}")
    return sign


def _with_ratio(name: str, value: object) -> str:
    return check_choice(name, value, [loss for loss, entry in LOSSES.items() if entry.log_ratio])


INVERSION = {"starts": Option(500, _at_least(1)), "steps": Option(60, _at_least(0))}


@entered(
    source="Mo 2019 (GOLD)",
    needs=("model", "D"),
    options={"sign": Option(1, _sign), "loss": Option("non_saturating", _with_ratio)},
)
def gold(question: Question) -> Tensor:
    r"""What D finds more real than G's fakes, and the learner doubts: D's log ratio plus the entropy of the classes.

    .. math:: u(x) = s \log \frac{p_{data}(x)}{p_G(x)} - \sum_c p(c \mid x) \log p(c \mid x)

    Published with s = 1: ask for what G draws too seldom. s = -1 asks for what looks like a fake.
    """
    with torch.no_grad(), evaluating(layers_of(question.D)):
        logits = ask("D", question.D, question.candidates, "samples (M, *sample)")
    if logits.shape != question.unlabeled.shape:
        raise ValueError(f"D(x) must have shape ({len(question.unlabeled)},), as x; got {tuple(logits.shape)}")
    doubt = torch.special.entr(question.probabilities(question.candidates)).sum(-1)
    return question.options["sign"] * LOSSES[question.options["loss"]].log_ratio(logits) + doubt


@entered(source="Zhu 2017 (GAAL)", needs=("model", "G"), options={"tries": Option(50, _at_least(1))}, draws=True)
def gaal(question: Question) -> Tensor:
    """The real sample nearest to one that G draws where the learner's two best guesses are equal.

    For each label, G draws ``tries`` samples and the one with the smallest margin stays: a search instead of the
    paper's gradient in z, so that any learner will do. The paper then asks a person about the drawing itself; nobody
    here could answer, so that the nearest candidate is asked about that was not chosen before.
    """
    shape = (question.n, question.options["tries"])
    z = rng.draw(question.generator, (*shape, question.G.latent_dim), question.pool.x.device)
    if hasattr(question.G, "runs"):
        raise ValueError("query 'gaal' needs one G; got an Ensemble: ask G.member(0)")
    with torch.no_grad(), evaluating(layers_of(question.G)):
        drawn = ask("G", question.G, z.flatten(0, 1), "latents (N, latent_dim)")
    best = question.probabilities(drawn).topk(2, dim=-1).values
    nearest = (best[:, 0] - best[:, 1]).view(shape).argmin(1)  # to the boundary
    wanted = drawn.unflatten(0, shape)[torch.arange(question.n), nearest]
    distance = torch.cdist(question.points(wanted), question.points(question.candidates))  # (n, M)
    return in_turn(question, _each_its_nearest(distance))


def _each_its_nearest(distance: Tensor) -> Tensor:
    """Return for each row of (n, M), in turn, the nearest column that no row before has taken, (n,)."""
    taken = []
    for row in distance.clone():
        row[taken] = torch.inf
        taken.append(int(row.argmin()))
    return torch.tensor(taken)


@entered(
    source="Gissin 2019 (DAL); Sinha 2019 (VAAL)",
    options={
        "steps": Option(100, _at_least(1)),
        "lr": Option(1e-2, lambda name, value: check_number(name, value, 0, open_low=True)),
    },
    draws=True,
)
def unlike_labeled(question: Question) -> Tensor:
    """What a D that was trained to tell samples with a label from those without finds most unlike the former.

    D sees the points of ``features``, each coordinate divided by the same number; both kinds count equally.
    """
    points = question.points(question.pool.x)
    points = (points - points.mean(0)) / points.std(0).mean().clamp_min(torch.finfo(points.dtype).tiny)
    is_new = torch.ones(len(points), device=points.device)
    is_new[question.pool.labeled] = 0
    weights = torch.where(is_new > 0, 1 / is_new.sum(), 1 / (1 - is_new).sum().clamp_min(1))
    seed = int(rng.draw(question.generator, (1,), "cpu", "index", 2**31 - 1))
    D = mlp_pair(sample_shape=(points.shape[1],), depth=1, seed=seed)[1].to(points)
    adam = torch.optim.Adam(D.parameters(), question.options["lr"])
    with torch.enable_grad():
        for _ in range(question.options["steps"]):
            adam.zero_grad()
            binary_cross_entropy_with_logits(D(points), is_new, weights, reduction="sum").backward()
            adam.step()
    with torch.no_grad():
        return D(points[question.unlabeled])


@entered(source="the article, 5.1", needs=("G",), options={"sign": Option(1, _sign), **INVERSION}, draws=True)
def residual(question: Question) -> Tensor:
    """What G cannot draw: its own uncertainty, as what is left over where it imitates a sample (sign=-1: what it can).

    An ensemble's mean. It depends on no label: whoever asks in rounds computes ``residuals`` once, and passes
    ``given(them)`` as the strategy.
    """
    left = residuals(question.G, question.candidates, generator=question.generator, **_inversion(question))
    return question.options["sign"] * (left.mean(0) if left.ndim == 2 else left)


@entered(source="the article, 5.1, with Seung 1992", needs=("G",), options=INVERSION, draws=True)
def g_disagreement(question: Question) -> Tensor:
    """Where an ensemble of Gs disagrees: the variance of what they draw in place of a sample."""
    return variance_over(question.G, question.candidates, generator=question.generator, **_inversion(question))


def _inversion(question: Question) -> dict[str, int]:
    return {name: question.options[name] for name in INVERSION}

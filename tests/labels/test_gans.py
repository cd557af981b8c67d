"""What the queries of a GAN choose, with Gs and Ds whose answers are known."""

from __future__ import annotations

import pytest
import torch
from helpers import normal
from labels.shared import CENTERS, Nearest, X, Y, pool
from torch import Tensor, nn

import algan_lite as al
from algan_lite.labels import Pool, invert, query, reconstruct, reconstruction_variance, residuals


def line(slope: tuple[float, float] = (1.0, 2.0)) -> nn.Module:
    """A G that draws the points of a line through the origin."""
    G = al.models.Generator(nn.Linear(1, 2, bias=False), 1, (2,))
    G.body.weight.data = torch.tensor(slope)[:, None]
    return G


def off(x: Tensor, slope: tuple[float, float] = (1.0, 2.0)) -> Tensor:
    """Mean squared coordinate of what the projection onto that line leaves over."""
    along = torch.tensor(slope) / torch.tensor(slope).norm()
    return (x - (x @ along)[:, None] * along).square().mean(-1)


def test_the_residual_of_a_linear_G_is_the_distance_to_its_image() -> None:
    x = normal(20, 2)
    left = residuals(line(), x, steps=300, lr=0.05, seed=0)
    torch.testing.assert_close(left, off(x), rtol=1e-3, atol=1e-4)
    on = torch.tensor([[0.5, 1.0], [-1.0, -2.0]])
    torch.testing.assert_close(
        invert(line(), on, steps=300, seed=0).squeeze(1), torch.tensor([0.5, -1.0]), atol=1e-2, rtol=0
    )
    torch.testing.assert_close(reconstruct(line(), on, steps=300, seed=0), on, atol=2e-2, rtol=0)


def test_more_steps_never_leave_more_over_and_none_takes_the_best_start() -> None:
    G, x = al.models.mlp_pair(width=8)[0], normal(9, 2)
    z = al.rng.draw(al.rng.stream(4, "inversion"), (50, 2), "cpu")
    with torch.no_grad():
        by_hand = torch.tensor([min(float((made - one).square().mean()) for made in G(z)) for one in x])
    left = residuals(G, x, starts=50, steps=0, seed=4)
    torch.testing.assert_close(left, by_hand)
    assert (residuals(G, x, starts=50, steps=80, seed=4) < left).float().mean() > 0.8


def test_an_ensemble_inverts_as_its_members_do() -> None:
    Gs = al.models.ensemble(al.models.mlp_pair, runs=3, width=8)[0]
    x = normal(5, 2)
    both = residuals(Gs, x, starts=20, steps=5, seed=1)
    alone = [residuals(Gs.member(k), x, starts=20, steps=5, seed=1) for k in range(3)]
    torch.testing.assert_close(both, torch.stack(alone), rtol=1e-4, atol=1e-6)


def test_lines_that_cross_disagree_by_what_they_draw() -> None:
    Gs = al.models.Ensemble([line((1.0, 0.0)), line((0.0, 1.0))])
    x = torch.tensor([[0.0, 0.0], [2.0, 2.0], [2.0, 0.0]])
    # the first draws (x0, 0), the second (0, x1): variances (x0/2)^2 and (x1/2)^2, mean over both
    expected = x.square().sum(1) / 8
    torch.testing.assert_close(reconstruction_variance(Gs, x, steps=400, seed=0), expected, rtol=2e-2, atol=1e-3)
    its = Pool(x, lambda rows: [0] * len(rows))
    assert query(its, "g_disagreement", 3, G=Gs, steps=400, seed=0).tolist() == [1, 2, 0]


@pytest.mark.parametrize("sign", [1, -1])
def test_residual_asks_for_what_G_cannot_draw_or_for_what_it_can(sign: int) -> None:
    its = pool((0, 1))
    chosen = query(its, "residual", 28, G=line(), sign=sign, steps=400, starts=2000, seed=0)
    left = off(X)[chosen]
    steps = sign * left.diff()
    assert steps.max() < 0.05  # in order, but for what descent leaves over
    assert sign * (left[0] - left[-1]) > 5


def test_gold_adds_doubt_to_the_log_ratio() -> None:
    its, model = pool((0, 1)), Nearest()

    def D(x: Tensor) -> Tensor:
        return x[:, 1] - x[:, 0]

    p = model.predict_proba(X[2:]).double()
    doubt = -(p * p.log()).sum(1).nan_to_num(0.0)
    for sign in (1, -1):
        value = sign * D(X[2:]).double() + doubt
        assert (
            query(its, "gold", 28, model=model, D=D, sign=sign).tolist()
            == (2 + value.argsort(descending=True)).tolist()
        )
    alpha = query(its, "gold", 28, model=model, D=D, loss="minimax").tolist()
    assert alpha == query(its, "gold", 28, model=model, D=D).tolist()  # both give the log ratio by the logit itself


def test_gaal_asks_beside_what_G_draws_on_the_boundary() -> None:
    class Between(nn.Module):
        """Draws points from the first center to the second: the boundary is in the middle, (5, 0)."""

        latent_dim, sample_shape = 1, (2,)

        def forward(self, z: Tensor) -> Tensor:
            return torch.cat([10 * torch.special.ndtr(z), torch.zeros_like(z)], -1)

    class Two:
        """Knows two classes, and is sure of none."""

        def predict_proba(self, x: Tensor) -> Tensor:
            return (-torch.cdist(x, CENTERS[:2]).square() / 20).softmax(-1)

    x = torch.cat([X, torch.tensor([[5.0, 0.2], [4.9, 0.4], [7.5, 0.0]])])
    its = Pool(x, torch.cat([Y, Y[:3]]).__getitem__, labeled=[0])
    chosen = query(its, "gaal", 3, model=Two(), G=Between(), tries=500, seed=0).tolist()
    assert chosen == [30, 31, 32]  # each the nearest to (5, 0) of those that are left


def test_gaal_takes_the_best_of_its_tries() -> None:
    its, model, G = pool((0,)), Nearest(), al.models.mlp_pair(width=8)[0]
    drawn: list[Tensor] = []

    class Spy:
        def predict_proba(self, x: Tensor) -> Tensor:
            drawn.append(x)
            return model.predict_proba(x)

    chosen = query(its, "gaal", 2, model=Spy(), G=G, tries=6, seed=0).tolist()
    taken: list[int] = []
    for group in drawn[0].view(2, 6, 2):
        margins = [float(p.sort().values[-1] - p.sort().values[-2]) for p in model.predict_proba(group)]
        wanted = group[margins.index(min(margins))]
        taken.append(min((k for k in range(1, 30) if k not in taken), key=lambda k: float((X[k] - wanted).norm())))
    assert chosen == taken


def test_unlike_labeled_asks_where_no_label_is() -> None:
    its = pool(tuple(k for k in range(30) if Y[k] == 0))  # one cluster has all its labels
    its = Pool(X, Y.__getitem__, labeled=[k for k in range(30) if Y[k] == 0 and k < 27])
    chosen = query(its, "unlike_labeled", 20, seed=0)
    assert set(Y[chosen].tolist()) == {1, 2}  # 20 samples of the other two; the last of the first comes last
    assert query(its, "unlike_labeled", 21, seed=0)[-1] == 27


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: invert(line(), torch.zeros(3)), ValueError, r"x must be \(N, \*sample\)"),
        (lambda: invert(line(), torch.zeros(3, 4), seed=0), ValueError, r"x must be \(N, 2\), as G's samples are"),
        (lambda: invert(nn.Linear(1, 2), X, seed=0), TypeError, "G must have latent_dim"),
        (lambda: residuals(line(), X, seed=0, starts=0), ValueError, r"starts must be in \[1, inf\)"),
        (lambda: residuals(line(), X, seed=0, lr=0.0), ValueError, r"lr must be in \(0, inf\)"),
        (lambda: residuals(line(), X), ValueError, "exactly one of generator= and seed="),
    ],
)
def test_bad_arguments_are_refused(call: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()

"""K+1 classes in logit form: exact identities, and the mean that G is asked for."""

from __future__ import annotations

import math

import pytest
import torch
from helpers import normal
from torch import Tensor

from algan_lite.labels.semi_losses import feature_matching, labeled_loss, real_logit, unlabeled_loss
from algan_lite.objective import LOSSES

LOGITS = 3 * normal(40, 10).double()
FAKES = 3 * normal(30, 10, seed=1).double()
Y = torch.arange(40) % 10


def k_plus_one(logits: Tensor) -> Tensor:
    """The slow twin: a softmax over K+1 logits, that of the fake class fixed at 0."""
    return torch.cat([logits, torch.zeros(*logits.shape[:-1], 1, dtype=logits.dtype)], -1).softmax(-1)


def test_real_is_z_over_z_plus_one() -> None:
    z = LOGITS.exp().sum(-1)
    torch.testing.assert_close(real_logit(LOGITS).sigmoid(), z / (z + 1))
    torch.testing.assert_close(real_logit(LOGITS).sigmoid(), 1 - k_plus_one(LOGITS)[:, -1])


def test_labeled_loss_is_the_k_plus_one_softmax_given_that_the_sample_is_real() -> None:
    p = k_plus_one(LOGITS)
    given_real = p[torch.arange(40), Y] / (1 - p[:, -1])
    torch.testing.assert_close(labeled_loss(LOGITS, Y), -given_real.log().mean())


def test_unlabeled_loss_is_the_k_plus_one_softmax() -> None:
    real, fake = k_plus_one(LOGITS), k_plus_one(FAKES)
    wanted = -(1 - real[:, -1]).log().mean() - fake[:, -1].log().mean()
    torch.testing.assert_close(unlabeled_loss(LOGITS, FAKES), wanted)


def test_the_whole_loss_is_a_cross_entropy_over_k_plus_one_classes() -> None:
    # the labeled part with "real" in it, and the fakes: -log p(y | x) - log p(K+1 | G(z)) over K+1 classes
    whole = -k_plus_one(LOGITS)[torch.arange(40), Y].log().mean() - k_plus_one(FAKES)[:, -1].log().mean()
    torch.testing.assert_close(labeled_loss(LOGITS, Y) + unlabeled_loss(LOGITS, FAKES), whole)


def test_a_shift_of_all_logits_leaves_the_classes_and_moves_only_real_against_fake() -> None:
    torch.testing.assert_close(labeled_loss(LOGITS + 5, Y), labeled_loss(LOGITS, Y))
    torch.testing.assert_close(real_logit(LOGITS + 5), real_logit(LOGITS) + 5)


def test_at_equal_logits_of_zero() -> None:
    zeros = torch.zeros(4, 10)
    torch.testing.assert_close(real_logit(zeros), torch.full((4,), math.log(10)))
    torch.testing.assert_close(labeled_loss(zeros, Y[:4]), torch.tensor(math.log(10)))
    torch.testing.assert_close(unlabeled_loss(zeros, zeros), torch.tensor(math.log(11 / 10) + math.log(11)))


def test_one_class_is_the_usual_gan() -> None:
    real, fake = normal(9), normal(7, seed=1)
    one = unlabeled_loss(real.unsqueeze(-1), fake.unsqueeze(-1))
    torch.testing.assert_close(one, LOSSES["non_saturating"].D(real, fake))


@pytest.mark.parametrize("size", [1e3, 1e4])
def test_extreme_logits_stay_finite_with_their_gradients(size: float) -> None:
    logits = torch.tensor([[size, -size], [-size, size]], requires_grad=True)
    loss = labeled_loss(logits, torch.tensor([1, 1])) + unlabeled_loss(logits, logits)
    loss.backward()
    # labeled: (2 size + 0) / 2; unlabeled: reals 0, fakes size
    torch.testing.assert_close(loss.detach(), torch.tensor(2 * size))
    assert logits.grad.isfinite().all()


def test_feature_matching_of_known_means() -> None:
    real = torch.tensor([[0.0, 2.0], [2.0, 4.0]])  # mean (1, 3)
    fake = torch.tensor([[0.0, 0.0], [0.0, 0.0], [6.0, -3.0]])  # mean (2, -1)
    torch.testing.assert_close(feature_matching(real, fake), torch.tensor(1.0 + 16.0))
    assert feature_matching(real, real.flip(0)) == 0  # no order, no pairing


def test_feature_matching_asks_for_the_mean_and_no_more() -> None:
    real = normal(50, 3).double()
    fake = real.mean(0).expand(8, 3).clone().requires_grad_()  # one point, eight times
    loss = feature_matching(real, fake)
    loss.backward()
    assert loss.item() < 1e-20
    assert fake.grad.abs().max() < 1e-10


def test_the_gradient_for_fakes_is_that_of_the_formula() -> None:
    real, fake = normal(5, 3).double(), normal(4, 3, seed=1).double().requires_grad_()
    feature_matching(real, fake).backward()
    wanted = -2 * (real.mean(0) - fake.detach().mean(0)) / 4
    torch.testing.assert_close(fake.grad, wanted.expand(4, 3))


@pytest.mark.parametrize(
    "loss",
    [
        lambda x, y, labels: labeled_loss(x, labels),
        lambda x, y, labels: unlabeled_loss(x, y),
        lambda x, y, labels: feature_matching(x, y),
    ],
)
def test_a_run_of_many_is_the_run_alone(loss: object) -> None:
    x, y, labels = normal(3, 8, 5), normal(3, 8, 5, seed=1), torch.arange(24).view(3, 8) % 5
    together = loss(x, y, labels)
    assert together.shape == (3,)
    for k in range(3):
        torch.testing.assert_close(together[k], loss(x[k], y[k], labels[k]))


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: real_logit(torch.zeros(3)), ValueError, r"class_logits must be \(\.\.\., N, C\).*\(3,\)"),
        (lambda: real_logit([[0.0]]), TypeError, "class_logits must be a floating tensor"),
        (lambda: labeled_loss(normal(4, 3), torch.zeros(4)), TypeError, "y must be .*int64"),
        (
            lambda: labeled_loss(normal(4, 3), torch.zeros(3, dtype=torch.long)),
            ValueError,
            r"y must have the shape \(4,\)",
        ),
        (
            lambda: labeled_loss(normal(4, 3), torch.tensor([0, 1, 2, 3])),
            ValueError,
            r"in \[0, 3\); got 0 to 3",
        ),
        (lambda: labeled_loss(normal(4, 3), torch.tensor([0, 1, 2, -1])), ValueError, r"y must be in \[0, 3\); got -1"),
        (lambda: unlabeled_loss(normal(2, 4, 3), normal(4, 3)), ValueError, "equal leading axes"),
        (lambda: feature_matching(normal(4, 3), normal(4, 2)), ValueError, r"got \(4, 3\) and \(4, 2\)"),
        (lambda: feature_matching(normal(4, 3), normal(0, 3)), ValueError, "N, M >= 1"),
        (lambda: feature_matching(normal(4, 3), torch.zeros(4, 3, dtype=torch.int)), TypeError, "features_fake"),
    ],
)
def test_refusals(call: object, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        call()

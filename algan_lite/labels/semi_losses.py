r"""The K+1-class losses of a semi-supervised GAN, in logit form.

D has one logit a class, l_1 ... l_K; the logit of a class K+1, "fake", is held at 0, since a softmax only knows
differences. With Z = sum_k exp(l_k) a sample is real with probability D(x) = Z / (Z + 1), so that log Z is D's usual
logit: a classifier *is* a discriminator, and the two-player losses of the book take it as it is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from algan_lite.core.checks import check_tensor, shown
from algan_lite.objective.losses import LOSSES


def real_logit(class_logits: Tensor) -> Tensor:
    r"""Return the logit of "real": log Z = log sum_k exp(l_k), so that D(x) = sigmoid(log Z) = Z / (Z + 1).

    Args:
        class_logits: (..., N, C), before any softmax.

    Returns:
        (..., N), any real number.

    Raises:
        TypeError: If they are no floating tensor.
        ValueError: If there is no class axis.

    Reference:
        Salimans et al. 2016, section 5.
    """
    return check_class_logits("class_logits", class_logits).logsumexp(-1)


def labeled_loss(class_logits: Tensor, y: Tensor) -> Tensor:
    r"""Supervised part: -log p(y | x, x is real), the cross entropy over the K classes.

    The fake class leaves it, since p(y | x, real) = (p_y / (Z + 1)) / (Z / (Z + 1)).

    Args:
        class_logits: (..., N, C) of labeled samples.
        y: Their classes, (..., N) integers in [0, C).

    Returns:
        (...), >= 0, in nats; the mean over the samples.

    Raises:
        TypeError: If the logits are no floating tensor, or ``y`` no integers.
        ValueError: If the shapes do not fit, or a class is out of range.

    Reference:
        Salimans et al. 2016, section 5, L_supervised.
    """
    check_classes(y, check_class_logits("class_logits", class_logits))
    chosen = class_logits.gather(-1, y.unsqueeze(-1)).squeeze(-1)
    return (real_logit(class_logits) - chosen).mean(-1)


def unlabeled_loss(class_logits_real: Tensor, class_logits_fake: Tensor) -> Tensor:
    r"""Unsupervised part: D's usual loss, -log D(x) for unlabeled reals and -log(1 - D(G(z))) for fakes.

    Args:
        class_logits_real: (..., N, C) of unlabeled samples.
        class_logits_fake: (..., M, C) of fakes.

    Returns:
        (...), >= 0, in nats.

    Raises:
        TypeError: If one of them is no floating tensor.
        ValueError: If there is no class axis, or the leading axes differ.

    Reference:
        Salimans et al. 2016, section 5, L_unsupervised.
    """
    return LOSSES["minimax"].D(real_logit(class_logits_real), real_logit(class_logits_fake))


def feature_matching(features_real: Tensor, features_fake: Tensor) -> Tensor:
    r"""G's loss: squared distance of the means of a layer of D, ||E f(x) - E f(G(z))||^2.

    G is asked for the right mean and nothing else. A G that matches the data well would make bad counterexamples for
    a classifier (Dai et al. 2017); one that misses a little makes good ones.

    Args:
        features_real: (..., N, F).
        features_fake: (..., M, F).

    Returns:
        (...), >= 0, in squared units of the features.

    Raises:
        TypeError: If one of them is no floating tensor.
        ValueError: If the feature or leading axes differ, or there is no sample.

    Reference:
        Salimans et al. 2016, Eq. 3 (section 3.1).
    """
    real, fake = (check_tensor(n, f, "(..., N, F)") for n, f in _named(features_real, features_fake))
    fits = real.ndim >= 2 <= fake.ndim and real.shape[:-2] == fake.shape[:-2] and real.shape[-1] == fake.shape[-1]
    if not fits or 0 in (*real.shape, *fake.shape):
        raise ValueError(
            "features_real and features_fake must be (..., N, F) and (..., M, F) with N, M >= 1; "
            f"got {tuple(real.shape)} and {tuple(fake.shape)}"
        )
    return (real.mean(-2) - fake.mean(-2)).square().sum(-1)


def _named(real: object, fake: object) -> tuple[tuple[str, object], ...]:
    return ("features_real", real), ("features_fake", fake)


def check_class_logits(name: str, logits: object) -> Tensor:
    """Return logits (..., N, C), or say what is wrong with them."""
    if check_tensor(name, logits, "(..., N, C)").ndim < 2 or 0 in logits.shape[-2:]:
        raise ValueError(f"{name} must be (..., N, C) with N, C >= 1; got {tuple(logits.shape)}")
    return logits


def check_classes(y: object, class_logits: Tensor) -> None:
    """Refuse labels that do not belong to these logits."""
    if not isinstance(y, Tensor) or y.dtype is not torch.int64:
        raise TypeError(f"y must be a tensor of int64 classes (..., N); got {shown(y)}")
    if y.shape != class_logits.shape[:-1]:
        raise ValueError(
            f"y must have the shape {tuple(class_logits.shape[:-1])}, a class a sample; got {tuple(y.shape)}"
        )
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= class_logits.shape[-1]:
        raise ValueError(f"y must be in [0, {class_logits.shape[-1]}); got {low} to {high}")

"""Pairs of a sample and its class: what a conditional GAN learns from."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from algan_lite.core.checks import check_integer, check_kind, check_tensor, shown
from algan_lite.data.finite import Finite


class Labeled(Finite):
    """Finite data whose samples are pairs: the flattened sample, and behind it the class with a one in its place.

    Attributes:
        own_shape: Shape of a sample without its class.
        classes: C, how many classes there are.
    """

    def __init__(self, source: Finite, classes: int) -> None:
        labels = {part: getattr(source, f"{part}_labels") for part in ("train", "validation", "test")}
        self.own_shape, self.classes = source.sample_shape, classes
        pairs = {part: self.join(getattr(source, part), y) for part, y in labels.items()}
        super().__init__(source.name, pairs, labels)

    def join(self, x: Tensor, labels: Tensor) -> Tensor:
        """Return the pairs (..., N, values + C) of samples ``(..., N, *own_shape)`` and their classes (..., N).

        Raises:
            TypeError: If ``x`` is no floating tensor, or ``labels`` are no int64 tensor.
            ValueError: If shapes do not fit, or labels are out of [0, C).
        """
        axes = check_tensor("x", x).ndim - len(self.own_shape)
        if axes < 0 or x.shape[axes:] != self.own_shape:
            raise ValueError(f"x must be (..., N, {', '.join(map(str, self.own_shape))}); got {tuple(x.shape)}")
        if not isinstance(labels, Tensor) or labels.dtype != torch.int64:
            raise TypeError(f"labels must be an int64 tensor; got {shown(labels)}")
        if labels.shape != x.shape[:axes]:
            raise ValueError(f"labels must be one for each sample, {tuple(x.shape[:axes])}; got {tuple(labels.shape)}")
        if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < self.classes:
            got = f"{int(labels.min())} to {int(labels.max())}"
            raise ValueError(f"labels must be in [0, {self.classes - 1}]; got {got}")
        flat = x.flatten(axes)
        return torch.cat([flat, one_hot(labels, self.classes).to(flat)], -1)

    def split(self, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Take pairs apart.

        Args:
            pairs: (..., N, values + C), reals or what a conditional G returns.

        Returns:
            Samples ``(..., N, *own_shape)``, and classes (..., N), int64.

        Raises:
            TypeError: If ``pairs`` is no floating tensor.
            ValueError: If it has another last axis.
        """
        values = self.sample_shape[0] - self.classes
        if check_tensor("pairs", pairs).ndim < 1 or pairs.shape[-1] != values + self.classes:
            raise ValueError(f"pairs must be (..., N, {values + self.classes}); got {tuple(pairs.shape)}")
        x, y = pairs.split([values, self.classes], -1)
        return x.unflatten(-1, self.own_shape), y.argmax(-1)


def with_labels(source: Finite, classes: int | None = None) -> Labeled:
    """The same data as pairs of a sample and its class, for a conditional GAN.

    Args:
        source: Finite data with a label for each sample.
        classes: C, at least 2; None: one more than the greatest label.

    Raises:
        TypeError: If the source is not finite, or its samples are pairs already.
        ValueError: If it has no labels, or labels outside of [0, classes).

    Example:
        >>> from algan_lite import data
        >>> pairs = with_labels(data.digits())
        >>> pairs.sample_shape, pairs.split(pairs.train)[0].shape[1:]
        ((74,), torch.Size([1, 8, 8]))
    """
    check_kind("source", source, Finite, "finite data, such as al.data.digits()")
    if isinstance(source, Labeled):
        raise TypeError(
            f"source must be samples without their classes; got {source!r}, whose samples are pairs already"
        )
    labels = [source.train_labels, source.validation_labels, source.test_labels]
    if any(part is None for part in labels):
        raise ValueError(f"source must have a label for each sample (al.data.array(x, labels)); got {source!r} without")
    known = torch.cat(labels)
    if int(known.min()) < 0:
        raise ValueError(f"source must have labels in [0, classes); got {int(known.min())}")
    most = int(known.max()) + 1
    return Labeled(source, check_integer("classes", max(2, most) if classes is None else classes, max(2, most)))

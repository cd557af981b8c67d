"""A classifier that learns from labeled images by Adam, and its moving average, which teaches and classifies."""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from algan_lite.core.checks import check_choice, check_integer
from algan_lite.core.rng import derive_seed, fresh, stream
from algan_lite.labels.affine import affine
from algan_lite.labels.networks import CLASSIFIERS, make_classifier

NUM_LABELED, NUM_UNLABELED = 50, 100  # images a step, as in the semi-supervised GAN
KEPT = 0.99  # of the average, a step


class Student:
    """A classifier between two steps.

    Args:
        x: Labeled images, (N, 1, height, width) in [0, 1].
        y: Their classes, (N,) int64.
        net: Name in ``CLASSIFIERS``.
        num_steps: That will be taken; the learning rate falls to 0 over the second half.
        lr: Of Adam.
        num_classes: C.
        seed: Of weights and draws.

    Attributes:
        teacher: The moving average.
    """

    def __init__(
        self, x: Tensor, y: Tensor, *, net: str, num_steps: int, lr: float, num_classes: int, seed: int
    ) -> None:
        check_choice("net", net, CLASSIFIERS)
        self.x, self.y, self.lr, self.step = x, y, lr, 0
        self.num_steps = check_integer("num_steps", num_steps, 1)
        self.net = make_classifier(net, x, num_classes, derive_seed(seed, "weights of D"))
        self.teacher = copy.deepcopy(self.net).requires_grad_(False)
        self.adam = torch.optim.Adam([p for p in self.net.parameters() if p.requires_grad], lr=lr, fused=True)
        self.draws, self.noise = stream(seed, "batches of a classifier"), stream(seed, "noise of a classifier")

    def labeled_loss(self, augment: bool) -> Tensor:
        """Return the cross entropy of labeled images drawn with replacement, turned and shifted if asked."""
        rows = fresh(self.draws, (NUM_LABELED,), "cpu", "index", len(self.x))
        batch = affine(self.x[rows], self.draws) if augment else self.x[rows]
        return cross_entropy(self.net(batch, self.noise), self.y[rows])

    def pseudo_loss(self, x: Tensor, threshold: float) -> Tensor:
        """Return the cross entropy of unlabeled images to what the teacher is sure of, over all that were drawn."""
        batch = x[fresh(self.draws, (NUM_UNLABELED,), "cpu", "index", len(x))]
        sure, label = self.teacher(batch).softmax(-1).max(-1)
        losses = cross_entropy(self.net(affine(batch, self.draws), self.noise), label, reduction="none")
        return (losses * (sure >= threshold)).mean()

    def descend(self, loss: Tensor) -> None:
        """Take a step, and move the average."""
        self.adam.param_groups[0]["lr"] = self.lr * min(1.0, 2 * (1 - self.step / self.num_steps))
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        self.adam.step()
        kept = min(KEPT, self.step / (self.step + 1))  # the plain mean of the first steps
        torch._foreach_lerp_(list(self.teacher.parameters()), list(self.net.parameters()), 1 - kept)
        self.step += 1

    def predict_proba(self, x: Tensor) -> Tensor:
        """Return the teacher's probabilities of the classes, (N, C)."""
        with torch.no_grad():
            return self.teacher(x).softmax(-1)

"""Learners that get few labels, those with a GAN beside those without.

``LEARNERS[name](seed=0, **options)`` is a learner: a function ``fit(pool) -> model``, as the room's door has it. Pools
hold images (N, 1, height, width) in [0, 1]. No learner sees a label that was not paid for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from algan_lite.core.checks import Entry, Table, check_flag, check_integer, check_number, check_options
from algan_lite.core.rng import derive_seed, lent
from algan_lite.labels.estimators import from_sklearn
from algan_lite.labels.pool import Pool
from algan_lite.labels.semi import SemiConfig, check_labeled_images, train_semi
from algan_lite.labels.student import Student
from algan_lite.labels.table import Model
from algan_lite.models.networks import Generator, Linear
from algan_lite.models.vae import VAE, Encoder, fit_vae

Fit: TypeAlias = Callable[[Pool], Model]
NUM_CLASSES = 10


@dataclass(frozen=True, kw_only=True)
class Learner(Entry):
    """A way to learn from few labels.

    Attributes:
        fn: ``fn(pool, seed, **options)`` returns a model.
        unlabeled: Whether it uses the images without labels.
    """

    fn: Callable[..., Model]
    unlabeled: bool = False

    def __call__(self, seed: int = 0, **options: object) -> Fit:
        """Return the learner.

        Args:
            seed: Of weights and draws.
            **options: Its own.

        Raises:
            TypeError: If it has no such option.
            ValueError: If ``seed`` is out of range.
        """
        check_integer("seed", seed, 0)
        check_options(self.name, self.fn, options, but=("pool", "seed"))

        def fit(pool: Pool) -> Model:
            check_labeled_images(pool, NUM_CLASSES)
            return self.fn(pool, seed, **options)

        return fit


LEARNERS: Table[Learner] = Table("learner", Learner)
"""name -> learner."""
learner = LEARNERS.enter


@learner(source="Cox 1958")
def logistic(pool: Pool, seed: int, *, C: float = 1.0) -> Model:
    """Logistic regression on the pixels: no unlabeled images, no noise."""
    from sklearn.linear_model import LogisticRegression

    check_number("C", C, 0, open_low=True)
    return from_sklearn(lambda: LogisticRegression(C=C, max_iter=1000))(pool)


@learner(source="Zhou 2004, with scikit-learn", unlabeled=True)
def label_spreading(pool: Pool, seed: int, *, components: int = 40, neighbors: int = 10, alpha: float = 0.9) -> Model:
    """Labels flow along a graph of nearest neighbors, on the first principal components."""
    return spreading(pool.x, components=components, neighbors=neighbors, alpha=alpha)(pool)


def spreading(x: Tensor, *, components: int = 40, neighbors: int = 10, alpha: float = 0.9) -> Fit:
    """Return label spreading on the principal components of ``x``, computed once: for many fits on one pool.

    Args:
        x: Samples (N, *sample).
        components: Of PCA, at most N and the length of a sample.
        neighbors: Of each node of the graph, itself included.
        alpha: Share of a node's label that comes from its neighbors, in (0, 1).
    """
    from sklearn.decomposition import PCA

    pixels = x.flatten(1).numpy()
    check_integer("components", components, 1)
    pca = PCA(min(components, *pixels.shape), svd_solver="full").fit(pixels)
    features = lambda x: torch.from_numpy(pca.transform(x.flatten(1).numpy()))  # noqa: E731
    return lambda pool: _spread(pool, features, neighbors, alpha)


@learner(source="Kingma 2014 (M1), with label spreading for its classifier", unlabeled=True)
def vae_spreading(
    pool: Pool, seed: int, *, latent_dim: int = 24, num_steps: int = 4000, neighbors: int = 10, alpha: float = 0.9
) -> Model:
    """Labels flow along the same kind of graph, on the latent means of a VAE."""
    vae = _small_vae(pool.x, check_integer("latent_dim", latent_dim, 1), seed)
    fit_vae(vae, pool.x, num_steps=num_steps, seed=seed)
    return _spread(pool, vae.means, neighbors, alpha)


def _small_vae(x: Tensor, latent_dim: int, seed: int, width: int = 256) -> VAE:
    """Return an autoencoder of images in [0, 1], with one hidden layer on either side."""
    shape, pixels = x.shape[1:], x[0].numel()
    with lent(derive_seed(seed, "weights of a VAE")):
        encoder = nn.Sequential(Linear(pixels, width), nn.ReLU(), Linear(width, 2 * latent_dim))
        decoder = nn.Sequential(Linear(latent_dim, width), nn.ReLU(), Linear(width, pixels))
    return VAE(Encoder(encoder, shape), Generator(decoder, latent_dim, shape), "sigmoid")


def _spread(pool: Pool, features: Callable[[Tensor], Tensor], neighbors: int, alpha: float) -> Model:
    from sklearn.semi_supervised import LabelSpreading

    check_integer("neighbors", neighbors, 1)
    check_number("alpha", alpha, 0, 0.9999, open_low=True)
    how = {"n_neighbors": min(neighbors, len(pool)), "alpha": alpha, "max_iter": 100}
    return from_sklearn(lambda: LabelSpreading(kernel="knn", **how), features=features, semi=True)(pool)


@learner(source="the D of the semi-supervised GAN, alone")
def classifier(
    pool: Pool, seed: int, *, net: str = "dense", augment: bool = False, num_steps: int = 2000, lr: float = 3e-3
) -> Model:
    """A network on the labeled images alone, with ``augment`` turned and shifted anew in every batch."""
    check_flag("augment", augment)
    student = _student(pool, seed, net, num_steps, lr)
    for _ in range(num_steps):
        student.descend(student.labeled_loss(augment))
    return student


@learner(source="Lee 2013; threshold and two views: Sohn 2020; averaged teacher: Tarvainen 2017", unlabeled=True)
def pseudo_labels(
    pool: Pool,
    seed: int,
    *,
    net: str = "dense",
    threshold: float = 0.95,
    num_steps: int = 2000,
    lr: float = 3e-3,
    warmup: float = 0.2,
) -> Model:
    """What an averaged teacher is sure of becomes a label, after the share ``warmup`` of the steps: no GAN."""
    check_number("threshold", threshold, 0, 1)
    check_number("warmup", warmup, 0, 1)
    student = _student(pool, seed, net, num_steps, lr)
    for step in range(num_steps):
        loss = student.labeled_loss(augment=True)
        if step >= warmup * num_steps:
            loss = loss + student.pseudo_loss(pool.x, threshold)
        student.descend(loss)
    return student


def _student(pool: Pool, seed: int, net: str, num_steps: int, lr: float) -> Student:
    check_number("lr", lr, 0, open_low=True)
    how = {"net": net, "num_steps": num_steps, "lr": lr, "num_classes": NUM_CLASSES, "seed": seed}
    return Student(pool.x[pool.labeled], pool.y, **how)


@learner(source="Salimans 2016", unlabeled=True)
def ssl_gan(pool: Pool, seed: int, *, config: SemiConfig | None = None) -> Model:
    """A classifier with a class more, for the fakes of a G that matches its features."""
    return train_semi(pool, config, num_classes=NUM_CLASSES, seed=seed, progress=False)

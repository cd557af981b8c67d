"""Every learner of the table keeps the contract; each does the thing that it is named for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from labels.bars import FEW, blobs
from torch import Tensor
from torch.nn.functional import one_hot

from algan_lite.labels import learners
from algan_lite.labels.learners import LEARNERS
from algan_lite.labels.pool import Pool
from algan_lite.labels.semi import SemiConfig
from algan_lite.labels.student import Student

X, Y = blobs(126)
TEST, TRUTH = blobs(60, seed=2)
QUICK = {
    "classifier": {"num_steps": 60},
    "pseudo_labels": {"num_steps": 60, "threshold": 0.3},
    "ssl_gan": {"config": SemiConfig(**{**FEW, "num_steps": 150})},
    "vae_spreading": {"num_steps": 150, "latent_dim": 4},
}
NAMES = ("logistic", "label_spreading", "vae_spreading", "classifier", "pseudo_labels", "ssl_gan")


def pool(x: Tensor = X, count: int = 6) -> Pool:
    return Pool(x, Y.__getitem__, labeled=range(count), budget=count)


def fitted(name: str, given: Pool, seed: int = 0, **options: object) -> object:
    return LEARNERS[name](seed, **{**QUICK.get(name, {}), **options})(given)


def student(**options: object) -> Student:
    how = {"net": "dense", "num_steps": 10, "lr": 1e-3, "num_classes": 3, "seed": 0, **options}
    return Student(X[:6], Y[:6], **how)


def test_the_table() -> None:
    assert tuple(LEARNERS) == NAMES
    assert [name for name in NAMES if not LEARNERS[name].unlabeled] == ["logistic", "classifier"]


@pytest.mark.parametrize("name", NAMES)
def test_contract(name: str) -> None:
    before, images, mine = torch.get_rng_state(), X.clone(), pool()
    probabilities = torch.as_tensor(fitted(name, mine, seed=3).predict_proba(TEST))
    assert probabilities.shape == (60, 10)
    torch.testing.assert_close(probabilities.double().sum(1), torch.ones(60, dtype=torch.float64), atol=1e-5, rtol=0)
    assert (probabilities.argmax(1) == TRUTH).float().mean() > 0.9  # bars: anybody can, from six labels
    assert torch.equal(probabilities, torch.as_tensor(fitted(name, pool(), seed=3).predict_proba(TEST)))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(X, images)
    assert mine.spent == 6  # nobody has asked for more


@pytest.mark.parametrize("name", NAMES)
def test_unlabeled_images_matter_only_where_the_table_says_so(name: str) -> None:
    other = X.clone()
    other[6:] = torch.rand(120, 1, 8, 8, generator=torch.Generator().manual_seed(5))
    here, there = (fitted(name, pool(x)).predict_proba(TEST) for x in (X, other))
    assert torch.equal(here, there) != LEARNERS[name].unlabeled


def test_spreading_is_zhous_iteration() -> None:
    """The slow twin: F <- alpha S F + (1 - alpha) Y, on the graph of nearest neighbors, to its end."""
    from sklearn.neighbors import kneighbors_graph

    flat = X.flatten(1).numpy()
    graph = kneighbors_graph(flat, 10, include_self=True).toarray()
    np.fill_diagonal(graph, 0)
    degree = graph.sum(0)
    S = graph / np.sqrt(np.outer(degree, degree))
    start = np.concatenate([one_hot(Y[:6], 3).numpy(), np.zeros((120, 3))])
    F = start
    for _ in range(500):
        F = 0.9 * S @ F + 0.1 * start
    model = learners._spread(pool(), lambda x: x.flatten(1), 10, 0.9)
    spread = model.classifier.transduction_
    assert (spread == F.argmax(1)).all()
    assert (spread == Y.numpy()).mean() > 0.95


def test_pseudo_labels_count_only_where_the_teacher_is_sure() -> None:
    assert student().pseudo_loss(X, threshold=1.0) == 0  # nobody is that sure with first weights
    assert student().pseudo_loss(X, threshold=0.0) > 0


def test_pseudo_labels_are_the_teachers_and_weigh_by_all_that_were_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    one = student()
    monkeypatch.setattr("algan_lite.labels.student.affine", lambda x, generator: x)
    sure = torch.zeros(len(X), 3)
    sure[:, 2], sure[::2, 2] = 9.0, 0.5  # of every second image the teacher is not sure
    batch = torch.arange(100)
    monkeypatch.setattr("algan_lite.labels.student.fresh", lambda *_: batch)
    one.teacher = lambda x: sure[: len(x)]
    one.net = lambda x, generator: torch.zeros(len(x), 3)
    expected = 0.5 * torch.tensor(3.0).log()  # half of the batch, log 3 each
    torch.testing.assert_close(one.pseudo_loss(X, threshold=0.95), expected)


def test_no_gradient_reaches_the_teacher() -> None:
    one = student()
    one.pseudo_loss(X, threshold=0.0).backward()
    assert all(p.grad is None for p in one.teacher.parameters())
    assert any(p.grad is not None for p in one.net.parameters())


def test_the_teacher_is_the_mean_of_the_first_steps() -> None:
    one, seen = student(), []
    for _ in range(5):
        one.descend(one.labeled_loss(augment=True))
        seen.append(one.net.output.bias.detach().clone())
    torch.testing.assert_close(one.teacher.output.bias, torch.stack(seen).mean(0))


def test_both_nets() -> None:
    found = fitted("classifier", pool(), net="conv", num_steps=80).predict_proba(TEST).argmax(1)
    assert (found == TRUTH).float().mean() > 0.9


def test_augmentation_changes_what_is_learned() -> None:
    plain, moved = (fitted("classifier", pool(), augment=augment).predict_proba(TEST) for augment in (False, True))
    assert not torch.allclose(plain, moved)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: LEARNERS["logistic"](-1), ValueError, "seed must be in"),
        (lambda: LEARNERS["logistic"](gamma=1), TypeError, "logistic has the options C; got gamma=1"),
        (lambda: LEARNERS["forest"], ValueError, "learner must be one of logistic, .*; got 'forest'"),
        (lambda: fitted("logistic", X), TypeError, "pool must be a Pool"),
        (lambda: fitted("logistic", Pool(X, Y.__getitem__)), ValueError, "1 label or more"),
        (lambda: fitted("classifier", pool(), net="mlp"), ValueError, "net must be one of dense, conv; got 'mlp'"),
        (lambda: fitted("classifier", pool(), num_steps=0), ValueError, "num_steps"),
        (lambda: fitted("pseudo_labels", pool(), threshold=2), ValueError, "threshold"),
    ],
)
def test_refusals(call: object, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        call()

"""Conditional pairs: what they are made of, by hand; that they are a pair like any other."""

from __future__ import annotations

import pytest
import torch
from helpers import assert_near, normal, untouched
from torch.nn.functional import one_hot

import algan_lite as al
from algan_lite.models import ask_for, conditional_pair

SIZES = {"noise_dim": 2, "sample_shape": (1, 2, 2), "classes": 3, "width": 6, "depth": 1}
READS = ["projection", "concatenation", "nothing"]
X = normal(40, 1, 2, 2).clamp(-1, 1)
SOURCE = al.data.with_labels(al.data.array(X, torch.arange(40) % 3))
every_way = pytest.mark.parametrize("reads", READS)


def pairs(n: int = 5, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x, labels = normal(n, 4, seed=seed), torch.arange(n) % 3
    return x, labels, torch.cat([x, one_hot(labels, 3).float()], -1)


def test_G_draws_the_greatest_of_its_last_latents_and_says_so() -> None:
    G, _ = conditional_pair(**SIZES)
    z = normal(4, 50, 5)
    made = G(z)
    assert made.shape == (4, 50, 7)
    assert torch.equal(made[..., 4:], one_hot(z[..., 2:].argmax(-1), 3).float())
    asked = ask_for(z[..., :2], z[..., 2:].argmax(-1), 3)
    torch.testing.assert_close(G(asked), made)  # how much greater does not matter
    other = ask_for(z[..., :2], (z[..., 2:].argmax(-1) + 1) % 3, 3)
    assert not torch.allclose(G(other)[..., :4], made[..., :4])
    assert made[..., :4].abs().max() <= 1


def test_nothing_may_be_asked_for() -> None:
    none = torch.zeros(2, 0, dtype=torch.int64)
    assert ask_for(normal(2, 0, 4), none, 3).shape == (2, 0, 7)


def test_every_class_is_asked_for_as_often() -> None:
    G, _ = conditional_pair(**SIZES)
    shares = G(normal(30_000, 5))[..., 4:].mean(0)
    torch.testing.assert_close(shares, torch.full((3,), 1 / 3), rtol=0, atol=0.012)


def test_projection_by_hand() -> None:
    _, D = conditional_pair(**SIZES, seed=3)
    x, labels, both = pairs()
    phi = D.trunk(x)
    V, w = D.by_class, D.out
    for n in range(5):
        by_hand = w.weight[0] @ phi[n] + w.bias[0] + V.weight[labels[n]] @ phi[n] + V.bias[labels[n]]
        torch.testing.assert_close(D(both)[n], by_hand)


def test_concatenation_and_the_control_by_hand() -> None:
    x, labels, both = pairs()
    other = torch.cat([x, one_hot((labels + 1) % 3, 3).float()], -1)
    _, D = conditional_pair(**SIZES, reads="concatenation")
    torch.testing.assert_close(D(both), D.out(D.trunk(both)).squeeze(-1))
    assert not torch.allclose(D(both), D(other))
    _, blind = conditional_pair(**SIZES, reads="nothing")
    assert torch.equal(blind(both), blind(other))


@every_way
def test_penalties_ask_about_samples_only(reads: str) -> None:
    _, D = conditional_pair(**SIZES, reads=reads)
    both = pairs()[2].requires_grad_()
    (slope,) = torch.autograd.grad(D(both).sum(), both)
    assert slope[:, :4].abs().min() > 0
    assert (slope[:, 4:] == 0).all()


@every_way
def test_runs_of_an_ensemble_are_pairs_of_their_own(reads: str) -> None:
    Gs, Ds = al.models.ensemble(conditional_pair, seed=[4, 9], reads=reads, **SIZES)
    z = normal(2, 6, 5)
    for k, seed in enumerate((4, 9)):
        G, D = conditional_pair(seed=seed, reads=reads, **SIZES)
        torch.testing.assert_close(Gs(z)[k], G(z[k]))
        torch.testing.assert_close(Ds(Gs(z))[k], D(G(z[k])))
        torch.testing.assert_close(Ds.features(Gs(z))[k], D.features(G(z[k])))


OPTIONS = {
    "plain": {"regularizers": {"r1": 0.1}},
    "top_k of the batch": {"strategy": "top_k", "keep_decay": 0.5, "steps_per_epoch": 1},
    "top_k of a pool": {"strategy": "top_k", "pool_factor": 2},
    "latent_ascent": {"strategy": "latent_ascent"},
    "core_set": {"strategy": "core_set", "pool_factor": 2},
    "selected": {"strategy": "softmax", "pool_factor": 2, "d_fakes": "selected"},
}


@pytest.mark.parametrize("name", OPTIONS)
@every_way
def test_they_train_as_any_pair(name: str, reads: str) -> None:
    config = al.TrainConfig(num_steps=3, batch_size=6, **OPTIONS[name])
    G, D = al.models.ensemble(conditional_pair, seed=[1, 2], reads=reads, **SIZES)
    history = al.train(G, D, SOURCE, config, seed=[1, 2], progress=False)
    alone = conditional_pair(seed=2, reads=reads, **SIZES)
    own = al.train(*alone, SOURCE, config, seed=2, progress=False)
    assert_near(history.G_ema(normal(3, 5))[1], own.G_ema(normal(3, 5)), 1e-4)
    assert (history.diverged_at < 0).all()


def test_a_choice_among_the_batch_costs_nothing() -> None:
    config = al.TrainConfig(num_steps=2, batch_size=6, strategy="top_k", keep_decay=0.5, steps_per_epoch=1)
    history = al.train(*conditional_pair(**SIZES), SOURCE, config, progress=False)
    assert history.num_calls == 0


@every_way
def test_the_graph_takes_the_same_steps(reads: str) -> None:
    pytest.importorskip("onnxruntime")
    config = al.TrainConfig(num_steps=5, batch_size=6, regularizers={"r1": 0.3})
    made = {}
    for engine in ("eager", "graph"):  # a warning, that eager does it, would be an error here
        G, D = al.models.ensemble(conditional_pair, seed=[1, 2], reads=reads, **SIZES)
        al.train(G, D, SOURCE, config, seed=[1, 2], engine=engine, progress=False)
        made[engine] = G(normal(8, 5)).detach()
    assert_near(made["graph"], made["eager"], 1e-4)


def test_looking_changes_nothing() -> None:
    G, D = conditional_pair(**SIZES)
    with untouched(G, D):
        al.select_noise(G, D, normal(8, 5), 4, "top_k")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: conditional_pair(classes=1), ValueError, r"classes must be in \[2, inf\); got 1"),
        (lambda: conditional_pair(reads="embedding"), ValueError, "reads must be one of projection, .*; got 'embed"),
        (lambda: conditional_pair(noise_dim=0), ValueError, r"noise_dim must be in \[1, inf\); got 0"),
        (lambda: conditional_pair(**SIZES)[0](normal(3, 4)), ValueError, r"z must be \(..., N, 5\); got \(3, 4\)"),
        (
            lambda: conditional_pair(**SIZES)[1](normal(3, 4)),
            ValueError,
            r"x must be pairs \(..., N, 7\); got \(3, 4\)",
        ),
        (lambda: conditional_pair(**SIZES)[1].features(normal(7)), ValueError, r"x must be pairs .*; got \(7,\)"),
        (lambda: ask_for(normal(3, 2), torch.tensor([0, 1, 3]), 3), ValueError, r"labels must be in \[0, 2\]; got 0"),
        (
            lambda: ask_for(normal(3, 2), torch.tensor([0, 1]), 3),
            ValueError,
            r"one for each latent, \(3,\); got \(2,\)",
        ),
        (lambda: ask_for(normal(3, 2), torch.ones(3), 3), TypeError, "labels must be a tensor of integers.*float32"),
        (lambda: ask_for(normal(3), torch.tensor(1), 3), ValueError, r"z must be \(..., N, noise_dim\); got \(3,\)"),
    ],
)
def test_refusals(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()

"""What users bring, and may reasonably want: it works."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from helpers import normal, tiny, untouched
from own import Attention, Conditional, OwnD, OwnG, WithLabel, X, few, train
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.utils.data import DataLoader, TensorDataset

import algan_lite as al


def normed(norm: Callable[[nn.Module], nn.Module], net: nn.Module, *, used: bool) -> nn.Module:
    net.layers[0] = norm(net.layers[0])
    if used:
        net(normal(4, net.layers[0].in_features))
    return net


NORMS = {
    "weight_norm": parametrizations.weight_norm,
    "spectral_norm": parametrizations.spectral_norm,
    "the older spectral_norm": nn.utils.spectral_norm,
}


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("norm", NORMS)
def test_norms_on_weights_train_and_the_average_is_a_copy(norm: str, used: bool) -> None:
    G, D = normed(NORMS[norm], OwnG(), used=used), normed(NORMS[norm], OwnD(), used=used)
    history = train(G, D, config=few(num_steps=20, ema_decay=0.0))
    z = normal(5, 3)
    torch.testing.assert_close(history.G_ema.eval()(z), G.eval()(z))  # no averaging: the last iterate
    before = history.G_ema(z).clone()
    train(G, D)
    torch.testing.assert_close(history.G_ema(z), before)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*deprecated:FutureWarning")
def test_the_older_weight_norm_is_copied_too() -> None:
    G = normed(nn.utils.weight_norm, OwnG(), used=True)
    train(G, normed(nn.utils.weight_norm, OwnD(), used=True))


OPTIONS = {
    "plain": {},
    **{name: {"regularizers": {name: 0.1}} for name in al.REGULARIZERS},
    **{name: {"strategy": name, "pool_factor": 2} for name in al.STRATEGIES if name != "disagreement"},
    "through": {"strategy": "latent_ascent", "strategy_options": {"through": True}},
    "equilibrium": {"equilibrium": al.Equilibrium(every=1)},
    "relativistic": {"loss": "relativistic"},
    "augment": {"augment": ["rotation", "jitter"], "augment_p": 0.5},
    **{name: {"balance": name, "regularizers": {"r1": 0.1}, "augment": ["jitter"]} for name in al.BALANCES},
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("runs", [None, 2])
def test_float64_networks_train(name: str, runs: int | None) -> None:
    G, D = (net.double() for net in tiny(runs))
    frame = train(G, D, config=few(**OPTIONS[name])).frame()
    assert np.isfinite(frame.drop(columns="accuracy", errors="ignore").to_numpy()).all()
    assert next(G.parameters()).dtype == torch.float64


@pytest.mark.parametrize("name", OPTIONS)
def test_under_autocast_networks_learn_and_the_history_shows(name: str) -> None:
    G, D = tiny()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        G(normal(4, 3))  # what the cache holds of this call must not stay for all steps
        history = train(G, D, config=few(**OPTIONS[name], num_steps=20))
        inside = G(normal(4, 3)).float()
    assert np.isfinite(history.frame().to_numpy()).all()
    assert history.frame()["logit_real"].nunique() > 15, "each step sees new weights"
    torch.testing.assert_close(inside, G(normal(4, 3)), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_weights_choose_and_sample_but_do_not_train(dtype: torch.dtype) -> None:
    G, D = (net.to(dtype) for net in tiny())
    with pytest.raises(ValueError, match=r"G and D must have weights of one dtype, float32 or float64.*; got torch\."):
        train(G, D)
    chosen = al.select_noise(G, D, normal(12, 3).to(dtype), 4, "softmax", reweight=True, seed=0)
    assert chosen.z.dtype == dtype
    assert chosen.weights.isfinite().all()
    assert al.SAMPLERS["importance"](G, D, 5, seed=0).dtype == dtype


@pytest.mark.parametrize("name", ["plain", "r1", "consensus", "wgan_gp", "top_k", "latent_ascent"])
def test_own_networks_in_an_ensemble_train_as_alone(name: str) -> None:
    Gs, Ds = [OwnG() for _ in range(2)], [OwnD(nn.LayerNorm(8)) for _ in range(2)]
    both = al.models.Ensemble(Gs), al.models.Ensemble(Ds)
    train(*both, config=few(**OPTIONS[name]))
    train(Gs[1], Ds[1], config=few(**OPTIONS[name]), seed=1)
    for many, one in zip(both, (Gs[1], Ds[1]), strict=True):
        for mine, its in zip(many.member(1).parameters(), one.parameters(), strict=True):
            torch.testing.assert_close(mine, its, rtol=1e-4, atol=1e-6)


def test_an_ensemble_keeps_frozen_weights_and_drops_out() -> None:
    Gs = [OwnG(nn.Dropout(0.5)) for _ in range(2)]
    for G in Gs:
        G.layers[0].requires_grad_(False)
    many = al.models.Ensemble(Gs)
    train(many, tiny(2)[1], config=few(regularizers={"consensus": 0.1}))
    assert torch.equal(many.member(1).layers[0].weight, Gs[1].layers[0].weight)
    assert not torch.equal(many.member(1).layers[3].weight, Gs[1].layers[3].weight)
    z = normal(50, 3)
    assert not torch.equal(many(z)[0], many(z)[0])


@pytest.mark.parametrize("what", ["frozen in G", "frozen in D", "unused in G", "unused in D"])
def test_consensus_leaves_out_weights_that_do_not_move(what: str) -> None:
    G, D = OwnG(), OwnD()
    net = G if what.endswith("G") else D
    plain = al.make_batch(G, D, normal(8, 2), normal(8, 3))
    expected = al.REGULARIZERS["consensus"].fn(G, D, plain)
    if what.startswith("unused"):
        net.spare = nn.Linear(3, 3)
        torch.testing.assert_close(al.REGULARIZERS["consensus"].fn(G, D, plain), expected)
    else:
        net.layers[0].requires_grad_(False)
    before = net.layers[0].weight.clone()
    train(G, D, config=few(regularizers={"consensus": 0.1}))
    assert torch.equal(before, net.layers[0].weight) == what.startswith("frozen")


@pytest.mark.parametrize("kind", ["no method", "a list of modules"])
def test_the_heads_of_an_attention_are_no_heads_of_D(kind: str) -> None:
    train(D=Attention(kind))
    train(tiny(2)[0], al.models.Ensemble([Attention(kind) for _ in range(2)]))
    with pytest.raises(ValueError, match=r"needs a D with num_heads in \[2, inf\); got 1"):
        al.select_noise(tiny()[0], Attention(kind), normal(8, 3), 2, "disagreement")


def test_a_conditional_G_and_that_of_the_dcgan_tutorial_train_in_a_wrapper() -> None:
    train(WithLabel(Conditional()))
    net = nn.Sequential(nn.ConvTranspose2d(3, 4, 7), nn.BatchNorm2d(4), nn.ReLU(), nn.ConvTranspose2d(4, 1, 4, 4))
    G = al.models.Generator(nn.Sequential(nn.Unflatten(-1, (3, 1, 1)), net, nn.Tanh()), 3, (1, 28, 28))
    D = nn.Sequential(nn.Conv2d(1, 2, 4, 4), nn.BatchNorm2d(2), nn.LeakyReLU(0.2), nn.Conv2d(2, 1, 7), nn.Flatten(0))
    train(G, D, al.data.array(normal(20, 1, 28, 28)))
    al.select_noise(G, D, normal(8, 3), 4)


LOADERS = {
    "unlabeled": lambda: DataLoader(X, 7),
    "in tuples": lambda: DataLoader(TensorDataset(X), 7),
    "labeled": lambda: DataLoader(TensorDataset(X, (X[:, 0] > 0).long()), 7),
    "dicts": lambda: DataLoader([{"x": x} for x in X], 7),
    "dicts with labels and names": lambda: DataLoader([{"label": int(x[0] > 0), "id": "a", "image": x} for x in X], 7),
}


@pytest.mark.parametrize("kind", LOADERS)
def test_loaders_give_all_their_items_and_the_same_split_in_any_order(kind: str) -> None:
    source, loader = al.data.array(LOADERS[kind]()), LOADERS[kind]()
    assert sorted(torch.cat([source.train, source.validation, source.test])[:, 0].tolist()) == sorted(X[:, 0].tolist())
    shuffled = DataLoader(loader.dataset, 11, shuffle=True, generator=torch.Generator().manual_seed(5))
    for other in (al.data.array(shuffled), al.data.array(shuffled)):
        for part in ("train", "validation", "test"):
            assert torch.equal(getattr(source, part), getattr(other, part))
    if "label" in kind and kind != "unlabeled":
        assert torch.equal(source.train_labels, (source.train[:, 0] > 0).long())
    train(source=source)


def odd_arrays() -> dict[str, np.ndarray]:
    x = X.numpy()
    locked = x.copy()
    locked.flags.writeable = False
    return {
        "flipped": x[::-1],
        "mirrored": x[:, ::-1],
        "big-endian": x.astype(">f8"),
        "locked": locked,
        "columns": np.asfortranarray(x),
    }


@pytest.mark.parametrize("kind", odd_arrays())
def test_arrays_of_any_layout_are_taken_as_they_are(kind: str) -> None:
    given = odd_arrays()[kind]
    source = al.data.array(given, np.arange(40)[::-1] % 2, validation=0, test=0)
    np.testing.assert_array_equal(source.train.numpy(), given.astype("=f4"))


@pytest.mark.parametrize("seeds", [np.array([3, 4]), torch.tensor([3, 4]), range(3, 5), (3, 4), np.int64(3)])
def test_seeds_may_be_arrays(seeds: object) -> None:
    assert train(*tiny(2), seed=seeds).seeds == [3, 4]


@pytest.mark.parametrize("name", al.SAMPLERS)
def test_samplers_take_D_inside_a_lambda(name: str) -> None:
    G, D, own_G, own_D = *tiny(), OwnG(), OwnD(nn.Dropout(0.5))
    options = {"steps": 3} if name in ("langevin", "metropolis_hastings") else {}
    with untouched(G, D, own_G, own_D):
        assert al.SAMPLERS[name](G, lambda x: D(x), 5, seed=0, **options).shape == (5, 2)
        al.SAMPLERS[name](own_G, partial(OwnD.forward, own_D), 5, reference=normal(9, 2), seed=0, **options)


@pytest.mark.parametrize("margin", [1e-310, 1e-3, 1.0, 1500.0, 1e30])
def test_an_energy_of_any_margin_has_a_boundary(margin: float) -> None:
    halfway = -torch.tensor(al.losses.energy(margin).boundary, dtype=torch.float64)
    if margin >= 1e-3:
        torch.testing.assert_close(nn.functional.softplus(halfway).item(), margin / 2, rtol=1e-9, atol=0)


def test_pairs_made_in_threads_are_those_made_alone() -> None:
    alone = [al.models.mlp_pair(seed=k, width=16)[0].body[0].weight for k in range(40)]
    made: dict[int, Tensor] = {}

    def make(first: int) -> None:
        for k in range(first, 40, 4):
            made[k] = al.models.mlp_pair(seed=k, width=16)[0].body[0].weight
            al.data.array(DataLoader(normal(9, 2), shuffle=True))  # it draws from the global generator, too

    threads = [threading.Thread(target=make, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(made[k], alone[k]) for k in range(40))

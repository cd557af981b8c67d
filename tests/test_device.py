"""No step of the package forgets the device: shown without a GPU, on the meta device.

A tensor that a function makes without saying where lands on the CPU, which a machine without a GPU never shows. So
networks and data are put on ``meta``, and a guard refuses, for calls from outside PyTorch's own files, every factory
without ``device=`` and every call in which tensors of two devices meet.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator

import pytest
import torch
from helpers import tiny
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

import algan_lite as al
from algan_lite import rng
from algan_lite.objective.batch import Batch, update_averages
from algan_lite.objective.losses import LOSSES
from algan_lite.objective.players import objective
from algan_lite.objective.regularizers import REGULARIZERS
from algan_lite.selection.select import STRATEGIES
from algan_lite.training.augment import AUGMENTATIONS
from algan_lite.training.equilibrium import held_out_accuracy

NAMES = "arange empty eye full linspace logspace ones rand randint randn randperm tensor tril_indices zeros"


FACTORIES = {getattr(torch, name) for name in NAMES.split()}


TORCH = os.path.dirname(torch.__file__)


class ForgottenDeviceError(AssertionError):
    """A call that would fail, or slow down, on a GPU."""


def tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors(item)
    elif isinstance(value, dict):
        yield from tensors(list(value.values()))


def from_torch_itself() -> bool:
    """Return whether the call under way comes from PyTorch's own files (Adam keeps its step count on the CPU)."""
    frame = sys._getframe(2)
    while frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return frame.f_code.co_filename.startswith(TORCH)


class Guard(TorchFunctionMode):
    def __torch_function__(self, func: Callable, types: object, args: tuple = (), kwargs: dict | None = None) -> object:
        kwargs = kwargs or {}
        if not from_torch_itself():
            if func in FACTORIES and kwargs.get("device") is None:
                raise ForgottenDeviceError(f"{func.__name__} without device=")
            places = {tensor.device.type for tensor in tensors([args, kwargs])}
            if len(places) > 1:
                raise ForgottenDeviceError(f"{getattr(func, '__name__', func)} between {sorted(places)}")
        return func(*args, **kwargs)


def meta(*nets: nn.Module) -> list[nn.Module]:
    return [net.to("meta") for net in nets]


def meta_batch(
    runs: int | None, num_heads: int = 1, loss: str = "non_saturating"
) -> tuple[nn.Module, nn.Module, Batch]:
    G, D = meta(*tiny(runs=runs, num_heads=num_heads))
    lead = () if runs is None else (runs,)
    x_real, z = torch.empty(*lead, 6, 2, device="meta"), torch.empty(*lead, 6, 3, device="meta")
    return G, D, al.make_batch(G, D, x_real, z, loss)


class MetaSource:
    """Reals by the rules: drawn by the package's one helper, on the device that is asked for."""

    def sample(self, n: int, generator: rng.Stream, device: torch.device) -> Tensor:
        return rng.draw(generator, (n, 2), device)


each_lead = pytest.mark.parametrize("runs", [None, 2])


FORGETFUL: dict[str, Callable[[Tensor], object]] = {
    "ones": lambda x: x + torch.ones(6, 2),
    "arange": lambda x: x[torch.arange(3)],
    "tensor": lambda x: x * torch.tensor(2.0),
    "randn with a generator": lambda x: torch.randn(6, 2, generator=torch.Generator()),
    "index on the CPU": lambda x: x[torch.zeros(3, dtype=torch.long, device="cpu")],
    "where": lambda x: torch.where(torch.zeros(6, 2, dtype=torch.bool, device="cpu"), x, x),
    "number on the CPU": lambda x: torch.lerp(x, x, torch.ones((), device="cpu")),
}


@pytest.mark.parametrize("how", FORGETFUL)
def test_the_guard_refuses_a_forgotten_device(how: str) -> None:
    x = torch.empty(6, 2, device="meta")
    with Guard(), pytest.raises(ForgottenDeviceError):
        FORGETFUL[how](x)


def test_the_guard_lets_pass_what_says_its_device() -> None:
    x = torch.empty(6, 2, device="meta")
    with Guard():
        y = x + torch.ones(6, 2, device=x.device) * torch.zeros_like(x) + x.new_ones(2)
        assert rng.draw(rng.stream(0, "data"), (6, 2), x.device).device.type == "meta"
        (y.sum() * 2).requires_grad_().backward()
    assert y.device.type == "meta"


@each_lead
@pytest.mark.parametrize("loss", LOSSES)
def test_losses(loss: str, runs: int | None) -> None:
    with Guard():
        G, D, batch = meta_batch(runs, loss=loss)
        for player in ("D", "G"):
            total = objective(player, G, D, batch, {})["total"]
            assert total.device.type == "meta"
            assert total.shape == batch.logits_real.shape[:-1]


@each_lead
@pytest.mark.parametrize("num_heads", [1, 2])
@pytest.mark.parametrize("name", REGULARIZERS)
def test_regularizers_and_their_gradients(name: str, num_heads: int, runs: int | None) -> None:
    with Guard():
        G, D, batch = meta_batch(runs, num_heads)
        value = REGULARIZERS[name].fn(G, D, batch)
        player = "G" if REGULARIZERS[name].player == "G" else "D"
        total = objective(player, G, D, batch, {name: 0.1})["total"]
        gradients = torch.autograd.grad(total.sum(), list((G if player == "G" else D).parameters()))
    assert value.device.type == "meta"
    assert all(g.device.type == "meta" for g in gradients)


OPTIONS: dict[str, list[dict]] = {
    "core_set": [{}, {"space": "features"}, {"uniform_share": 0.5}],
    "latent_ascent": [{}, {"through": True, "steps": 2}],
    "softmax": [{}, {"sign": -1}],
    "top_k": [{}, {"uniform_share": 0.5}],
    "uncertain": [{}, {"loss": "wasserstein"}],
}


PICKS = [(name, options) for name in STRATEGIES for options in OPTIONS.get(name, [{}])]


@each_lead
@pytest.mark.parametrize(("strategy", "options"), PICKS)
def test_strategies(strategy: str, options: dict, runs: int | None) -> None:
    G, D = meta(*tiny(runs=runs, num_heads=2))
    lead = () if runs is None else (runs,)
    z_pool = torch.empty(*lead, 12, 3, device="meta")
    entry = STRATEGIES[strategy]
    for reweight in {False, entry.has_probability or "uniform_share" in options}:
        generator = rng.stream(0 if runs is None else [0, 1], "selection")
        with Guard():
            selection = al.select_noise(G, D, z_pool, 4, strategy, reweight=reweight, generator=generator, **options)
        assert selection.z.shape == (*lead, 4, 3)
        for tensor in (selection.z, selection.indices, selection.utilities, selection.weights):
            assert tensor.device.type == "meta"
    if entry.ranks and "uniform_share" not in options:
        with Guard():
            al.select_noise(G, D, z_pool, 4, strategy, keep=2, generator=generator, **options)


@each_lead
def test_averages_and_accuracy(runs: int | None) -> None:
    with Guard():
        G, D, batch = meta_batch(runs)
        state = update_averages(batch.state, batch.logits_real, batch.logits_fake)
        accuracy = held_out_accuracy(G, D, batch.x_real, batch.z, al.LOSSES["non_saturating"])
    assert {value.device.type for value in [*state.values(), accuracy]} == {"meta"}


@each_lead
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmentations(name: str, runs: int | None) -> None:
    entry, lead = AUGMENTATIONS[name], (6,) if runs is None else (runs, 6)
    x = torch.empty(*lead, *((2,) if entry.axes == 1 else (1, 8, 8)), device="meta", requires_grad=True)
    strengths = [entry.strength] if runs is None else [entry.strength, torch.empty(runs, 1, device="meta")]
    with Guard():
        for strength in strengths:
            changed = entry.fn(x, strength, torch.empty(*lead, entry.draws, device="meta"))
            changed.sum().backward()
            assert (changed.device.type, changed.shape) == ("meta", x.shape)


@each_lead
def test_the_whole_loop_through_augmentations_under_control(runs: int | None) -> None:
    shown = {"augment": ["rotation", "jitter"], "balance": "ada"}
    with Guard():
        history = al.train(
            *meta(*tiny(runs=runs)), MetaSource(), al.TrainConfig(num_steps=5, batch_size=6, **shown), progress=False
        )
    assert {row.device.type for rows in history.columns.values() for row in rows} == {"meta"}


@each_lead
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("d_fakes", ["all", "selected"])
def test_the_whole_loop(strategy: str, d_fakes: str, runs: int | None) -> None:
    G, D = meta(*tiny(runs=runs, num_heads=2))
    lam = 0.1 if runs is None else torch.tensor([0.1, 0.2])
    settings = al.TrainConfig(
        num_steps=2, batch_size=6, log_every=1, strategy=strategy, pool_factor=2, d_fakes=d_fakes, loss="relativistic",
        regularizers=dict.fromkeys(REGULARIZERS, lam),
    )  # fmt: skip
    with Guard():
        history = al.train(G, D, MetaSource(), settings, seed=0, progress=False)
    assert history.steps == [1, 2]
    assert {row.device.type for rows in history.columns.values() for row in rows} == {"meta"}
    assert {p.device.type for p in history.G_ema.parameters()} == {"meta"}
    assert history.diverged_at.device.type == "meta"


@each_lead
@pytest.mark.parametrize("balance", al.BALANCES)
def test_rules_of_balance_forget_no_device(balance: str, runs: int | None) -> None:
    G, D = meta(*tiny(runs=runs))
    shown = {"regularizers": {"r1": 0.1}, "augment": ["jitter"]}
    settings = al.TrainConfig(num_steps=2, batch_size=6, balance=balance, **shown)
    with Guard():
        history = al.train(G, D, MetaSource(), settings, seed=0, progress=False)
    assert {row.device.type for rows in history.columns.values() for row in rows} == {"meta"}


def test_the_whole_loop_on_convolutions() -> None:
    class Images:
        def sample(self, n: int, generator: rng.Stream, device: torch.device) -> Tensor:
            return rng.draw(generator, (n, 1, 28, 28), device)

    G, D = meta(*al.models.conv_pair(latent_dim=3, channels=2))
    settings = al.TrainConfig(num_steps=2, batch_size=3, regularizers={"r1": 0.1, "wgan_gp": 0.1}, strategy="top_k")
    with Guard():
        al.train(G, D, Images(), settings, seed=0, progress=False)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@each_lead
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_whole_loop_on_a_gpu(strategy: str, runs: int | None) -> None:
    G, D = (net.to("cuda") for net in tiny(runs=runs, num_heads=2))
    settings = al.TrainConfig(
        num_steps=3, batch_size=6, strategy=strategy, pool_factor=2, regularizers=dict.fromkeys(REGULARIZERS, 0.01),
        equilibrium=al.Equilibrium(every=1, num_samples=8, patience=9),
    )  # fmt: skip
    history = al.train(G, D, al.data.ring(), settings, seed=0, progress=False)
    assert bool(torch.isfinite(torch.tensor(history.frame()["loss_D"].to_numpy())).all())

"""Looking changes nothing: neither modes nor moving averages nor the global generator, through functions as well."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import matplotlib.pyplot as plt
import pytest
import torch
from helpers import RING, normal
from torch import Tensor, nn

import algan_lite as al
from algan_lite.models.doors import try_out
from algan_lite.models.networks import layers_of
from algan_lite.sampling import calibrate
from algan_lite.training.equilibrium import held_out_accuracy


class Own(nn.Module):
    """A network that notices every look in training mode: BatchNorm counts it, dropout draws."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, outputs))

    def forward(self, x: Tensor, label: float = 0.0) -> Tensor:
        return self.layers(x + label)


class G(Own):
    latent_dim, sample_shape = 3, (2,)

    def __init__(self) -> None:
        super().__init__(3, 2)


class D(Own):
    sample_shape = (2,)

    def __init__(self) -> None:
        super().__init__(2, 1)

    def forward(self, x: Tensor, label: float = 0.0) -> Tensor:
        return super().forward(x, label).squeeze(-1)

    def judge(self, x: Tensor) -> Tensor:
        return self(x)


class Held:
    """A callable of somebody's own that holds a network."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net

    def __call__(self, x: Tensor) -> Tensor:
        return self.net(x)

    def judge(self, x: Tensor) -> Tensor:
        return self.net(x)


WAYS: dict[str, Callable[[nn.Module], Callable[[Tensor], Tensor]]] = {
    "itself": lambda net: net,
    "a lambda": lambda net: lambda x: net(x, 0.5),
    "a lambda in a lambda": lambda net: (lambda inner: lambda x: inner(x))(lambda x: net(x)),
    "a default": lambda net: lambda x, net=net: net(x),
    "a method": lambda net: net.forward,
    "a partial": lambda net: partial(net, label=0.5),
    "an object": Held,
    "a method of an object": lambda net: Held(net).judge,
    "a keyword": lambda net: lambda x, *, net=net: net(x),
}
LOOKS: dict[str, Callable] = {
    "decision_map": lambda g, d: al.plots.decision_map(d, resolution=4),
    "select_noise": lambda g, d: al.select_noise(g, d, normal(8, 3), 3),
    "latent_ascent": lambda g, d: al.select_noise(g, d, normal(8, 3), 3, "latent_ascent"),
    "importance": lambda g, d: al.select_noise(g, d, normal(8, 3), 3, "importance", seed=0),
    "training_strip": lambda g, d: al.plots.training_strip({1: (g, d)}, normal(8, 2), normal(8, 3)),
    "equilibrium": lambda g, d: held_out_accuracy(g, d, normal(8, 2), normal(8, 3), al.LOSSES["hinge"]),
}
OF_NETWORKS: dict[str, Callable] = {
    "draw_network G": lambda g, d: al.plots.draw_network(g),
    "draw_network D": lambda g, d: al.plots.draw_network(d),
    "rejection": lambda g, d: al.SAMPLERS["rejection"](g, d, 3, seed=0),
    "langevin": lambda g, d: al.SAMPLERS["langevin"](g, d, 3, seed=0, steps=2),
    "calibrate": lambda g, d: calibrate(g, d, normal(8, 2), seed=0),
    "the door of train": lambda g, d: try_out(g, d, 4, (2,)),
}


def seen(*nets: nn.Module) -> list[Tensor]:
    modes = [torch.tensor([layer.training for net in nets for layer in net.modules()])]
    gradients = [torch.tensor([p.grad is None for net in nets for p in net.parameters()])]
    return [*modes, *gradients, torch.get_rng_state(), *(v.clone() for net in nets for v in net.state_dict().values())]


def assert_untouched(look: Callable, way: Callable = WAYS["itself"]) -> None:
    g, d = G(), D()
    d.layers[1].eval()  # a mixture of modes must survive
    before = seen(g, d)
    look(way(g), way(d))
    plt.close("all")
    assert all(torch.equal(old, new) for old, new in zip(before, seen(g, d), strict=True))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("look", LOOKS)
def test_a_look_through_a_function_changes_nothing(look: str, way: str) -> None:
    assert_untouched(LOOKS[look], WAYS[way])


@pytest.mark.parametrize("look", OF_NETWORKS)
def test_a_look_at_networks_changes_nothing(look: str) -> None:
    assert_untouched(OF_NETWORKS[look])


def test_the_checks_of_the_stopping_rule_do_not_change_the_training() -> None:
    weights = []
    for equilibrium in (None, al.Equilibrium(every=1, patience=100)):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            g, d = G(), D()
            config = al.TrainConfig(num_steps=5, batch_size=8, equilibrium=equilibrium)
            al.train(g, d, RING, config, progress=False)
        weights.append([*g.state_dict().values(), *d.state_dict().values()])
    assert all(torch.equal(one, other) for one, other in zip(*weights, strict=True))


def test_a_look_at_an_ensemble_changes_nothing() -> None:
    class Drop(nn.Dropout):
        latent_dim = sample_shape = 3

    drop = al.models.Ensemble([Drop(0.5), Drop(0.5)])
    before, z = torch.get_rng_state(), normal(2, 8, 3)
    chosen = al.select_noise(nn.Identity(), lambda z: drop(z).sum(-1), z, 3)
    assert torch.equal(chosen.utilities, z.sum(-1))
    assert torch.equal(torch.get_rng_state(), before)
    assert drop.template.training


def test_a_network_that_is_not_seen_keeps_its_mode_as_the_docstring_says() -> None:
    nets = [D()]
    assert layers_of(lambda x: nets[0](x)) == []
    assert "in a list" in " ".join(al.plots.decision_map.__doc__.split())
    assert "in a list" in " ".join(al.select_noise.__doc__.split())

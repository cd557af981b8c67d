"""D that ends in a sigmoid is told of once; no pair of the package ever is."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from helpers import RING, normal, tiny
from torch import Tensor, nn

import algan_lite as al
from algan_lite.objective.ending import Ending, is_bounded
from algan_lite.objective.losses import LOSSES

TOLD = "D seems to end in a sigmoid"


class OwnD(nn.Module):
    """A discriminator of somebody's own with some ending."""

    sample_shape = (2,)

    def __init__(self, end: Callable[[Tensor], Tensor], outputs: int = 1) -> None:
        super().__init__()
        self.layers, self.end = al.models.mlp_pair(width=8, depth=1, seed=0)[1], end
        self.layers.outputs[0] = nn.Linear(8, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.layers.outputs[0](self.layers.features(x)))


ENDINGS: dict[str, tuple[Callable[[Tensor], Tensor], int, bool]] = {
    "nn.Sigmoid": (nn.Sequential(nn.Sigmoid(), nn.Flatten(-2)), 1, True),
    "torch.sigmoid": (lambda x: torch.sigmoid(x).view(*x.shape[:-1]), 1, True),
    "the second of a softmax": (lambda x: x.softmax(-1)[..., 1], 2, True),
    "double and back": (lambda x: torch.sigmoid(x.double()).float().squeeze(-1), 1, True),
    "raw": (lambda x: x.squeeze(-1), 1, False),
    "a sigmoid inside": (lambda x: 3 * torch.sigmoid(x).squeeze(-1) - 1, 1, False),
    "tanh": (lambda x: torch.tanh(x).squeeze(-1), 1, False),
}
ending = pytest.mark.parametrize(("end", "outputs", "told"), ENDINGS.values(), ids=ENDINGS)


@ending
@pytest.mark.parametrize("runs", [None, 2])
def test_train_warns_once_of_a_sigmoid(end: Callable, outputs: int, told: bool, runs: int | None) -> None:
    G, D = tiny(runs)[0], OwnD(end, outputs)
    D = D if runs is None else al.models.Ensemble([D] * runs)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        al.train(G, D, RING, al.TrainConfig(num_steps=3, batch_size=8), progress=False)
    assert [str(w.message).startswith(TOLD) for w in caught] == [True] * told
    assert all(w.filename == __file__ for w in caught), "it points to the caller's line"


@ending
@pytest.mark.parametrize("strategy", ["uncertain", "importance", "latent_ascent"])
def test_select_noise_warns_of_a_sigmoid(end: Callable, outputs: int, told: bool, strategy: str) -> None:
    G, D = tiny()[0], OwnD(end, outputs)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        al.select_noise(G, D, normal(12, 3), 4, strategy, seed=0)
        al.select_noise(G, D, normal(12, 3), 4, "random")
    assert [str(w.message).startswith(TOLD) for w in caught] == [True] * told


def test_an_ending_that_no_record_names_is_told_by_its_values() -> None:
    D = OwnD(lambda x: 1 / (1 + (-5 * x).exp()).squeeze(-1))
    assert not is_bounded(D(normal(8, 2)))
    with pytest.warns(UserWarning, match=TOLD):
        al.train(tiny()[0], D, RING, al.TrainConfig(num_steps=300, batch_size=32, lr_D=0.03), progress=False)


@pytest.mark.parametrize(
    ("real", "fake", "loss", "told"),
    [
        ((0.1, 0.96), (0.0, 0.5), "non_saturating", True),
        ((0.1, 1.0), (0.0, 0.5), "hinge", True),
        ((0.1, 0.96), (-0.01, 0.5), "non_saturating", False),
        ((0.1, 1.01), (0.0, 0.5), "non_saturating", False),
        ((0.3, 0.6), (0.2, 0.5), "non_saturating", False),  # an untrained network by chance
        ((0.1, 0.9), (0.02, 0.5), "non_saturating", False),  # a weak D of raw logits
        ((0.1, 0.96), (0.0, 0.5), "least_squares", False),  # whose targets are 0 and 1
        ((0.1, 0.96), (0.0, 0.5), "wasserstein", False),  # whose offset means nothing
    ],
)
def test_values_tell_after_three_looks_in_a_row(real: tuple, fake: tuple, loss: str, told: bool) -> None:
    look, values = Ending(LOSSES[loss]), (torch.tensor(real), torch.tensor(fake))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for step in range(30):
            look.look(step, *values)
        assert not caught, "two looks do not tell"
        for step in range(30, 100):
            look.look(step, *values)
    assert len(caught) == told


PAIRS = {
    "mlp": (al.models.mlp_pair, {"width": 16}, al.data.ring),
    "narrow": (al.models.mlp_pair, {"width": 2, "depth": 1}, al.data.ring),
    "deep": (al.models.mlp_pair, {"width": 8, "depth": 5}, al.data.grid),
    "heads": (al.models.mlp_pair, {"width": 8, "num_heads": 3}, al.data.two_moons),
    "moons": (al.models.mlp_pair, {"width": 64}, al.data.two_moons),
}


def train_pair(pair: str, loss: str, runs: int) -> None:
    factory, sizes, source = PAIRS[pair]
    config = al.TrainConfig(num_steps=300, batch_size=32, loss=loss)
    Gs, Ds = al.models.ensemble(factory, runs=runs, **sizes)
    al.train(Gs, Ds, source(), config, progress=False)  # a warning would be an error


@pytest.mark.parametrize("pair", PAIRS)
def test_no_pair_of_ours_is_told_of(pair: str) -> None:
    train_pair(pair, "non_saturating", 4)


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("pair", PAIRS)
def test_no_pair_of_ours_is_told_of_with_any_loss(pair: str, loss: str) -> None:
    train_pair(pair, loss, 20)


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("pair", ["conv_pair", "article_pair"])
def test_no_pair_for_images_is_told_of(pair: str, loss: str) -> None:
    sizes = {"channels": 4, "latent_dim": 8} if pair == "conv_pair" else {}
    G, D = getattr(al.models, pair)(**sizes)
    config = al.TrainConfig(num_steps=300, batch_size=16, loss=loss, lr=2e-4)
    al.train(G, D, al.data.mnist(), config, progress=False)

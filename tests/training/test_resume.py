"""What a resume compares before it changes anything: a file of another run is refused, and G and D stay as they are."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import RING, normal, tiny
from torch import Tensor, nn

import algan_lite as al
from algan_lite.core.files import load_checkpoint, save_checkpoint
from algan_lite.objective.losses import LOSSES, Loss, alpha
from algan_lite.training.augment import Augmentation

MINIMAX = LOSSES["minimax"]
OWN = replace(MINIMAX, name="own")
MOVE = Augmentation(name="move", fn=lambda x, s, d: x + s, draws=0, strength=0.1, most=1.0, axes=1)
FIELDS = ("regularizers", "loss", "num_steps", "augment", "augment_p")
SHORT = al.TrainConfig(num_steps=4, batch_size=8, log_every=1, regularizers={"r1": 0.1, "lecam": 0.1})


class Net(nn.Module):
    """A network of somebody's own: what it computes is not all seen in its layers."""

    def __init__(
        self, sizes: tuple[int, int], slope: float = 0.2, act: Callable[[Tensor], Tensor] = torch.tanh
    ) -> None:
        super().__init__()
        self.body, self.slope, self.act = nn.Linear(*sizes), slope, act

    def forward(self, x: Tensor) -> Tensor:
        return self.slope * self.act(self.body(x))


class Bent(Net):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).clamp(-1, 1)


class Logit(Net):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).squeeze(-1)


class Mine(al.data.Source):
    """A source of somebody's own."""

    def __init__(self, scale: float) -> None:
        super().__init__("mine", (2,))
        self.scale = scale

    def _draw(self, n: int, stream: torch.Generator) -> Tensor:
        return self.scale * torch.randn(n, 2, generator=stream)


class Bare:
    """Not even a source, but it can be sampled."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def sample(self, n: int, generator: torch.Generator, device: str) -> Tensor:
        return self.scale * torch.randn(n, 2, generator=generator)


class Slotted:
    """A sampler without attributes of its own making."""

    __slots__ = ("scale",)

    def __init__(self, scale: float) -> None:
        self.scale = scale

    sample = Bare.sample


def own_pair(kind: type[Net] = Net, **options: object) -> tuple[nn.Module, nn.Module]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        G, D = kind((3, 2), **options), Logit((2, 1))
    G.latent_dim, D.sample_shape = 3, (2,)
    return G, D


def freeze(pair: tuple[nn.Module, nn.Module], layer: str = "trunk.0.weight") -> tuple[nn.Module, nn.Module]:
    dict(pair[1].named_parameters())[layer].requires_grad_(False)
    return pair


def with_tail(tail: nn.Module) -> tuple[nn.Module, nn.Module]:
    G, D = tiny()
    G.body.append(tail)
    return G, D


def schedule(value: float) -> Callable[[int], float]:
    return lambda step: value


def another_loss(loss: Loss) -> Loss:
    return replace(loss, G=lambda real, fake, weights=None: loss.G(real, fake, weights) + 1e-9 * fake.square().mean(-1))


# Each case: what made the file, and what tries to continue from it; both are changes of one run.
X = normal(40, 2)
CASES: dict[str, tuple[dict, dict]] = {
    "another ring": ({}, {"source": al.data.ring(modes=4, radius=1.0, std=0.2)}),
    "another curve": ({"source": al.data.two_moons(0.05)}, {"source": al.data.two_moons(0.06)}),
    "one number of an array": ({"source": al.data.array(X)}, {"source": al.data.array(X + (X.max() == X) * 1e-6)}),
    "another split": ({"source": al.data.array(X)}, {"source": al.data.array(X, seed=1)}),
    "an own source": ({"source": Mine(1.0)}, {"source": Mine(2.0)}),
    "an own sampler": ({"source": Bare(1.0)}, {"source": Bare(2.0)}),
    "a slotted sampler": ({"source": Slotted(1.0)}, {"source": Slotted(2.0)}),
    "a sampler of another class": ({"source": Bare(1.0)}, {"source": Slotted(1.0)}),
    "another schedule": ({"regularizers": {"r1": schedule(1.0)}}, {"regularizers": {"r1": schedule(2.0)}}),
    "another lambda a run": ({"regularizers": {"r1": torch.tensor(1.0)}}, {"regularizers": {"r1": torch.tensor(2.0)}}),
    "an own loss of one name": ({"loss": OWN}, {"loss": another_loss(OWN)}),
    "an own loss with the table's name": ({"loss": "minimax"}, {"loss": another_loss(MINIMAX)}),
    "another alpha": ({"loss": alpha(0.5, 1)}, {"loss": alpha(0.5, 2)}),
    "another last layer": ({"pair": lambda: with_tail(nn.Tanh())}, {"pair": lambda: with_tail(nn.Identity())}),
    "another slope": ({"pair": lambda: with_tail(nn.LeakyReLU(0.1))}, {"pair": lambda: with_tail(nn.LeakyReLU(0.2))}),
    "an own number": ({"pair": own_pair}, {"pair": lambda: own_pair(slope=0.3)}),
    "an own function": ({"pair": own_pair}, {"pair": lambda: own_pair(act=torch.sin)}),
    "an own class": ({"pair": own_pair}, {"pair": lambda: own_pair(Bent)}),
    "a layer frozen then": ({"pair": lambda: freeze(tiny())}, {"pair": tiny}),
    "a layer frozen now": ({}, {"pair": lambda: freeze(tiny())}),
    "another layer frozen": ({"pair": lambda: freeze(tiny())}, {"pair": lambda: freeze(tiny(), "trunk.0.bias")}),
    "another width": ({}, {"pair": lambda: tiny(width=9)}),
    "more runs": ({}, {"pair": lambda: tiny(runs=2)}),
    "another precision": ({"pair": own_pair}, {"pair": lambda: tuple(net.double() for net in own_pair())}),
    "another seed": ({}, {"seed": 1}),
    "another augmentation": ({"augment": {"jitter": 0.1}}, {"augment": {"jitter": 0.2}}),
    "an own augmentation of one name": ({"augment": [MOVE]}, {"augment": [replace(MOVE, fn=lambda x, s, d: x - s)]}),
    "another chance": ({"augment": ["jitter"]}, {"augment": ["jitter"], "augment_p": 0.5}),
    "fewer steps than done": ({}, {"num_steps": 3}),
}  # fmt: skip


def go(
    path: Path | None, pair: Callable[[], tuple] = tiny, source: object = RING, seed: int = 0, **options: object
) -> tuple:
    G, D = pair()
    settings = {name: options.pop(name) for name in FIELDS if name in options}
    return (
        G,
        D,
        al.train(G, D, source, replace(SHORT, **settings), seed=seed, checkpoint=path, progress=False, **options),
    )


@pytest.mark.parametrize("case", CASES)
def test_another_run_is_refused_and_nothing_is_changed(tmp_path: Path, case: str) -> None:
    path, (then, now) = tmp_path / "run.ckpt", CASES[case]
    go(path, **then)
    before, (G, D) = path.read_bytes(), {**then, **now}.get("pair", tiny)()
    state = copy.deepcopy([G.state_dict(), D.state_dict()])
    with pytest.raises(ValueError, match=r"run\.ckpt"):
        go(path, **{**then, **now, "pair": lambda: (G, D)}, resume=True)
    for old, new in zip(state, [G.state_dict(), D.state_dict()], strict=True):
        assert all(torch.equal(value, new[name]) for name, value in old.items())
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.ckpt"]
    go(path, **then, resume=True)


def change(path: Path, edit: Callable[[dict, dict], object]) -> None:
    """Write a file that is whole, but says something else."""
    tensors, values = load_checkpoint(path)
    edit(tensors, values)
    save_checkpoint(path, tensors, values)


EDITS: dict[str, Callable[[dict, dict], object]] = {
    "moments of another shape": lambda t, v: t.update({"adam/D/0/exp_avg": torch.zeros(1)}),
    "a moment is missing": lambda t, v: t.pop("adam/G/1/exp_avg_sq"),
    "moments of a weight that there is not": lambda t, v: t.update({"adam/D/9/exp_avg": torch.zeros(1)}),
    "a weight is missing": lambda t, v: t.pop("G_ema/body.0.weight"),
    "a weight of another type": lambda t, v: t.update({"D/trunk.0.bias": t["D/trunk.0.bias"].double()}),
    "a stream of another length": lambda t, v: t.update({"streams/data": t["streams/data"][:, :9]}),
    "a stream is missing": lambda t, v: t.pop("streams/selection"),
    "averages of other runs": lambda t, v: t.update({"averages/real": torch.zeros(2)}),
    "a column of other rows": lambda t, v: t.update({"columns/loss_D": t["columns/loss_D"][1:]}),
    "a mark of more runs": lambda t, v: t.update({"diverged_at": torch.tensor([-1, -1])}),
    "a newer format": lambda t, v: v.update(format=99),
    "an older format": lambda t, v: v.update(format=1),
    "a newer setting": lambda t, v: v["config"].update(momentum=0.5),
    "a setting is missing": lambda t, v: v["config"].pop("d_steps"),
    "no seeds": lambda t, v: v.pop("seeds"),
    "no step": lambda t, v: v.pop("step"),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_a_whole_file_that_does_not_fit_is_refused_and_nothing_is_changed(tmp_path: Path, edit: str) -> None:
    path = tmp_path / "run.ckpt"
    go(path)
    change(path, EDITS[edit])
    G, D = tiny()
    state = copy.deepcopy([G.state_dict(), D.state_dict()])
    with pytest.raises(ValueError, match=r"run\.ckpt"):
        go(path, pair=lambda: (G, D), resume=True)
    for old, new in zip(state, [G.state_dict(), D.state_dict()], strict=True):
        assert all(torch.equal(value, new[name]) for name, value in old.items())


@pytest.mark.parametrize("how", ["another file", "shorter", "gone"])
def test_a_resumed_run_does_not_depend_on_the_file_it_came_from(tmp_path: Path, how: str) -> None:
    path, other = tmp_path / "run.ckpt", tmp_path / "other.ckpt"
    expected = go(path)[2].frame()
    go(other, seed=5)
    G, D, history = go(path, resume=True)
    weights = [p.clone() for p in (*G.parameters(), *D.parameters(), *history.G_ema.parameters())]
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(other.read_bytes()[: None if how == "another file" else 100])  # over it, not beside it
    assert history.frame().equals(expected)
    now = (*G.parameters(), *D.parameters(), *history.G_ema.parameters())
    assert all(torch.equal(one, other) for one, other in zip(weights, now, strict=True))


class Reader(Mine):
    """A source that knows how far it has read."""

    def __init__(self, scale: float) -> None:
        super().__init__(scale)
        self.calls, self.seen, self.place = 0, [], iter(range(100))

    def _draw(self, n: int, stream: torch.Generator) -> Tensor:
        self.calls += next(self.place) + 1
        self.seen.append(n)
        return super()._draw(n, stream)


def test_a_source_that_moves_while_it_draws_is_still_the_same_and_another_one_is_not(tmp_path: Path) -> None:
    source, path = Reader(1.0), tmp_path / "run.ckpt"
    whole = go(None, source=Reader(1.0))[2].frame()
    go(path, source=source, num_steps=2)
    assert go(path, source=source, num_steps=3, resume=True)[2].steps == [1, 2, 3]
    assert go(path, source=source, resume=True)[2].frame().equals(whole)
    for other in (Reader(2.0), Mine(1.0), RING):
        with pytest.raises(ValueError, match=r"source\.scale|source: "):
            go(path, source=other, resume=True)


def test_a_stateful_network_that_looks_the_same_resumes(tmp_path: Path) -> None:
    def pair() -> tuple[nn.Module, nn.Module]:
        return with_tail(nn.Sequential(nn.BatchNorm1d(2), nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))))

    torch.manual_seed(0)
    G, D = pair()
    start = copy.deepcopy((G, D))
    whole = go(None, pair=lambda: copy.deepcopy(start))
    go(tmp_path / "c", pair=lambda: copy.deepcopy(start), num_steps=2)
    resumed = go(tmp_path / "c", pair=lambda: copy.deepcopy(start), resume=True)
    for one, other in zip(whole[:2], resumed[:2], strict=True):
        assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())
    assert whole[2].frame().equals(resumed[2].frame())


@pytest.mark.parametrize("path", [os.devnull, ".", "\0"])
def test_a_path_that_cannot_be_written_is_refused_before_the_first_step(path: str) -> None:
    steps: list[int] = []
    with pytest.raises(ValueError, match=r"checkpoint must be|null byte"):
        go(Path(path), callbacks=[lambda state: steps.append(state.step)])
    assert not steps

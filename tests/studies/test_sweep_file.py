"""The file of a sweep: a row is found again only if all that it depends on is the same, and read as it was written."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import normal, untouched
from torch import Tensor, nn

import algan_lite as al
from algan_lite.metrics import table as metrics_table
from algan_lite.objective.losses import LOSSES, alpha
from algan_lite.studies.tables import read_table

module = import_module("algan_lite.studies.sweep")  # the name in the package is the function
runs_module = import_module("algan_lite.studies.runs")
FEW = al.TrainConfig(num_steps=1, batch_size=8)
SIZES = {"width": 4, "depth": 1}
X = normal(30, 2)
CHANGED = X + 1e-6 * (torch.arange(60).reshape(30, 2) == 7)
FACTOR = 2.0


def fading(step: int) -> float:
    return 1.0 / (1 + step)


def fading_faster(step: int) -> float:
    return 1.0 / (2 + step)


def scaled(step: int) -> float:
    return FACTOR


def g_loss(real: Tensor, fake: Tensor, weights: Tensor | None = None) -> Tensor:
    return -fake.mean(-1)


def pushed(real: Tensor, fake: Tensor, weights: Tensor | None = None) -> Tensor:
    """Agree with ``g_loss`` on logits below 3, and on any handful of values that one may try."""
    return -fake.mean(-1) + 5 * (fake - 3).relu().mean(-1)


def pair(seed: int, width: int = 4, tanh: bool = False, **sizes: object) -> tuple[nn.Module, nn.Module]:
    G, D = al.models.mlp_pair(seed=seed, width=width, depth=1, **sizes)
    if tanh:
        G.body.append(nn.Tanh())
    return G, D


def other_pair(seed: int, **sizes: object) -> tuple[nn.Module, nn.Module]:
    return pair(seed + 1, **sizes)


other_pair.__name__ = "pair"
OWN = replace(LOSSES["minimax"], name="own", G=g_loss)


def sweep(path: Path | None, **changes: object) -> pd.DataFrame:
    sizes = {} if "pair" in changes else SIZES
    given = {"source": al.data.ring(), "configs": FEW, "seeds": range(2), "sizes": sizes, "num_samples": 20, **changes}
    return al.sweep(given.pop("source"), given.pop("configs"), given.pop("seeds"), path=path, progress=False, **given)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Return the runs that are trained, as they come."""
    runs: list[tuple[str, int]] = []
    real = module.train_group
    monkeypatch.setattr(module, "train_group", lambda *args: runs.extend(args[2].runs) or real(*args))
    return runs


def lam(value: object) -> al.TrainConfig:
    return replace(FEW, regularizers={"r1": value})


CHANGES: dict[str, tuple[dict, dict]] = {
    "noise": ({"source": al.data.two_moons(0.05)}, {"source": al.data.two_moons(1.0)}),
    "radius": ({"source": al.data.ring(radius=1.0)}, {"source": al.data.ring(radius=2.0)}),
    "std": ({"source": al.data.ring(std=0.02)}, {"source": al.data.ring(std=0.03)}),
    "weights": ({"source": al.data.ring(modes=2)}, {"source": al.data.ring(modes=2, weights=[1, 2])}),
    "spacing": ({"source": al.data.grid(spacing=1.0)}, {"source": al.data.grid(spacing=1.5)}),
    "one number of an array": ({"source": al.data.array(X)}, {"source": al.data.array(CHANGED)}),
    "the split": ({"source": al.data.array(X)}, {"source": al.data.array(X, seed=1)}),
    "the shares": ({"source": al.data.array(X)}, {"source": al.data.array(X, test=0.3)}),
    "a pair of the same name": ({"pair": pair}, {"pair": other_pair}),
    "the pair's options": ({"pair": partial(pair, width=4)}, {"pair": partial(pair, width=5)}),
    "sizes": ({}, {"sizes": {"width": 5, "depth": 1}}),
    "a switch of the pair": ({"pair": pair}, {"pair": pair, "sizes": {"tanh": True}}),
    "measures": ({"metrics": ["mode_coverage", "reverse_kl"]}, {"metrics": ["mode_coverage"]}),
    "num_samples": ({}, {"num_samples": 21}),
    "lambda": ({"configs": lam(0.1)}, {"configs": lam(0.2)}),
    "schedule": ({"configs": lam(fading)}, {"configs": lam(fading_faster)}),
    "learning rate": ({}, {"configs": replace(FEW, lr=0.5)}),
    "own loss": ({"configs": replace(FEW, loss=OWN)}, {"configs": replace(FEW, loss=replace(OWN, G=pushed))}),
    "own loss of a known name": (
        {"configs": replace(FEW, loss="minimax")}, {"configs": replace(FEW, loss=replace(OWN, name="minimax"))}
    ),
    "alpha": ({"configs": replace(FEW, loss=alpha(0.5, 1))}, {"configs": replace(FEW, loss=alpha(0.5, 2))}),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGES)
def test_rows_of_another_experiment_are_refused(tmp_path: Path, trained: list, case: str) -> None:
    path, (then, now) = tmp_path / "runs.csv", CHANGES[case]
    first = sweep(path, **then)
    assert len(trained) == 2
    pd.testing.assert_frame_equal(sweep(path, **then), first, check_exact=True)
    assert len(trained) == 2
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"path must hold runs of the same settings; .*runs\.csv"):
        sweep(path, **{**then, **now})
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["runs.csv"]


def test_what_a_schedule_refers_to_and_the_version_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "runs.csv"
    sweep(path, configs=lam(scaled))
    for holder, name, value in ((globals(), "FACTOR", 3.0), (vars(runs_module), "__version__", "99")):
        with monkeypatch.context() as patch:
            patch.setitem(holder, name, value)
            with pytest.raises(ValueError, match="path must hold runs of the same"):
                sweep(path, configs=lam(scaled))
    assert len(sweep(path, configs=lam(scaled))) == 2


@pytest.mark.parametrize(
    "same",
    [
        {"sizes": {"depth": 1, "width": 4}},
        {"seeds": [np.int64(0), 1]},
        {"configs": replace(FEW, lr=np.float64(1e-3))},
        {"runs_at_once": 1},
        {"source": al.data.ring(8, 2)},
    ],
)
def test_what_changes_nothing_is_found_again(tmp_path: Path, trained: list, same: dict) -> None:
    sweep(tmp_path / "runs.csv")
    sweep(tmp_path / "runs.csv", **same)
    assert trained == [("plain", 0), ("plain", 1)]


def test_an_own_measure_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = al.METRICS["mode_coverage"]
    monkeypatch.setitem(metrics_table.METRICS._entries, "mine", replace(entry, name="mine", fn=measured))
    sweep(tmp_path / "runs.csv", metrics=["mine"])
    monkeypatch.setitem(metrics_table.METRICS._entries, "mine", replace(entry, name="mine", fn=measured_otherwise))
    with pytest.raises(ValueError, match="path must hold runs of the same settings"):
        sweep(tmp_path / "runs.csv", metrics=["mine"])


def measured(x_fake: Tensor, source: object) -> Tensor:
    return x_fake.mean((-1, -2))


def measured_otherwise(x_fake: Tensor, source: object) -> Tensor:
    return x_fake.mean((-1, -2)) + 1


def local_pair(seed: int) -> Callable[..., tuple]:
    def made(seed: int, **sizes: object) -> tuple[nn.Module, nn.Module]:
        return pair(seed, **sizes)

    return made


NAMELESS = {
    "a schedule": {"configs": lam(lambda step: 1.0)},
    "a loss": {"configs": replace(FEW, loss=replace(OWN, G=lambda real, fake, weights=None: fake.mean(-1)))},
    "a pair": {"pair": lambda seed, **sizes: pair(seed, **sizes)},
    "a local pair": {"pair": local_pair(0)},
    "a part of a pair": {"pair": partial(lambda seed, **sizes: pair(seed, **sizes), width=4)},
    "a source": {"source": al.data.Curve("mine", lambda u: torch.stack([u, u], -1), 0.1), "metrics": ["kid"]},
}


@pytest.mark.parametrize("what", NAMELESS)
def test_what_has_no_name_is_refused_with_a_path_only(tmp_path: Path, what: str) -> None:
    with pytest.raises(TypeError, match=r"path: a file of rows needs functions that another process finds by name"):
        sweep(tmp_path / "runs.csv", **NAMELESS[what])
    assert not list(tmp_path.iterdir())
    assert len(sweep(None, **NAMELESS[what])) == 2


ARMS = [
    "None",
    "0.1",
    "nan",
    "NA",
    "",
    "1e5",
    "True",
    "007",
    "-0",
    "inf",
    "a,b",
    'a"b',
    " a ",
    "λ = 0",
    "824e28613867",
    "'",
]


def test_names_of_arms_come_back_as_they_were(tmp_path: Path, trained: list) -> None:
    path, arms = tmp_path / "runs.csv", dict.fromkeys(ARMS, FEW)
    first = sweep(path, configs=arms, seeds=[3])
    assert first["arm"].tolist() == ARMS
    again = sweep(path, configs=arms, seeds=[3])
    pd.testing.assert_frame_equal(again, first, check_exact=True)
    assert len(trained) == len(ARMS) == len(read_table("path", path))
    for arm in ARMS:
        with pytest.raises(ValueError, match="path must hold runs of the same settings"):
            sweep(path, configs={arm: replace(FEW, lr=0.5)}, seeds=[3])


def test_a_key_that_reads_as_a_number_is_no_other_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for k, key in enumerate(["824e28613867", "1234567890123456", "00e1", "nan"]):
        monkeypatch.setattr(runs_module.Job, "key", lambda self, config, key=key: key)
        first = sweep(tmp_path / f"{k}.csv")
        pd.testing.assert_frame_equal(sweep(tmp_path / f"{k}.csv"), first, check_exact=True)


def edited(change: Callable[[list[str]], list[str]]) -> Callable[[Path], object]:
    return lambda path: path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


def put(old: str, new: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(path.read_text().replace(old, new))


def without(column: str) -> Callable[[Path], object]:
    return lambda path: pd.read_csv(path).drop(columns=column).to_csv(path, index=False)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a row twice": (edited(lambda lines: [*lines, lines[1]]), "arm 'plain', seed 0 twice"),
    "all rows twice": (edited(lambda lines: [*lines, *lines[1:]]), "twice"),
    "no key": (without("settings"), "lacks settings"),
    "no seeds": (without("seed"), "lacks seed"),
    "no measure": (without("ema_reverse_kl"), "lacks ema_reverse_kl"),
    "no cost": (without("num_calls"), "lacks num_calls"),
    "a last row cut": (lambda path: path.write_bytes(path.read_bytes()[:-9]), "same settings"),
    "half a last row": (lambda path: path.write_bytes(path.read_bytes()[:-60]), "same settings"),
    "a number that is none": (put("plain,0,", "plain,0,x"), "numbers"),
    "a seed that is none": (put("plain,0,", "plain,0.5,"), "integers"),
    "nothing": (lambda path: path.write_bytes(b""), "CSV file"),
    "no text": (lambda path: path.write_bytes(bytes(range(256))), "CSV file"),
    "rows of many lengths": (edited(lambda lines: [*lines, "a" + "," * 40 + "\n"]), "CSV file"),
    "something else": (lambda path: path.write_text("a,b\n1,2\n"), "lacks arm"),
}  # fmt: skip


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_is_refused_and_stays(tmp_path: Path, trained: list, how: str) -> None:
    path, (damage, message) = tmp_path / "runs.csv", DAMAGE[how]
    sweep(path)
    damage(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=rf"path must .*(runs\.csv.*{message}|{message}.*runs\.csv)"):
        sweep(path, seeds=range(3))
    assert path.read_bytes() == before
    assert len(trained) == 2


REFUSED: dict[str, tuple[dict, type[Exception], str]] = {
    "a seed twice": ({"seeds": [0, 1, 0]}, ValueError, r"one or more different integers; got \[0, 1, 0\]"),
    "a NumPy seed twice": ({"seeds": [0, np.int64(0)]}, ValueError, "different integers"),
    "no seeds": ({"seeds": []}, ValueError, "seeds must be one or more"),
    "one number": ({"seeds": 5}, TypeError, r"seeds must be a sequence of integers, such as range\(5\); got 5"),
    "text as seeds": ({"seeds": "01"}, TypeError, "seeds must be"),
    "one number in an array": ({"seeds": np.array(5)}, TypeError, "seeds must be a sequence of integers"),
    "no processes": ({"jobs": 0}, ValueError, "jobs must be at least 1"),
    "half a process": ({"jobs": 0.5}, TypeError, "jobs must be an integer"),
    "a name as data": ({"source": "ring"}, TypeError, "source must be a source"),
    "an array as data": ({"source": X}, TypeError, "source must be a source"),
    "a measure as text": ({"metrics": "kid"}, (TypeError, ValueError), "metric"),
    "a negative seed": ({"seeds": [-1]}, ValueError, "seeds must be in"),
    "no arms": ({"configs": {}}, ValueError, "configs must be .*with 1 arm or more"),
    "a list of configs": ({"configs": [FEW]}, TypeError, "configs must be a TrainConfig, or a mapping"),
    "settings as a dict": ({"configs": {"num_steps": 1}}, TypeError, "configs must be a TrainConfig, or a mapping"),
    "None": ({"configs": None}, TypeError, "configs must be"),
    "a number as a name": ({"configs": {0.1: FEW}}, TypeError, "configs must be .*names to TrainConfig; got 0.1"),
    "a line break in a name": ({"configs": {"a\nb": FEW}}, ValueError, "printable"),
    "half a character as a name": ({"configs": {"\ud800": FEW}}, ValueError, "printable"),
    "no pair": ({"pair": "mlp_pair"}, TypeError, "pair must be a function"),
    "sizes that are none": ({"sizes": [4]}, TypeError, "sizes must be a mapping"),
    "a seed among the sizes": ({"sizes": {"seed": 3}}, ValueError, "sizes must leave the seed"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_sweep_does_not_take(tmp_path: Path, what: str) -> None:
    changes, kind, message = REFUSED[what]
    with pytest.raises(kind, match=message):
        sweep(tmp_path / "runs.csv", **changes)
    assert not list(tmp_path.iterdir())


def test_two_losses_of_one_name_do_not_train_as_one() -> None:
    steep = replace(OWN, G=lambda real, fake, weights=None: -30 * fake.mean(-1))
    arms = {
        name: replace(FEW, num_steps=8, loss=loss) for name, loss in {"mine": OWN, "steep": steep, "same": OWN}.items()
    }
    table = sweep(None, configs=arms, metrics=["kid"])
    for arm, config in arms.items():
        alone = sweep(None, configs={arm: config}, metrics=["kid"])
        np.testing.assert_allclose(table.query("arm == @arm")["kid"], alone["kid"], rtol=1e-4)
    values = table.pivot(index="seed", columns="arm", values="kid")
    np.testing.assert_allclose(values["mine"], values["same"], rtol=1e-6)
    assert (values["mine"] != values["steep"]).all()


def test_a_path_is_home_or_a_link_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: list) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    sweep("~/runs.csv")
    (tmp_path / "link.csv").symlink_to(tmp_path / "runs.csv")
    sweep(tmp_path / "link.csv", seeds=range(3))
    assert len(read_table("path", tmp_path / "runs.csv")) == 3
    with pytest.raises(ValueError, match="path must be a regular file"):
        sweep(tmp_path)
    assert len(trained) == 3


def test_a_partial_pair_takes_the_shape_of_the_data() -> None:
    three = al.data.array(normal(30, 3))
    tables = [
        sweep(None, source=three, pair=partial(al.models.mlp_pair, width=4, depth=1), sizes={}, metrics=["kid"]),
        sweep(None, source=three, metrics=["kid"]),
    ]
    assert tables[0]["kid"].tolist() == tables[1]["kid"].tolist()


def test_measuring_leaves_networks_and_the_global_generator_alone() -> None:
    G, _ = pair(0)
    G.body.append(nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5)))
    buffers = [value.clone() for value in G.buffers()]
    job = runs_module.Job(al.data.ring(), pair, {}, ("reverse_kl",), 20)
    with untouched(G):
        runs_module._measure(job, G, torch.tensor([False]))
    assert all(torch.equal(old, new) for old, new in zip(buffers, G.buffers(), strict=True))


@pytest.fixture
def at_the_third(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Press Ctrl-C while the third group trains."""
    groups: list[int] = []
    real = runs_module.train

    def train(*args: object, **options: object) -> object:
        groups.append(1)
        if len(groups) == 3:
            signal.raise_signal(signal.SIGINT)
        return real(*args, **options)

    monkeypatch.setattr(runs_module, "train", train)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("at_the_third")
def test_an_interrupt_keeps_the_rows_so_far(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    with pytest.raises(KeyboardInterrupt) as caught:
        sweep(path, seeds=range(5), runs_at_once=1)
    assert caught.value.table["seed"].tolist() == [0, 1]
    assert read_table("path", path)["seed"].tolist() == [0, 1]
    assert [file.name for file in tmp_path.iterdir()] == ["runs.csv"]
    whole, resumed = sweep(None, seeds=range(5), runs_at_once=1), sweep(path, seeds=range(5), runs_at_once=1)
    pd.testing.assert_frame_equal(resumed.drop(columns="seconds"), whole.drop(columns="seconds"), check_exact=True)

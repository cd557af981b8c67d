"""Checkpoints: whole or not at all, no pickle, and a resumed run equal to the undisturbed one bit for bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import RING, normal, tiny
from safetensors.torch import load_file, save_file

import algan_lite as al
from algan_lite.core import files as module
from algan_lite.core.files import load_checkpoint, save_checkpoint
from algan_lite.objective.losses import alpha
from algan_lite.training.state import TrainState

SHORT = {"num_steps": 12, "batch_size": 8, "log_every": 5}


PLAIN = {**SHORT, "regularizers": {"r1": 0.1}, "strategy": "top_k", "pool_factor": 2}


RICH = {**PLAIN, "regularizers": {"lecam": 0.3, "wgan_gp": 0.1, "mode_seeking": 0.01}, "strategy": "softmax"}


def train(path: Path | None, settings: dict, runs: int | None = None, width: int = 8, **options: object) -> tuple:
    G, D = tiny(runs=runs, width=width)
    history = al.train(G, D, RING, al.TrainConfig(**settings), checkpoint=path, progress=False, **options)
    return G, D, history


def assert_same_run(one: tuple, other: tuple) -> None:
    """Assert that two trainings ended alike, bit for bit: weights, average of G, history."""
    for mine, its in zip((*one[:2], one[2].G_ema), (*other[:2], other[2].G_ema), strict=True):
        assert all(torch.equal(p, q) for p, q in zip(mine.parameters(), its.parameters(), strict=True))
    assert one[2].frame().equals(other[2].frame())
    for name in ("diverged_at", "equilibrium_at"):
        assert torch.equal(getattr(one[2], name), getattr(other[2], name))
    assert one[2].num_calls == other[2].num_calls
    assert one[2].seeds == other[2].seeds


def assert_same_file(one: Path, other: Path) -> None:
    mine, its = load_file(one), load_file(other)
    assert mine.keys() == its.keys()
    assert all(torch.equal(value.nan_to_num(7e7), its[name].nan_to_num(7e7)) for name, value in mine.items())
    assert load_checkpoint(one)[1] == load_checkpoint(other)[1]


def test_there_is_no_pickle_in_it(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    train(path, RICH)
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])  # a safetensors header: JSON, then raw numbers
    assert all(
        {"dtype", "shape", "data_offsets"} == set(entry) for name, entry in header.items() if name != "__metadata__"
    )
    sizes = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    assert len(data) == 8 + length + max(sizes)
    assert {name.split("/")[0] for name in load_file(path)} >= {"G", "D", "G_ema", "adam", "streams", "columns"}
    source = Path(module.__file__).read_text(encoding="utf-8")
    assert "torch.load" not in source
    assert "import pickle" not in source


def cut(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])


def foreign(path: Path) -> None:
    save_file({"x": torch.ones(3)}, path)


def other_values(path: Path) -> None:
    save_checkpoint(path, {"x": torch.ones(3)}, {"what": "weights of a classifier"})


SPOILT: dict[str, Callable[[Path], None]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut in its header": lambda path: cut(path, 0.02),
    "cut in half": lambda path: cut(path, 0.5),
    "one byte short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "text": lambda path: path.write_text("this is no checkpoint at all, but a line of text\n" * 9),
    "a zip, as torch.save writes": lambda path: torch.save({"x": torch.ones(3)}, path),
    "foreign safetensors": foreign,
    "of something else": other_values,
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_file_is_refused_with_its_name(tmp_path: Path, how: str) -> None:
    path = tmp_path / "run.ckpt"
    train(path, PLAIN)
    SPOILT[how](path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"checkpoint .*run\.ckpt"):
        train(path, PLAIN, resume=True)
    assert path.read_bytes() == before


def test_an_absent_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        load_checkpoint(tmp_path / "none.ckpt")
    assert_same_run(train(tmp_path / "new.ckpt", PLAIN, resume=True), train(None, PLAIN))


class Stop(Exception):
    """Ends a training from a callback, as an interrupt would."""


def stop_at(step: int) -> Callable[[TrainState], None]:
    def callback(state: TrainState) -> None:
        if state.step == step:
            raise Stop

    return callback


@pytest.mark.parametrize("runs", [None, 3])
@pytest.mark.parametrize(
    "settings",
    [
        PLAIN,
        RICH,
        {**PLAIN, "keep_decay": 0.8, "steps_per_epoch": 3},
        {**RICH, "reweight": True, "d_steps": 2, "d_fakes": "selected", "loss": "relativistic"},
        {**PLAIN, "regularizers": {"consensus": torch.tensor(0.1)}, "betas": (0.0, 0.9), "ema_decay": 0.9},
    ],
    ids=["plain", "rich", "keep", "reweighted", "consensus"],
)
def test_resuming_is_never_having_stopped(tmp_path: Path, settings: dict, runs: int | None) -> None:
    path, whole = tmp_path / "run.ckpt", tmp_path / "whole.ckpt"
    expected = train(whole, settings, runs)
    for last in (2, 8, 9):  # nothing saved yet; then in the middle of the third save's interval
        with pytest.raises(Stop):
            train(path, settings, runs, resume=True, checkpoint_every=3, callbacks=[stop_at(last)])
    assert load_checkpoint(path)[1]["step"] == 6
    assert_same_run(train(path, settings, runs, resume=True), expected)
    assert_same_file(path, whole)


def test_resuming_convolutions_keeps_their_memory_layout(tmp_path: Path) -> None:
    source = al.data.array(normal(40, 1, 28, 28).tanh())
    settings = al.TrainConfig(num_steps=6, batch_size=4, regularizers={"r1": 1.0})

    def go(path: Path | None, **options: object) -> tuple:
        G, D = al.models.conv_pair(latent_dim=3, channels=2)
        return G, D, al.train(G, D, source, settings, checkpoint=path, progress=False, **options)

    expected = go(None)
    with pytest.raises(Stop):
        go(tmp_path / "c.ckpt", checkpoint_every=3, callbacks=[stop_at(4)])
    assert_same_run(go(tmp_path / "c.ckpt", resume=True), expected)


def test_a_finished_run_returns_at_once(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    finished = train(path, PLAIN)
    assert_same_run(train(path, PLAIN, resume=True, callbacks=[stop_at(13), stop_at(12)]), finished)


def test_a_run_can_be_prolonged(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    settings = {**PLAIN, "num_steps": 10}
    train(path, settings)
    longer = {**PLAIN, "num_steps": 15}
    assert_same_run(train(path, longer, resume=True), train(None, longer))


def test_a_run_that_the_stopping_rule_ended_stays_ended(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    rule = al.Equilibrium(tolerance=0.5, patience=2, every=3, num_samples=16)  # holds at every check
    settings = {**PLAIN, "equilibrium": rule, "num_steps": 50}
    finished = train(path, settings, 2)
    assert finished[2].equilibrium_at.tolist() == [6, 6]
    assert_same_run(train(path, settings, 2, resume=True, callbacks=[stop_at(7)]), finished)


def test_the_stopping_rule_resumes_between_its_checks(tmp_path: Path) -> None:
    rule = al.Equilibrium(tolerance=0.5, patience=3, every=3, num_samples=16)
    settings = {**PLAIN, "equilibrium": rule, "num_steps": 50}
    expected = train(None, settings, 2)
    with pytest.raises(Stop):
        train(tmp_path / "c.ckpt", settings, 2, checkpoint_every=7, callbacks=[stop_at(8)])
    resumed = train(tmp_path / "c.ckpt", settings, 2, resume=True)
    assert expected[2].equilibrium_at.tolist() == [9, 9]
    assert_same_run(resumed, expected)


def test_a_diverged_run_s_last_good_checkpoint_stays(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"

    def poison(state: TrainState) -> None:
        if state.step == 7:
            with torch.no_grad():
                next(state.G.parameters()).fill_(float("nan"))

    with pytest.raises(al.TrainingDiverged, match="at step 8"):
        train(path, PLAIN, checkpoint_every=2, callbacks=[poison])
    tensors, values = load_checkpoint(path)
    assert values["step"] == 6
    assert all(bool(torch.isfinite(v.float()).all()) for name, v in tensors.items() if not name.startswith("acc"))
    assert_same_run(train(path, PLAIN, resume=True), train(None, PLAIN))


OTHERS: dict[str, dict] = {
    "loss": {"loss": alpha(3, 1)},  # not that of alpha(0.5, 1), though the name is
    "regularizers": {"regularizers": {"r1": 0.2}},
    "strategy": {"strategy": "bottom_k"},
    "strategy_options": {"strategy_options": {"uniform_share": 0.5}},
    "batch_size": {"batch_size": 7},
    "pool_factor": {"pool_factor": 3},
    "lr": {"lr": 2e-3},
    "betas": {"betas": (0.5, 0.99)},
    "d_fakes": {"d_fakes": "selected"},
    "equilibrium": {"equilibrium": al.Equilibrium()},
    "keep_decay": {"keep_decay": 0.9},
}


@pytest.mark.parametrize("field", OTHERS)
def test_other_settings_are_refused_by_name(tmp_path: Path, field: str) -> None:
    path = tmp_path / "run.ckpt"
    saved = {**PLAIN, "loss": alpha(0.5, 1)}
    train(path, {**saved, "num_steps": 2})
    with pytest.raises(ValueError, match=rf"needs the settings of the checkpoint .*; {field}: .* in the file, .* now$"):
        train(path, {**saved, **OTHERS[field]}, resume=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, r"seeds: \[0\] in the file, \[1\] now"),
        ({"runs": 2}, r"seeds: \[0\] in the file, \[0, 1\] now"),
        ({"width": 9}, "must be the network of the checkpoint"),
    ],
)
def test_other_seeds_and_networks_are_refused(tmp_path: Path, changes: dict, message: str) -> None:
    path = tmp_path / "run.ckpt"
    train(path, {**PLAIN, "num_steps": 2})
    with pytest.raises(ValueError, match=message):
        train(path, PLAIN, resume=True, **changes)


def test_settings_with_numpy_numbers_can_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    numbers = {"num_steps": np.int64(4), "lr": np.float32(1e-3), "regularizers": {"r1": np.float64(0.1)},
               "strategy": "softmax", "strategy_options": {"temperature": np.float32(0.5)}}  # fmt: skip
    settings = {**PLAIN, **numbers}
    assert_same_run(train(path, settings), train(path, settings, resume=True))

"""A file is whole or not there."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from helpers import normal
from torch import nn

from algan_lite.core.files import check_writable, load_checkpoint, save_checkpoint


def test_round_trip_of_any_tensor_and_value(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "c.ckpt"
    base = normal(4, 6)
    tensors = {
        "view": base[:, ::2].T,
        "same memory": base,
        "channels last": normal(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "bytes": torch.arange(5, dtype=torch.uint8),
        "number": torch.tensor(3.5, dtype=torch.float64),
        "half": normal(3).bfloat16(),
        "parameter": nn.Parameter(normal(2)),
        "empty": torch.zeros(0, 3),
    }
    values = {"a": [1, 2.5, None, "ü"], "b": {"c": True}}
    save_checkpoint(path, tensors, values)
    loaded, plain = load_checkpoint(path)
    assert plain == values
    assert loaded.keys() == tensors.keys()
    for name, value in tensors.items():
        assert loaded[name].dtype == value.dtype
        assert torch.equal(loaded[name], value)
    assert os.listdir(path.parent) == ["c.ckpt"]


@pytest.mark.parametrize("failing", ["os.replace", "os.fsync"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    path = tmp_path / "c.ckpt"
    save_checkpoint(path, {"x": torch.ones(3)}, {"which": "old"})

    def fail(*args: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(failing, fail)
        with pytest.raises(OSError, match="no space left"):
            save_checkpoint(path, {"x": torch.zeros(3)}, {"which": "new"})
    tensors, values = load_checkpoint(path)
    assert values == {"which": "old"}
    assert torch.equal(tensors["x"], torch.ones(3))
    assert os.listdir(tmp_path) == ["c.ckpt"]  # nothing half-written is left behind


def save(path: Path | str, value: float) -> None:
    """Save a file whose tensor and whose plain value are the same number."""
    save_checkpoint(path, {"x": torch.full((50_000,), value)}, {"value": value})


def test_a_link_is_followed(tmp_path: Path) -> None:
    target, link, hanging = tmp_path / "there" / "c.ckpt", tmp_path / "link", tmp_path / "hanging"
    save(target, 1.0)
    link.symlink_to(target)
    hanging.symlink_to(tmp_path / "there" / "new.ckpt")
    (tmp_path / "chain").symlink_to(link)
    for path, value in ((link, 2.0), (hanging, 3.0), (tmp_path / "chain", 4.0)):
        save(path, value)
        assert path.is_symlink()
        assert load_checkpoint(path)[1] == load_checkpoint(path.resolve())[1] == {"value": value}
    assert sorted(os.listdir(target.parent)) == ["c.ckpt", "new.ckpt"]


def test_a_tilde_is_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    save("~/folder/c.ckpt", 5.0)
    assert load_checkpoint("~/folder/c.ckpt")[1] == load_checkpoint(tmp_path / "folder" / "c.ckpt")[1]


def circle(folder: Path) -> Path:
    (folder / "a").symlink_to(folder / "b")
    (folder / "b").symlink_to(folder / "a")
    return folder / "a"


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "fifo")
    return folder / "fifo"


def read_only(folder: Path) -> Path:
    (folder / "kept").write_text("kept")
    (folder / "kept").chmod(0o400)
    return folder / "kept"


NO_FILES = {
    "a device": lambda folder: Path(os.devnull),
    "a folder": lambda folder: folder,
    "nothing": lambda folder: "",
    "a pipe": fifo,
    "links in a circle": circle,
    "below a file": lambda folder: read_only(folder) / "c.ckpt",
    "nobody's home": lambda folder: "~nobody-of-this-name/c.ckpt",
    "a name too long": lambda folder: folder / ("x" * 300),
    "a byte 0": lambda folder: f"{folder}/a\0b",
}


@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_is_refused_and_stays(tmp_path: Path, kind: str) -> None:
    path = NO_FILES[kind](tmp_path)
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(ValueError, match=r"checkpoint must be|null byte"):
        check_writable("checkpoint", path)
    with pytest.raises((ValueError, OSError)):
        save(path, 1.0)
    assert sorted(os.listdir(tmp_path)) == before
    assert not Path(os.devnull).is_file()


def test_a_file_that_may_not_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = read_only(tmp_path)
    monkeypatch.setattr(os, "access", lambda place, mode: False)  # whoever runs the tests may be allowed everything
    with pytest.raises(
        ValueError, match=r"checkpoint must be a file that can be written; .*kept cannot: it is read-only"
    ):
        check_writable("checkpoint", path)
    assert path.read_text() == "kept"
    for wrong in (3, None, b"bytes"):
        with pytest.raises(TypeError, match="checkpoint must be a path; got"):
            check_writable("checkpoint", wrong)


def test_a_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "c.ckpt"
    save(path, 1.0)
    path.chmod(0o600)
    save(path, 2.0)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    dead = os.fork()
    if dead == 0:
        os._exit(0)
    os.waitpid(dead, 0)
    alive = os.getppid()
    litter = [f".c.ckpt.{dead}-00ff.partial", f".c.ckpt.{os.getpid()}-0a.partial"]
    others = [f".c.ckpt.{alive}-00ff.partial", ".c.ckpt.mine.partial", f".d.ckpt.{dead}-1.partial", "c.ckpt.partial"]
    for name in litter + others:
        (tmp_path / name).write_text("half")
    save(tmp_path / "c.ckpt", 1.0)
    assert sorted(os.listdir(tmp_path)) == sorted([*others, "c.ckpt"])


def test_a_file_read_while_it_is_replaced_is_of_one_moment(tmp_path: Path) -> None:
    path = tmp_path / "c.ckpt"
    save(path, 0.0)
    reading = threading.Event()

    def replace() -> None:
        value = 0.0
        while not reading.is_set():
            value += 1
            save(path, value)

    writer = threading.Thread(target=replace)
    writer.start()
    seen: set[float] = set()
    deadline = time.monotonic() + 20
    while len(seen) < 20 and time.monotonic() < deadline:
        tensors, values = load_checkpoint(path)
        assert bool((tensors["x"] == values["value"]).all())
        seen.add(values["value"])
    reading.set()
    writer.join()
    assert len(seen) > 3
    assert os.listdir(tmp_path) == ["c.ckpt"]


@pytest.mark.parametrize(
    "after", [lambda path: path.write_bytes(b"\xff" * path.stat().st_size), lambda path: os.truncate(path, 9)]
)
def test_what_was_loaded_does_not_depend_on_the_file(tmp_path: Path, after: Callable[[Path], object]) -> None:
    path = tmp_path / "c.ckpt"
    save(path, 1.0)
    tensors, _ = load_checkpoint(path)
    after(path)
    assert torch.equal(tensors["x"], torch.ones(50_000))


def test_a_single_flipped_bit_or_a_missing_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.ckpt"
    save_checkpoint(path, {"x": normal(3, 4), "n": torch.arange(5)}, {"step": 3, "names": ["a", "b"]})
    whole = path.read_bytes()
    for k in range(len(whole)):
        spoilt = bytearray(whole)
        spoilt[k] ^= 1 << k % 8
        path.write_bytes(spoilt)
        with pytest.raises(ValueError, match=r"checkpoint must .*c\.ckpt"):
            load_checkpoint(path)
        path.write_bytes(whole[:k])
        with pytest.raises(ValueError, match=r"checkpoint must .*c\.ckpt"):
            load_checkpoint(path)
    path.write_bytes(whole)
    assert load_checkpoint(path)[1]["step"] == 3

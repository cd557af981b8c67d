"""MNIST and the small digits: the shipped files, the full ones over a network of this machine."""

from __future__ import annotations

import hashlib
import io
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from algan_lite import data
from algan_lite.data import images


@pytest.mark.parametrize(
    ("name", "sizes"), [("digits", (1258, 180, 359)), ("mnist", (9000, 1000, 2000))], ids=["digits", "mnist"]
)
def test_image_sources_are_split_and_scaled(sources: dict[str, data.Source], name: str, sizes: tuple) -> None:
    source = sources[name]
    parts = {"train": source.train, "validation": source.validation, "test": source.test}
    labels = [source.train_labels, source.validation_labels, source.test_labels]
    everything = torch.cat(labels).bincount(minlength=10) / sum(sizes)
    for (part, x), y, size in zip(parts.items(), labels, sizes, strict=True):
        assert x.shape == (size, *source.sample_shape), part
        assert (x.dtype, y.dtype, tuple(y.shape)) == (torch.float32, torch.int64, (size,))
        assert x.min() == -1
        assert x.max() == 1
        spread = (y.bincount(minlength=10) - everything * size).abs().max()
        assert spread <= (3 if name == "digits" else 12), f"{part} is not stratified: off by {spread}"
    images = torch.cat([x.flatten(1) for x in parts.values()])
    assert len(images.unique(dim=0)) == len(images), "an image stands in two parts"


def test_mnist_labels_belong_to_their_images(sources: dict[str, data.Source]) -> None:
    """Class means of the training part classify about 80 % of the test part."""
    source = sources["mnist"]
    means = torch.stack([source.train[source.train_labels == k].mean(0) for k in range(10)]).flatten(1)
    nearest_mean = torch.cdist(source.test.flatten(1), means).argmin(1)
    assert 0.75 < (nearest_mean == source.test_labels).double().mean() < 0.9


def test_the_shipped_subset_is_the_one_that_was_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert images.sha256(images.SUBSET_PATH) == images.SUBSET_SHA256
    assert images.SUBSET_PATH.stat().st_size <= 2.5e6
    notice = (images.SUBSET_PATH.parent / "NOTICE.md").read_text(encoding="utf-8")
    assert images.SUBSET_SHA256 in notice
    assert "CC BY-SA 3.0" in notice
    damaged = tmp_path / "mnist_subset.npz"
    damaged.write_bytes(images.SUBSET_PATH.read_bytes()[:-1])
    monkeypatch.setattr(images, "SUBSET_PATH", damaged)
    with pytest.raises(ValueError, match=r"mnist_subset\.npz is damaged: its SHA-256 must be"):
        data.mnist()


def test_another_npz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    x, labels = np.zeros((3, 28, 28), np.uint8), np.zeros(3, np.uint8)
    good = {"x_train": x, "y_train": labels, "x_test": x, "y_test": labels}
    for arrays, message in (
        (
            {name: good[name] for name in images.ARRAYS[:3]},
            "array must be one of x_train, y_train, x_test; got 'y_test'",
        ),
        (good | {"x_train": x / 255}, r"x_train of .* must be \(n, 28, 28\) uint8; got \(3, 28, 28\) float64"),
        (good | {"y_test": labels + 10}, r"y_test of .* must be \(3,\) uint8 from 0 to 9"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(ValueError, match=message):
            images.read_npz(path)


def small_npz() -> bytes:
    """Return an mnist.npz of 60,000 + 20 plain images, which compresses to a few kilobytes."""
    arrays = {"y_train": (np.arange(60_000) % 10).astype(np.uint8), "y_test": np.arange(20, dtype=np.uint8) % 10}
    for part in ("train", "test"):
        gray = arrays[f"y_{part}"][:, None, None] * 25
        arrays[f"x_{part}"] = np.broadcast_to(gray, (len(gray), 28, 28))
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


GOOD = small_npz()
GOOD_SHA256 = hashlib.sha256(GOOD).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.requests += 1
        body = {"/good.npz": GOOD, "/truncated.npz": GOOD[:-500], "/corrupt.npz": GOOD[:-9] + bytes(9)}.get(self.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(GOOD)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests = 0
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def fetch(url: str, cache: Path) -> Path:
    return images.fetch_full(url, cache, known_hash=GOOD_SHA256, progress=False)


def test_a_good_download_is_cached(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    path = fetch(f"{server.url}/good.npz", tmp_path)
    assert path == tmp_path / "mnist.npz"
    assert path.read_bytes() == GOOD
    fetch(f"{server.url}/good.npz", tmp_path)
    assert server.requests == 1, "the second time it comes from the cache"
    assert [file.name for file in tmp_path.iterdir()] == ["mnist.npz"]


@pytest.mark.parametrize(
    ("file", "reason"),
    [("truncated", "hash|IncompleteRead|Connection"), ("corrupt", "hash"), ("absent", "404")],
)
def test_a_bad_download_leaves_nothing(server: ThreadingHTTPServer, tmp_path: Path, file: str, reason: str) -> None:
    with pytest.raises(images.DownloadError, match=reason) as caught:
        fetch(f"{server.url}/{file}.npz", tmp_path)
    assert server.requests == 1
    assert not list(tmp_path.iterdir()), "nothing half may stay in the cache"
    assert "mnist(full=False)" in str(caught.value), "the message says what to do"
    assert fetch(f"{server.url}/good.npz", tmp_path).read_bytes() == GOOD


def test_a_damaged_cache_is_fetched_again_or_kept_out(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    (tmp_path / "mnist.npz").write_bytes(GOOD[:100])
    with pytest.raises(images.DownloadError):
        fetch(f"{server.url}/absent.npz", tmp_path)
    assert fetch(f"{server.url}/good.npz", tmp_path).read_bytes() == GOOD


def test_without_a_network_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as free:  # a port that nobody listens on once it is closed
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(OSError, match=r"could not be fetched from .*ALGAN_LITE_MNIST_URL, or put the file") as caught:
        fetch(f"http://127.0.0.1:{port}/good.npz", tmp_path)
    assert isinstance(caught.value, images.DownloadError)


def test_full_mnist_comes_from_the_mirror_and_is_split(
    server: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images.fetch_full, "__kwdefaults__", {"known_hash": GOOD_SHA256, "progress": True})
    monkeypatch.setenv("ALGAN_LITE_MNIST_URL", f"{server.url}/good.npz")
    monkeypatch.setenv("ALGAN_LITE_CACHE", str(tmp_path))
    source = data.mnist(full=True)
    assert (len(source.train), len(source.validation), len(source.test)) == (55_000, 5_000, 20)
    assert source.validation_labels.bincount().tolist() == [500] * 10
    torch.testing.assert_close(source.validation[:, 0, 3, 4], source.validation_labels * 25 / 127.5 - 1)
    assert server.requests == 1


def test_the_public_file_is_the_one_that_keras_names() -> None:
    assert images.FULL_URL == "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
    assert images.FULL_SHA256 == "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"

from __future__ import annotations

import hashlib
import io
import math
import pickle
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import binomtest, chisquare, kstest
from torch.utils.data import DataLoader, TensorDataset

from algan_lite import data
from algan_lite.core import rng
from algan_lite.data import images
from algan_lite.data.finite import stratified

NAMES = list(data.SOURCES)
MIXTURES = ["ring", "imbalanced_ring", "grid"]


@pytest.fixture(scope="module")
def sources() -> dict[str, data.Source]:
    return {name: factory() for name, factory in data.SOURCES.items()}


# --- every source -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_sample_has_shape_dtype_and_repeats(sources: dict[str, data.Source], name: str) -> None:
    source = sources[name]
    x = source.sample(37, seed=3)
    assert x.shape == (37, *source.sample_shape)
    assert x.dtype == torch.float32
    assert x.isfinite().all()
    assert source.name == name
    torch.testing.assert_close(x, source.sample(37, generator=rng.stream(3, "data")), rtol=0, atol=0)
    assert not torch.equal(x, source.sample(37, seed=4))
    g = rng.stream(3, "data")
    assert not torch.equal(source.sample(37, generator=g), source.sample(37, generator=g)), "a generator moves on"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [1, 7, 128])
def test_a_run_is_the_same_alone_and_in_an_ensemble(sources: dict[str, data.Source], name: str, n: int) -> None:
    source, seeds = sources[name], [5, 0, 9]
    together = rng.stream(seeds, "data")
    first, second = source.sample(n, generator=together), source.sample(n, generator=together)
    assert first.shape == (3, n, *source.sample_shape)
    for k, seed in enumerate(seeds):
        alone = rng.stream(seed, "data")
        assert torch.equal(first[k], source.sample(n, generator=alone))
        assert torch.equal(second[k], source.sample(n, generator=alone))


@pytest.mark.parametrize("name", [*NAMES, "array"])
def test_the_global_generators_are_untouched(name: str) -> None:
    state, state_numpy = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    source = data.array(np.zeros((20, 3), np.float32)) if name == "array" else data.SOURCES[name]()
    source.sample(8, seed=0)
    assert torch.equal(state, torch.get_rng_state())
    np.testing.assert_array_equal(state_numpy, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("name", NAMES)
def test_sampling_leaves_the_source_as_it_was(sources: dict[str, data.Source], name: str) -> None:
    source = sources[name]
    before = {key: value.clone() for key, value in vars(source).items() if isinstance(value, torch.Tensor)}
    x = source.sample(16, seed=0)
    x.fill_(7.0)  # what a caller does to its batch stays with the batch
    for key, value in before.items():
        assert torch.equal(value, getattr(source, key)), key
    assert source.sample(1000, seed=0).abs().max() < 4


@pytest.mark.parametrize("name", NAMES)
def test_bad_draws_are_refused(sources: dict[str, data.Source], name: str) -> None:
    with pytest.raises(ValueError, match=r"n must be in \[1, inf\); got 0"):
        sources[name].sample(0, seed=0)
    with pytest.raises(TypeError, match=r"n must be an integer in \[1, inf\); got 2.5"):
        sources[name].sample(2.5, seed=0)
    with pytest.raises(ValueError, match="exactly one of generator= and seed="):
        sources[name].sample(4)
    with pytest.raises(ValueError, match="exactly one of generator= and seed="):
        sources[name].sample(4, rng.stream(0, "data"), seed=0)


def test_the_table_lists_its_names_and_documents_them() -> None:
    with pytest.raises(ValueError, match=r"source must be one of .*ring, imbalanced_ring, grid.*; got 'rong'"):
        data.SOURCES["rong"]
    assert all(len(line) > 20 for line in data.SOURCES.describe().values())


@pytest.mark.parametrize("name", NAMES)
def test_a_source_survives_pickling(sources: dict[str, data.Source], name: str) -> None:
    """Sweeps hand sources to other processes."""
    if name != "mnist":  # 37 MB, the same class as digits
        copy = pickle.loads(pickle.dumps(sources[name]))
        assert torch.equal(copy.sample(9, seed=1), sources[name].sample(9, seed=1))


# --- laws with known answers --------------------------------------------------------------------------


def test_ring_modes_are_exact() -> None:
    half = math.sqrt(0.5)
    unit = [[1, 0], [half, half], [0, 1], [-half, half], [-1, 0], [-half, -half], [0, -1], [half, -half]]
    source = data.ring(radius=3.0, std=0.1)
    torch.testing.assert_close(source.modes, 3 * torch.tensor(unit), rtol=0, atol=1e-6)
    torch.testing.assert_close(source.weights, torch.full((8,), 1 / 8))
    assert source.std == 0.1


def test_grid_modes_are_exact() -> None:
    expected = torch.tensor([[float(i), float(j)] for i in range(-2, 3) for j in range(-2, 3)])
    assert torch.equal(data.grid().modes, expected)
    assert torch.equal(data.grid(side=2, spacing=4.0).modes, torch.tensor([[-2.0, -2], [-2, 2], [2, -2], [2, 2]]))


def test_imbalanced_ring_holds_its_share() -> None:
    source = data.imbalanced_ring()
    torch.testing.assert_close(source.weights, torch.tensor([0.45] * 2 + [0.1 / 6] * 6))
    counts = nearest(source, 60_000).bincount(minlength=8)
    assert chisquare(counts, 60_000 * source.weights.double() / source.weights.double().sum()).pvalue > 1e-3
    assert binomtest(int(counts[:2].sum()), 60_000, 0.9).pvalue > 1e-3


def nearest(source: data.Source, n: int) -> torch.Tensor:
    return torch.cdist(source.sample(n, seed=11), source.modes).argmin(-1)


@pytest.mark.parametrize("name", MIXTURES)
def test_a_perfect_sampler_reaches_the_ceilings(sources: dict[str, data.Source], name: str) -> None:
    """P(r < 3 sigma) = 1 - exp(-4.5) = .98889 and P(r < 4 sigma) = 1 - exp(-8) = .99966 (two-sided)."""
    source, n = sources[name], 100_000
    x = source.sample(n, seed=2)
    distance = (x.unsqueeze(1) - source.modes).norm(dim=-1).amin(1) / source.std
    for radius, ceiling in ((3, 0.98889), (4, 0.99966)):
        assert 1 - math.exp(-(radius**2) / 2) == pytest.approx(ceiling, abs=1e-5)
        assert binomtest(int((distance < radius).sum()), n, 1 - math.exp(-(radius**2) / 2)).pvalue > 1e-3
    assert kstest(distance, "rayleigh").pvalue > 1e-3


@pytest.mark.parametrize("name", MIXTURES)
def test_modes_are_drawn_with_their_weights(sources: dict[str, data.Source], name: str) -> None:
    source = sources[name]
    counts = nearest(source, 50_000).bincount(minlength=len(source.modes))
    expected = source.weights.double() / source.weights.double().sum() * 50_000
    assert chisquare(counts, expected).pvalue > 1e-3


@pytest.mark.parametrize("name", MIXTURES)
def test_log_prob_equals_a_slow_twin_and_integrates_to_one(name: str) -> None:
    source = data.SOURCES[name](std=0.3)
    x = source.sample(50, rng.stream([0, 1], "data"))
    assert source.log_prob(x).shape == (2, 50)
    for point, value in zip(x[1, :10], source.log_prob(x)[1], strict=False):
        density = 0.0
        for center, weight in zip(source.modes.tolist(), source.weights.tolist(), strict=True):
            r2 = (point[0].item() - center[0]) ** 2 + (point[1].item() - center[1]) ** 2
            density += weight * math.exp(-r2 / (2 * 0.3**2)) / (2 * math.pi * 0.3**2)
        assert value.item() == pytest.approx(math.log(density), abs=1e-4)
    ticks = torch.linspace(-5, 5, 401)
    mass = source.log_prob(torch.cartesian_prod(ticks, ticks)).exp().sum() * (ticks[1] - ticks[0]) ** 2
    torch.testing.assert_close(mass, torch.tensor(1.0), rtol=0, atol=1e-4)


def test_log_prob_is_refused_where_it_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="swiss_roll has no exact density"):
        data.swiss_roll().log_prob(torch.zeros(3, 2))
    with pytest.raises(ValueError, match=r"x must be \(..., N, 2\); got shape \(4, 3\)"):
        data.ring().log_prob(torch.zeros(4, 3))


def test_curves_lie_where_they_should() -> None:
    roll = data.swiss_roll(noise=0.0).sample(5000, seed=0).double() * (4.5 * math.pi / 2)
    turn = roll.norm(dim=1)  # the spiral's radius is its angle
    assert 1.5 * math.pi - 1e-3 < turn.min() < turn.max() < 4.5 * math.pi + 1e-3
    torch.testing.assert_close(roll, torch.stack([turn * turn.cos(), turn * turn.sin()], 1), rtol=0, atol=1e-3)
    assert kstest(turn, "uniform", (1.5 * math.pi, 3 * math.pi)).pvalue > 1e-3
    moons = data.two_moons(noise=0.0).sample(5000, seed=0) * 0.75 + torch.tensor([0.5, 0.25])
    upper, lower = moons.norm(dim=1), (moons - torch.tensor([1.0, 0.5])).norm(dim=1)
    on_upper = ((upper - 1).abs() < 1e-5) & (moons[:, 1] > -1e-5)
    on_lower = ((lower - 1).abs() < 1e-5) & (moons[:, 1] < 0.5 + 1e-5)
    assert (on_upper | on_lower).all()
    assert binomtest(int(on_upper.sum()), 5000).pvalue > 1e-3


@pytest.mark.parametrize("factory", [data.swiss_roll, data.two_moons])
def test_noise_around_a_curve_has_its_size(factory: type) -> None:
    x, clean = factory(noise=0.1).sample(20_000, seed=5), factory(noise=0.0).sample(20_000, seed=5)
    assert (x - clean).std().item() == pytest.approx(0.1, rel=0.02)
    assert clean.abs().max().item() == pytest.approx(2.0, abs=0.15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: data.ring(modes=0), r"modes must be in \[1, inf\); got 0"),
        (lambda: data.ring(radius=-1), r"radius must be in \(0, inf\); got -1"),
        (lambda: data.ring(std=0), r"std must be in \(0, inf\); got 0"),
        (lambda: data.ring(std=math.nan), r"std must be in \(0, inf\); got nan"),
        (lambda: data.ring(weights=[1, 2]), "weights must be one for each of 8 modes; got 2"),
        (lambda: data.ring(modes=2, weights=[1, 0]), r"weights\[1\] must be in \(0, inf\); got 0"),
        (lambda: data.imbalanced_ring(share=1.0), r"share must be in \(0, 1\); got 1.0"),
        (lambda: data.imbalanced_ring(heavy=8), r"heavy must be in \[1, 7\]; got 8"),
        (lambda: data.grid(side=0), r"side must be in \[1, inf\); got 0"),
        (lambda: data.grid(spacing=0), r"spacing must be in \(0, inf\); got 0"),
        (lambda: data.swiss_roll(noise=-0.1), r"noise must be in \[0, inf\); got -0.1"),
        (lambda: data.two_moons(noise=math.inf), r"noise must be in \[0, inf\); got inf"),
    ],
)
def test_bad_laws_are_refused(call: type, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_laws_have_no_parts_and_say_what_to_do(part: str) -> None:
    with pytest.raises(AttributeError, match=rf"ring is drawn afresh and has no fixed .{part} part; use source.sample"):
        getattr(data.ring(), part)


# --- finite data ----------------------------------------------------------------------------------------


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


def test_a_draw_comes_from_the_training_part(sources: dict[str, data.Source]) -> None:
    source = sources["digits"]
    drawn = source.sample(5000, seed=0).flatten(1)
    assert torch.cdist(drawn, source.train.flatten(1)).amin(1).max() < 1e-3
    assert len(drawn.unique(dim=0)) > 0.95 * len(source.train)


def test_mnist_labels_belong_to_their_images(sources: dict[str, data.Source]) -> None:
    """Class means of the training part classify about 80 % of the test part."""
    source = sources["mnist"]
    means = torch.stack([source.train[source.train_labels == k].mean(0) for k in range(10)]).flatten(1)
    nearest_mean = torch.cdist(source.test.flatten(1), means).argmin(1)
    assert 0.75 < (nearest_mean == source.test_labels).double().mean() < 0.9


@pytest.mark.parametrize("count", [0, 1, 13, 97, 100])
def test_stratified_is_exact_in_total_and_even_in_each_class(count: int) -> None:
    labels = torch.arange(100) ** 2 % 7
    chosen = stratified(labels, count, rng.stream(0, "split"))
    assert chosen.sum() == count
    share = labels.bincount() * count / 100
    assert (labels[chosen].bincount(minlength=len(share)) - share).abs().max() <= 1
    if count == 13:
        assert not torch.equal(chosen, stratified(labels, count, rng.stream(1, "split")))


def test_array_takes_arrays_tensors_and_loaders() -> None:
    x, y = torch.arange(600.0).view(100, 2, 3) / 600, torch.arange(100) % 4
    source = data.array(x, y, validation=0.2, test=0.1, name="mine")
    assert (len(source.train), len(source.validation), len(source.test)) == (70, 20, 10)
    assert source.sample_shape == (2, 3)
    rows = torch.cat([source.train, source.validation, source.test])[:, 0, 0] * 100
    assert sorted(rows.round().int().tolist()) == list(range(100)), "each sample is in exactly one part"
    assert torch.equal((source.train[:, 0, 0] * 100).round().long() % 4, source.train_labels)
    assert source.validation_labels.bincount().tolist() == [5, 5, 5, 5]
    from_numpy = data.array(x.double().numpy(), y.numpy(), validation=0.2, test=0.1)
    assert torch.equal(from_numpy.test, source.test)
    state = torch.get_rng_state()
    for loader in (DataLoader(TensorDataset(x, y), batch_size=32), DataLoader(TensorDataset(x, y), 7, shuffle=True)):
        read = data.array(loader, validation=0.2, test=0.1)
        assert torch.equal((read.test[:, 0, 0] * 100).round().long() % 4, read.test_labels)
        assert torch.equal(state, torch.get_rng_state())
    plain = data.array(DataLoader(list(x), batch_size=30), validation=0, test=0)
    assert torch.equal(plain.train, x)
    assert plain.train_labels is None
    assert plain.validation.shape == (0, 2, 3)


def test_array_splits_by_its_seed() -> None:
    x = torch.randn(50, 2, generator=rng.stream(0, "x"))
    assert torch.equal(data.array(x).test, data.array(x).test)
    assert not torch.equal(data.array(x).test, data.array(x, seed=1).test)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: data.array([[1.0]]), TypeError, "x must be a tensor, an array or a DataLoader; got list"),
        (lambda x: data.array((x * 255).byte()), TypeError, r"x must be floating point .*; got torch.uint8"),
        (lambda x: data.array(x[:, 0]), ValueError, r"x must be \(n, \*sample\) .*; got shape \(10,\)"),
        (lambda x: data.array(x[:0]), ValueError, r"x must be .* at least one sample; got shape \(0, 2\)"),
        (lambda x: data.array(x / 0), ValueError, "x must be finite; got 20 values that are not"),
        (lambda x: data.array(x, x[:, 0]), TypeError, "labels must be integers; got torch.float32"),
        (lambda x: data.array(x, torch.ones(9).int()), ValueError, r"labels must have shape \(10,\).*got \(9,\)"),
        (lambda x: data.array(x, test=1.2), ValueError, r"test must be in \[0, 1\]; got 1.2"),
        (lambda x: data.array(x, validation=0.5, test=0.5), ValueError, r"leave samples to train on, of 10; .*0.5 and"),
        (lambda x: data.array(DataLoader(x), x), ValueError, "labels must be None beside a DataLoader"),
        (lambda x: data.array(DataLoader([])), ValueError, "got an empty DataLoader"),
    ],
)
def test_bad_arrays_are_refused(call: type, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(torch.ones(10, 2))


# --- the MNIST files --------------------------------------------------------------------------------------


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
    np.savez(path, x_train=x, y_train=labels, x_test=x)
    with pytest.raises(ValueError, match="array must be one of x_train, y_train, x_test; got 'y_test'"):
        images.read_npz(path)
    np.savez(path, x_train=x / 255, y_train=labels, x_test=x, y_test=labels)
    with pytest.raises(ValueError, match=r"x_train of .* must be \(n, 28, 28\) uint8; got \(3, 28, 28\) float64"):
        images.read_npz(path)
    np.savez(path, x_train=x, y_train=labels, x_test=x, y_test=labels + 10)
    with pytest.raises(ValueError, match=r"y_test of .* must be \(3,\) uint8 from 0 to 9"):
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

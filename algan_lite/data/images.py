"""The MNIST files: the subset inside the package, and the full data fetched once.

The package ships 10,000 training and 2,000 test images, chosen so that every digit keeps its share
(``tools/assets/make_mnist_subset.py``; origin, license and checksum in ``assets/NOTICE.md``). The full data are
the ``mnist.npz`` that Keras uses.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch

from algan_lite.core import rng
from algan_lite.core.checks import check_choice
from algan_lite.core.progress import progress_bar
from algan_lite.data.finite import Finite, from_pixels, split, stratified
from algan_lite.data.sources import SOURCES

FULL_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
FULL_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
SUBSET_PATH = Path(__file__).parents[1] / "assets" / "mnist_subset.npz"
SUBSET_SHA256 = "01a349a722eedae2ef0d68f623cbe4b1b962c33d95c363aa245e2607f79c60d9"
SUBSET_VALIDATION = 1_000  # the last training images of the subset, stratified like the rest
ARRAYS = ("x_train", "y_train", "x_test", "y_test")


class DownloadError(OSError):
    """A file could not be fetched, or what arrived is not what was asked for; the message says what to do."""


def read_npz(path: Path | str) -> dict[str, np.ndarray]:
    """Read and check an ``mnist.npz``: uint8 images (n, 28, 28) and labels 0 to 9 (n,), in two parts.

    Raises:
        ValueError: If an array is missing or has another type, shape or range.
    """
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[check_choice("array", name, file.files)] for name in ARRAYS}
    _check_arrays(arrays, path)
    return arrays


def read_subset() -> dict[str, np.ndarray]:
    """Read the subset inside the package, after checking that the file is whole."""
    if sha256(SUBSET_PATH) != SUBSET_SHA256:
        raise ValueError(f"{SUBSET_PATH.name} is damaged: its SHA-256 must be {SUBSET_SHA256}; reinstall algan-lite")
    return read_npz(SUBSET_PATH)


def fetch_full(
    url: str | None = None, cache: Path | str | None = None, *, known_hash: str = FULL_SHA256, progress: bool = True
) -> Path:
    """Return the path of the full ``mnist.npz``, fetching it (11 MB) if it is not in the cache.

    The file is written beside its final place, checked, and only then moved there, so the cache never holds half
    of it. A file in the cache whose checksum is wrong is fetched again.

    Args:
        url: A mirror; default the environment variable ``ALGAN_LITE_MNIST_URL``, or else the public file.
        cache: Folder; default the environment variable ``ALGAN_LITE_CACHE``, or else the user's cache folder.
        known_hash: SHA-256 that the file must have, in hexadecimal.
        progress: Show a progress bar.

    Raises:
        DownloadError: If there is no network, no such file, or the checksum is wrong.
    """
    import pooch  # here: nothing else in the package needs it

    url = url or os.environ.get("ALGAN_LITE_MNIST_URL") or FULL_URL
    folder = Path(cache or os.environ.get("ALGAN_LITE_CACHE") or pooch.os_cache("algan_lite"))
    fetch = partial(_download, progress=progress)
    try:
        path = pooch.retrieve(url, f"sha256:{known_hash}", fname="mnist.npz", path=folder, downloader=fetch)
    except (OSError, ValueError) as error:  # requests' errors are OSErrors; a wrong checksum is a ValueError
        raise DownloadError(_advice(url, folder, known_hash, error)) from error
    return Path(path)


def sha256(path: Path | str) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _download(url: str, path: str, _: object, *, progress: bool) -> None:
    """Write what ``url`` answers to ``path``; pooch's own downloader leaves the connection open after an error."""
    import requests

    with requests.get(url, stream=True, timeout=30) as answer, Path(path).open("wb") as file:
        answer.raise_for_status()
        size = int(answer.headers.get("Content-Length", 0)) or None
        with progress_bar(shown=progress, total=size, unit="B", unit_scale=True, desc="mnist.npz") as bar:
            for chunk in answer.iter_content(2**16):
                bar.update(file.write(chunk))


def _advice(url: str, folder: Path, known_hash: str, error: Exception) -> str:
    return (
        f"mnist.npz could not be fetched from {url} ({type(error).__name__}: {error}). Without a network use "
        f"mnist(full=False), which ships with the package. Otherwise check the connection, name a mirror with url= or "
        f"ALGAN_LITE_MNIST_URL, or put the file with SHA-256 {known_hash} into {folder}."
    )


def _check_arrays(arrays: Mapping[str, np.ndarray], path: Path | str) -> None:
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if x.dtype != np.uint8 or x.shape[1:] != (28, 28):
            raise ValueError(f"x_{part} of {path} must be (n, 28, 28) uint8; got {x.shape} {x.dtype}")
        if y.dtype != np.uint8 or y.shape != x.shape[:1] or y.max(initial=0) > 9:
            raise ValueError(f"y_{part} of {path} must be {x.shape[:1]} uint8 from 0 to 9; got {y.shape} {y.dtype}")


@SOURCES.enter(source="scikit-learn")
def digits() -> Finite:
    """Scikit-learn's 1,797 handwritten digits, (1, 8, 8) in [-1, 1]: 1,258 train, 180 validation, 359 test."""
    from sklearn.datasets import load_digits  # here: importing it takes a second

    raw = load_digits()
    x = torch.from_numpy(raw.images).float().div_(8).sub_(1).unsqueeze(1)  # 0..16 -> [-1, 1]
    return split("digits", x, torch.from_numpy(raw.target).long(), 0.1, 0.2, seed=0)


@SOURCES.enter(source="LeCun 1998")
def mnist(full: bool = False, *, url: str | None = None, cache: Path | str | None = None) -> Finite:
    """MNIST digits, (1, 28, 28) in [-1, 1], with their labels.

    The subset in the package has 9,000 train, 1,000 validation (the last of its training part) and 2,000 test
    images. The full data, fetched once (11 MB) and checked, have 55,000, 5,000 and 10,000.

    Args:
        full: Use the full data instead of the subset.
        url: A mirror of ``mnist.npz``; full data only.
        cache: Folder to keep it in; full data only. Both have environment variables (see ``mnist.fetch_full``).

    Raises:
        DownloadError: If the full data cannot be fetched; an ``OSError``.
    """
    arrays = read_npz(fetch_full(url, cache)) if full else read_subset()
    y = torch.from_numpy(arrays["y_train"]).long()
    if full:
        held = stratified(y, 5_000, rng.stream(0, "mnist validation"))
    else:
        held = torch.arange(len(y)) >= len(y) - SUBSET_VALIDATION
    x = from_pixels(arrays["x_train"])
    parts = {"train": x[~held], "validation": x[held], "test": from_pixels(arrays["x_test"])}
    labels = {"train": y[~held], "validation": y[held], "test": torch.from_numpy(arrays["y_test"]).long()}
    return Finite("mnist", parts, labels)

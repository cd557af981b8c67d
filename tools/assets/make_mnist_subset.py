"""Make ``algan_lite/assets/mnist_subset.npz`` from the original MNIST images.

    python tools/assets/make_mnist_subset.py mnist.npz

The argument is any ``mnist.npz`` (the one that Keras uses, or a repackaged one): what is checked is the content,
against the SHA-256 of the four original files. 10,000 training and 2,000 test images are chosen at random, each
digit with its share in the original; the last 1,000 training images are the validation part, stratified too. Within
a part the original order is kept. The program prints the checksum to put into ``algan_lite/mnist.py``.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import torch

from algan_lite import mnist, rng
from algan_lite.data.finite import stratified

# of train-images-idx3-ubyte and its three companions, unpacked
ORIGINAL_SHA256 = {
    "x_train": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "y_train": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "x_test": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "y_test": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
SEED = 0


def original_sha256(array: np.ndarray) -> str:
    """Return the SHA-256 of the original file that holds ``array``: its header, then the bytes."""
    header = struct.pack(f">I{array.ndim}I", 0x800 | array.ndim, *array.shape)
    return hashlib.sha256(header + array.tobytes()).hexdigest()


def choose(labels: np.ndarray, count: int, purpose: str) -> np.ndarray:
    """Return the indices, ascending, of a stratified choice of ``count`` items."""
    chosen = stratified(torch.from_numpy(labels).long(), count, rng.stream(SEED, purpose))
    return chosen.nonzero().squeeze(1).numpy()


def make_subset(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the subset's four arrays."""
    train = choose(arrays["y_train"], 10_000, "subset train")
    held = choose(arrays["y_train"][train], mnist.SUBSET_VALIDATION, "subset validation")
    train = np.concatenate([np.delete(train, held), train[held]])
    test = choose(arrays["y_test"], 2_000, "subset test")
    rows = {"x_train": train, "y_train": train, "x_test": test, "y_test": test}
    return {name: arrays[name][rows[name]] for name in mnist.ARRAYS}


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write the arrays as npz with the strongest deflate (numpy writes a middle one), atomically."""
    partial = path.with_suffix(".part")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))  # no clock: the same bytes each time
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, buffer.getvalue(), compresslevel=9)
    os.replace(partial, path)


def main() -> None:
    """Check the originals, choose, write, and print the checksum."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("original", type=Path, help="an mnist.npz with all 70,000 images")
    parser.add_argument("--out", type=Path, default=mnist.SUBSET_PATH)
    args = parser.parse_args()
    arrays = mnist.read_npz(args.original)
    for name, expected in ORIGINAL_SHA256.items():
        if original_sha256(arrays[name]) != expected:
            raise SystemExit(f"{name} of {args.original} does not hold the original MNIST")
    write_npz(args.out, make_subset(arrays))
    print(f"{args.out.name}: {args.out.stat().st_size} bytes, SHA-256 {mnist.sha256(args.out)}")


if __name__ == "__main__":
    main()

"""A folder of image files as a source: read once, cropped to one size, scaled to [-1, 1], in an order that is fixed."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from algan_lite.core.checks import check_choice, check_integer, check_list
from algan_lite.core.progress import progress_bar
from algan_lite.data.finite import Finite, scaled, split

KINDS = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
ALSO_IMAGES = (".gif", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jfif", ".jp2")  # not read, and not silently
PARTS = {"train", "training", "val", "valid", "validation", "test", "testing"}  # of data that somebody has split
MODES = ("L", "RGB")
LARGEST_SIDE = 1024  # pixels


def folder(
    path: str | os.PathLike[str],
    size: int | Sequence[int] = 28,
    mode: str = "L",
    *,
    validation: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    name: str = "folder",
) -> Finite:
    """Your own images: the files of a folder, or of its subfolders, one a class.

    Each file is turned as its camera says, scaled and cropped around its middle to ``size``, and its values go from
    0..255 to [-1, 1]. What is transparent lies on white. Hidden files and files that are no images are passed over;
    images of other kinds (GIF, TIFF, HEIC) are, too, with a warning. Links are followed.
    Files count in the order of their names, so the same files give the same source wherever the folder lies. All of
    them are held in memory, 4 bytes a value: 10,000 gray images of 28 x 28 take 31 MB.

    Args:
        path: The folder. PNG, JPEG, BMP and WebP files (8 bits a channel) lie directly in it, or all of them in
            subfolders at any depth; then the names of the first subfolders are ``classes``, and ``train_labels`` (and
            so on) count them. With ``train`` and ``test`` as subfolders it warns: those are parts, and no classes.
        size: Side of a square in pixels, in [1, 1024], or (height, width).
        mode: ``L``, gray, (1, height, width), or ``RGB``, color, (3, height, width).
        validation: Share of the validation part, in [0, 1).
        test: Share of the test part, in [0, 1); the training part keeps the rest, at least one image.
        seed: Of the split.
        name: What the source is called.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If there is no such folder, it holds no images, or some both directly and in subfolders; if files
            cannot be read, which are named; if another argument is out of range.
    """
    root, (height, width) = _check_root(path), _check_size(size)
    check_choice("mode", mode, MODES)
    check_integer("seed", seed, 0)
    files = _image_files(root)
    pixels, labels, classes = _read(root, files, (width, height), mode), None, None
    if files[0].parent != root:
        firsts = [file.relative_to(root).parts[0] for file in files]
        classes = tuple(sorted(set(firsts)))
        if len(classes) > 1 and {name.lower() for name in classes} <= PARTS:
            told = f"path has the subfolders {', '.join(classes)}, which are classes here, and all files are split anew"
            warnings.warn(f"{told}; to read one of them, give {str(Path(path, classes[-1]))!r}", stacklevel=2)
        labels = torch.tensor([classes.index(first) for first in firsts])
    return split(name, scaled(pixels), labels, validation, test, seed, classes)


def _check_root(path: object) -> Path:
    takes = f"path must be a folder with images ({', '.join(KINDS)})"
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{takes}; got {path!r}")
    if not os.fspath(path):  # as a Path it would be wherever this program runs
        raise ValueError(f"{takes}; got {path!r}, which is empty")
    try:
        root = Path(path).expanduser()
        if root.is_dir():
            return root
        found = "a file" if root.exists() else f"nothing there; this program runs in {Path.cwd()}"
    except (OSError, RuntimeError, TypeError, ValueError) as error:  # a name too long, no home, bytes, a null character
        found = str(error)
    raise ValueError(f"{takes}; got {str(path)!r}: {found}")


def _check_size(size: object) -> tuple[int, int]:
    if isinstance(size, Sequence) and not isinstance(size, str | bytes):
        sides = check_list("size", size, "an integer or (height, width)")
        if len(sides) != 2:
            raise ValueError(f"size must be an integer or (height, width); got {size!r}")
        return tuple(check_integer(f"size[{k}]", side, 1, LARGEST_SIDE) for k, side in enumerate(sides))
    side = check_integer("size", size, 1, LARGEST_SIDE)
    return side, side


def _image_files(root: Path) -> list[Path]:
    """Return the image files below a folder in the order of their names, all of them in it or all in its subfolders."""
    below = list(_below(root))
    others = sorted({file.suffix.lower() or file.name for file in below} - set(KINDS))
    files = sorted(
        (file for file in below if file.suffix.lower() in KINDS), key=lambda file: file.relative_to(root).as_posix()
    )
    if not files:
        got = f"only others ({', '.join(others[:5])})" if others else "none"
        raise ValueError(f"path must be a folder with images ({', '.join(KINDS)}); got {got} in {str(root)!r}")
    flat = [file for file in files if file.parent == root]
    if flat and len(flat) < len(files):
        deep = next(file for file in files if file.parent != root)
        raise ValueError(
            "path must hold its images directly, or all of them in subfolders, one a class; got both: "
            f"{flat[0].name} and {deep.relative_to(root).as_posix()}"
        )
    if left := [file for file in below if file.suffix.lower() in ALSO_IMAGES]:
        told = f"path holds {len(left)} images of other kinds ({', '.join(sorted({x.suffix.lower() for x in left}))})"
        warnings.warn(f"{told}, which are passed over: save them as PNG to use them", stacklevel=3)
    return files


def _below(at: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Yield the files below a folder, without hidden ones; links are followed, but to no folder that they lie in."""
    here = at.resolve()
    if here in above:
        return
    for one in at.iterdir():
        if one.name.startswith("."):
            continue
        if one.is_dir():
            yield from _below(one, (*above, here))
        elif one.is_file() or one.is_symlink():  # a link to nothing is a file that cannot be read
            yield one


def _read(root: Path, files: Sequence[Path], size: tuple[int, int], mode: str) -> Tensor:
    """Return the pixels of all files, (n, channels, height, width) uint8; name those that fail."""
    pixels, failed = [], []
    for file in progress_bar(files, desc="reading", unit="image", delay=1.0):
        try:
            pixels.append(_pixels(file, size, mode))
        except Exception as error:  # a damaged file: the decoders raise whatever they like
            failed.append(f"{file.relative_to(root).as_posix()} ({' '.join(str(error).split())[:100]})")
    if failed:
        some = "; ".join(failed[:5]) + (" ..." if len(failed) > 5 else "")
        raise ValueError(f"path must hold readable images; got {len(failed)} of {len(files)} that are not: {some}")
    return torch.from_numpy(np.stack(pixels))


def _pixels(file: Path, size: tuple[int, int], mode: str) -> np.ndarray:
    """Return one image as (channels, height, width) uint8."""
    from PIL import Image, ImageOps  # here: nothing else of this room needs it

    with Image.open(file) as opened:
        if opened.mode.startswith(("I", "F")):  # converted, their values would be cut off at 255
            raise ValueError(f"it has more than 8 bits a channel, mode {opened.mode}: scale it and use al.data.array")
        image = ImageOps.exif_transpose(opened)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        fitted = np.asarray(ImageOps.fit(image.convert(mode), size, Image.Resampling.LANCZOS))
    return np.moveaxis(fitted, -1, 0) if mode == "RGB" else fitted[None]

"""A folder of image files: what is read of it, and what is refused, by the name of the file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from algan_lite import data

WHOLE = {"validation": 0, "test": 0}  # all files in the training part, in the order of their names


def draw(path: Path, pixels: np.ndarray, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def gray(value: int, shape: tuple[int, int] = (8, 8)) -> np.ndarray:
    return np.full(shape, value, np.uint8)


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """20 gray PNG files of random pixels, 8 x 8; file k is named k."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8)
    for k, one in enumerate(pixels):
        draw(tmp_path / "noise" / f"{k:02}.png", one)
    np.save(tmp_path / "pixels.npy", pixels)
    return tmp_path / "noise"


def test_a_flat_folder_gives_its_pixels_in_the_order_of_the_names(noise: Path) -> None:
    source = data.folder(noise, size=8, **WHOLE)
    pixels = torch.from_numpy(np.load(noise.parent / "pixels.npy"))
    assert torch.equal(source.train, pixels[:, None] / 127.5 - 1)
    assert source.train_labels is None
    assert source.classes is None
    assert source.sample_shape == (1, 8, 8)


def test_the_parts_share_the_files_out_and_do_not_depend_on_the_place(noise: Path, tmp_path: Path) -> None:
    first = data.folder(str(noise), size=8, validation=0.25, test=0.25)
    assert [len(part) for part in (first.train, first.validation, first.test)] == [10, 5, 5]
    together = torch.cat([first.train, first.validation, first.test]).flatten(1)
    assert len(together.unique(dim=0)) == 20
    shutil.copytree(noise, tmp_path / "else where" / "é")
    moved = data.folder(tmp_path / "else where" / "é", size=8, validation=0.25, test=0.25)
    assert moved.key() == first.key()
    assert data.folder(noise, size=8, validation=0.25, test=0.25, seed=1).key() != first.key()
    (noise / "00.png").unlink()
    assert data.folder(noise, size=8, validation=0.25, test=0.25).key() != first.key()


def test_subfolders_are_classes_and_each_keeps_its_share(tmp_path: Path) -> None:
    for k in range(10):
        draw(tmp_path / "dark" / f"{k}.png", gray(k))
        draw(tmp_path / "bright" / "deep" / f"{k}.PNG", gray(200 + k))
    source = data.folder(tmp_path, size=4, test=0.2, validation=0.1)
    assert source.classes == ("bright", "dark")
    assert torch.equal(source.train.mean((1, 2, 3)) < 0, source.train_labels == 1)
    assert source.train_labels.bincount().tolist() == [7, 7]
    assert source.test_labels.bincount().tolist() == [2, 2]
    assert data.few(source, 6).classes == source.classes


def test_images_are_fitted_and_not_stretched(tmp_path: Path) -> None:
    wide = gray(0, (10, 30))
    wide[:, 10:20] = 255  # a white square in the middle
    draw(tmp_path / "wide.png", wide)
    assert data.folder(tmp_path, size=10, **WHOLE).train.min() > 0.99
    tall = data.folder(tmp_path, size=(10, 30), **WHOLE)
    assert tall.sample_shape == (1, 10, 30)
    assert torch.equal(tall.train[0, 0], torch.from_numpy(wide) / 127.5 - 1)
    smaller = data.folder(tmp_path, size=5, **WHOLE).train
    assert smaller.shape == (1, 1, 5, 5)
    assert smaller.max() <= 1


def test_color_is_kept_or_made_gray(tmp_path: Path) -> None:
    draw(tmp_path / "red.png", np.full((4, 4, 3), [255, 0, 0], np.uint8))
    color = data.folder(tmp_path, size=4, mode="RGB", **WHOLE).train
    assert color.shape == (1, 3, 4, 4)
    assert color[0, :, 0, 0].tolist() == [1, -1, -1]
    light = data.folder(tmp_path, size=4, **WHOLE).train  # ITU-R 601: red is 0.299 of the light
    assert abs((light + 1) / 2 - 0.299).max() < 0.005


def test_what_is_transparent_lies_on_white(tmp_path: Path) -> None:
    pixels = np.zeros((4, 4, 4), np.uint8)  # black ink with alpha 0
    pixels[:2, :, 3] = 255
    draw(tmp_path / "ink.png", pixels)
    x = data.folder(tmp_path, size=4, **WHOLE).train[0, 0]
    assert x[:2].max() == -1
    assert x[2:].min() == 1


def test_a_photo_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    pixels = gray(0, (16, 16))
    pixels[:8] = 255  # the upper half is white
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise: the upper half comes to lie on the right
    draw(tmp_path / "photo.jpg", pixels, exif=exif)
    x = data.folder(tmp_path, size=16, **WHOLE).train[0, 0]
    assert x[:, 9:].min() > 0.8
    assert x[:, :7].max() < -0.8


def test_hidden_and_other_files_are_passed_over(noise: Path) -> None:
    key = data.folder(noise, size=8).key()
    (noise / "notes.txt").write_text("no image")
    (noise / ".DS_Store").write_bytes(b"\0")
    (noise / "._00.png").write_bytes(b"what macOS leaves on other disks")
    draw(noise / ".ipynb_checkpoints" / "00.png", gray(3))
    assert data.folder(noise, size=8).key() == key


def test_images_of_other_kinds_are_passed_over_with_a_warning(noise: Path) -> None:
    key = data.folder(noise, size=8).key()
    (noise / "moving.gif").write_bytes(b"GIF89a")
    (noise / "scan.TIFF").write_bytes(b"II")
    with pytest.warns(UserWarning, match=r"path holds 2 images of other kinds \(\.gif, \.tiff\).* PNG") as told:
        assert data.folder(noise, size=8).key() == key
    assert told[0].filename == __file__


def test_parts_that_were_split_before_are_no_classes_without_a_word(tmp_path: Path) -> None:
    for k in range(5):
        draw(tmp_path / "train" / f"{k}.png", gray(k))
        draw(tmp_path / "Test" / f"{k}.png", gray(k + 9))
    with pytest.warns(UserWarning, match=r"subfolders Test, train, which are classes here.*train'"):
        assert data.folder(tmp_path, size=8).classes == ("Test", "train")


def test_links_are_followed_once(tmp_path: Path) -> None:
    for k in range(5):
        draw(tmp_path / "disk" / "cat" / f"{k}.png", gray(k))
    here = tmp_path / "here"
    here.mkdir()
    try:
        (here / "cat").symlink_to(tmp_path / "disk" / "cat", target_is_directory=True)
        (here / "cat" / "loop").symlink_to(here, target_is_directory=True)
    except OSError:
        pytest.skip("no links here")
    source = data.folder(here, size=8)
    assert source.key() == data.folder(tmp_path / "disk", size=8).key()
    (here / "cat" / "lost.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(ValueError, match=r"got 1 of 6 that are not: cat/lost\.png"):
        data.folder(here, size=8)


def cut(folder: Path) -> None:
    file = folder / "03.png"
    file.write_bytes(file.read_bytes()[:60])


def fake(folder: Path) -> None:
    (folder / "cat.jpg").write_text("<html>404</html>")


def deep(folder: Path) -> None:
    draw(folder / "more" / "a.png", gray(1))


def sixteen(folder: Path) -> None:
    draw(folder / "xray.png", np.full((8, 8), 40_000, np.uint16))


def bomb(folder: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(folder / "bomb.png")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (cut, r"path must hold readable images; got 1 of 20 that are not: 03\.png \("),
        (fake, r"got 1 of 21 that are not: cat\.jpg \(cannot identify image file"),
        (deep, r"directly, or all of them in subfolders.*; got both: 00\.png and more/a\.png"),
        (sixteen, r"xray\.png \(it has more than 8 bits a channel, mode I.*al\.data\.array"),
        (bomb, r"bomb\.png \(Image size \(400000000 pixels\)"),
    ],
    ids=["cut off", "no image", "two kinds", "16 bits", "bomb"],
)
def test_a_spoiled_folder_is_refused_by_the_name_of_the_file(
    noise: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(noise)
    with pytest.raises(ValueError, match=message):
        data.folder(noise, size=8)


def test_every_damaged_file_is_counted_and_some_are_named(noise: Path) -> None:
    for k in range(7):
        (noise / f"bad{k}.png").write_bytes(b"\x89PNG")
    with pytest.raises(ValueError, match=r"got 7 of 27 that are not: bad0\.png .*bad4\.png \([^)]*\) \.\.\.$"):
        data.folder(noise, size=8)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda path: data.folder(path / "nowhere"), ValueError, "path must be a folder .*nothing there; this program"),
        (lambda path: data.folder(path / "00.png"), ValueError, r"path must be a folder .*00\.png': a file"),
        (lambda path: data.folder(3), TypeError, "path must be a folder with images .*; got 3"),
        (lambda path: data.folder("a\0b"), ValueError, "path must be a folder"),
        (lambda path: data.folder(""), ValueError, "path must be a folder .*; got '', which is empty"),
        (lambda path: data.folder(path, 0), ValueError, r"size must be in \[1, 1024\]; got 0"),
        (lambda path: data.folder(path, (8, 2000)), ValueError, r"size\[1\] must be in \[1, 1024\]; got 2000"),
        (lambda path: data.folder(path, (8, 8, 3)), ValueError, r"size must be .*\(height, width\); got \(8, 8, 3\)"),
        (lambda path: data.folder(path, 8.0), TypeError, r"size must be an integer in \[1, 1024\]; got 8\.0"),
        (lambda path: data.folder(path, mode="CMYK"), ValueError, "mode must be one of L, RGB; got 'CMYK'"),
        (lambda path: data.folder(path, seed=-1), ValueError, r"seed must be in \[0, inf\); got -1"),
        (lambda path: data.folder(path, test=1.0), ValueError, "must leave samples to train on, of 20"),
    ],
)
def test_bad_arguments_are_refused(
    noise: Path, call: Callable[[Path], data.Finite], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(noise)


def test_a_folder_without_images_says_what_lies_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"path must be a folder with images .*; got none in"):
        data.folder(tmp_path)
    (tmp_path / "scan.tiff").write_bytes(b"II")
    with pytest.raises(ValueError, match=r"got only others \(\.tiff\) in"):
        data.folder(tmp_path)


def test_one_image_trains_and_has_nothing_held_out(tmp_path: Path) -> None:
    draw(tmp_path / "only.png", gray(9))
    source = data.folder(tmp_path)
    assert [len(part) for part in (source.train, source.validation, source.test)] == [1, 0, 0]
    with pytest.raises(ValueError, match="leave samples to train on, of 1"):
        data.folder(tmp_path, test=0.5, validation=0.6)

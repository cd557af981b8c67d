"""Finite data: splits, loaders, refusals."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from algan_lite import data
from algan_lite.core import rng
from algan_lite.data.finite import stratified


def test_a_draw_comes_from_the_training_part(sources: dict[str, data.Source]) -> None:
    source = sources["digits"]
    drawn = source.sample(5000, seed=0).flatten(1)
    assert torch.cdist(drawn, source.train.flatten(1)).amin(1).max() < 1e-3
    assert len(drawn.unique(dim=0)) > 0.95 * len(source.train)
    few = data.array(torch.eye(4), validation=0, test=0)
    assert len(few.sample(99, seed=0).unique(dim=0)) == 4, "the first and the last are drawn too"


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
    assert torch.equal(plain.train[plain.train[:, 0, 0].argsort()], x)
    assert plain.train_labels is None
    assert plain.validation.shape == (0, 2, 3)


def test_array_splits_by_its_seed() -> None:
    x = torch.randn(50, 2, generator=rng.stream(0, "x"))
    assert torch.equal(data.array(x).test, data.array(x).test)
    assert not torch.equal(data.array(x).test, data.array(x, seed=1).test)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda x: data.array([[1.0]]),
            TypeError,
            "x must be a tensor, an array or a DataFrame .* or a DataLoader; got list",
        ),
        (
            lambda x: data.array((x * 255).byte()),
            TypeError,
            r"x must be floating point .*al\.data\.from_pixels.*; got torch.uint8",
        ),
        (lambda x: data.array(x[:, 0]), ValueError, r"x must be \(n, \*sample\) .*; got shape \(10,\)"),
        (lambda x: data.array(x[:0]), ValueError, r"x must be .* at least one sample; got shape \(0, 2\)"),
        (lambda x: data.array(x / 0), ValueError, "x must be finite; got 20 values that are not"),
        (
            lambda x: data.array(x.double() * 1e300),
            ValueError,
            "x must be finite in float32; got 20 values that are not",
        ),
        (lambda x: data.array(x, x[:, 0]), TypeError, "labels must be integers; got torch.float32"),
        (lambda x: data.array(x, np.array(["cat"] * 10)), TypeError, "of integers .*np.unique.* counts names.*; got"),
        (lambda x: data.array(x, torch.ones(9).int()), ValueError, r"labels must have shape \(10,\).*got \(9,\)"),
        (lambda x: data.array(x, test=1.2), ValueError, r"test must be in \[0, 1\]; got 1.2"),
        (lambda x: data.array(x, validation=0.5, test=0.5), ValueError, r"leave samples to train on, of 10; .*0.5 and"),
        (lambda x: data.array(DataLoader(x), x), ValueError, "labels must be None beside a DataLoader"),
        (lambda x: data.array(DataLoader([])), ValueError, "got an empty DataLoader"),
        (
            lambda x: data.array(DataLoader([{"image": x.byte(), "label": 1}])),
            TypeError,
            r"got dict \('image': torch.uint8, 'label': torch.int64\); images of bytes: .*from_pixels",
        ),
        (lambda x: data.array(DataLoader([(x, 1, 2)])), TypeError, r"got list \(0: torch.float32, 1: torch.int64, 2: "),
    ],
)
def test_bad_arrays_are_refused(call: type, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(torch.ones(10, 2))


@pytest.mark.parametrize("kind", ["height, width", "channels last", "channels first", "array"])
def test_pixels_become_channels_first_in_the_range_of_tanh(kind: str) -> None:
    x = torch.randint(0, 256, (5, 6, 7, 3), generator=rng.stream(0, "x"), dtype=torch.uint8)
    x[0, 0, 0, 0], x[0, 0, 1, 0] = 0, 255
    expected = (x.double() / 127.5 - 1).permute(0, 3, 1, 2)
    given = {"height, width": x[..., 0], "channels first": x.permute(0, 3, 1, 2), "array": x.numpy()}.get(kind, x)
    found = data.from_pixels(given)
    assert found.dtype == torch.float32
    assert found.is_contiguous()
    assert (found.min(), found.max()) == (-1, 1)
    assert (found - (expected[:, :1] if kind == "height, width" else expected)).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.zeros(5, 8, 8), TypeError, "x must be bytes, uint8 from 0 to 255; got torch.float32"),
        ([[0]], TypeError, "x must be a tensor or an array of bytes, uint8; got list"),
        (torch.zeros(5, 8, dtype=torch.uint8), ValueError, r"x must be .*; got shape \(5, 8\)"),
        (torch.zeros(5, 3, 8, 3, dtype=torch.uint8), ValueError, r"not both, .*; got shape \(5, 3, 8, 3\)"),
        (torch.zeros(5, 8, 8, 7, dtype=torch.uint8), ValueError, r"; got shape \(5, 8, 8, 7\)"),
        (torch.zeros(0, 8, 8, dtype=torch.uint8), ValueError, r"; got shape \(0, 8, 8\)"),
        (
            torch.zeros(480, 640, 3, dtype=torch.uint8),
            ValueError,
            r"got shape \(480, 640, 3\), which is one: x\[None\]",
        ),
    ],
)
def test_what_are_no_pixels_is_refused(x: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        data.from_pixels(x)


def test_a_table_of_pandas_counts_as_its_array() -> None:
    table = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20) / 7, "kind": np.arange(20) % 2})
    from_table = data.array(table[["a", "b"]], table["kind"])
    from_array = data.array(table[["a", "b"]].to_numpy(), table["kind"].to_numpy())
    assert from_table.key() == from_array.key()
    with pytest.raises(ValueError, match="x must be finite; got 1 values that are not"):
        data.array(table[["a", "b"]].mask(table[["a", "b"]] == 19))
    with pytest.raises(TypeError, match=r"x must have columns of numbers only; got others: 'a' \((object|str)\)"):
        data.array(pd.DataFrame({"a": ["x"], "b": [1.0]}))
    flags = pd.DataFrame({"a": [True, False] * 5, "b": np.arange(10.0)})
    assert data.array(flags).key() == data.array(flags.to_numpy(dtype=float)).key()


@pytest.mark.parametrize("form", ["tensor", "loader", "without channels"])
def test_images_that_nobody_scaled_are_warned_of(form: str) -> None:
    x = torch.arange(256.0).repeat(10).view(10, 1, 16, 16)
    given = {"loader": DataLoader(list(x), batch_size=5), "without channels": x[:, 0]}.get(form, x)
    with pytest.warns(UserWarning, match=r"x has values up to 255, .*\[-1, 1\].*x / 127\.5 - 1") as told:
        data.array(given)
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data.array(x / 127.5 - 1)
        data.array(x[:, 0, 0])  # rows of a table

"""Strings and dates: the whole language once, told by another grammar; letters there and back."""

from __future__ import annotations

from datetime import datetime

import pytest
import torch

from algan_lite import data

SOURCE = data.dates()


def is_date(text: str) -> bool:
    """Ask Python's calendar instead of ours."""
    try:
        found = datetime.strptime(text, "%d %b %Y")
    except ValueError:
        return False
    return 1980 <= found.year < 2020 and found.strftime("%d %b %Y") == text


def test_the_language_is_every_date_of_forty_years_once() -> None:
    assert len(SOURCE.language) == len(set(SOURCE.language)) == 40 * 365 + 10
    assert all(map(is_date, SOURCE.language))
    assert "29 Feb 2000" in SOURCE.language
    assert not {"29 Feb 2001", "31 Jun 1999", "1 Jan 1990", "01 jan 1990", "01 Jan 2020"} & set(SOURCE.language)


def test_parts_are_apart_and_their_samples_are_their_strings() -> None:
    assert [len(SOURCE.texts[part]) for part in ("train", "validation", "test")] == [4000, 1000, 9610]
    for part, texts in SOURCE.texts.items():
        x = getattr(SOURCE, part)
        assert x.shape == (len(texts), 11, 33)
        assert SOURCE.alphabet.decode(x) == list(texts)
        assert torch.equal(SOURCE.alphabet.encode(texts), x)
        assert torch.equal(x.sum(-1), torch.ones(len(texts), 11))
        assert torch.equal(x.unique(), torch.tensor([0.0, 1.0]))


def test_a_seed_chooses_what_is_trained_on() -> None:
    assert data.dates(50, seed=1).texts == data.dates(50, seed=1).texts
    assert data.dates(50, seed=1).texts["train"] != data.dates(50, seed=2).texts["train"]
    assert data.dates(50, seed=1).key() != data.dates(50, seed=2).key()
    assert data.dates(13_609).test.shape == (1, 11, 33)


def test_decode_takes_the_largest_and_a_runs_axis() -> None:
    alphabet = data.Alphabet("ab ")
    x = torch.tensor([[[0.1, 0.7, 0.2], [0.9, 0.0, 0.1]], [[0, 0, 1], [0.2, 0.5, 0.3]]])
    assert alphabet.decode(x) == ["ba", " b"]
    assert alphabet.decode(torch.stack([x, x.flip(0)]).double()) == [["ba", " b"], [" b", "ba"]]
    assert alphabet.encode(["ba"]).tolist() == [[[0, 1, 0], [1, 0, 0]]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: data.dates(0), ValueError, r"num_train must be in \[1, 13609\]; got 0"),
        (lambda: data.dates(13_610), ValueError, r"num_train must be in \[1, 13609\]; got 13610"),
        (lambda: data.dates(9, seed=-1), ValueError, r"seed must be in \[0, inf\); got -1"),
        (lambda: data.Alphabet("aba"), ValueError, "letters must be 1 or more that differ from each other; got 'aba'"),
        (lambda: data.Alphabet(3), TypeError, "letters must be text; got 3"),
        (
            lambda: SOURCE.alphabet.encode(["01 Jan 1980", "?? Jan 1980"]),
            ValueError,
            r"texts must be made of .* \['\?'\]",
        ),
        (
            lambda: SOURCE.alphabet.encode(["01", "1"]),
            ValueError,
            r"texts must be 1 or more of one length.*got.*\[1, 2\]",
        ),
        (lambda: SOURCE.alphabet.encode("01 Jan 1980"), TypeError, "texts must be a sequence of texts; got '01 Jan"),
        (lambda: SOURCE.alphabet.encode([1980]), TypeError, "texts must hold texts; got 1980"),
        (lambda: SOURCE.alphabet.decode(torch.zeros(4, 11)), ValueError, r"x must be \(N, length, 33\) or .*\(4, 11\)"),
        (lambda: SOURCE.alphabet.decode(torch.full((1, 2, 33), torch.nan)), ValueError, "x must be finite; got 66 val"),
        (lambda: SOURCE.alphabet.decode([[1.0]]), TypeError, r"x must be a floating tensor; got \[\[1\.0\]\]"),
    ],
)
def test_what_does_not_fit_is_named(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()

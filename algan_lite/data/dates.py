"""Strings as data: an alphabet, and the dates, a language of 14,610 strings that is known to its last one."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from algan_lite.core import rng
from algan_lite.core.checks import check_integer, check_list, check_tensor, shown
from algan_lite.data.finite import Finite
from algan_lite.data.sources import SOURCES

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
YEARS = range(1980, 2020)
FIELDS = {"day": slice(0, 2), "month": slice(3, 6), "year": slice(7, 11)}
NUM_VALIDATION = 1_000


class Alphabet:
    """The letters that strings are made of; in a sample each letter is a row of zeros with one 1.

    Args:
        letters: Each of them once; their order is that of the columns.

    Raises:
        TypeError: If ``letters`` is no text.
        ValueError: If it is empty, or a letter stands in it twice.
    """

    def __init__(self, letters: str) -> None:
        if not isinstance(letters, str):
            raise TypeError(f"letters must be text; got {shown(letters)}")
        if not letters or len(set(letters)) < len(letters):
            raise ValueError(f"letters must be 1 or more that differ from each other; got {letters!r}")
        self.letters = letters

    def __len__(self) -> int:
        return len(self.letters)

    def __repr__(self) -> str:
        return f"Alphabet({self.letters!r})"

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Return strings of one length as samples (N, length, letters), float32.

        Raises:
            TypeError: If ``texts`` is no sequence of texts.
            ValueError: If there are none, they are empty or of several lengths, or a letter is not of this alphabet.
        """
        texts = check_texts("texts", texts)
        lengths = sorted({len(text) for text in texts})
        if len(lengths) != 1 or not lengths[0]:
            raise ValueError(f"texts must be 1 or more of one length, at least 1; got lengths {shown(lengths)}")
        places = {letter: k for k, letter in enumerate(self.letters)}
        if unknown := set().union(*texts) - set(places):
            raise ValueError(f"texts must be made of {self.letters!r}; got {shown(sorted(unknown))}")
        rows = torch.tensor([[places[letter] for letter in text] for text in texts])
        return one_hot(rows, len(self)).float()

    def decode(self, x: Tensor) -> list[str] | list[list[str]]:
        """Return the strings of samples, whose largest column counts where they are not zeros and ones.

        Args:
            x: (..., N, length, letters); finite.

        Returns:
            N strings, or a list of them a run.

        Raises:
            TypeError: If ``x`` is no floating tensor.
            ValueError: If its axes do not fit, or it is not finite.
        """
        if check_tensor("x", x).ndim not in (3, 4) or x.shape[-1] != len(self):
            raise ValueError(f"x must be (N, length, {len(self)}) or (R, N, length, {len(self)}); got {tuple(x.shape)}")
        if not x.isfinite().all():
            raise ValueError(f"x must be finite; got {int((~x.isfinite()).sum())} values that are not")
        if x.ndim == 4:
            return [self.decode(run) for run in x]
        return ["".join(self.letters[k] for k in row) for row in x.argmax(-1).tolist()]


def check_texts(name: str, texts: object) -> list[str]:
    """Return the texts of a sequence."""
    given = check_list(name, texts, "a sequence of texts")
    for text in given:
        if not isinstance(text, str):
            raise TypeError(f"{name} must hold texts; got {shown(text)}")
    return given


class Strings(Finite):
    """All strings of a small language, in three parts: what is in none of them is no string of the language.

    Attributes:
        alphabet: Between strings and samples.
        texts: Part -> its strings, in the order of the samples.
        language: All strings that there are, part after part.
        fields: Name -> letters that are a word of its own, such as those of the month.
    """

    def __init__(
        self,
        name: str,
        texts: Mapping[str, Sequence[str]],
        alphabet: Alphabet,
        fields: Mapping[str, slice] | None = None,
    ) -> None:
        super().__init__(name, {part: alphabet.encode(given) for part, given in texts.items()})
        self.alphabet, self.fields = alphabet, dict(fields or {})
        self.texts = {part: tuple(given) for part, given in texts.items()}
        self.language = tuple(text for part in self.texts.values() for text in part)


def all_dates() -> list[str]:
    """Return the dates of 40 years in their order, ``01 Jan 1980`` to ``31 Dec 2019``."""
    return [
        f"{day:02d} {month} {year}"
        for year in YEARS
        for number, month in enumerate(MONTHS, start=1)
        for day in range(1, calendar.monthrange(year, number)[1] + 1)
    ]


@SOURCES.enter(source="this book")
def dates(num_train: int = 4_000, seed: int = 0) -> Strings:
    """The dates of the years 1980 to 2019 as strings such as ``24 Mar 2019``, (11, 33): one letter a row.

    All 14,610 are equally likely. Which of them are trained on is random; 1,000 are the validation part, the rest the
    test part, so that a generator can be asked for dates that it has never seen.

    Args:
        num_train: How many to train on, from 1 to 13,609.
        seed: Of the choice.

    Raises:
        TypeError: If an argument is no integer.
        ValueError: If it is out of range.

    Example:
        >>> source = dates()
        >>> source.alphabet.decode(source.train[:2]) == list(source.texts["train"][:2])
        True
    """
    every = all_dates()
    num_train = check_integer("num_train", num_train, 1, len(every) - NUM_VALIDATION - 1)
    stream = rng.stream(check_integer("seed", seed, 0), "dates")
    shuffled = [every[k] for k in rng.draw(stream, (len(every),), "cpu", "uniform").argsort().tolist()]
    held = num_train + NUM_VALIDATION
    parts = {"train": shuffled[:num_train], "validation": shuffled[num_train:held], "test": shuffled[held:]}
    source = Strings("dates", parts, Alphabet("".join(sorted(set().union(*every)))), FIELDS)
    source.parameters = {"num_train": num_train, "seed": seed}
    return source

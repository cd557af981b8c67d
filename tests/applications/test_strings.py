"""Scores of strings: exact values of generators whose law is known, and counts by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from algan_lite import data
from algan_lite.applications import NGram, expected_scores, field_gap, flaws, misprints, string_scores

SOURCE = data.dates()
TRAIN, TEST = SOURCE.texts["train"], SOURCE.texts["test"]
NAMES = ["valid", "distinct", "memorized", "new", "fresh"]


def draws(p: np.ndarray, n: int, seed: int) -> list[str]:
    """Draw from a law on the language; what is lacking to 1 is junk."""
    rng = np.random.default_rng(seed)
    every = [*SOURCE.language, "?"]
    return [every[k] for k in rng.choice(len(every), n, p=[*p, max(0.0, 1 - p.sum())])]


def test_scores_by_hand() -> None:
    one, two, known = TEST[0], TEST[1], TRAIN[0]
    found = string_scores([one, one, two, known, known, "31 Feb 1999", "", "junk"], SOURCE)
    assert found == {"valid": 5 / 8, "distinct": 3 / 5, "memorized": 2 / 5, "new": 3 / 8, "fresh": 2 / 8}
    held = string_scores([one, SOURCE.texts["validation"][0]], SOURCE, "validation")
    assert (held["new"], held["fresh"], held["valid"]) == (0.5, 0.5, 1.0)
    assert set(string_scores(["junk"], SOURCE).values()) == {0.0}


@pytest.mark.parametrize("law", ["perfect", "copycat", "one string", "4-gram", "marginals", "half junk"])
def test_expected_scores_are_the_means_of_many_draws(law: str) -> None:
    every = np.array(SOURCE.language)
    laws = {
        "perfect": np.full(14_610, 1 / 14_610),
        "copycat": np.where(np.arange(14_610) < 4000, 1 / 4000, 0),
        "one string": np.where(np.arange(14_610) == 9000, 1.0, 0),
        "4-gram": NGram(TRAIN, 4).probability(every),
        "marginals": NGram(TRAIN, 1).probability(every),
        "half junk": np.full(14_610, 0.5 / 14_610),
    }
    expected = expected_scores(laws[law], SOURCE, 500)
    seen = [string_scores(draws(laws[law], 500, seed), SOURCE) for seed in range(40)]
    for name in NAMES:
        values = np.array([one[name] for one in seen])
        error = values.std(ddof=1) / 40**0.5
        assert abs(values.mean() - expected[name]) < 4 * error + (0.02 if law == "marginals" else 1e-9), name


def test_a_perfect_generator_is_valid_and_random_letters_are_what_the_grammar_says() -> None:
    perfect = expected_scores(np.full(14_610, 1 / 14_610), SOURCE, 2000)
    assert perfect["valid"] == pytest.approx(1)
    assert perfect["memorized"] == pytest.approx(4000 / 14_610)
    assert perfect["distinct"] == pytest.approx(14_610 * (1 - (1 - 1 / 14_610) ** 2000) / 2000)
    letters = expected_scores(np.full(14_610, 33.0**-11), SOURCE, 2000)
    assert letters["valid"] == pytest.approx(14_610 / 33**11)
    assert string_scores(SOURCE.language, SOURCE) == {
        "valid": 1, "distinct": 1, "memorized": 4000 / 14_610, "new": 9610 / 14_610, "fresh": 9610 / 14_610
    }  # fmt: skip


def test_marginals_are_as_valid_as_a_product_over_days_and_months_says() -> None:
    """On the whole language days, months and years are counted apart: a sum over words, not over strings."""
    model = NGram(SOURCE.language, 1)
    letter = [{c: np.mean([text[t] == c for text in SOURCE.language]) for c in model.letters} for t in range(11)]

    def p(word: str, start: int) -> float:
        return float(np.prod([letter[start + k][c] for k, c in enumerate(word)]))

    pairs = {(text[:2], text[3:6], text[7:]) for text in SOURCE.language}
    by_words = sum(p(day, 0) * p(month, 3) * p(year, 7) for day, month, year in pairs)  # both spaces are certain
    assert model.probability(SOURCE.language).sum() == pytest.approx(by_words)
    assert 0.005 < by_words < 0.02


def test_the_gap_of_a_field() -> None:
    assert field_gap(SOURCE.language, SOURCE, "month") == 0
    only = [text for text in SOURCE.language if text[3:6] == "Feb"]
    share = len(only) / 14_610
    assert field_gap([*only, "31 Feb 1999"], SOURCE, "month") == pytest.approx(1 - share)
    assert field_gap(["junk"], SOURCE, "year") == 1


def test_misprints_are_the_letters_that_differ_from_the_nearest_string() -> None:
    texts = ["24 Mar 2019", "24 Mxr 2019".replace("x", "b"), "24 Mar 1019", "91 Jan 1999"]
    marks = misprints(SOURCE.alphabet.encode(texts), SOURCE)
    assert [row.nonzero().flatten().tolist() for row in marks] == [[], [4], [7], [0]]
    x = torch.rand(300, 11, 33, generator=torch.Generator().manual_seed(0))
    near = misprints(x, SOURCE).sum(1)
    for text, found in zip(SOURCE.alphabet.decode(x[:5]), near.tolist(), strict=False):
        assert found == min(sum(a != b for a, b in zip(text, one, strict=True)) for one in SOURCE.language)


def test_flaws_say_which_word_is_none_and_which_do_not_go_together() -> None:
    texts = [
        "24 Mar 2019",
        "31 Jun 1999",
        "29 Feb 2001",
        "00 Jan 1999",
        "40 Jun 1899",
        "24 Mbr 2019",
        "24xMar 2019",
        "",
    ]
    found = flaws(texts, SOURCE)
    assert {name: round(8 * share) for name, share in found.items()} == {
        "day": 3, "month": 2, "year": 2, "between": 2, "together": 2
    }  # fmt: skip
    assert list(found)[-1] == "together"
    assert set(flaws(SOURCE.language, SOURCE).values()) == {0.0}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: string_scores([], SOURCE), ValueError, "texts must hold 1 or more; got none"),
        (lambda: string_scores("24 Mar 2019", SOURCE), TypeError, "texts must be a sequence of texts; got '24"),
        (lambda: string_scores(["a"], data.digits()), TypeError, r"source must be strings, such as .*; got Finite"),
        (
            lambda: string_scores(["a"], SOURCE, "train"),
            ValueError,
            "part must be one of valid.*; got 'train'",
        ),
        (
            lambda: expected_scores([0.5], SOURCE, 9),
            ValueError,
            "p must hold 14610 numbers .*; got 1 that sum up to",
        ),
        (
            lambda: expected_scores(np.ones(14_610), SOURCE, 9),
            ValueError,
            "p must hold 14610 num.*; got 14610 that",
        ),
        (lambda: expected_scores(np.zeros(14_610), SOURCE, 0), ValueError, r"n must be in \[1, inf\); got 0"),
        (lambda: misprints(torch.full((1, 11, 33), torch.nan), SOURCE), ValueError, "x must be finite; got 363 values"),
        (lambda: misprints(torch.zeros(3, 11, 5), SOURCE), ValueError, r"x must be \(N, 11, 33\); got \(3, 11, 5\)"),
        (lambda: expected_scores(["a"], SOURCE, 9), TypeError, r"p must be a number in \[0, 1\]; got 'a'"),
        (lambda: field_gap(["a"], SOURCE, "hour"), ValueError, "field must be one of day, month, year; got 'hour'"),
        (lambda: flaws([], SOURCE), ValueError, "texts must hold 1 or more; got none"),
    ],
)
def test_what_does_not_fit_is_named(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()

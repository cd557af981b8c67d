"""n-grams: a slow twin that counts with dictionaries, and the two ends: marginals and a memory."""

from __future__ import annotations

import string
from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare

from algan_lite import data
from algan_lite.applications import NGram

TEXTS = ["abca", "abcb", "bbca", "abca", "cabb", "acab"]
SOURCE = data.dates()
TRAIN = SOURCE.texts["train"]


def twin(texts: list[str], n: int, positional: bool, text: str) -> float:
    """Multiply shares that are counted anew for every letter."""
    p = 1.0
    for t in range(len(text)):
        before, seen = text[max(0, t - n + 1) : t], Counter()
        for one in texts:
            for k in [t] if positional else range(len(one)):
                if one[max(0, k - n + 1) : k] == before and len(before) == min(k, n - 1):
                    seen[one[k]] += 1
        p *= seen[text[t]] / sum(seen.values()) if seen else 0.0
    return p


@pytest.mark.parametrize("positional", [True, False])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_probabilities_are_those_of_a_slow_twin(n: int, positional: bool) -> None:
    model = NGram(TEXTS, n, positional)
    asked = [*TEXTS, "aaaa", "bcab", "abcz", "zzzz", "bbcb"]
    expected = [twin(TEXTS, n, positional, text) for text in asked]
    np.testing.assert_allclose(model.probability(asked), expected, atol=1e-12)
    assert sum(expected) > 0


@pytest.mark.parametrize("positional", [True, False])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_samples_have_the_probabilities(n: int, positional: bool) -> None:
    model = NGram(TEXTS, n, positional)
    drawn = Counter(model.sample(20_000, seed=n))
    whole = [text for text in drawn if len(text) == 4]
    p = model.probability(whole)
    often = p * 20_000 > 5
    counts = np.array([drawn[text] for text in whole])
    seen, expected = [*counts[often], 20_000 - counts[often].sum()], [*p[often], 1 - p[often].sum()]
    if expected[-1] < 1e-9:
        seen, expected = seen[:-1], expected[:-1]
    assert chisquare(seen, 20_000 * np.array(expected) / sum(expected)).pvalue > 1e-3
    assert model.sample(9, seed=n) == model.sample(9, seed=n) != model.sample(9, seed=n + 9)


def test_a_string_that_nothing_follows_ends_there() -> None:
    model = NGram(["ab", "ab", "bc"], 2, positional=False)  # after c came nothing
    assert set(model.sample(500, seed=0)) == {"ab", "bc"}
    model = NGram(["abc", "bca"], 3, positional=False)
    assert model.probability(["abc", "bca"]).tolist() == [0.5, 0.5]
    ends = NGram(["aab", "bab"], 2, positional=False)
    # a a b, a b |: b was followed by a in "bab"
    assert {len(text) for text in ends.sample(500, seed=1)} == {3}
    short = NGram(["aab", "aac"], 2, positional=False)
    assert {len(text) for text in short.sample(500, seed=1)} == {2, 3}
    every = {text: short.probability([text])[0] for text in ("aaa", "aab", "aac")}
    assert sum(every.values()) == pytest.approx(0.5)  # half of them came to b or c too early


def test_one_letter_is_the_marginals_and_all_letters_are_a_memory() -> None:
    few = TRAIN[:60]
    p = NGram(few, 1).probability(few[:5])
    share = [np.prod([np.mean([one[t] == text[t] for one in few]) for t in range(11)]) for text in few[:5]]
    np.testing.assert_allclose(p, share)
    memory = NGram(few, 11)
    np.testing.assert_allclose(memory.probability(few), 1 / 60)
    assert memory.probability(SOURCE.texts["test"]).sum() == 0
    assert set(memory.sample(300, seed=0)) <= set(few)


def test_longer_memory_never_explains_its_own_texts_worse() -> None:
    logs = [np.log(NGram(TRAIN, n).probability(TRAIN)).mean() for n in range(1, 12)]
    assert (np.diff(logs) > 0).all()
    assert logs[-1] == pytest.approx(-np.log(4000))


def test_what_came_before_is_never_mistaken_for_something_else() -> None:
    letters = string.ascii_letters + string.digits
    texts = ["aXXXXXXXXXXY", "qXXXXXXXXXXZ", *(letters[k : k + 12] for k in range(51))]
    assert NGram(texts, 10).probability(["aXXXXXXXXXXY", "qXXXXXXXXXXZ"]).tolist() == [1 / 106] * 2  # forgot a and q
    for n in (11, 12):  # 12 * 64 ** 10 would wrap around, and take texts for others
        with pytest.raises(ValueError, match=f"n must be at most 10 for 62 different letters; got {n}"):
            NGram(texts, n)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: NGram(TEXTS, 0), ValueError, r"n must be in \[1, 4\]; got 0"),
        (lambda: NGram(TEXTS, 5), ValueError, r"n must be in \[1, 4\]; got 5"),
        (lambda: NGram([], 1), ValueError, r"texts must be 1 or more of one length, 1 to 12 letters; got lengths \[\]"),
        (lambda: NGram(["a" * 13], 1), ValueError, r"1 to 12 letters; got lengths \[13\]"),
        (lambda: NGram(["a", "ab"], 1), ValueError, r"of one length.*; got lengths \[1, 2\]"),
        (lambda: NGram("abc", 1), TypeError, "texts must be a sequence of texts; got 'abc'"),
        (lambda: NGram(TEXTS, 2, "yes"), TypeError, "positional must be True or False; got 'yes'"),
        (lambda: NGram(TEXTS, 2).probability(["abc"]), ValueError, "texts must have 4 letters each; got 'abc'"),
        (lambda: NGram(TEXTS, 2).sample(0, seed=0), ValueError, r"n must be in \[1, inf\); got 0"),
        (lambda: NGram(TEXTS, 2).sample(3), ValueError, "exactly one of generator= and seed="),
    ],
)
def test_what_does_not_fit_is_named(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()

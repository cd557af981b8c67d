"""Counting letters: the oldest model of text, from marginals to a memory of every string."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from algan_lite.core.checks import LARGEST, check_flag, check_integer, check_kind, shown
from algan_lite.core.rng import draw, resolve
from algan_lite.data.dates import check_texts


class NGram:
    r"""Strings of one length L, letter by letter: each depends on the n - 1 before it, as often as in given texts.

    .. math:: p(s) = \prod_{t=1}^{L} \frac{\#(s_{t-n+1} \ldots s_{t-1} s_t)}{\#(s_{t-n+1} \ldots s_{t-1})}

    With ``positional`` a letter depends on its place t, too. Then n = 1 has nothing but the marginals of each place,
    and n = L has the law of the texts themselves: it repeats them. Without it counts of all places are put together; a
    string that comes to letters after which no text went on ends there.

    Args:
        texts: Strings of one length, at most 12 letters.
        n: From 1 to their length; with many letters less, so that a number of 64 bits tells what came before.
        positional: Whether each place has counts of its own.

    Attributes:
        length: L.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If there are no texts, or their lengths or n are out of range.

    Reference:
        Shannon 1948, section 3.
    """

    def __init__(self, texts: Sequence[str], n: int, positional: bool = True) -> None:
        given = check_texts("texts", texts)
        lengths = sorted({len(text) for text in given})
        if len(lengths) != 1 or not 1 <= lengths[0] <= 12:
            raise ValueError(f"texts must be 1 or more of one length, 1 to 12 letters; got lengths {shown(lengths)}")
        self.length, self.n = lengths[0], check_integer("n", n, 1, lengths[0])
        self.positional = check_flag("positional", positional)
        self.letters = "".join(sorted(set().union(*given)))
        if self.length * self._base ** (self.n - 1) > LARGEST:
            most = next(k for k in range(self.n - 1, 0, -1) if self.length * self._base ** (k - 1) <= LARGEST)
            raise ValueError(f"n must be at most {most} for {len(self.letters)} different letters; got {self.n}")
        codes = self._codes(given)
        self._contexts, rows = np.unique(self._before(codes), return_inverse=True)
        counts = np.zeros((len(self._contexts), len(self.letters)))
        np.add.at(counts, (rows.reshape(codes.shape), codes), 1)
        self._p = counts / counts.sum(1, keepdims=True)

    @property
    def _base(self) -> int:
        """What may stand at a place: a letter, one that was in no text, or nothing yet."""
        return len(self.letters) + 2

    def _codes(self, texts: Sequence[str]) -> np.ndarray:
        """Return the number of each letter, (N, L); -1 where it was in no text."""
        return np.array([[self.letters.find(letter) for letter in text] for text in texts])

    def _before(self, codes: np.ndarray) -> np.ndarray:
        """Return a number for the letters before each place, (N, L), and for the place where that counts."""
        base, back = self._base, self.n - 1
        padded = np.pad(codes, ((0, 0), (back, 0)), constant_values=len(self.letters)) + 1
        places = np.arange(self.length) if self.positional else np.zeros(self.length, dtype=np.int64)
        number = np.broadcast_to(places, codes.shape)
        for k in range(back):
            number = number * base + padded[:, k : k + self.length]
        return number

    def _rows(self, contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where the counts of contexts are, and whether there are any."""
        rows = np.searchsorted(self._contexts, contexts).clip(max=len(self._contexts) - 1)
        return rows, self._contexts[rows] == contexts

    def probability(self, texts: Sequence[str]) -> np.ndarray:
        """Return the exact probability of each text, (N,).

        Raises:
            TypeError: If ``texts`` is no sequence of texts.
            ValueError: If a text has another length than those that were counted.
        """
        given = check_texts("texts", texts)
        if wrong := [text for text in given if len(text) != self.length]:
            raise ValueError(f"texts must have {self.length} letters each; got {wrong[0]!r}")
        if not given:
            return np.zeros(0)
        codes = self._codes(given)
        rows, known = self._rows(self._before(codes))
        return np.where(known & (codes >= 0), self._p[rows, codes], 0).prod(1)

    def sample(self, n: int, generator: torch.Generator | None = None, *, seed: int | None = None) -> list[str]:
        """Draw n strings.

        Args:
            n: How many, at least 1.
            generator: Source of randomness; give exactly one of the two.
            seed: Shorthand for one.
        """
        n, seed = check_integer("n", n, 1), None if seed is None else check_integer("seed", seed, 0)
        if generator is not None:
            check_kind("generator", generator, torch.Generator, "a torch.Generator")
        chance = draw(resolve(generator, seed, "n-gram"), (self.length, n), "cpu", "uniform").double().numpy()
        ended = len(self.letters)
        codes = np.full((n, self.length), ended)
        alive = np.ones(n, dtype=bool)
        for t, u in enumerate(chance):
            rows, known = self._rows(self._before(codes)[:, t])
            alive &= known
            drawn = (self._p[rows].cumsum(1) <= u[:, None]).sum(1).clip(max=ended - 1)
            codes[:, t] = np.where(alive, drawn, ended)
        return ["".join((*self.letters, "")[k] for k in row) for row in codes]

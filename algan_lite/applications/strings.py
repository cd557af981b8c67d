"""How good written strings are, where the language is known to its last string: exact counts, and exact ceilings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from algan_lite.core.checks import as_tensor, check_choice, check_integer, check_kind, check_list, check_number
from algan_lite.data.dates import Strings, check_texts


def string_scores(texts: Sequence[str], source: Strings, part: str = "test") -> dict[str, float]:
    """Measure drawn strings.

    ``valid`` alone is cheap, since one string again and again has it all; so is ``distinct``, which junk has; and a
    copy of the training strings has both. ``fresh`` wants all of it at once.

    Args:
        texts: The strings as drawn, N of them.
        source: The language, and what was trained on.
        part: The strings that count as new: those of ``validation``, to choose settings by, or of ``test``.

    Returns:
        ``valid``, the share that are strings of the language; ``distinct``, how many different ones there are among the
        valid, as a share of these (0 if there are none); ``memorized``, the share of the valid that was trained on
        (likewise); ``new``, valid strings of the part, and ``fresh``, different ones among those, both as shares of N.

    Raises:
        TypeError: If ``texts`` is no sequence of texts, or ``source`` no strings.
        ValueError: If there are no texts, or the part is unknown.
    """
    drawn = check_texts("texts", texts)
    check_kind("source", source, Strings, "strings, such as al.data.dates()")
    check_choice("part", part, ("validation", "test"))
    if not drawn:
        raise ValueError("texts must hold 1 or more; got none")
    language, trained, new = map(set, (source.language, source.texts["train"], source.texts[part]))
    valid = [text for text in drawn if text in language]
    of_part = [text for text in valid if text in new]
    some = max(1, len(valid))
    return {
        "valid": len(valid) / len(drawn),
        "distinct": len(set(valid)) / some,
        "memorized": sum(text in trained for text in valid) / some,
        "new": len(of_part) / len(drawn),
        "fresh": len(set(of_part)) / len(drawn),
    }


def expected_scores(p: Sequence[float] | np.ndarray, source: Strings, n: int, part: str = "test") -> dict[str, float]:
    """What ``string_scores`` is in the mean for n independent draws of a known law.

    Args:
        p: Probability of each string of ``source.language``, in its order; what they lack to 1 is not valid.
        source: The language.
        n: Draws.
        part: As for ``string_scores``.

    Returns:
        As ``string_scores``; of ``distinct`` the ratio of two means, which is near to the mean of the ratio.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If ``p`` is no such law, or n is below 1.
    """
    check_kind("source", source, Strings, "strings, such as al.data.dates()")
    check_choice("part", part, ("validation", "test"))
    n = check_integer("n", n, 1)
    p = np.array([check_number("p", value, 0, 1) for value in check_list("p", p, "a sequence of numbers")])
    parts = np.repeat([*source.texts], [len(given) for given in source.texts.values()])
    if len(p) != len(parts) or p.sum() > 1 + 1e-6:
        got = f"{len(p)} that sum up to {p.sum():g}"
        raise ValueError(f"p must hold {len(parts)} numbers in [0, 1] that sum up to at most 1; got {got}")
    found = -np.expm1(n * np.log1p(-np.minimum(p, 1 - 1e-15))) / n  # the chance to be drawn at all, a draw
    valid, some = p.sum(), max(p.sum(), np.finfo(float).tiny)
    scores = {
        "valid": valid,
        "distinct": found.sum() / some,
        "memorized": p[parts == "train"].sum() / some,
        "new": p[parts == part].sum(),
        "fresh": found[parts == part].sum(),
    }
    return {name: float(value) for name, value in scores.items()}


def field_gap(texts: Sequence[str], source: Strings, field: str) -> float:
    """How far the valid strings are from the language in the law of one of its fields, in total variation.

    Args:
        texts: The strings as drawn.
        source: The language, whose strings are equally likely.
        field: A name in ``source.fields``, for instance ``month``.

    Returns:
        In [0, 1]: the share that would have to change; 1 if no string is valid.

    Raises:
        TypeError: If ``texts`` is no sequence of texts, or ``source`` no strings.
        ValueError: If there is no such field.
    """
    drawn = check_texts("texts", texts)
    check_kind("source", source, Strings, "strings, such as al.data.dates()")
    part, language = source.fields[check_choice("field", field, source.fields)], set(source.language)
    drawn = Counter(text[part] for text in drawn if text in language)
    wanted, valid = Counter(text[part] for text in language), sum(drawn.values())
    if not valid:
        return 1.0
    return sum(abs(drawn[value] / valid - wanted[value] / len(language)) for value in wanted) / 2


def misprints(x: Tensor, source: Strings) -> Tensor:
    """Mark the letters in which samples differ from the nearest string of the language.

    Args:
        x: Letters (N, length, V), finite; the largest column of each row counts.
        source: The language.

    Returns:
        (N, length) booleans: False throughout for a valid string. Where several are as near, the first of the language
        counts.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If the axes of ``x`` do not fit, or it is not finite.
    """
    check_kind("source", source, Strings, "strings, such as al.data.dates()")
    if (given := as_tensor("x", x)).shape[1:] != source.sample_shape:
        wanted = ", ".join(map(str, source.sample_shape))
        raise ValueError(f"x must be (N, {wanted}); got {tuple(given.shape)}")
    if not given.isfinite().all():
        raise ValueError(f"x must be finite; got {int((~given.isfinite()).sum())} values that are not")
    language = torch.cat([getattr(source, part) for part in source.texts])
    letters = torch.zeros_like(given, dtype=language.dtype).scatter(-1, given.argmax(-1, keepdim=True), 1.0)
    nearest = torch.cat([(some.flatten(1) @ language.flatten(1).T).argmax(1) for some in letters.split(256)])
    return (letters - language[nearest]).abs().sum(-1) > 0


def flaws(texts: Sequence[str], source: Strings) -> dict[str, float]:
    """Say what is wrong with strings that are not valid.

    Args:
        texts: The strings as drawn.
        source: The language, with its fields.

    Returns:
        Shares of all texts, in this order: for each field those where it is no word (a text may have several such); for
        ``between`` those where a letter outside of all fields is wrong; and ``together`` those made of right words that
        do not go together, such as ``31 Jun 1999``.

    Raises:
        TypeError: If ``texts`` is no sequence of texts, or ``source`` no strings.
        ValueError: If there are no texts.
    """
    drawn = check_texts("texts", texts)
    check_kind("source", source, Strings, "strings, such as al.data.dates()")
    if not drawn:
        raise ValueError("texts must hold 1 or more; got none")
    language, fields, length = set(source.language), source.fields, source.sample_shape[0]
    words = {name: {text[part] for text in language} for name, part in fields.items()}
    rest = sorted(set(range(length)).difference(*(range(*part.indices(length)) for part in fields.values())))
    marks = {tuple(text[k] for k in rest) for text in language}
    wrong = {name: [text[part] not in words[name] for text in drawn] for name, part in fields.items()}
    wrong["between"] = [len(text) != length or tuple(text[k] for k in rest) not in marks for text in drawn]
    any_wrong = np.any([*wrong.values()], axis=0)
    wrong["together"] = [text not in language and not bad for text, bad in zip(drawn, any_wrong, strict=True)]
    return {name: float(np.mean(found)) for name, found in wrong.items()}

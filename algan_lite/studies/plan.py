"""The plan of a study: a small file, committed before the results, whose rule computes the verdict.

.. code-block:: toml

    question = "Does top-k find more modes than a random choice, at equal passes?"
    measure = "fair_mode_coverage"
    arms = ["top_k", "softmax"]
    baseline = "random"
    beds = ["ring", "grid"]         # none where there is one
    n = 2500                        # fakes behind each number
    seeds = "10-59"                 # or a list; never those of tuning
    fill = 0.0                      # what a failed run deserves

    [rule]
    kind = "ahead"                  # one of RULES, with its options
    least = 0.5
    level = 0.05
"""

from __future__ import annotations

import inspect
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from algan_lite.core.checks import (
    check_choice,
    check_integer,
    check_kind,
    check_list,
    check_number,
    check_options,
    shown,
)
from algan_lite.core.files import regular_file
from algan_lite.metrics.arms import compare_arms
from algan_lite.metrics.sentinels import SENTINELS
from algan_lite.metrics.table import METRICS
from algan_lite.metrics.yardstick import summarize
from algan_lite.studies.rules import RULES

SIGNS = {"higher": 1, "lower": -1}
NEEDED = ("question", "measure", "arms", "baseline", "n", "seeds", "rule")
DEFAULTS = {
    "better": None,  # as METRICS has it
    "beds": [],
    "tuning_seeds": "0-9",
    "sentinels": ["uniform_box", "shapeless"],
    "fill": None,
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is asked, of what, and what the answer will be called.

    Attributes:
        question: In a sentence.
        measure: Column that decides: a name in ``METRICS``, perhaps with ``ema_``, or another one (with ``better``).
        better: ``higher`` or ``lower``.
        arms: Those that are compared with the baseline.
        baseline: The arm that they are compared with.
        beds: Values of the column ``bed``; empty where there is one bed.
        n: Fakes behind each number.
        seeds: Of confirmation.
        tuning_seeds: Used before, to choose settings; none of them is among the seeds.
        sentinels: Those that a lead must beat, on each bed.
        fill: What replaces a value that is not finite, or None to refuse it.
        kind: The rule, a name in ``RULES``.
        level: Chance of any false alarm over all comparisons.
        options: The rule's own.
    """

    question: str
    measure: str
    better: str
    arms: tuple[str, ...]
    baseline: str
    beds: tuple[str, ...]
    n: int
    seeds: tuple[int, ...]
    tuning_seeds: tuple[int, ...]
    sentinels: tuple[str, ...]
    fill: float | None
    kind: str
    level: float
    options: Mapping[str, float] = field(default_factory=dict)

    @property
    def comparisons(self) -> int:
        """How many verdicts there will be: the family."""
        return len(self.arms) * max(1, len(self.beds))

    @property
    def rule(self) -> str:
        """The rule in words, with its numbers."""
        numbers = {**self.options, "level": self.level, "comparisons": self.comparisons}
        told = ", ".join(f"{name} = {value:g}" for name, value in numbers.items())
        return f"{RULES[self.kind].doc.rstrip('.')} ({told}; sentinels: {', '.join(self.sentinels) or 'none'})"

    def verdict(self, table: pd.DataFrame, *, bed: str = "bed") -> pd.DataFrame:
        """Compute what the rule says of a table of runs.

        Args:
            table: One row a run, the sentinels' too (``al.stats.with_sentinels``): ``arm``, ``seed`` and the measure.
                It holds every planned run and no other of the planned arms; other arms are left out.
            bed: Column with the bed, where the plan has beds.

        Returns:
            A row an arm (on each bed): ``mean`` with its interval ``mean_low``, ``mean_high``; ``difference`` with
            ``low``, ``high``, and ``p_holm``; ``bar``, the best mean of the sentinels; ``verdict``. The intervals hold
            together: each has the confidence 1 - level / comparisons.

        Raises:
            TypeError: If ``table`` is none.
            ValueError: If a column, a planned run or a sentinel is missing, or there are runs of other seeds.
        """
        check_kind("table", table, pd.DataFrame, "a pandas.DataFrame with a row a run")
        where = [bed] if self.beds else []
        for column in ("arm", "seed", self.measure, *where):
            check_choice("table's columns", column, list(map(str, table.columns)))
        runs = self._planned(table, where)
        how = {"fill": self.fill, "confidence": 1 - self.level / self.comparisons}
        compared = compare_arms(runs, self.measure, self.baseline, bed=bed if self.beds else None, **how)
        own = summarize(runs, [self.measure], by=[*where, "arm"], **how)[self.measure]
        compared = compared.join(own[["low", "high"]].add_prefix("mean_"))
        bars = self._bars(table, where)
        compared["bar"] = [bars[key[0] if where else None] for key in compared.index]
        compared = compared[compared.index.get_level_values("arm") != self.baseline]
        verdict = RULES[self.kind].fn(compared, SIGNS[self.better], level=self.level, **self.options)
        columns = ["mean", "mean_low", "mean_high", "difference", "low", "high", "p_holm", "bar"]
        return compared[columns].assign(verdict=verdict)

    def _planned(self, table: pd.DataFrame, where: list[str]) -> pd.DataFrame:
        """Return the planned runs of a table; refuse one that lacks some or holds others."""
        names = (self.baseline, *self.arms)
        runs = table[table["arm"].isin(names) & (table[where[0]].isin(self.beds) if where else True)]
        beds = self.beds or (None,)
        planned = {
            (*(() if bed is None else (bed,)), arm, seed) for bed in beds for arm in names for seed in self.seeds
        }
        given = set(runs[[*where, "arm", "seed"]].itertuples(index=False, name=None))
        if given != planned:
            lacking, other = sorted(planned - given), sorted(given - planned)
            got = f"{len(lacking)} missing{_first(lacking)} and {len(other)} others{_first(other)}"
            raise ValueError(f"table must hold the {len(planned)} planned runs and no others of these arms; got {got}")
        return runs

    def _bars(self, table: pd.DataFrame, where: list[str]) -> dict[str | None, float]:
        """Return bed -> the best mean of the sentinels; NaN where the plan has none."""
        bars = {}
        for name in self.beds or (None,):
            rows = table if name is None else table[table[where[0]] == name]
            means = rows[rows["arm"].isin(self.sentinels)].groupby("arm")[self.measure].mean()
            if lacking := [one for one in self.sentinels if one not in means]:
                on = "" if name is None else f" on {name}"
                raise ValueError(f"table must hold the sentinels (al.stats.with_sentinels); got no {lacking[0]}{on}")
            bars[name] = means.max() if self.better == "higher" else means.min()
        return bars


def _first(runs: list[tuple]) -> str:
    return f" (such as {runs[0]})" if runs else ""


def read_plan(path: str | os.PathLike[str]) -> Plan:
    """Read a plan.

    Args:
        path: The TOML file.

    Raises:
        TypeError: If a field is of another kind.
        ValueError: If the file is no plan, a field is missing, unknown or out of range, or a seed of tuning is among
            the seeds.
    """
    place = regular_file("path", path)
    try:
        given = tomllib.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"path must be that of a plan in TOML; {path} is not: {error}") from error
    return make_plan(given)


def make_plan(given: Mapping[str, object]) -> Plan:
    """Return the plan of fields as its file has them; errors as for ``read_plan``."""
    check_kind("plan", given, Mapping, "a mapping, field -> value")
    for name in given:
        check_choice("plan's fields", name, (*NEEDED, *DEFAULTS))
    if lacking := [name for name in NEEDED if name not in given]:
        raise ValueError(f"plan must have the fields {', '.join(NEEDED)}; got no {', '.join(lacking)}")
    fields = {**DEFAULTS, **given}
    texts = {name: _text(name, fields[name]) for name in ("question", "measure", "baseline")}
    lists = {name: _texts(name, fields[name]) for name in ("arms", "beds", "sentinels")}
    for name in lists["sentinels"]:
        check_choice("sentinels", name, SENTINELS)
    if not lists["arms"] or texts["baseline"] in lists["arms"]:
        raise ValueError(f"arms must be 1 or more beside the baseline {texts['baseline']!r}; got {fields['arms']!r}")
    seeds, tuning = _seeds("seeds", fields["seeds"]), _seeds("tuning_seeds", fields["tuning_seeds"])
    if len(seeds) < 2 or set(seeds) & set(tuning):
        used = sorted(set(seeds) & set(tuning))
        raise ValueError(f"seeds must be 2 or more, none of them used for tuning; got {len(seeds)}, of tuning {used}")
    return Plan(
        **texts,
        **lists,
        **_rule(fields["rule"]),
        better=_better(texts["measure"], fields["better"]),
        n=check_integer("n", fields["n"], 2),
        seeds=seeds,
        tuning_seeds=tuning,
        fill=None if fields["fill"] is None else check_number("fill", fields["fill"]),
    )


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError(f"{name} must be text; got {shown(value)}")
    return value


def _texts(name: str, value: object) -> tuple[str, ...]:
    texts = tuple(_text(name, item) for item in check_list(name, value, "a list of texts"))
    if len(set(texts)) < len(texts):
        raise ValueError(f"{name} must differ from each other; got {shown(value)}")
    return texts


def _seeds(name: str, value: object) -> tuple[int, ...]:
    """Return the seeds of "10-59" or of a list."""
    if isinstance(value, str):
        ends = re.fullmatch(r"(\d{1,6})-(\d{1,6})", value)
        if not ends or int(ends[1]) > int(ends[2]):
            raise ValueError(f"{name} must be a list of integers or text such as '10-59'; got {value!r}")
        return tuple(range(int(ends[1]), int(ends[2]) + 1))
    seeds = tuple(check_integer(name, seed, 0) for seed in check_list(name, value, "a list of integers, or '10-59'"))
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"{name} must differ from each other; got {shown(value)}")
    return seeds


def _better(measure: str, given: object) -> str:
    """Return which values of the measure are better: as given, or as its entry in ``METRICS`` says."""
    if given is not None:
        return check_choice("better", given, SIGNS)
    entry = METRICS.get(measure.removeprefix("ema_"))
    if entry is None or entry.direction not in SIGNS:
        why = "is not in METRICS" if entry is None else f"is best at {entry.perfect:g}"
        raise ValueError(f"better must be 'higher' or 'lower' for the measure {measure!r}, which {why}; got none")
    return entry.direction


def _rule(given: object) -> dict[str, object]:
    """Return kind, level and options of the rule."""
    check_kind("rule", given, Mapping, "a table with kind, level and the options of that kind")
    options = {name: check_number(f"rule.{name}", value) for name, value in given.items() if name != "kind"}
    kind = check_choice("rule.kind", given.get("kind"), RULES)
    level = options.pop("level", 0.05)
    if not 0 < level < 1:
        raise ValueError(f"rule.level must be in (0, 1); got {level!r}")
    fn = RULES[kind].fn
    check_options(f"rule {kind}", fn, options, but=("compared", "sign"))
    needed = [p.name for p in inspect.signature(fn).parameters.values() if p.default is p.empty]
    if lacking := [name for name in needed if name not in ("compared", "sign", "level", *options)]:
        raise ValueError(f"rule {kind} must have {', '.join(lacking)}; got {shown(dict(given))}")
    if options.get("least", 0.0) < 0:
        raise ValueError(f"rule.least must be in [0, inf); got {options['least']!r}")
    return {"kind": kind, "level": level, "options": options}

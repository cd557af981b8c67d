"""A claim of the article, the study that tests it, and the verdict that the study's own rule gives it.

Nobody writes a verdict down. It is computed from the shipped table whenever it is asked for: by the rule that stood in
the study's plan before the runs, and by one more step, which tells a claim that is refuted from one that is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from math import nan, sqrt

import numpy as np
import pandas as pd
from scipy import stats

from algan_lite.core.checks import check_choice, check_kind, check_list, check_number
from algan_lite.studies.plan import SIGNS, Plan
from algan_lite.studies.planned import show_plan
from algan_lite.studies.study import load_study
from algan_lite.studies.views import VIEWS

HOLDS, FAILS, OPEN = "holds", "does not hold", "cannot be told"
VERDICTS = (HOLDS, FAILS, OPEN)
POWER = 0.8


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What the article says, made sharp enough for a table to answer.

    Attributes:
        name: A short name, one of a kind.
        section: Of the article.
        words: The claim in a sentence of our own.
        study: Whose table and plan decide.
        arms: Arms of the plan that the claim is about. Where there are several, it is "at least one of these", and the
            one that is furthest ahead stands for them: the intervals of a plan hold together.
        bed: On which of the plan's beds; None where there is one.
        changes: Fields of the plan that are other ones for this question: a family that the plan names beside its
            first, or a question that came later.
        planned: Whether that question stood in the plan. If not, the verdict is an afterthought, and told as one.
        worse: Whether the claim says that the arms are worse, as in "few data hurt".
        view: How the table is read; by default the study's own view.
        page: Notebook and heading that answer, as in ``gan.ipynb#how-big-is-d``.
        caveat: What a reader of the verdict must know and no rule says; empty where there is nothing.
    """

    name: str
    section: str
    words: str
    study: str
    arms: tuple[str, ...]
    page: str
    bed: str | None = None
    changes: Mapping[str, object] = field(default_factory=dict)
    planned: bool = True
    worse: bool = False
    view: str | None = None
    caveat: str = ""

    def plan(self) -> Plan:
        """Return the plan of the study, with this question's changes."""
        for name in self.changes:
            check_choice(f"changes of the claim {self.name}", name, [one.name for one in fields(Plan)])
        return replace(show_plan(self.study).plan, **self.changes)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a study says of a claim. All gains point the claim's way: above 0, the data lean to it.

    Attributes:
        claim: The claim.
        arm: The arm that stands for it.
        n: Pairs of runs.
        gain: Mean difference, in units of the measure.
        low: Lower end of its interval.
        high: Upper end.
        spread: Standard deviation of the paired differences.
        least: The least gain that counts, by the plan.
        confidence: Of the interval; those of one plan hold together.
        verdict: One of ``VERDICTS``.
    """

    claim: Claim
    arm: str
    n: int
    gain: float
    low: float
    high: float
    spread: float
    least: float
    confidence: float
    verdict: str

    def standard(self, value: float) -> float:
        """Return a gain in standard deviations of the paired differences; NaN where no pair differs from another."""
        return value / self.spread if self.spread > 0 else nan

    @property
    def smallest(self) -> float:
        """The smallest gain, in units of the measure, that the study finds in 80 % of its repetitions.

        A paired normal approximation at the plan's level, shared out over its comparisons; Holm's steps find a little
        more, and ten seeds a little less.
        """
        return float(stats.norm.ppf((1 + self.confidence) / 2) + stats.norm.ppf(POWER)) * self.spread / sqrt(self.n)


def answer(claim: Claim, table: pd.DataFrame | None = None) -> Answer:
    """Compute the verdict on a claim.

    It *holds* if the plan's rule says so of one of its arms. It *does not hold* if the rule says the opposite of all,
    or if a whole interval stays below the least gain that the plan counts: whatever there is, is too small. Otherwise
    it *cannot be told*.

    Args:
        claim: The claim.
        table: A row a run, as the study stores them; by default the table that ships with the package.

    Raises:
        TypeError: If ``claim`` or ``table`` is none.
        ValueError: If an arm, a bed or a change is not in the plan, or the table lacks a planned run.
    """
    check_kind("claim", claim, Claim, "a Claim")
    return answers([claim], None if table is None else {claim.study: table})[0]


def answers(claims: Iterable[Claim], tables: Mapping[str, pd.DataFrame] | None = None) -> list[Answer]:
    """Return the answer to each claim; those that ask one plan the same question share its comparisons.

    Args:
        claims: The claims.
        tables: Study -> table, in place of those that ship with the package.

    Raises:
        TypeError: If a claim or a table is none.
        ValueError: As for ``answer``.
    """
    given, asked = {} if tables is None else tables, {}
    check_kind("tables", given, Mapping, "a mapping, study -> table")
    found = []
    for claim in check_list("claims", claims, "a list of claims"):
        check_kind("claims", claim, Claim, "Claims")
        key = claim.study, claim.view, repr(claim.changes)
        if key not in asked:
            asked[key] = _compared(claim, given.get(claim.study))
        found.append(_answer(claim, *asked[key]))
    return found


def _compared(claim: Claim, table: pd.DataFrame | None) -> tuple[Plan, pd.DataFrame, pd.DataFrame]:
    """Return the plan of a question, the runs that it judges, and what it says of each arm."""
    table = load_study(claim.study).table if table is None else table
    check_kind("table", table, pd.DataFrame, "a pandas.DataFrame with a row a run, as the study stores them")
    plan, runs = claim.plan(), VIEWS[claim.view or claim.study].fn(table)
    return plan, runs, plan.verdict(runs)


def _answer(claim: Claim, plan: Plan, runs: pd.DataFrame, compared: pd.DataFrame) -> Answer:
    """Return the answer of the arm that stands for a claim."""
    if not claim.arms:
        raise ValueError(f"arms of the claim {claim.name} must be one or more of {', '.join(plan.arms)}; got none")
    for arm in claim.arms:
        check_choice(f"arms of the claim {claim.name}", arm, plan.arms)
    if plan.beds or claim.bed is not None:
        check_choice(f"bed of the claim {claim.name}", claim.bed, plan.beds or ("None, since its plan has one bed",))
    here = (compared if claim.bed is None else compared.loc[claim.bed]).loc[list(claim.arms)]
    arms = [_of_arm(claim, plan, arm, row, _pairs(runs, plan, claim.bed, arm)) for arm, row in here.iterrows()]
    best = max(arms, key=lambda one: (one.verdict == HOLDS, one.gain))
    fails = all(one.verdict == FAILS for one in arms)
    return best if best.verdict == HOLDS else replace(best, verdict=FAILS if fails else OPEN)


def _pairs(runs: pd.DataFrame, plan: Plan, bed: str | None, arm: str) -> np.ndarray:
    """Return what each seed says of an arm: its difference to the baseline, or to the value that is to be reached."""
    here = runs if bed is None else runs[runs["bed"] == bed]
    wide = here[here["arm"].isin([arm, plan.baseline])].pivot(index="seed", columns="arm", values=plan.measure)
    wide = wide if plan.fill is None else wide.fillna(plan.fill)
    zero = plan.options["value"] if plan.kind == "reaches" else wide[plan.baseline]
    return (wide[arm] - zero).to_numpy(float)


def _of_arm(claim: Claim, plan: Plan, arm: str, row: pd.Series, pairs: np.ndarray) -> Answer:
    """Return the answer of one arm."""
    way = SIGNS[plan.better] * (-1 if claim.worse else 1)
    zero, ends = 0.0, ("low", "high")
    if plan.kind == "reaches":
        zero, ends = plan.options["value"], ("mean_low", "mean_high")
    gains = sorted(way * (row[end] - zero) for end in ends)
    gain, least = float(np.mean(way * pairs)), float(plan.options.get("least", 0.0))
    numbers = {"gain": gain, "low": float(gains[0]), "high": float(gains[1]), "spread": float(pairs.std(ddof=1))}
    told = {"verdict": _verdict(plan, row["verdict"], claim.worse, gains[1], least), "n": len(pairs), "least": least}
    return Answer(claim=claim, arm=str(arm), confidence=1 - plan.level / plan.comparisons, **numbers, **told)


def _verdict(plan: Plan, said: str, worse: bool, high: float, least: float) -> str:
    good, bad = ("reached", "missed") if plan.kind == "reaches" else ("ahead", "behind")
    if said == (bad if worse else good):
        return HOLDS
    return FAILS if said in (good, bad) or high < least else OPEN


def as_markdown(found: Iterable[Answer]) -> str:
    """Return a table in Markdown, a row a claim: its section, its words with a link to their page, verdict, gain, n.

    Args:
        found: What ``answers`` returned.

    Raises:
        TypeError: If one of them is no answer.
    """
    found = check_list("found", found, "a list of answers")
    for one in found:
        check_kind("found", one, Answer, "Answers")
    head = ["| § | claim | verdict | gain, its way | n |", "|---|---|---|---|---|"]
    return "\n".join([*head, *map(_row, found)])


def _row(one: Answer) -> str:
    claim, plan = one.claim, one.claim.plan()
    notes = [*([] if claim.planned else ["asked afterwards"]), *([claim.caveat] if claim.caveat else [])]
    verdict = f"**{one.verdict}**" + (f" ({'; '.join(notes)})" if notes else "")
    gain = f"{one.gain:+.3g} [{one.low:.3g}, {one.high:.3g}] {plan.measure}"
    arm = f" ({one.arm})" if len(claim.arms) > 1 else ""
    return f"| {claim.section} | [{claim.words}]({claim.page}){arm} | {verdict} | {gain} | {one.n} |"


def seeds_needed(effect: float, *, level: float = 0.05, power: float = POWER) -> int:
    """Return how many paired seeds find an effect: the sample size of a two-sided paired test, by the normal law.

    Args:
        effect: In standard deviations of the paired differences, > 0.
        level: Chance of a false alarm, in (0, 1); divide it by the comparisons of a plan.
        power: Chance to find the effect, in (0, 1).

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> seeds_needed(0.5)
        32
    """
    check_number("effect", effect, 0, open_low=True)
    for name, value in {"level": level, "power": power}.items():
        if not 0 < check_number(name, value) < 1:
            raise ValueError(f"{name} must be in (0, 1); got {value!r}")
    return int(np.ceil(((stats.norm.ppf(1 - level / 2) + stats.norm.ppf(power)) / effect) ** 2))

"""The plan of a study as a page shows it: what was asked, how it would be decided, and when both files were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from algan_lite.core.checks import check_choice
from algan_lite.studies import dates, study
from algan_lite.studies.dates import Dates, recorded_dates
from algan_lite.studies.plan import Plan, read_plan


@dataclass(frozen=True)
class Planned:
    """A plan with its dates; a notebook shows it as a table.

    Attributes:
        name: Of the study.
        plan: What was asked; ``plan.verdict(table)`` answers.
        dates: When it was planned and measured.
    """

    name: str
    plan: Plan
    dates: Dates

    @property
    def lines(self) -> dict[str, str]:
        """What there is to say, by its heading."""
        plan = self.plan
        on = f", on {' and '.join(plan.beds)}" if plan.beds else ""
        return {
            "question": plan.question,
            "arms": f"{', '.join(plan.arms)}, each against {plan.baseline}{on}",
            "measure": f"{plan.measure} ({plan.better} is better), {plan.n:,} fakes behind each number",
            "seeds": f"{_told(plan.seeds)} ({len(plan.seeds)} runs of each arm)",
            "tuned on": f"seeds {_told(plan.tuning_seeds)}" if plan.tuning_seeds else "no seeds",
            "rule": plan.rule,
            "dates": str(self.dates),
        }

    def __str__(self) -> str:
        """Return a line a heading."""
        return "\n".join(f"{name:9} {text}" for name, text in self.lines.items())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = (f"<tr><th scope='row'>{name}</th><td>{escape(text)}</td></tr>" for name, text in self.lines.items())
        return f"<p>The plan of the study {escape(self.name)}</p><table>{''.join(rows)}</table>"


def show_plan(name: str) -> Planned:
    """Return the plan of one of the book's studies, for a notebook to show, with its dates.

    The dates are those that the result keeps, so that they stand in a copy without git as well; a test of the checkout
    compares them with git's.

    Args:
        name: Of the study.

    Raises:
        ValueError: If there is no plan of that name; the message lists those that there are.
    """
    known = sorted(path.stem for path in dates.PLANS.glob("*.toml"))
    if not known:
        raise ValueError(f"name must be that of a study with a plan; got {name!r}, and there are no plans yet")
    place = dates.PLANS / f"{check_choice('name', name, known)}.toml"
    return Planned(name, read_plan(place), recorded_dates(place, _record(name)))


def _record(name: str) -> dict[str, str | None] | None:
    """Return what the result of a study keeps of its plan; None where there is no result on a plan."""
    if name not in study.studies(study.RESULTS):
        return None
    return study.read_record(Path(study.RESULTS) / f"{name}.json").get("plan")


def _told(seeds: Sequence[int]) -> str:
    """Return seeds as a range where they are one."""
    if list(seeds) == list(range(seeds[0], seeds[-1] + 1)) and len(seeds) > 1:
        return f"{seeds[0]}-{seeds[-1]}"
    return ", ".join(map(str, seeds))

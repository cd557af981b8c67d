"""Was it planned before it was measured? What git says of the two files, and what a result says of itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from algan_lite.core.files import regular_file
from algan_lite.core.git import commits, is_before, is_changed

PLANS = Path(__file__).parent / "plans"


@dataclass(frozen=True)
class Dates:
    """When a study was planned and when it was measured.

    Attributes:
        planned: When the plan was changed last; None while it stands there uncommitted.
        measured: When a result was committed first that did not lead to the plan; None if there is none yet.
        in_order: Does the first such result stand on the plan as it is now? None if there is no result yet.
    """

    planned: datetime | None
    measured: datetime | None
    in_order: bool | None

    def __str__(self) -> str:
        """Return for instance ``planned 2026-11-20 09:30, measured 2026-11-22 18:05: in this order``."""
        planned = f"planned {self.planned:%Y-%m-%d %H:%M}" if self.planned else "the plan is not committed"
        if self.in_order is None:
            return f"{planned}, not measured yet"
        measured = f"measured {self.measured:%Y-%m-%d %H:%M}" if self.measured else "measured"
        return f"{planned}, {measured}: {'in this order' if self.in_order else 'NOT in this order'}"


def study_dates(plan: str | Path, result: str | Path) -> Dates | None:
    """Return when a plan and its result were committed.

    Results from before the plan's first commit do not count: they are of another plan, or of none. After that the plan
    must not change: a change behind the first result shows, whatever is measured later. (Then it is another plan: give
    it another name.) What counts is which commit led to which, not the clock.

    Args:
        plan: The plan's file.
        result: The table or arrays.

    Returns:
        None where git cannot tell: in an installed package, or in a checkout without its history.

    Raises:
        TypeError: If an argument is no path.
        ValueError: If there is something else than a file.
    """
    plan, result = regular_file("plan", plan), regular_file("result", result)
    plans, results = commits(plan), commits(result)
    if plans is None or results is None:
        return None
    if not plans:
        return Dates(None, None, False if results else None)
    after = [one for one in results if not is_before(plan, one, plans[0])]
    measured = after[0] if after else None
    planned = None if is_changed(plan) else plans[-1]
    in_order = measured and bool(planned and is_before(plan, planned, measured))
    return Dates(planned and planned.time, measured and measured.time, in_order)


def plan_record(plan: str | Path) -> dict[str, str | None]:
    """Return what a result that is measured now keeps of its plan, for readers who have no git.

    Args:
        plan: The plan's file.

    Returns:
        ``hash`` of its text, ``planned``, when it was committed last (None: it is not, or git cannot tell), and
        ``measured``, now.

    Raises:
        TypeError: If ``plan`` is no path.
        ValueError: If there is no such file.
    """
    plan = regular_file("plan", plan)
    known = commits(plan)
    planned = known[-1].time.isoformat() if known and not is_changed(plan) else None
    return {"hash": plan_hash(plan), "planned": planned, "measured": datetime.now(UTC).isoformat(timespec="seconds")}


def plan_hash(plan: Path) -> str:
    """Return 16 hexadecimal digits of a plan's text, whatever ends its lines."""
    return hashlib.sha256(plan.read_text(encoding="utf-8").encode()).hexdigest()[:16]


def recorded_dates(plan: Path, record: Mapping[str, str | None] | None) -> Dates:
    """Return what a result says of its plan; of one that is not measured, what git says of the plan.

    Args:
        plan: The plan's file, as it is now.
        record: Of ``plan_record``; None where nothing has been measured on the plan.

    Returns:
        The dates, which are not in order where the plan was not committed before or has changed since.
    """
    if record is None:
        known = commits(plan)
        return Dates(known[-1].time if known and not is_changed(plan) else None, None, None)
    planned, measured = (record[name] and datetime.fromisoformat(record[name]) for name in ("planned", "measured"))
    same = record["hash"] == plan_hash(plan)
    return Dates(planned, measured, bool(same and planned and planned < measured))

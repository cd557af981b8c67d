"""Many runs, with a record: sweeps over seeds and settings, and the book's measured studies.

In: settings and seeds, or the name of a study. Out: tables with a row a run, arrays, and how they were made; verdicts,
by the rule of a plan that was there before.
``widgets``, notebooks and ``make results`` call.
"""

from algan_lite.studies.cost import equal_passes, passes_a_step
from algan_lite.studies.dates import Dates, study_dates
from algan_lite.studies.plan import Plan, read_plan
from algan_lite.studies.planned import Planned, show_plan
from algan_lite.studies.study import Study, load_study, provenance, save_study, studies
from algan_lite.studies.sweep import sweep
from algan_lite.studies.tune import Tuning, tune

__all__ = [
    "Dates", "Plan", "Planned", "Study", "Tuning", "equal_passes", "load_study", "passes_a_step", "provenance",
    "read_plan", "save_study", "show_plan", "studies", "study_dates", "sweep", "tune",
]  # fmt: skip

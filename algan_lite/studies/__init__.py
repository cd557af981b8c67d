"""Many runs, with a record: sweeps over seeds and settings, and the book's measured studies.

In: settings and seeds, or the name of a study. Out: tables with a row a run, arrays, and how they were made.
``widgets``, notebooks and ``make results`` call.
"""

from algan_lite.studies.study import Study, load_study, provenance, save_study, studies
from algan_lite.studies.sweep import sweep

__all__ = ["Study", "load_study", "provenance", "save_study", "studies", "sweep"]

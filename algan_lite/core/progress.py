"""One progress bar for all long work."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

from algan_lite.core.checks import check_flag


def progress_bar(steps: Iterable[Any] | None = None, *, shown: bool | None = None, **options: object) -> tqdm:
    """Return a bar over ``steps`` that disappears when the work is done.

    Args:
        steps: What is worked through; None for a bar that is updated by hand.
        shown: Show it or not; None: unless the environment variable ALGAN_LITE_PROGRESS is 0 (as in built pages).
        **options: Passed to ``tqdm``: ``desc``, ``total``, ``unit``, ``delay`` ...
    """
    shown = os.environ.get("ALGAN_LITE_PROGRESS", "1") != "0" if shown is None else check_flag("progress", shown)
    return tqdm(steps, leave=False, file=sys.stdout, disable=not shown, **options)

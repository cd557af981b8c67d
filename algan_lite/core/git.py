"""What git says of a folder, where there is git: the one place that asks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


def git(folder: Path, *arguments: str, environ: Mapping[str, str] | None = None, timeout: float = 20) -> str | None:
    """Return what a git command prints, or None where it fails, takes too long, or there is no git.

    Args:
        folder: Where it is asked.
        *arguments: Of the command.
        environ: Variables beside those of this process.
        timeout: Longest time [s].
    """
    # A remote that asks for a password is one that fails.
    variables = {**os.environ, "GIT_TERMINAL_PROMPT": "0", **(environ or {})}
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=timeout)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None

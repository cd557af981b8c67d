"""What git says of a folder, where there is git: the one place that asks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
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


@dataclass(frozen=True)
class Commit:
    """One commit: its full hash, and when it was made."""

    hash: str
    time: datetime


def commits(path: Path) -> list[Commit] | None:
    """Return the commits that changed a file, the oldest first; None where git cannot tell.

    It cannot outside a checkout, and in a shallow one, which lacks what came before.
    """
    here = path.resolve()
    if git(_folder(here), "rev-parse", "--is-shallow-repository") != "false":
        return None
    if git(_folder(here), "rev-parse", "--verify", "HEAD") is None:  # before the first commit
        return []
    lines = git(_folder(here), "log", "--reverse", "--topo-order", "--format=%H %cI", "--", str(here))
    if lines is None:
        return None
    pairs = (line.split() for line in lines.splitlines())
    return [Commit(name, datetime.fromisoformat(time)) for name, time in pairs]


def is_changed(path: Path) -> bool:
    """Does a file in a checkout differ from its last commit, or has it none?"""
    here = path.resolve()
    return git(_folder(here), "status", "--porcelain", "--ignored", "--", str(here)) != ""


def is_before(path: Path, first: Commit, second: Commit) -> bool:
    """Is a commit of a file's checkout among those that led to another one?"""
    folder = _folder(path.resolve())
    return first != second and git(folder, "merge-base", "--is-ancestor", first.hash, second.hash) is not None


def _folder(path: Path) -> Path:
    """Return the folder of a file, or the first above it that there is."""
    return next(folder for folder in path.parents if folder.is_dir())

"""What the book takes from npm, at the versions of package-lock.json."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from tools.book.pages import ROOT

NPM = ROOT / "_build" / "npm"


def node_modules(npm: str, folder: Path = NPM) -> Path:
    """Install what package-lock.json pins, once for each of its versions.

    Args:
        npm: The program.
        folder: The folder of all installations.

    Returns:
        The folder ``node_modules``.

    Raises:
        RuntimeError: If npm fails, with its last words.
    """
    pinned = [ROOT / "package.json", ROOT / "package-lock.json"]
    place = folder / hashlib.sha256(b"".join(path.read_bytes() for path in pinned)).hexdigest()[:16]
    if not (place / ".done").exists():
        place.mkdir(parents=True, exist_ok=True)
        for path in pinned:
            shutil.copy2(path, place)
        # No scripts: what is needed are files, and nothing of a download shall run here.
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run([npm, "ci", *options], cwd=place, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"npm ci failed: {done.stderr.strip()[-500:]}")
        (place / ".done").touch()
    return place / "node_modules"

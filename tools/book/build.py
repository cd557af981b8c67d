"""Build the book: execute what changed, warnings are errors, then look whether the pages are really there."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from algan_lite.core.git import git
from tools.book import live
from tools.book.copies import BRANCH, is_published
from tools.book.execute import ENVIRONMENT
from tools.book.finish import built_wrong, finish
from tools.book.pages import HTML, ROOT, github_repository, pages, source

BUILD = ROOT / "_build"
CACHES = BUILD / "cache"
MATHJAX = "mathjax/tex-chtml-full.js"  # the one file that has every TeX extension inside


def package_key(root: Path = ROOT, environ: dict[str, str] | None = None) -> str:
    """Return a key of everything but the notebooks that their outputs depend on.

    jupyter-cache compares code cells only, so a changed package would keep old outputs. The key holds the package with
    its data, the pinned environment, and the profile and device that notebooks read.

    Args:
        root: The checkout.
        environ: Environment variables; those of the process by default.

    Returns:
        16 hexadecimal digits.
    """
    environ = dict(os.environ) if environ is None else environ
    digest = hashlib.sha256()
    files = [path for path in (root / "algan_lite").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    for path in sorted([*files, root / "requirements.txt"]):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    for name in ("ALGAN_LITE_PROFILE", "ALGAN_LITE_DEVICE"):
        digest.update(f"{name}={environ.get(name, '')}\0".encode())
    return digest.hexdigest()[:16]


def fresh_cache(key: str, caches: Path = CACHES) -> Path:
    """Return the execution cache of this key and remove those of other keys.

    Args:
        key: As :func:`package_key` gives it.
        caches: The folder of all caches.

    Returns:
        The folder, which exists.
    """
    folder = caches / key
    folder.mkdir(parents=True, exist_ok=True)
    for other in caches.iterdir():
        if other != folder:
            shutil.rmtree(other)
    return folder


def checkout(root: Path = ROOT) -> tuple[str, str] | None:
    """Return where readers find this checkout on GitHub.

    Args:
        root: A folder, perhaps the top of a git checkout.

    Returns:
        (``owner/name``, branch) of its ``origin``, or None: no git, no such remote, not on GitHub, or no branch.
    """
    top = git(root, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != root.resolve():  # the folder may lie inside somebody's other repository
        return None
    repository = github_repository(git(root, "remote", "get-url", "origin") or "")
    branch = git(root, "symbolic-ref", "--quiet", "--short", "HEAD")
    return (repository, branch) if repository and branch else None


def derived_config(config: dict[str, Any], cache: Path, place: tuple[str, str] | None) -> dict[str, Any]:
    """Return the configuration of this build: that of _config.yml with what depends on the checkout.

    Args:
        config: The contents of _config.yml; left as it is.
        cache: The execution cache.
        place: As :func:`checkout` gives it. None leaves out every launch and repository button.

    Returns:
        A new configuration.
    """
    sphinx = {**config["sphinx"]["config"], "mathjax_path": MATHJAX}
    sphinx["html_static_path"] = [*sphinx.get("html_static_path", []), "_build/static"]
    derived = {
        **config,
        "execute": {**config["execute"], "cache": str(cache)},
        "sphinx": {**config["sphinx"], "config": sphinx},
    }
    if place is not None:
        repository, branch = place
        derived["repository"] = {"url": f"https://github.com/{repository}", "branch": branch, "path_to_book": ""}
        derived["launch_buttons"] = {"colab_url": "https://colab.research.google.com"}
        derived["html"] = {**config["html"], "use_repository_button": True}
    return derived


def main() -> int:
    """Build; return the exit status."""
    names = pages()
    for name in names:
        source(name)
    place = checkout()
    if place is not None and is_published():  # buttons open the notebooks without solutions
        place = (place[0], BRANCH)
    config = derived_config(
        yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8")), fresh_cache(package_key()), place
    )
    _copy_mathjax(BUILD / "static" / "mathjax")
    shutil.rmtree(HTML, ignore_errors=True)  # pages of yesterday would pass today's checks
    (BUILD / "config.yml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    if status := _python("-m", "tools.book.execute", str(BUILD / "config.yml")):
        return status
    if status := _jupyter_book(BUILD / "config.yml"):
        return status
    finish(HTML, names, config["title"])
    if shutil.which("npm"):
        live.build(HTML / "_live")
    else:
        print("npm is absent: this build has no live training.")
    if wrong := built_wrong(HTML, names):
        print("The build ended, but not so:", *wrong, sep="\n")
        return 1
    print("No page asks another host: looked at in every page, style, script and data file; the policies say so, too.")
    print(f"Buttons lead to {place[0]}, branch {place[1]}." if place else "No GitHub remote: no Colab buttons.")
    print(f"Open {HTML / 'index.html'}")
    return 0


def _jupyter_book(config: Path) -> int:
    # Always with a fresh environment (--all -E is what freshenv does): pages that Sphinx does not read again would not
    # repeat their warnings, so a second `make book` would pass where the first one failed. Outputs come from the cache.
    program = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"
    options = ["--config", str(config), "--all", "-W", "-n", "--keep-going", "-q"]
    return _python("-c", program, "build", str(ROOT), *options)


def _python(*arguments: str) -> int:
    environ = {**os.environ, **ENVIRONMENT}
    environ.pop("MPLBACKEND", None)  # kernels choose their inline backend themselves
    return subprocess.run([sys.executable, *arguments], env=environ, cwd=ROOT).returncode


def _copy_mathjax(target: Path) -> None:
    found = importlib.util.find_spec("mathjax")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("MathJax's files are missing from this Python: run `make env`")
    origin = Path(found.submodule_search_locations[0]) / "static" / "mathjax" / "es5"
    fonts = Path("output") / "chtml" / "fonts" / "woff-v2"
    shutil.copytree(origin / fonts, target / fonts, dirs_exist_ok=True)
    shutil.copy2(origin / "tex-chtml-full.js", target)


if __name__ == "__main__":
    sys.exit(main())

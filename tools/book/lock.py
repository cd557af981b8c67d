"""Write the lock files: the pins of requirements.txt with the hashes of their files, so that pip refuses any other.

    make lock     # after a change of requirements.txt

pip checks hashes for all that it is asked to install or for nothing, what packages depend on included. PyTorch's wheel
on PyPI for Linux depends on gigabytes of CUDA that its CPU wheel, on an index of its own, does without. So there are
three files, and ``make env`` installs them without asking packages for their dependencies:

- ``locks/torch-cpu.txt``: the CPU wheel; tried first, and passed over where no index that pip was given has it;
- ``locks/everything.txt``: all pins; a CPU wheel that is there counts as PyTorch;
- ``locks/torch-cuda.txt``: what PyPI's wheel loads; only for that one.
"""

from __future__ import annotations

import re
import subprocess
import sys

from tools.book.pages import ROOT

# The CPU wheels of PyTorch's own index are not on PyPI, where uv looks: Linux x86-64, Python 3.11, 3.12 and 3.13.
CPU_WHEELS = {
    "2.13.0": (
        "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",
        "4ca4a9394b0c771238a4f73590fdbbc4debad85ed0fa63d026ae1b085da7d6e2",
        "3fbf9c9d1f3c10c2d59d04aca426dee9ccc6ceb32d255c61e93acc3b4f75fae6",
    )
}
CUDA = ("cuda-", "nvidia-", "triton")
HEAD = "# Written by `make lock` from requirements.txt (tools/book/lock.py says why there are three files).\n"
LOCKS = ROOT / "locks"
# The oldest of each Python that the pins have wheels for is 3.11.5; every platform is in one file, by markers.
COMMAND = ["--universal", "--python-version", "3.11.5", "--generate-hashes", "--no-annotate", "--no-header", "--quiet"]


def entries(lock: str) -> dict[str, str]:
    """Return the text of each package in a lock file, by name."""
    found = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)[1:]
    return {re.match(r"[\w.-]+", text)[0]: text for text in found}


def split(lock: str) -> dict[str, str]:
    """Return the contents of the lock files, by name.

    Args:
        lock: What uv has resolved.

    Raises:
        KeyError: If the hashes of this PyTorch's CPU wheels are not in ``CPU_WHEELS``: add them.
    """
    found = entries(lock)
    version = re.match(r"torch==([\w.]+)", found["torch"])[1]
    wheels = "".join(f" \\\n    --hash=sha256:{digest}" for digest in CPU_WHEELS[version])
    return {
        "torch-cpu": f"torch=={version}+cpu{wheels}\n",
        "everything": "".join(text for name, text in found.items() if not name.startswith(CUDA)),
        "torch-cuda": "".join(text for name, text in found.items() if name.startswith(CUDA)),
    }


def main(uv: str) -> int:
    """Write the files; return the exit status.

    Args:
        uv: The program that resolves.
    """
    command = [uv, "pip", "compile", str(ROOT / "requirements.txt"), *COMMAND]
    lock = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    LOCKS.mkdir(exist_ok=True)
    for name, text in split(lock).items():
        (LOCKS / f"{name}.txt").write_text(HEAD + text, encoding="utf-8")
        print(f"{name}: {len(entries(text))} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""What every room stands on, and what knows nothing of GANs: checks, randomness, files, progress.

In: values of users, seeds, paths. Out: checked values or an error that names the argument, draws from explicit streams,
files that are whole or not there. Any room may call; this one imports none.
"""

from algan_lite.core.checks import Table, UnknownNameError, check_choice, check_integer, check_number
from algan_lite.core.files import load_checkpoint, save_checkpoint, write_atomically
from algan_lite.core.progress import progress_bar
from algan_lite.core.rng import Stream, draw, stream

__all__ = [
    "Stream",
    "Table",
    "UnknownNameError",
    "check_choice",
    "check_integer",
    "check_number",
    "draw",
    "load_checkpoint",
    "progress_bar",
    "save_checkpoint",
    "stream",
    "write_atomically",
]

"""What a notebook needs around its subject: settings, the package's real source, a check of the machine.

In: nothing, or the names of a profile and a device. Out: a ``Setup``; Markdown; a table of findings. Notebooks call.
"""

from algan_lite.notebook.machine import check_machine
from algan_lite.notebook.setup import Setup, near, setup_notebook
from algan_lite.notebook.source import show_source

__all__ = ["Setup", "check_machine", "near", "setup_notebook", "show_source"]

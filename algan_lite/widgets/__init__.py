"""Shells over pure functions: a study under the reader's hands, in a page without a kernel and without a network.

In: results of ``studies``, or settings. Out: objects that show themselves in a notebook or a built page. None of them
trains by itself. ``page`` needs no kernel; ``panel`` (imported when it is asked for) has one; ``live``, in JavaScript,
trains in the page; ``kit`` draws for both pages.
"""

from algan_lite.widgets.page import Film, LambdaExplorer, Scene, SpriteExplorer

__all__ = ["Film", "LambdaExplorer", "Scene", "SpriteExplorer"]

"""A widget as one piece of a page, with its data inside: no kernel, no network.

In: a study's arrays, or images. Out: markup, style, data and one script, made of the modules of this folder and of
``kit``. Only ``widgets`` imports from here; the build reads ``words``.
"""

from algan_lite.widgets.page.explorer import LambdaExplorer
from algan_lite.widgets.page.film import Film, Scene
from algan_lite.widgets.page.sprites import SpriteExplorer

__all__ = ["Film", "LambdaExplorer", "Scene", "SpriteExplorer"]

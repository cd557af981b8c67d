"""Pictures with sliders, for a page without a kernel and without a network.

They show what was computed before; none of them trains by itself.
"""

from algan_lite.widgets.page.explorer import LambdaExplorer
from algan_lite.widgets.page.sprites import SpriteExplorer

__all__ = ["LambdaExplorer", "SpriteExplorer"]

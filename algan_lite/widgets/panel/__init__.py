"""A widget with a kernel behind it: a panel of ipywidgets over a GAN that trains in the background.

In: settings. Out: a panel whose thread calls ``train()``. ``settings`` says what its controls, and those of live
training in the page, can be set to.
"""

from algan_lite.widgets.panel.panel import LivePanel

__all__ = ["LivePanel"]

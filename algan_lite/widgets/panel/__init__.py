"""A widget with a kernel behind it: a panel of ipywidgets over a GAN that trains in the background."""

from algan_lite.widgets.panel.panel import LivePanel

__all__ = ["LivePanel"]

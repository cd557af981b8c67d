"""Widgets with a kernel behind them: a GAN that trains in the background, and digits that a person labels.

In: settings, or a source of digits. Out: panels of ipywidgets. ``panel`` has a thread that calls ``train()``;
``settings`` says what its controls, and those of live training in the page, can be set to. ``labeling`` shows a session
of ``labels``.
"""

from algan_lite.widgets.panel.labeling import LabelingPanel
from algan_lite.widgets.panel.panel import LivePanel

__all__ = ["LabelingPanel", "LivePanel"]

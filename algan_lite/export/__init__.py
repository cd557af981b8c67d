"""One training step as an ONNX graph, for a page or a phone that has no Python.

In: settings and a pair of networks. Out: files: the step's graph, the view's graph, and their interfaces. The graph is
traced from the functions that ``train()`` calls. ``studies`` and ``widgets`` may call.
"""

from algan_lite.export.spec import StepSpec
from algan_lite.export.write import graphs, training_step, view

__all__ = ["StepSpec", "graphs", "training_step", "view"]

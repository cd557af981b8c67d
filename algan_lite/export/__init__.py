"""One training step as an ONNX graph: for a page or a phone that has no Python, and for ``train(engine="graph")``.

In: settings and a pair of networks, or two ensembles. Out: files (the step's graph, the view's graph, and their
interfaces), and ``engine.Graph``, which takes the steps of a run. The graph is traced from the functions that
``train()`` calls. ``studies`` and ``widgets`` may call; ``training`` loads the engine when it is asked for.
"""

from algan_lite.export.spec import StepSpec
from algan_lite.export.write import graphs, training_step, view

__all__ = ["StepSpec", "graphs", "training_step", "view"]

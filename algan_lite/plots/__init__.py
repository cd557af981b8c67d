"""One visual language for figures and widgets: each thing has one color, one mark and one line style.

In: tensors, on any device, and tables. Out: matplotlib axes. Nothing is trained here, no network changes its mode, and
no random number is drawn: where only some of the points or pictures fit, they are the first, never the best. Rooms
above may call.
"""

from algan_lite.plots.charts import curves, dots_with_intervals, mark_sentinels
from algan_lite.plots.images import image_grid
from algan_lite.plots.networks import draw_network, six_steps_diagram
from algan_lite.plots.planes import decision_map, scatter, training_strip
from algan_lite.plots.style import COLORS, INK, LINES, MARKERS, VERDICT, WIDTH, use_style

__all__ = [
    "COLORS", "INK", "LINES", "MARKERS", "VERDICT", "WIDTH", "curves", "decision_map", "dots_with_intervals",
    "draw_network", "image_grid", "mark_sentinels", "scatter", "six_steps_diagram", "training_strip", "use_style",
]  # fmt: skip

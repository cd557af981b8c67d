"""Which samples we keep after training, judged by the D that was trained with G.

In: a trained pair, and held-out reals where D is calibrated or chains start. Out: samples (n, *sample) that come nearer
to the data's law. Networks are left as they were. Rooms above may call.
"""

from algan_lite.sampling import samplers  # noqa: F401 (they enter the table)
from algan_lite.sampling.calibration import calibrate
from algan_lite.sampling.table import SAMPLERS, Sampler

__all__ = ["SAMPLERS", "Sampler", "calibrate"]

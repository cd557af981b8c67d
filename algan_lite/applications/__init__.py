"""What a trained GAN is used for.

In: trained networks, and samples that something is wanted of. Out: tensors of samples, and what was minimized to find
them. Nothing here changes a network that it is given. Rooms above may call.
"""

from algan_lite.applications.fills import mean_fill, nearest_fill, ridge_fill
from algan_lite.applications.inpaint import Completion, inpaint, masked_error, paste

__all__ = [
    "Completion",
    "inpaint",
    "masked_error",
    "mean_fill",
    "nearest_fill",
    "paste",
    "ridge_fill",
]

"""A warning where D ends in a sigmoid: losses, strategies and samplers take raw logits, and read a probability as one.

PyTorch's own record of how the logits were computed tells, whatever their values: those of a small network before its
training may all lie in [0, 1] by chance. An ending that the record does not name is told by many values.
"""

from __future__ import annotations

import re
import warnings

import torch
from torch import Tensor

from algan_lite.objective.losses import Loss

_BOUNDED = {"Sigmoid", "Hardsigmoid", "Softmax"}
# What changes the shape or dtype of logits and leaves their values, and the mean over heads.
_SAME_VALUES = {"View", "UnsafeView", "Reshape", "ReshapeAlias", "Squeeze", "Unsqueeze", "Expand", "Select", "Slice"}
_SAME_VALUES |= {"Transpose", "T", "Permute", "Clone", "ToCopy", "Stack", "Cat", "Mean", "Alias", "Index", "Unbind"}
_SPREAD = 0.9  # that of a sigmoid which is sure of itself; raw logits of a weak D may lie in [0, 1] with less
_EVERY, _IN_A_ROW = 10, 3
_MESSAGE = (
    "D seems to end in a sigmoid: all its values lie in [0, 1], and are read as raw logits here, where 0 means 'cannot "
    "tell'. Leave D's last sigmoid out; losses, strategies and samplers apply their own."
)


def is_bounded(logits: Tensor) -> bool:
    """Return whether the last operation that made these values, from tensors that require gradients, was a sigmoid."""
    node = logits.grad_fn
    while node is not None:
        name = re.sub(r"Backward\d*$", "", type(node).__name__)
        if name in _BOUNDED:
            return True
        if name not in _SAME_VALUES or not node.next_functions:
            return False
        node = node.next_functions[0][0]
    return False


def warn_of_sigmoid(stacklevel: int = 3) -> None:
    """Warn, by default in the line that called our caller."""
    warnings.warn(_MESSAGE, stacklevel=stacklevel)


class Ending:
    """Looks at D's logits while it trains, and warns once.

    Args:
        loss: Where its boundary is 0, logits that all stay in [0, 1] are no logits.
    """

    def __init__(self, loss: Loss) -> None:
        self.boundary, self.looks, self.inside, self.said = loss.boundary, 0, 0, False

    def look(self, step: int, real: Tensor, fake: Tensor) -> None:
        """Look at the logits of a step: the first time at how they were made, then now and then at their values."""
        if step % _EVERY and self.looks:
            return
        self.looks += 1
        if not self.said and (is_bounded(real) if self.looks == 1 else self._values_tell(real, fake)):
            self.said = True
            warnings.warn(_MESSAGE, stacklevel=5)

    def _values_tell(self, real: Tensor, fake: Tensor) -> bool:
        if self.boundary != 0 or real.device.type == "meta":
            return False
        low, high = torch.cat([real.detach().flatten(), fake.detach().flatten()]).aminmax()
        self.inside = self.inside + 1 if bool((low >= 0) & (high <= 1) & (high - low > _SPREAD)) else 0
        return self.inside >= _IN_A_ROW

"""What a rule of balance may turn while G and D train, and what such a rule is.

A rule looks at D once in every step of D, before that step is taken. What it remembers are tensors (...): one number
for one GAN, (R,) for an ensemble, so that each run has a memory of its own and a checkpoint can keep it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from algan_lite.objective.batch import Batch
from algan_lite.objective.losses import Loss
from algan_lite.objective.regularizers import Lambda

Memory = Mapping[str, Tensor]


class Dials(NamedTuple):
    """Where the dials stand; each is (...), one value a run, or None: it is left where the settings have it.

    Attributes:
        lr_D: Factor of D's learning rate, in [0, inf).
        lr_G: Factor of G's learning rate, in [0, inf).
        step_D: Whether D takes its step, booleans; otherwise its weights, moments and clock stay as they are.
        lam: Factor of every lambda, in [0, inf).
        fakes: Weight of the fakes in D's loss, in [0, inf); 1 is the loss as it is.
        augment: Chance of each augmentation that D sees through, in [0, 1], in the place of ``augment_p``.
    """

    lr_D: Tensor | None = None
    lr_G: Tensor | None = None
    step_D: Tensor | None = None
    lam: Tensor | None = None
    fakes: Tensor | None = None
    augment: Tensor | None = None

    def weigh(self, batch: Batch) -> Batch:
        """Return the batch as D's loss sees it: with the weight of the fakes."""
        if self.fakes is None:
            return batch
        each = torch.full_like(batch.logits_fake, 1 / batch.logits_fake.shape[-1])
        weights = each if batch.weights is None else batch.weights
        return batch._replace(weights=self.fakes.unsqueeze(-1) * weights)

    def scale(self, lams: Mapping[str, Lambda]) -> Mapping[str, Lambda]:
        """Return the lambdas that count now."""
        return lams if self.lam is None else {name: lam * self.lam for name, lam in lams.items()}

    @property
    def turned(self) -> dict[str, Tensor]:
        """Name -> value of the dials that a rule has turned."""
        return {name: value for name, value in self._asdict().items() if value is not None}


PLAIN = Dials()


@dataclass(frozen=True)
class Balance:
    """A rule that keeps G and D in balance; a rule of your own derives from it, as a frozen dataclass.

    A step of D asks it twice: ``read`` gives what the rule remembers from now on, and ``dials`` says where that puts
    the dials. Both are pure functions of tensors (...) and never mix runs.

    Attributes:
        turns: The dials that ``dials`` gives a value.
    """

    turns: ClassVar[Collection[str]] = ()

    def start(self) -> Mapping[str, float]:
        """Return the first value of each thing that the rule remembers, the same for every run."""
        return {}

    def read(self, memory: Memory, batch: Batch) -> Memory:
        """Return the memory after a look at D: its logits on reals and fakes, (..., N), before its step.

        Args:
            memory: What was remembered until now, name -> (...), under the names of ``start``.
            batch: What D is about to be trained on.
        """
        return memory

    def dials(self, memory: Memory) -> Dials:
        """Return where the dials stand."""
        raise NotImplementedError(f"{type(self).__name__} must say where its dials stand")

    def check(self, loss: Loss, regularizers: Collection[str]) -> None:
        """Refuse settings on which the rule would have no effect, or none that makes sense.

        Raises:
            ValueError: The message names the setting.
        """
        name = type(self).__name__
        if "lam" in self.turns and not regularizers:
            raise ValueError(f"balance {name} turns lambda: regularizers must hold one or more; got none")
        if "fakes" in self.turns and loss.paired:
            what = "loss must judge samples one by one, so that fakes have a weight"
            raise ValueError(f"balance {name} weighs fakes: {what}; got {loss.name!r}, which judges pairs")

    def paces(self, player: str) -> bool:
        """Return whether the rule changes the length or the number of a player's steps."""
        return any(dial in self.turns for dial in (f"lr_{player}", f"step_{player}"))

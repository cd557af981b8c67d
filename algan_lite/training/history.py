"""What a training run leaves behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
import torch
from torch import Tensor, nn

from algan_lite.core.precision import widened


class TrainingDiverged(RuntimeError):
    """Every run's loss has stopped being finite; what was saved before stays good.

    Attributes:
        step: Step at which the last finite run was lost.
        history: What was recorded until then.
    """

    def __init__(self, step: int, history: History) -> None:
        super().__init__(f"the loss stopped being finite in every run, in the last one at step {step}")
        self.step, self.history = step, history


@dataclass
class History:
    """The measured course of one run, or of R runs at once.

    Attributes:
        seeds: One seed a run.
        G_ema: G with its weights averaged over training (its moving average, not the last iterate).
        steps: Steps at which a row was recorded.
        columns: Name -> recorded values, one tensor (R,) for each entry of ``steps``.
        diverged_at: First step (counted as in ``steps``) whose loss was not finite, (R,); -1 where it always was.
        equilibrium_at: Step at which the stopping rule first held, (R,); -1 where it never did.
        num_calls: Candidates passed through G and D only to choose, summed over the steps, in each run; none where the
            pass that trains on a pool of N has scored it, too.
    """

    seeds: Sequence[int]
    G_ema: nn.Module
    steps: list[int] = field(default_factory=list)
    columns: dict[str, list[Tensor]] = field(default_factory=dict)
    diverged_at: Tensor = field(default_factory=lambda: torch.tensor([]))
    equilibrium_at: Tensor = field(default_factory=lambda: torch.tensor([]))
    num_calls: int = 0

    def record(self, step: int, values: Mapping[str, Tensor]) -> None:
        """Append a row a run; every call gives the same names."""
        self.steps.append(step)
        for name, value in values.items():
            self.columns.setdefault(name, []).append(
                widened(value.detach()).reshape(-1).expand(len(self.seeds)).clone()
            )

    def frame(self) -> pd.DataFrame:
        """Return one row for each run and recorded step: ``run``, ``seed``, ``step`` and the recorded columns.

        ``loss_D`` and ``loss_G`` are the losses without regularizers, ``R_...`` the unweighted regularizers,
        ``logit_real`` and ``logit_fake`` D's mean logits, ``accuracy`` D's on held-out pairs (NaN between checks).
        """
        runs = len(self.seeds)
        index = {
            "run": list(range(runs)) * len(self.steps),
            "seed": list(self.seeds) * len(self.steps),
            "step": [step for step in self.steps for _ in range(runs)],
        }
        data = {name: torch.stack(rows).flatten().cpu().numpy() for name, rows in self.columns.items()}
        return pd.DataFrame({**index, **data})

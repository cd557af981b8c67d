"""What the tests of the objective share: linear networks, and a batch of theirs."""

from __future__ import annotations

from helpers import normal
from torch import Tensor, nn

import algan_lite as al
from algan_lite.objective.batch import Batch
from algan_lite.objective.regularizers import REGULARIZERS


def value_of(name: str, G: nn.Module, D: nn.Module, batch: Batch) -> Tensor:
    return REGULARIZERS[name].fn(G, D, batch)


def some_batch(G: nn.Module, D: nn.Module, *lead: int, loss: str = "non_saturating", seed: int = 0) -> Batch:
    batch = al.make_batch(G, D, normal(*lead, 2, seed=11), normal(*lead, G.latent_dim, seed=12), loss, seed)
    # averages that differ from this batch's own means, as in the middle of a training
    return batch._replace(state={"real": batch.state["real"] + 0.3, "fake": batch.state["fake"] - 0.2})


def moved_for(name: str, G: nn.Module, D: nn.Module, batch: Batch) -> Batch:
    """Return the batch for a regularizer: where it prices moves, with latents that both networks have moved."""
    if "z_start" not in REGULARIZERS[name].needs:
        return batch
    moved = al.select_noise(G, D, batch.z, batch.z.shape[-2], "latent_ascent", through=True)
    return batch._replace(z=moved.z, z_start=batch.z)

"""What happens inside one step: steps 2 to 5 of the article."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from algan_lite.core.rng import Stream, fresh
from algan_lite.data.sources import Source
from algan_lite.models.doors import weights_like
from algan_lite.models.networks import layers_of
from algan_lite.objective.batch import Batch, View, judge, update_averages
from algan_lite.objective.regularizers import Lambda
from algan_lite.selection.scores import Request
from algan_lite.selection.select import choose, rank, weigh_picked
from algan_lite.training.augment import Chain
from algan_lite.training.config import TrainConfig


class Chosen(NamedTuple):
    """What the choice gives to the rest of a step.

    Attributes:
        z: Latents that G trains on, (..., N, latent_dim).
        indices: Their places in the pool, best first where the strategy ranks, (..., N).
        weights: Of a sum over ``z``, (..., N), or None for the mean.
        z_start: Where ``z`` was before the strategy moved it, (..., N, latent_dim), or None: it was not moved.
        x_fake: G(z), attached to G's graph, where the choice has computed it.
        fake: D's view of ``x_fake``, likewise.
    """

    z: Tensor
    indices: Tensor
    weights: Tensor | None
    z_start: Tensor | None = None
    x_fake: Tensor | None = None
    fake: View | None = None


class Step:
    """One pair with its settings, bound once; each method is a part of a step.

    Args:
        G: The generator.
        D: The discriminator.
        config: Every setting, checked when it was made.
    """

    def __init__(self, G: nn.Module, D: nn.Module, config: TrainConfig) -> None:
        self.G, self.D, self.config = G, D, config
        self.rule, self.layers = config.rule(), layers_of(G, D)
        self.loss, self.needs = self.rule.loss, {player: config.needs(player) for player in "GD"}
        self.drawn = self.needs["D"] | self.needs["G"]
        self.like, self.runs = weights_like(G), getattr(G, "runs", None)
        scheduled = any(callable(lam) for lam in config.regularizers.values())
        self._lams = None if scheduled else config.lams(0, self.like.device, self.runs)
        self.augment, self.p = Chain(config.augment), config.chance(self.like.device, self.runs)
        self._calls = 0
        self._own_fakes = config.d_fakes == "all" and not config.chooses_plain
        self._weighted = self.rule.reweight or config.keep_decay is not None
        # To score the pool is to classify the fakes, unless D sees them changed then, or a layer does something else
        # while we only look.
        plain = not self.layers and not config.augment
        self._one_pass = self.rule.strategy.judges and config.pool_factor == 1 and plain

    def lams(self, k: int) -> Mapping[str, Lambda]:
        """Return lambda for each regularizer at step k."""
        return self.config.lams(k, self.like.device, self.runs) if self._lams is None else self._lams

    def draw(
        self,
        source: Source,
        streams: Mapping[str, Stream],
        averages: Mapping[str, Tensor],
        p: Tensor | None = None,
    ) -> Batch:
        """Draw what one step of D needs, each purpose from its own stream.

        ``p`` is the chance of each augmentation, (...); None: that of the settings.
        """
        needs, device, n, blocks = self.drawn, self.like.device, self.rule.n, self.config.pool_factor
        shape = (n, self.G.latent_dim)
        x_real = self._cast(source.sample(n, generator=streams["data"], device=device))
        # One stream a block: the first N candidates are the same in every arm, however large its pool.
        pool = [fresh(streams[f"candidates {block}"], shape, device) for block in range(blocks)]
        z_pool = self._cast(pool[0] if blocks == 1 else torch.cat(pool, dim=-2))
        chance = fresh(streams["selection"], (n * blocks,), device, "uniform") if self.rule.draws else None
        z2 = self._cast(fresh(streams["second candidates"], shape, device)) if "z2" in needs else None
        own = x_real.shape[z_pool.ndim - 2 :]
        noise = self._cast(fresh(streams["penalties"], own, device, "uniform")) if "noise" in needs else None
        augment = self._draw_augment(streams, p) if self.config.augment else None
        return Batch(x_real, self.loss, z_pool, chance, z2, noise, averages, augment=augment)

    def _draw_augment(self, streams: Mapping[str, Stream], p: Tensor | None) -> Callable[[Tensor], Tensor]:
        """Draw how each place of the batch is changed: a real and a fake there alike, before D and before the new D."""
        draws = fresh(streams["augmentation"], (self.rule.n, self.augment.draws), self.like.device, "uniform")
        return partial(self.augment, p=self.p if p is None else p, draws=draws)

    def _cast(self, x: Tensor) -> Tensor:
        # ``to`` costs two microseconds also where there is nothing to do.
        return x if x.dtype == self.like.dtype else x.to(self.like.dtype)

    def choose(self, batch: Batch, keep: int | Tensor | None = None) -> Chosen:
        """Step 2: return the N latents of the pool that G will train on, with their weights.

        ``keep`` of them count, those that the strategy ranks first; None: all of them.
        """
        if self._one_pass:
            return self._rank(batch, keep)
        bound = self.G, self.D, batch.z_pool, self.rule, self.layers
        picked = choose(*bound, keep, batch.chance, weigh=self._weighted)
        self._calls += picked.num_calls
        start = batch.z_pool[..., : self.rule.n, :] if self.rule.strategy.moves else None
        return Chosen(picked.z, picked.indices, picked.weights, start)

    def _rank(self, batch: Batch, keep: int | Tensor | None) -> Chosen:
        """Choose from a pool of N by the pass that both players train on.

        Such a pool is chosen whole, and only weights tell its latents apart: so they stay where they are, next to the
        other draws of the step, and each weight goes to its latent.
        """
        z = batch.z_pool
        x_fake = self.G(z)
        fake = judge(self.D, x_fake, z.shape[:-1])
        rule = self.rule
        request = Request(self.G, self.D, self.layers, z, rule.n, rule.loss, rule.options, batch.chance, fake)
        _, utilities, pick = rank(request, rule)
        weights = None
        if self._weighted:
            picked = weigh_picked(request, pick, utilities, rule.reweight, keep)
            weights = torch.empty_like(picked).scatter(-1, pick.indices, picked)
        return Chosen(z, pick.indices, weights, x_fake=x_fake, fake=fake)

    def take_calls(self) -> int:
        """Return how many candidates passed through G and D only to choose, since the last call."""
        calls, self._calls = self._calls, 0
        return calls

    def classify(self, drawn: Batch, chosen: Chosen, x_fake: Tensor) -> Batch:
        """Step 4: add D's view of reals and fakes to what was drawn, both through the augmentations of this step.

        With ``d_fakes="all"`` D sees the first N candidates, a plain draw; with ``"selected"`` it sees what G trains
        on, with the same weights, so that its optimum compares the data with the selected law. Where both are one set
        (a pool of N, none moved), nothing is generated twice.
        """
        needs, z, start = self.needs["D"], chosen.z, chosen.z_start
        if self._own_fakes:
            z, start = drawn.z_pool[..., : self.rule.n, :], None
            x_fake = self.G(z)
        x_real = drawn.x_real.detach().requires_grad_() if "x_real" in needs else drawn.x_real
        real = judge(self.D, drawn.seen(x_real), z.shape[:-1])
        fake = judge(self.D, drawn.seen(x_fake), z.shape[:-1]) if chosen.fake is None else chosen.fake
        state = update_averages(drawn.state, real.logits, fake.logits) if "state" in needs else drawn.state
        weights = chosen.weights if self.config.d_fakes == "selected" else None
        seen = {"z": z, "z_start": start, "x_fake": x_fake, "real": real, "fake": fake}
        return drawn._replace(x_real=x_real, weights=weights, state=state, **seen)

    def reclassify(self, batch: Batch, chosen: Chosen, x_fake: Tensor) -> Batch:
        """Step 5, second half: return the batch on which G is updated: its own noise, before the new D."""
        if chosen.z.requires_grad:  # the latents are a function of D, which has changed since: move them anew
            chosen = self.choose(batch)
            x_fake = self.G(chosen.z)
        lead = chosen.z.shape[:-1]
        fake = judge(self.D, batch.seen(x_fake), lead)
        fresh = batch.loss.paired or "logits_real" in self.needs["G"]
        real = (
            judge(self.D, batch.seen(batch.x_real), lead) if fresh else batch.real
        )  # the old D's: no term of G reads it
        seen = {"z": chosen.z, "z_start": chosen.z_start, "x_fake": x_fake, "real": real, "fake": fake}
        return batch._replace(weights=chosen.weights, **seen)

"""What happens inside one step, as pure functions of networks, draws and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor, nn

from algan_lite.core.rng import Stream
from algan_lite.objective.batch import Batch, judge, update_averages
from algan_lite.objective.losses import resolve_loss
from algan_lite.selection.select import Selection, select_noise
from algan_lite.training.config import TrainConfig


@dataclass(frozen=True)
class Draws:
    """Everything random in one step of D. An optional runs axis leads every tensor.

    Attributes:
        x_real: Reals, (..., N, *sample).
        z_pool: Candidates, (..., M, latent_dim); the first N of them are a plain draw.
        z2: A second plain draw, (..., N, latent_dim), where a regularizer needs it.
        noise: Uniform draws, (..., N, *sample), where a regularizer needs them.
    """

    x_real: Tensor
    z_pool: Tensor
    z2: Tensor | None = None
    noise: Tensor | None = None


def choose_noise(
    G: nn.Module,
    D: nn.Module,
    z_pool: Tensor,
    config: TrainConfig,
    step: int,
    generator: Stream | None,
    noise: Tensor | None = None,
) -> Selection:
    """Step 2: return the N latents of the pool that G will train on, with their weights.

    A strategy that leaves something to chance draws from ``generator``, or is given its draws as ``noise``.
    """
    return select_noise(
        G,
        D,
        z_pool,
        config.batch_size,
        config.strategy,
        reweight=config.reweight,
        keep=config.keep(step),
        loss=config.loss,
        generator=generator,
        noise=noise,
        **config.strategy_options,
    )


def classify(
    G: nn.Module,
    D: nn.Module,
    draws: Draws,
    chosen: Selection,
    x_fake: Tensor,
    config: TrainConfig,
    averages: Mapping[str, Tensor],
) -> tuple[Batch, dict[str, Tensor]]:
    """Step 4: return D's view of reals and fakes, and the moving averages after it.

    With ``d_fakes="all"`` D sees the first N candidates, a plain draw; with ``"selected"`` it sees what G trains on,
    with the same weights, so that its optimum compares the data with the selected law. Where both are one set (a pool
    of N, none moved), nothing is generated twice.
    """
    needs, z = config.needs("D"), chosen.z
    weights = _weights(chosen, config) if config.d_fakes == "selected" else None
    if config.d_fakes == "all" and not config.chooses_plain:
        z = draws.z_pool[..., : config.batch_size, :]
        x_fake = G(z)
    x_real = draws.x_real.detach().requires_grad_() if "x_real" in needs else draws.x_real
    real, fake = judge(D, x_real, z.shape[:-1]), judge(D, x_fake, z.shape[:-1])
    if "state" in needs:
        averages = update_averages(averages, real.logits, fake.logits)
    loss = resolve_loss(config.loss)
    batch = Batch(x_real, x_fake, z, loss, real, fake, weights, draws.z2, draws.noise, averages)
    return batch, dict(averages)


def reclassify(
    G: nn.Module, D: nn.Module, batch: Batch, draws: Draws, chosen: Selection, x_fake: Tensor, config: TrainConfig
) -> Batch:
    """Step 5, second half: return the batch on which G is updated: its own noise, before the new D."""
    if chosen.z.requires_grad:  # the latents are a function of D, which has changed since: move them anew
        chosen = choose_noise(G, D, draws.z_pool, config, 0, None)
        x_fake = G(chosen.z)
    lead = chosen.z.shape[:-1]
    fake = judge(D, x_fake, lead)
    fresh = batch.loss.paired or "logits_real" in config.needs("G")
    real = judge(D, batch.x_real, lead) if fresh else batch.real  # the old D's: no term of G reads it
    return replace(batch, x_fake=x_fake, z=chosen.z, weights=_weights(chosen, config), real=real, fake=fake)


def _weights(chosen: Selection, config: TrainConfig) -> Tensor | None:
    """Return None where every latent counts 1/N: the plain mean, so that no selection is the plain GAN exactly."""
    return chosen.weights if config.reweight or config.keep_decay is not None else None

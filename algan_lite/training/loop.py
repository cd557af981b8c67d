"""The article's six steps as one training loop, for one GAN and for an ensemble of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import nn

from algan_lite.core.progress import progress_bar
from algan_lite.core.rng import draw
from algan_lite.data.sources import Source
from algan_lite.objective.players import objective
from algan_lite.training.checkpoint import Saver
from algan_lite.training.config import TrainConfig
from algan_lite.training.history import History
from algan_lite.training.state import TrainState
from algan_lite.training.step import Draws, choose_noise, classify, reclassify


def train(
    G: nn.Module,
    D: nn.Module,
    source: Source,
    config: TrainConfig | None = None,
    *,
    seed: int | Sequence[int] = 0,
    callbacks: Iterable[Callable[[TrainState], None]] = (),
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 500,
    resume: bool = False,
    progress: bool | None = None,
) -> History:
    """Train G and D in place, on the device that they are on.

    Args:
        G: Maps latents (..., N, latent_dim) to samples; an ``Ensemble`` trains R runs at once.
        D: Maps samples to logits (..., N).
        source: Gives the reals: ``source.sample(n, generator=...)``.
        config: Every setting; the defaults of ``TrainConfig`` if left out.
        seed: Run k of an ensemble uses ``seed + k``, or the k-th of a sequence.
        callbacks: Called after every step with the ``TrainState``.
        checkpoint: File to save to every ``checkpoint_every`` steps and at the end.
        checkpoint_every: Steps between two saves, >= 1.
        resume: Continue from ``checkpoint`` if it exists.
        progress: Show a progress bar; None: unless the environment variable ALGAN_LITE_PROGRESS is 0.

    Returns:
        The history; ``history.frame()`` is a ``pandas.DataFrame``.

    Raises:
        TrainingDiverged: If the loss has stopped being finite in every run.
        ValueError: If G and D do not fit each other, or the checkpoint belongs to other settings.
    """
    # 1. Initialize G and D: the weights are theirs already; optimizers and random streams follow from the seed.
    config = config or TrainConfig()
    state = TrainState.start(G, D, config, seed)
    saver = Saver(state, checkpoint, checkpoint_every, resume)
    for step in _steps(state, progress):
        lams = config.lams(step, state.device, state.runs)
        for _ in range(config.d_steps):
            draws = _draw(state, source)
            # 2. G chooses its noise from D's feedback.
            chosen = choose_noise(G, D, draws.z_pool, config, step, state.streams["selection"])
            # 3. G generates samples.
            x_fake = G(chosen.z)
            # 4. D classifies real and generated samples.
            batch, state.averages = classify(G, D, draws, chosen, x_fake, config, state.averages)
            # 5. Update D ...
            terms_D = objective("D", G, D, batch, lams)
            state.minimize("D", terms_D["total"])
        # ... and then G, which now faces the new D.
        terms_G = objective("G", G, D, reclassify(G, D, batch, draws, chosen, x_fake, config), lams)
        state.minimize("G", terms_G["total"])
        # 6. Repeat steps 2 to 5 until the equilibrium, or for ``num_steps``.
        state.finish_step(terms_D, terms_G, chosen.num_calls * config.d_steps)
        state.look(source)
        state.record(terms_D, terms_G, batch)
        for callback in callbacks:
            callback(state)
        saver.after_step()
        if state.stopped:
            break
    saver.finish()
    state.release()
    return state.history


def _draw(state: TrainState, source: Source) -> Draws:
    """Draw what one step of D needs, each purpose from its own stream."""
    config, device, streams = state.config, state.device, state.streams
    size, needs = config.batch_size, config.needs("D") | config.needs("G")
    x_real = source.sample(size, generator=streams["data"], device=device)
    shape = (size, state.G.latent_dim)
    # One stream a block: the first N candidates are the same in every arm, however large its pool.
    blocks = [draw(streams[f"candidates {j}"], shape, device) for j in range(config.pool_factor)]
    z2 = draw(streams["second candidates"], shape, device) if "z2" in needs else None
    own = x_real.shape[state.lead :]
    noise = draw(streams["penalties"], own, device, "uniform") if "noise" in needs else None
    return Draws(x_real, blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=-2), z2, noise)


def _steps(state: TrainState, progress: bool | None) -> Iterator[int]:
    """Yield the steps that are left, behind a progress bar."""
    steps = range(state.step, state.step if state.stopped else state.config.num_steps)
    bounds = {"initial": state.step, "total": state.config.num_steps}
    return iter(progress_bar(steps, shown=progress, desc="train", unit="step", **bounds))

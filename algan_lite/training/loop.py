"""The article's six steps as one training loop, for one GAN and for an ensemble of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from torch import nn

from algan_lite.core.checks import check_flag
from algan_lite.core.progress import progress_bar
from algan_lite.data.sources import Source
from algan_lite.objective.ending import Ending
from algan_lite.objective.players import objective
from algan_lite.training.checkpoint import Saver
from algan_lite.training.config import TrainConfig
from algan_lite.training.doors import check_call
from algan_lite.training.engines import Engine, start
from algan_lite.training.history import History
from algan_lite.training.interrupt import Patience
from algan_lite.training.precision import fresh_casts
from algan_lite.training.state import Outcome, TrainState
from algan_lite.training.step import Step


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
    engine: str = "eager",
    progress: bool | None = None,
) -> History:
    """Train G and D in place, on the device that they are on.

    Args:
        G: Maps latents (..., N, latent_dim) to samples; an ``Ensemble`` trains R runs at once.
        D: Maps samples to logits (..., N).
        source: Gives the reals: ``source.sample(n, generator=...)``.
        config: Every setting; the defaults of ``TrainConfig`` if left out.
        seed: Run k of an ensemble uses ``seed + k``, or the k-th of a sequence.
        callbacks: Called after every step with the ``TrainState``; one with an attribute ``looks = False`` reads
            nothing of it, or calls ``state.settle()`` before it does, which spares an engine the writing.
        checkpoint: File to save to every ``checkpoint_every`` steps and at the end.
        checkpoint_every: Steps between two saves, >= 1.
        resume: Continue from ``checkpoint`` if it exists; one engine continues what another began.
        engine: What takes the steps: ``eager``, PyTorch as it is, or ``graph``, the step as one graph in onnxruntime:
            for dense networks on a CPU several times as fast, on the same draws. What it cannot do is done by
            ``eager``, with a warning that says why.
        progress: Show a progress bar; None: unless the environment variable ALGAN_LITE_PROGRESS is 0.

    Returns:
        The history; ``history.frame()`` is a ``pandas.DataFrame``.

    Raises:
        ImportError: If ``engine="graph"`` lacks a package; the message names it.
        KeyboardInterrupt: At the end of a step; the checkpoint is written, and the exception has ``.history``.
        TrainingDiverged: If the loss has stopped being finite in every run.
        TypeError: If an argument is of another kind.
        ValueError: If G and D do not fit each other, or the checkpoint is damaged, cannot be written, or belongs to
            other networks, data, settings or seeds; G and D are then as they were.
    """
    config, callbacks = check_call(G, D, source, config, callbacks)
    check_flag("resume", resume)
    state = TrainState.start(G, D, config, seed)
    saver = Saver(state, source, checkpoint, checkpoint_every, resume)
    steps_2_to_5 = start(engine, state)
    seen = any(getattr(call, "looks", True) for call in callbacks)
    looks = [lambda state: state.settle(), *callbacks] if seen else callbacks
    with _nothing_is_lost(state, saver) as patience, fresh_casts():
        six_steps(G, D, source, state, _steps(state, patience, progress), [*looks, saver.after_step], steps_2_to_5)
        saver.save()
    return state.history


def six_steps(
    G: nn.Module,
    D: nn.Module,
    source: Source,
    state: TrainState,
    steps: Iterable[int],
    after: Sequence[Callable[[TrainState], None]],
    engine: Engine | None = None,
) -> None:
    """Take the article's six steps, and call each of ``after`` behind every round of them.

    An engine takes steps 2 to 5 in its own way, on the same draws.
    """
    # 1. Initialize G and D: the weights are theirs already; optimizers and random streams are in the state.
    config, step = state.config, Step(G, D, state.config)
    ending = Ending(step.loss)

    def steps_2_to_5(k: int) -> Outcome:
        lams = step.lams(k)
        for _ in range(config.d_steps):
            drawn = step.draw(source, state.streams, state.averages, state.dials.augment)
            # 2. G chooses its noise from D's feedback.
            chosen = step.choose(drawn, config.keep(k))
            # 3. G generates samples, if D has not seen them already in order to choose.
            x_fake = G(chosen.z) if chosen.x_fake is None else chosen.x_fake
            # 4. D classifies real and generated samples.
            batch = step.classify(drawn, chosen, x_fake)
            # 5. Update D, at the pace that a rule of balance gives it, if there is one ...
            dials = state.look_at(batch)
            terms_D = objective("D", G, D, dials.weigh(batch), dials.scale(lams))
            state.minimize("D", terms_D["total"], dials.lr_D, dials.step_D)
            state.averages = batch.state
        # ... and then G, which now faces the new D.
        terms_G = objective("G", G, D, step.reclassify(batch, chosen, x_fake), dials.scale(lams))
        state.minimize("G", terms_G["total"], dials.lr_G)
        state.average()
        ending.look(k, batch.logits_real, batch.logits_fake)
        return Outcome(terms_D, terms_G, batch.logits_real, batch.logits_fake, step.take_calls(), dials)

    for k in steps:
        seen = steps_2_to_5(k) if engine is None else engine(source, k)
        # 6. Repeat steps 2 to 5 until the equilibrium, or for ``num_steps``.
        state.finish_step(seen)
        state.look(source)
        state.record(seen)
        for call in after:
            call(state)
        if state.stopped:
            break


@contextmanager
def _nothing_is_lost(state: TrainState, saver: Saver) -> Iterator[Patience]:
    """Leave no gradients behind, however the training ends; after an interrupt a checkpoint, and the history.

    An interrupt waits for the end of a step.
    """
    try:
        with Patience() as patience:
            yield patience
    except KeyboardInterrupt as interrupt:
        interrupt.history = state.history
        interrupt.add_note(f"stopped after step {state.step:,}; .history of this exception holds what was recorded")
        if saver.path is not None:
            interrupt.add_note(f"checkpoint {saver.path}: {saver.rescue()}")
        raise
    finally:
        state.release()


def _steps(state: TrainState, patience: Patience, progress: bool | None) -> Iterator[int]:
    """Yield the steps that are left, behind a progress bar."""
    steps = range(state.step, state.step if state.stopped else state.config.num_steps)
    bounds = {"initial": state.step, "total": state.config.num_steps}
    with progress_bar(steps, shown=progress, desc="train", unit="step", **bounds) as bar:
        for k in bar:
            state.whole = False
            yield k
            patience.check()

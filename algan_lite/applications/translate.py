"""Training a translator: the package's loop, with samples of the two domains in the place of noise.

To the adversarial loss come two terms that say how far T is from leaving things where they are: T twice, on samples
(the cycle), and T once, on known pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from algan_lite.applications.translator import OneWay
from algan_lite.core.checks import check_number, check_tensor
from algan_lite.core.progress import progress_bar
from algan_lite.core.rng import Stream, fresh, stream
from algan_lite.data.sources import Source
from algan_lite.objective.batch import Batch
from algan_lite.objective.players import objective
from algan_lite.training.config import TrainConfig
from algan_lite.training.doors import check_call
from algan_lite.training.history import History
from algan_lite.training.interrupt import Patience
from algan_lite.training.loop import six_steps
from algan_lite.training.precision import fresh_casts
from algan_lite.training.state import Outcome, TrainState
from algan_lite.training.step import Step

UNUSED = ("balance", "equilibrium")  # they ask for fakes of noise, or turn dials of a loop that is not ours


def gap(x: Tensor, y: Tensor) -> Tensor:
    """Return the mean distance of values, (...), between samples (..., N, values) of equal N and values."""
    if x.shape[-2:] != y.shape[-2:]:
        raise ValueError(f"x and y must be (..., N, values) of equal N and values; got {(*x.shape,)} and {(*y.shape,)}")
    return (x - y).abs().mean(dim=(-2, -1))


class Draws(Step):
    """Steps 2 to 5 of the loop, on candidates that are samples of both domains instead of noise."""

    def draw(
        self,
        source: Source,
        streams: Mapping[str, Stream],
        averages: Mapping[str, Tensor],
        p: Tensor | None = None,
    ) -> Batch:
        """Draw as ``Step.draw`` does, and samples of ``source`` for every latent; one stream a block of candidates."""
        drawn = super().draw(source, streams, averages, p)

        def like_z(name: str) -> Tensor:
            return self._cast(source.sample(self.rule.n, generator=streams[name], device=self.like.device))

        blocks = [like_z(f"candidates {block}") for block in range(self.config.pool_factor)]
        z2 = None if drawn.z2 is None else like_z("second candidates")
        return drawn._replace(z_pool=torch.cat(blocks, dim=-2), z2=z2)


class Translation:
    """What takes steps 2 to 5 of a translator's training: an engine of the loop.

    Args:
        state: Of the run.
        weights: Of the terms of T's loss: ``adversarial``, ``cycle`` and ``pairs``, each >= 0.
        pairs: Known pairs (..., k, values), or None.
    """

    def __init__(self, state: TrainState, weights: Mapping[str, float], pairs: Tensor | None) -> None:
        self.state, self.step = state, Draws(state.G, state.D, state.config)
        self.weights, self.pairs = weights, pairs

    def __call__(self, source: Source, k: int) -> Outcome:
        """Choose what is translated, translate it, and update D and then T."""
        state, step, T, D = self.state, self.step, self.state.G, self.state.D
        lams = step.lams(k)
        for _ in range(state.config.d_steps):
            drawn = step.draw(source, state.streams, state.averages)
            chosen = step.choose(drawn, state.config.keep(k))
            moved = T(chosen.z) if chosen.x_fake is None else chosen.x_fake
            batch = step.classify(drawn, chosen, moved)
            terms_D = objective("D", T, D, batch, lams)
            state.minimize("D", terms_D["total"])
            state.averages = batch.state
        terms_T = objective("G", T, D, step.reclassify(batch, chosen, moved), lams)
        terms_T["total"] = self.weights["adversarial"] * terms_T["total"]
        for name, value in self.distances(chosen.z, moved):
            terms_T[name] = value
            terms_T["total"] = terms_T["total"] + self.weights[name] * value
        state.minimize("G", terms_T["total"])
        state.average()
        return Outcome(terms_D, terms_T, batch.logits_real, batch.logits_fake, step.take_calls())

    def distances(self, x: Tensor, moved: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Yield the terms beside the adversarial one, (...), unweighted, for samples x and T(x)."""
        if self.weights["cycle"]:
            yield "cycle", gap(self.state.G(moved), x)
        if self.pairs is not None:
            known = self.drawn_pairs()
            yield "pairs", gap(self.state.G(known), known)

    def drawn_pairs(self) -> Tensor:
        """Return as many known pairs as a batch holds, or all of them where there are fewer."""
        n, k = self.state.config.batch_size, self.pairs.shape[-2]
        if k <= n:
            return self.pairs
        rows = fresh(self.state.streams["pairs"], (n,), self.pairs.device, "index", k)
        if self.pairs.ndim == 2:
            return self.pairs[rows]
        return self.pairs.gather(-2, rows.unsqueeze(-1).expand(*rows.shape, self.pairs.shape[-1]))


def train_translation(
    T: nn.Module,
    D: nn.Module,
    source: Source,
    config: TrainConfig | None = None,
    *,
    cycle: float = 1.0,
    pairs: Tensor | None = None,
    pair_weight: float = 1.0,
    adversarial: float = 1.0,
    seed: int | Sequence[int] = 0,
    callbacks: Iterable[Callable[[TrainState], None]] = (),
    progress: bool | None = None,
) -> History:
    r"""Train a translator T and its D in place.

    D minimizes its loss, and T minimizes

    .. math:: w L_G + c \, \mathbb{E} \lvert T(T(x)) - x \rvert + v \, \mathbb{E} \lvert T(p) - p \rvert

    over samples x and known pairs p, with mean absolute distances of values; w, c and v are ``adversarial``, ``cycle``
    and ``pair_weight``. A ``TwoWay`` translator is trained so without pairs, with few, or with many;
    of ``TwoJudges`` the loss is the mean of both domains'. A ``OneWay`` translator has no way back, so no cycle: give
    ``cycle=0``.

    There is no checkpoint and no resume, which ``train()`` has: a training that was stopped begins again.

    Args:
        T: Maps samples (a, b), (..., N, values), to samples (a, b); an ``Ensemble`` trains R runs at once.
        D: Maps samples (a, b) to logits (..., N): of a real sample of ``source``, of T's otherwise.
        source: Samples (a, b), flattened and joined, such as ``both(A, B)`` or, of pairs, ``al.data.array(x)``. T
            is given other draws of it.
        config: Settings as for ``train()``; a strategy chooses among samples (a, b). ``balance`` and ``equilibrium``
            must be None: they work on fakes that are made of noise.
        cycle: Weight of the cycle, >= 0; of a ``OneWay`` translator, 0.
        pairs: Known pairs (a, b), (k, values), or (R, k, values): each run's own; None: there are none.
        pair_weight: Weight of the distance on them, >= 0.
        adversarial: Weight of D's judgment, >= 0; at 0 D still learns, and T does not listen.
        seed: Run k of an ensemble uses ``seed + k``, or the k-th of a sequence.
        callbacks: Called after every step with the ``TrainState``.
        progress: Show a bar; None: unless ALGAN_LITE_PROGRESS is 0.

    Returns:
        The history; ``R_cycle`` and ``R_pairs`` are the two distances, unweighted.

    Raises:
        TrainingDiverged: If the loss has stopped being finite in every run.
        TypeError: If an argument is of another kind.
        ValueError: If T, D, source and pairs do not fit each other, a weight is out of range, or ``config`` asks for
            ``balance`` or ``equilibrium``.

    Reference:
        Zhu et al. 2017 (cycle); Isola et al. 2017 (pairs).
    """
    _check_fit(T, source, config)
    config, callbacks = check_call(T, D, source, config, callbacks)
    given = {"adversarial": adversarial, "cycle": cycle, "pair_weight": pair_weight}
    weights = {name.replace("pair_weight", "pairs"): check_number(name, w, 0) for name, w in given.items()}
    if weights["cycle"] and isinstance(getattr(T, "template", T), OneWay):
        raise ValueError(f"cycle must be 0 for a OneWay translator, which has no way back; got {cycle!r}")
    state = TrainState.start(T, D, config, seed)
    state.streams["pairs"] = stream(state.history.seeds if state.lead else state.history.seeds[0], "pairs")
    steps = Translation(state, weights, _check_pairs(pairs, state))
    try:
        with Patience() as patience, fresh_casts():
            bar = progress_bar(range(config.num_steps), shown=progress, desc="translate", unit="step")
            six_steps(T, D, source, state, _patiently(bar, patience), callbacks, steps)
    finally:
        state.release()
    return state.history


def _check_fit(T: nn.Module, source: Source, config: TrainConfig | None) -> None:
    """Refuse what a translation cannot do, and samples of one domain; ``check_call`` refuses the rest."""
    for name in UNUSED:
        if getattr(config, name, None) is not None:
            raise ValueError(
                f"config.{name} must be None for train_translation, which trains without it (it works on fakes that "
                f"are made of noise); got {getattr(config, name)!r}"
            )
    values, shape = getattr(T, "latent_dim", None), getattr(source, "sample_shape", None)
    if values is not None and shape not in (None, (values,)):
        raise ValueError(
            f"source must have samples (a, b), flattened and joined, of shape ({values},), as T takes them; got {shape}"
            "; see both(A, B)"
        )


def _patiently(steps: Iterable[int], patience: Patience) -> Iterator[int]:
    """Yield the steps; an interrupt waits for the end of one."""
    for k in steps:
        yield k
        patience.check()


def _check_pairs(pairs: Tensor | None, state: TrainState) -> Tensor | None:
    """Return known pairs on T's device and in its dtype, or say what is wrong with them."""
    if pairs is None:
        return None
    check_tensor("pairs", pairs, "(k, values)")
    values, runs = state.G.latent_dim, state.runs
    leads = {()} if runs is None else {(), (runs,)}
    if pairs.ndim < 2 or tuple(pairs.shape[:-2]) not in leads or pairs.shape[-1] != values or not pairs.shape[-2]:
        each = "" if runs is None else f" or ({runs}, k, {values})"
        raise ValueError(f"pairs must be (k, {values}){each} with k >= 1; got {tuple(pairs.shape)}")
    weight = next(state.G.parameters())
    known = pairs.detach().to(device=weight.device, dtype=weight.dtype)
    finite = known.isfinite()
    if not bool(finite.all()):
        raise ValueError(f"pairs must be finite; got {int((~finite).sum())} values that are not, as {known.dtype}")
    return known

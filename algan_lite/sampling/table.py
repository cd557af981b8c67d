"""Which samples we keep after training, judged by the D that was trained with G.

Every sampler aims at the data's law p_data through the log density ratio log p_data/p_G that D's logits
give, either by themselves (``Loss.log_ratio``) or after calibration on held-out reals. ``propose -> score ->
keep`` runs without gradients (``langevin`` differentiates by z alone), in eval mode, in batches; parameters,
their ``grad``, modes and the global RNG are left as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from algan_lite.core.checks import Entry, Table, check_choice, check_integer, check_kind, check_options
from algan_lite.core.rng import Stream, resolve, run_seeds
from algan_lite.models.doors import check_runs
from algan_lite.models.networks import evaluating, layers_of
from algan_lite.objective.losses import Loss, resolve_loss
from algan_lite.sampling.calibration import CALIBRATIONS, Run, calibrate, check_reference, check_trained, one_generator


@dataclass(frozen=True, kw_only=True)
class Sampler(Entry):
    """A way to draw samples from a trained pair; call it as ``sampler(G, D, n, seed=0)``.

    Attributes:
        fn: Takes one run and n; its keyword arguments are the sampler's own options.
        calibrations: Ways to calibrate D that it can use, the default first.
    """

    fn: Callable[..., Tensor]
    calibrations: tuple[str, ...] = tuple(CALIBRATIONS)

    def __call__(
        self,
        G: nn.Module,
        D: nn.Module,
        n: int,
        *,
        reference: Tensor | None = None,
        loss: str | Loss = "non_saturating",
        calibration: str | None = "auto",
        generator: Stream | None = None,
        seed: int | None = None,
        batch_size: int = 1024,
        progress: bool | None = None,
        info: dict | None = None,
        **options: object,
    ) -> Tensor:
        """Return n samples.

        Args:
            G: Maps (N, latent_dim) to (N, *sample); or an ``Ensemble`` of R such networks.
            D: Maps (N, *sample) to logits (N,); or the ensemble that belongs to G.
            n: Number of samples (of each run), at least 1.
            reference: Held-out reals, (m, *sample), shared by all runs; D is calibrated on them.
            loss: The loss that D was trained with: how its logits give a ratio, and their sign.
            calibration: ``isotonic``, ``logistic`` or None (trust the loss's ratio); ``auto`` calibrates where
                there is a reference, isotonically except for ``langevin``, which needs a gradient.
            generator: The stream of all draws (an ensemble: one generator a run); or ``seed``.
            seed: Shorthand for a generator; run k of an ensemble takes ``seed + k``.
            batch_size: Samples that pass through a network at once, at least 1; part of what a seed means
                for ``rejection`` and ``importance``.
            progress: Show a bar where the work takes more than two seconds; None: unless ALGAN_LITE_PROGRESS is 0.
            info: A dictionary to fill: ``num_calls`` (samples passed through D to choose), ``acceptance_rate`` ...;
                lists of R values for an ensemble.
            **options: The sampler's own, see ``sampler.fn``.

        Returns:
            (n, *sample), or (R, n, *sample) for an ensemble, whose run k is what it would be alone.

        Raises:
            ValueError: If an argument is out of range, or the loss gives no ratio and there is no reference.
            TypeError: If an argument has the wrong type, or the sampler has no such option.
        """
        check_options(self.name, self.fn, options, but=("run", "n"))
        check_trained(G, D)
        check_kind("info", {} if info is None else info, dict, "a dictionary to fill, or None")
        n, batch_size = check_integer("n", n, 1), check_integer("batch_size", batch_size, 1)
        loss = resolve_loss(loss)
        calibration = self._calibration(loss, reference, calibration)
        samples, reports = [], []
        for G_one, D_one, source in _runs(G, D, generator, seed):
            run = Run(G_one, D_one, source, batch_size, progress)
            with torch.no_grad(), evaluating(layers_of(G_one, D_one)):
                if reference is not None:
                    run.reference = check_reference(G_one, reference).to(run.like)
                run.to_log_ratio = loss.log_ratio
                if calibration is not None:
                    settings = {"loss": loss, "method": calibration, "generator": source, "batch_size": batch_size}
                    run.to_log_ratio = calibrate(G_one, D_one, run.reference, **settings)
                samples.append(self.fn(run, n, **options))
            reports.append(run.info)
        alone = not hasattr(G, "runs")
        if info is not None:
            info.update(reports[0] if alone else {key: [one[key] for one in reports] for key in reports[0]})
        return samples[0] if alone else torch.stack(samples)

    def _calibration(self, loss: Loss, reference: Tensor | None, wanted: str | None) -> str | None:
        """Return how to calibrate, or None; refuse what cannot give this sampler a ratio."""
        if not self.calibrations:
            return None
        if wanted is not None and not (isinstance(wanted, str) and wanted == "auto"):
            check_choice(f"calibration of {self.name}", wanted, self.calibrations)
        if wanted == "auto":
            wanted = None if reference is None else self.calibrations[0]
        if reference is None and (wanted or loss.log_ratio is None):
            why = f"calibration={wanted!r}" if wanted else f"the logits of loss {loss.name!r}, which give no log ratio,"
            raise ValueError(f"{why} needs reference=, held-out reals (m, *sample); got reference=None")
        if wanted is None and loss.log_ratio is None:
            known = ", ".join(self.calibrations)
            raise ValueError(f"calibration must be one of {known}: loss {loss.name!r} gives no log ratio; got None")
        return wanted


SAMPLERS: Table[Sampler] = Table("sampler", Sampler)
sampler = SAMPLERS.enter


def _runs(
    G: nn.Module, D: nn.Module, generator: Stream | None, seed: int | None
) -> Iterator[tuple[nn.Module, nn.Module, torch.Generator]]:
    """Yield every run's pair and generator; one run for networks that are not ensembles."""
    runs = check_runs(G, D)
    if runs is None:
        yield G, D, one_generator(resolve(generator, seed, "sampling"))
        return
    sources = resolve(generator, seed if seed is None else run_seeds(seed, runs), "sampling")
    if isinstance(sources, torch.Generator) or len(sources) != runs:
        raise ValueError(
            f"generator must be a sequence of {runs} generators, one a run, or give seed=; got {sources!r}"
        )
    for k in range(runs):
        yield G.member(k), D.member(k), sources[k]

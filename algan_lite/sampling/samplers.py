"""Five ways to keep samples after training: the entries of ``SAMPLERS``.

Each takes one run and n, and its own options by keyword; it reports through ``run.info``. What D says is
the log density ratio log p_data/p_G, in float64.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from algan_lite.core.checks import check_choice, check_integer, check_number
from algan_lite.core.rng import draw
from algan_lite.sampling.calibration import Run
from algan_lite.sampling.table import sampler

_EPS = 1e-8  # keeps F finite at the maximum; ratios are float64, where it is not lost


@sampler(source="Goodfellow 2014", calibrations=())
def plain(run: Run, n: int) -> Tensor:
    """Every G(z), as it comes: the control."""
    run.info["acceptance_rate"] = 1.0
    return run.generate(run.latents(n))


@sampler(source="DRS, Azadi 2019")
def rejection(
    run: Run, n: int, *, gamma_percentile: float | None = 80, burn_in: int = 4096, max_batches: int = 1000
) -> Tensor:
    r"""Accepts a fake with a probability that grows with its ratio.

    Accept x with probability sigmoid(F(x)).

    .. math:: F = d - M - \log(1 - e^{d - M - \epsilon}) - \gamma

    d is the log ratio, M its running maximum. With gamma 0 this is exact rejection, which accepts 1 of e^M. A
    positive gamma accepts less and leans toward what D likes best; a negative one accepts more and corrects less.
    An isotonic ratio is a staircase: percentiles that fall on its top step all give the same gamma.

    Args:
        run: The run to sample.
        n: Samples to accept.
        gamma_percentile: Gamma is this percentile, in [0, 100], of F among the burn-in candidates (the paper
            takes it batch by batch); None: gamma is 0.
        burn_in: Candidates that only set the first M and gamma, at least 1.
        max_batches: Batches of candidates after which to give up, at least 1.

    Raises:
        RuntimeError: If ``max_batches`` do not hold n accepted samples.
    """
    if gamma_percentile is not None:
        gamma_percentile = check_number("gamma_percentile", gamma_percentile, 0, 100)
    check_integer("max_batches", max_batches, 1)

    def odds(ratio: Tensor) -> Tensor:
        gap = ratio - top
        return gap - torch.log(-torch.expm1(gap - _EPS))

    _, pool = run.propose(check_integer("burn_in", burn_in, 1))
    top, kept, accepted, tried = pool.max(), [], 0, 0
    bar = run.bar("rejection", total=n)
    for _ in range(max_batches):
        x, ratio = run.propose(run.batch_size)
        top = torch.maximum(top, ratio.max())
        gamma = 0.0 if gamma_percentile is None else odds(pool).quantile(gamma_percentile / 100)
        keep = run.uniform(len(x), ratio) < torch.sigmoid(odds(ratio) - gamma)
        kept.append(x[keep])
        accepted, tried = accepted + len(kept[-1]), tried + len(x)
        bar.update(min(accepted, n) - bar.n)
        if accepted >= n:
            bar.close()
            run.info.update(acceptance_rate=accepted / tried, log_bound=float(top))
            return torch.cat(kept)[:n]
    bar.close()
    raise RuntimeError(
        f"rejection accepted {accepted} of {tried} candidates (rate {accepted / tried:.2g}), fewer than n={n}: raise "
        f"max_batches (now {max_batches}), set another gamma_percentile, or use metropolis_hastings"
    )


@sampler(source="MH-GAN, Turner 2019")
def metropolis_hastings(run: Run, n: int, *, steps: int = 200, start: str = "generator") -> Tensor:
    """A chain of fakes that moves to the next one with the ratio's odds.

    Run n independent chains whose proposals are plain samples; return where each one ends.

    A move is accepted with probability min(1, (1/D_old - 1)/(1/D_new - 1)) = min(1, exp(d_new - d_old)).

    Args:
        run: The run to sample.
        n: Number of chains.
        steps: Proposals a chain, at least 1.
        start: ``generator``: chains start from p_G, so that nothing is returned that G did not make.
            ``reference``: from held-out reals, as in the paper; a chain that has not moved by its end would
            return a real, so it begins again from p_G (``info["restarted"]`` counts them).
    """
    check_integer("steps", steps, 1)
    check_choice("start", start, ("generator", "reference"))
    if start == "generator":
        x, moves = _chains(run, *run.propose(n), steps)
        run.info.update(acceptance_rate=float(moves.double().mean()) / steps, restarted=0)
        return x
    if run.reference is None:
        raise ValueError("start='reference' needs reference=, held-out reals (m, *sample); got reference=None")
    x = run.reference[draw(run.source, (n,), run.reference.device, "index", high=len(run.reference))]
    x, moves = _chains(run, x, run.score(x), steps)
    stuck = moves == 0
    run.info.update(acceptance_rate=float(moves.double().mean()) / steps, restarted=int(stuck.sum()))
    if stuck.any():
        x[stuck] = _chains(run, *run.propose(int(stuck.sum())), steps)[0]
    return x


def _chains(run: Run, x: Tensor, ratio: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Return the chains' last samples and how often each one moved, (N,)."""
    moves = torch.zeros_like(ratio, dtype=torch.int64)
    for _ in run.bar("metropolis_hastings", range(steps)):
        x_new, ratio_new = run.propose(len(x))
        accept = run.uniform(len(x), ratio).log() < ratio_new - ratio
        x = torch.where(accept.reshape(-1, *[1] * (x.ndim - 1)), x_new, x)
        ratio, moves = torch.where(accept, ratio_new, ratio), moves + accept
    return x, moves


@sampler(source="SIR, Rubin 1988")
def importance(run: Run, n: int, *, pool_factor: int = 64) -> Tensor:
    """Draws one fake of a pool with probability proportional to its ratio.

    Draw each sample from its own pool, with probability proportional to its density ratio.

    Own pools make the n samples independent; one shared pool would repeat its best candidates.

    Args:
        run: The run to sample.
        n: Number of samples.
        pool_factor: Candidates in a pool, at least 1 (then nothing is selected); the bias falls as 1/pool_factor.
    """
    check_integer("pool_factor", pool_factor, 1)
    rows, kept, shares = max(1, run.batch_size // pool_factor), [], []
    for first in run.bar("importance", range(0, n, rows)):
        count = min(rows, n - first)
        x, ratio = run.propose(count * pool_factor)
        weights = ratio.reshape(count, pool_factor).softmax(-1)
        cdf = weights.cumsum(-1)
        level = run.uniform(count, ratio)[:, None] * cdf[:, -1:]
        pick = torch.searchsorted(cdf, level).squeeze(-1)
        kept.append(x[torch.arange(count, device=pick.device) * pool_factor + pick])
        shares.append(1 / (pool_factor * weights.square().sum(-1)))
    run.info.update(acceptance_rate=1 / pool_factor, effective_share=float(torch.cat(shares).mean()))
    return torch.cat(kept)


@sampler(source="DDLS, Che 2020", calibrations=("logistic",))
def langevin(run: Run, n: int, *, steps: int = 500, step_size: float = 0.01) -> Tensor:
    r"""A noisy walk of z up the gradient of D's log ratio.

    Walk in latent space along the energy that D adds to the prior, then return G(z).

    .. math:: E(z) = \tfrac12 \lVert z \rVert^2 - \log \frac{p_{data}}{p_G}(G(z)),
        \quad z \leftarrow z - \tfrac{\epsilon}{2} \nabla E(z) + \sqrt{\epsilon}\, n

    No step is rejected, so the law reached depends on the step: with linear G and D its variance is 1/(1 - eps/4).
    The walk forgets its start only after about 2/eps steps.

    Args:
        run: The run to sample.
        n: Number of independent walks.
        steps: Steps a walk, at least 1.
        step_size: eps, in (0, 2]; beyond, each step overshoots even in the prior alone.

    Raises:
        RuntimeError: If a walk stops being finite.
    """
    check_integer("steps", steps, 1)
    step_size = check_number("step_size", step_size, 0, 2, open_low=True)
    z = run.latents(n)
    for _ in run.bar("langevin", range(steps)):
        pull = torch.cat([_pull(run, part) for part in z.split(run.batch_size)])
        noise = draw(run.source, tuple(z.shape), z.device).to(z.dtype)
        z = z + step_size / 2 * (pull - z) + math.sqrt(step_size) * noise
    if not z.isfinite().all():
        raise RuntimeError(f"langevin left the finite numbers: take a step_size below {step_size}, or calibrate D")
    run.info["num_calls"] += n * steps
    return run.generate(z)


def _pull(run: Run, z: Tensor) -> Tensor:
    """Return the gradient of the log ratio by z; no parameter's ``grad`` is touched."""
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        return torch.autograd.grad(run.to_log_ratio(run.logits(run.G(z))).sum(), z)[0]

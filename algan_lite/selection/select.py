"""Which noise G trains on: propose -> score -> pick -> weigh.

``propose`` offers candidates, ``score`` gives each a utility (higher is chosen first), ``pick`` takes n of them, and
``weigh`` says how much each counts: equally, by rank (``keep``), or so that the bias of the pick is undone
(``reweight``). The first three come from the strategy's entry in ``STRATEGIES``. ``select_noise`` is the checked door;
``train()`` binds its settings once as a ``Rule`` and calls ``choose`` at every step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from algan_lite.core import rng
from algan_lite.core.checks import ask, check_flag, check_integer, check_tensor, shown
from algan_lite.core.precision import widened
from algan_lite.models.doors import WRAP_G
from algan_lite.models.networks import layers_of
from algan_lite.objective.ending import is_bounded, warn_of_sigmoid
from algan_lite.objective.losses import Loss, resolve_loss
from algan_lite.selection.picks import Pick
from algan_lite.selection.scores import Request
from algan_lite.selection.strategies import STRATEGIES, Strategy, resolve_strategy


class Selection(NamedTuple):
    """What ``select_noise`` returns.

    Attributes:
        z: Latents to train on, (..., n, latent_dim), best first where the strategy ranks.
        indices: Their places in the pool, (..., n), without repeats.
        utilities: Utility of every candidate of the pool, (..., M); 0 where the strategy does not score, -inf for a
            candidate whose logit is not finite.
        weights: Weights of a *sum* over the n, (..., n): 1/n each where nothing is reweighted.
        num_calls: Candidates that each run passed through G and D only to choose.
    """

    z: Tensor
    indices: Tensor
    utilities: Tensor
    weights: Tensor
    num_calls: int


@dataclass(frozen=True, eq=False)
class Rule:
    """A strategy with its settings, checked once, by ``bind``.

    Attributes:
        strategy: Its entry in ``STRATEGIES``.
        n: How many latents are chosen.
        loss: Turns logits into realness.
        options: The strategy's, complete.
        reweight: Whether the bias of the pick is undone by weights.
    """

    strategy: Strategy
    n: int
    loss: Loss
    options: Mapping[str, Any]
    reweight: bool = False

    @property
    def draws(self) -> bool:
        """Whether each choice needs a uniform draw a candidate."""
        return self.strategy.draws or self.options.get("uniform_share", 0) > 0


def select_noise(
    G: Callable[[Tensor], Tensor],
    D: Callable[[Tensor], Tensor],
    z_pool: Tensor,
    n: int,
    strategy: str | Strategy = "top_k",
    *,
    reweight: bool = False,
    keep: int | None = None,
    loss: str | Loss = "non_saturating",
    generator: rng.Stream | None = None,
    seed: int | Sequence[int] | None = None,
    noise: Tensor | None = None,
    **options: object,
) -> Selection:
    """Choose n latents of a pool by what D says about their fakes.

    Parameters, modes and the global random state stay as they are. Networks are scored in evaluation mode; of a
    function, such as ``lambda z: G(z, y)``, those that it names (a module that it keeps in a list is not seen, and
    keeps its mode).

    Args:
        G: Maps latents (..., M, latent_dim) to samples.
        D: Maps samples to logits (..., M), before any sigmoid.
        z_pool: Candidates, (..., M, latent_dim), independent of each other.
        n: How many to choose, in [1, M].
        strategy: A name of ``STRATEGIES``, or a ``Strategy`` of your own.
        reweight: Weights 1 / (M q) with q the probability of having been chosen: the expected weighted *sum* over the
            n equals the mean over the pool (never normalize these weights). Needs a strategy that leaves the choice
            to chance: ``random``, ``random_k``, ``softmax``, or any ranking one with ``uniform_share`` in (0, 1].
            ``importance`` has these weights in any case.
        keep: In [1, n]: weights 1/keep for the best ``keep`` of the n and 0 for the others, so that shapes stay fixed
            (``TrainConfig.keep_decay`` is the paper's schedule). None: 1/n each.
        loss: Name or entry of ``LOSSES``; it turns logits into realness.
        generator: Stream for strategies that draw; one generator a run gives each run what it would get alone.
        seed: Shorthand for a stream.
        noise: Instead of either: uniform draws in [0, 1), (..., M); so that an exported graph has them as an input.
        options: Of the strategy: ``temperature``, ``sign`` (softmax); ``floor`` (importance: a share
            of the pool's mean bound that is added to each); ``space`` (core_set); ``alpha``, ``beta``,
            ``clip``, ``steps``, ``through`` (latent_ascent); ``uniform_share`` (ranking strategies): that share of
            the n is drawn uniformly among those that were not picked by rank.

    Raises:
        TypeError: If ``z_pool`` is not a floating tensor, or a number is none.
        ValueError: If an argument is out of range, unknown, or impossible for the strategy, or fewer than n candidates
            have finite logits (in every run, for an ensemble).

    Example:
        >>> import torch
        >>> G, D = torch.nn.Identity(), lambda x: x.sum(-1)
        >>> z_pool = torch.tensor([[1.0], [3.0], [2.0]])
        >>> select_noise(G, D, z_pool, 2, "top_k").indices
        tensor([1, 2])
    """
    if not isinstance(z_pool, Tensor) or not z_pool.is_floating_point():
        raise TypeError(f"z_pool must be a floating tensor (..., M, latent_dim); got {type(z_pool).__name__}")
    if z_pool.ndim < 2 or min(z_pool.shape) < 1:
        raise ValueError(f"z_pool must have shape (..., M, latent_dim) with M >= 1; got {tuple(z_pool.shape)}")
    if z_pool.ndim > 3 and z_pool.shape[-2:] == (1, 1):
        raise ValueError(
            f"z_pool must have shape (..., M, latent_dim), latents last; got {tuple(z_pool.shape)}. For a G that takes "
            "(N, nz, 1, 1): G = al.models.Generator(nn.Sequential(nn.Unflatten(-1, (nz, 1, 1)), net), nz, sample_shape)"
        )
    for name, call in (("G", G), ("D", D)):
        if not callable(call):
            raise TypeError(f"{name} must be a network or another function of a tensor; got {shown(call)}")
    rule = bind(strategy, check_integer("n", n, 1, z_pool.shape[-2]), options, loss, reweight, keep)
    chance = _chance(z_pool, rule.draws, generator, seed, noise)
    layers = layers_of(G, D)
    asked = _Asked("G", G, "latents (..., N, latent_dim)", WRAP_G), _Asked("D", D, "samples (..., N, *sample)")
    chosen = choose(*asked, z_pool, rule, layers, keep, chance)
    if asked[1].bounded:
        warn_of_sigmoid()
    found = (chosen.utilities > -torch.inf).sum(-1)  # the same for every candidate where the strategy does not score
    if found.device.type != "meta" and int(found.max()) < n:
        raise ValueError(f"z_pool must hold {n} candidates or more whose logits are finite; got {int(found.max())}")
    return chosen


class _Asked:
    """A network at the door: it says in terms of its contract how it fails, and sees a sigmoid at its end.

    Gradients are recorded for that, and dropped at once where nobody asked for them.
    """

    def __init__(self, name: str, net: Callable[[Tensor], Tensor], takes: str, hint: str = "") -> None:
        self.name, self.net, self.takes, self.hint, self.bounded = name, net, takes, hint, False

    def __getattr__(self, name: str) -> object:
        return getattr(self.net, name)

    def __call__(self, x: Tensor) -> Tensor:
        if self.name == "G":
            return ask(self.name, self.net, x, self.takes, self.hint)
        wanted = torch.is_grad_enabled()
        with torch.enable_grad():
            logits = ask(self.name, self.net, x if wanted else x.detach().requires_grad_(), self.takes, self.hint)
        self.bounded = is_bounded(logits)
        return logits if wanted else logits.detach()


def bind(
    strategy: str | Strategy,
    n: int,
    options: Mapping[str, object],
    loss: str | Loss = "non_saturating",
    reweight: bool = False,
    keep: int | None = None,
) -> Rule:
    """Check what a strategy can do, and return it with its settings.

    Raises:
        ValueError: If the strategy does not know an option, ``reweight`` needs a chance that it does not leave, or
            ``keep`` a ranking that it does not give.
    """
    entry = resolve_strategy(strategy)
    strategy, reweight = entry.name, check_flag("reweight", reweight) or entry.reweights
    if unknown := set(options) - set(entry.options):
        known = ", ".join(entry.options) or "no options"
        raise ValueError(f"strategy {strategy!r} takes {known}; got {', '.join(sorted(unknown))} (strategy_options)")
    settings = {name: option.check(name, options.get(name, option.default)) for name, option in entry.options.items()}
    share = settings.get("uniform_share", 0)
    if reweight and not (entry.has_probability or share > 0):
        possible = ", ".join(name for name, other in STRATEGIES.items() if other.has_probability)
        way_out = ", or uniform_share in (0, 1]" if "uniform_share" in entry.options else ""
        raise ValueError(f"reweight=True needs a choice left to chance ({possible}{way_out}); got {strategy!r}")
    if keep is not None:
        check_integer("keep", keep, 1, n)
        if reweight or share > 0 or not entry.ranks:
            possible = ", ".join(name for name, other in STRATEGIES.items() if other.ranks)
            raise ValueError(
                f"keep must be None unless the strategy ranks ({possible}), with reweight=False and uniform_share=0; "
                f"got keep={keep} with {strategy!r}, reweight={reweight}, uniform_share={share} "
                "(in a config keep follows from keep_decay)"
            )
    return Rule(entry, n, resolve_loss(loss), settings, reweight)


def choose(
    G: Callable[[Tensor], Tensor],
    D: Callable[[Tensor], Tensor],
    z_pool: Tensor,
    rule: Rule,
    layers: Sequence[nn.Module],
    keep: int | None = None,
    chance: Tensor | None = None,
    *,
    weigh: bool = True,
) -> Selection:
    """Choose as ``select_noise`` does, from what has been checked.

    ``layers`` are those of G and D; ``weigh=False`` leaves the weights out, for a loop that reads none.
    """
    request = Request(G, D, layers, z_pool, rule.n, rule.loss, rule.options, chance)
    candidates, utilities, pick = rank(request, rule)
    return Selection(
        z=candidates.gather(-2, pick.indices.unsqueeze(-1).expand(*pick.indices.shape, candidates.shape[-1])),
        indices=pick.indices,
        utilities=utilities,
        weights=weigh_picked(request, pick, utilities, rule.reweight, keep) if weigh else None,
        num_calls=rule.strategy.num_calls(request),
    )


def rank(request: Request, rule: Rule) -> tuple[Tensor, Tensor, Pick]:
    """Return the candidates, (..., M, latent_dim), what they are worth, (..., M), and which n are taken."""
    entry = rule.strategy
    candidates = entry.propose(request)
    # Whatever the rule, a candidate whose logit is NaN or infinite comes last.
    scores = widened(entry.fn(request, candidates))
    utilities = torch.nan_to_num(scores, nan=-torch.inf, posinf=-torch.inf, neginf=-torch.inf)
    return candidates, utilities, entry.pick(request, utilities)


def weigh_picked(request: Request, pick: Pick, utilities: Tensor, reweight: bool, keep: int | None) -> Tensor:
    """Return the weights of a sum over what was taken, (..., n)."""
    if reweight:  # Horvitz-Thompson: E[sum over the picked] = mean over the pool, of those with finite logits
        known = (utilities > -torch.inf).to(pick.inclusion.dtype).sum(-1, keepdim=True)
        return 1 / (known * pick.inclusion)
    if keep is None:
        return torch.full_like(pick.indices, 1 / request.n, dtype=request.z_pool.dtype)
    ranks = torch.arange(request.n, device=pick.indices.device)
    return ((ranks < keep).to(request.z_pool.dtype) / keep).expand(pick.indices.shape).contiguous()


def _chance(
    z_pool: Tensor, needed: bool, generator: rng.Stream | None, seed: int | Sequence[int] | None, noise: Tensor | None
) -> Tensor | None:
    """Uniform draws (..., M), or None where the strategy draws nothing (its stream then stays untouched)."""
    if (generator is not None) + (seed is not None) + (noise is not None) > 1:
        raise ValueError(
            f"give at most one of generator=, seed= and noise=; got {shown(generator)}, seed={shown(seed)}"
        )
    if not needed:
        return None
    shape = tuple(z_pool.shape[:-1])
    if noise is None:
        source = rng.resolve(generator, seed, "selection")
        runs = None if isinstance(source, torch.Generator) else len(source)
        if runs is not None and (z_pool.ndim != 3 or runs != shape[0]):
            raise ValueError(
                f"one generator a run needs z_pool of shape ({runs}, M, latent_dim); got {tuple(z_pool.shape)}"
            )
        noise = rng.draw(source, shape if runs is None else shape[1:], z_pool.device, "uniform")
    if tuple(check_tensor("noise", noise, "(..., M)").shape) != shape:
        raise ValueError(f"noise must have shape {shape}, one draw a candidate; got {tuple(noise.shape)}")
    return noise

"""The table of rules that keep G and D in balance: what each reads of D, and which dial it turns.

``TrainConfig(balance="gap_aware")`` takes a rule as it stands here, ``balance=BALANCES["gap_aware"](lowest=0.2)`` one
with settings of your own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import softplus

from algan_lite.core.checks import Entry, Table, check_integer, check_number, shown
from algan_lite.core.keys import content_key
from algan_lite.objective.batch import Batch, player_loss
from algan_lite.objective.losses import Loss
from algan_lite.training.dials import Balance, Dials, Memory
from algan_lite.training.equilibrium import pair_accuracy


@dataclass(frozen=True, kw_only=True)
class Kind(Entry):
    """One kind of rule; called with settings it gives a rule.

    Attributes:
        make: The class of the rule.
    """

    make: type[Balance]

    @property
    def turns(self) -> Collection[str]:
        """The dials that it turns, names in ``Dials``."""
        return self.make.turns

    def __call__(self, **settings: float) -> Balance:
        """Return a rule with these settings; errors as the class has them."""
        return self.make(**settings)


BALANCES: Table[Kind] = Table("balance", Kind)


def balance(name: str, *, source: str) -> Callable[[type[Balance]], type[Balance]]:
    """Return a decorator that enters a class of rules under a name, with its docstring's first line as ``doc``."""

    def decorator(kind: type[Balance]) -> type[Balance]:
        BALANCES.add(Kind(name, kind.__doc__.strip().splitlines()[0], source, make=kind))
        return kind

    return decorator


def resolve_balance(rule: str | Balance | None) -> Balance | None:
    """Return a rule given by name, as itself, or not at all.

    Raises:
        TypeError: If it is something else.
        ValueError: If the name is unknown.
    """
    if isinstance(rule, str):
        return BALANCES[rule]()
    if rule is not None and not isinstance(rule, Balance):
        raise TypeError(f"balance must be a name in BALANCES, a Balance, or None; got {shown(rule)}")
    return rule


def plain_balance(rule: Balance | None) -> object:
    """Return a rule as plain JSON values: its name and settings, or its class and a key if it is one of your own."""
    for name, kind in BALANCES.items():
        if kind.make is type(rule):
            return [name, asdict(rule)]
    return None if rule is None else [type(rule).__qualname__, content_key(rule, strict=False)]


@balance("two_time_scales", source="Heusel 2017")
@dataclass(frozen=True)
class TwoTimeScales(Balance):
    """Two learning rates, one for each player, and no feedback: two time scales.

    Args:
        factor_D: Of D's learning rate, in (0, inf).
        factor_G: Of G's, likewise.
    """

    factor_D: float = 4.0
    factor_G: float = 1.0
    turns: ClassVar[Collection[str]] = ("lr_D", "lr_G")

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("factor_D", "factor_G"):
            check_number(name, getattr(self, name), 0, open_low=True)

    def start(self) -> Mapping[str, float]:
        """Return the factors: nothing that is read changes them."""
        return {"D": self.factor_D, "G": self.factor_G}

    def dials(self, memory: Memory) -> Dials:
        """Return both factors."""
        return Dials(lr_D=memory["D"], lr_G=memory["G"])


@balance("gap_aware", source="Hazimeh & Ponomareva 2023")
@dataclass(frozen=True)
class GapAware(Balance):
    r"""D learns slower when its loss is below the ideal one, faster when it is above.

    The ideal loss L* is that of a D that cannot tell reals from fakes, log 4 for the logistic losses. With the gap
    :math:`x = |L - L^*|` of the averaged loss L, D's learning rate has the factor

    .. math:: \min(f^{x/w}, f) \text{ if } L > L^*, \quad \max(h^{x/w}, h) \text{ otherwise.}

    Args:
        highest: f, the largest factor, in [1, inf).
        lowest: h, the smallest, in (0, 1].
        width: w as a share of L*, the gap at which a factor is reached, in (0, inf).
        decay: Share of the old average of the loss that is kept, in [0, 1); it begins at L*.
    """

    highest: float = 2.0
    lowest: float = 0.1
    width: float = 0.1
    decay: float = 0.95
    turns: ClassVar[Collection[str]] = ("lr_D",)

    def __post_init__(self) -> None:
        """Check the settings."""
        check_number("highest", self.highest, 1)
        check_number("lowest", self.lowest, 0, 1, open_low=True)
        check_number("width", self.width, 0, open_low=True)
        _check_share("decay", self.decay)

    def check(self, loss: Loss, regularizers: Collection[str]) -> None:
        """Refuse a loss whose ideal value is no measure of a gap, such as Wasserstein's 0."""
        super().check(loss, regularizers)
        if not ideal_loss(loss) > 0:
            raise ValueError(f"balance GapAware needs a loss of D that is above 0 at its ideal; got {loss.name!r}")

    def start(self) -> Mapping[str, float]:
        """Return the gap of the averaged loss, (L - L*) / L*."""
        return {"gap": 0.0}

    def read(self, memory: Memory, batch: Batch) -> Memory:
        """Average D's loss."""
        gap = player_loss("D", batch) / ideal_loss(batch.loss) - 1
        return {"gap": self.decay * memory["gap"] + (1 - self.decay) * gap}

    def dials(self, memory: Memory) -> Dials:
        """Return the factor of the gap."""
        gap = memory["gap"]
        x = (gap.abs() / self.width).clamp(max=1)
        return Dials(lr_D=torch.where(gap > 0, self.highest**x, self.lowest**x))


@balance("skip_by_accuracy", source="Wu 2016 (3D-GAN)")
@dataclass(frozen=True)
class SkipByAccuracy(Balance):
    """D skips its step when it tells too many reals from fakes.

    The accuracy is the share of pairs in which the real looks more real than the fake, on the batch at hand: it needs
    no threshold (the paper counts D's verdicts on the batch before).

    Args:
        above: The accuracy above which D skips, in [0, 1].
    """

    above: float = 0.8
    turns: ClassVar[Collection[str]] = ("step_D",)

    def __post_init__(self) -> None:
        """Check the settings."""
        check_number("above", self.above, 0, 1)

    def start(self) -> Mapping[str, float]:
        """Return the accuracy of a D that cannot tell."""
        return {"accuracy": 0.5}

    def read(self, memory: Memory, batch: Batch) -> Memory:
        """Look at the accuracy."""
        return {"accuracy": _accuracy(batch)}

    def dials(self, memory: Memory) -> Dials:
        """Return whether D is weak enough to step."""
        return Dials(step_D=memory["accuracy"] <= self.above)


@balance("skip_by_loss_change", source="Ouyang, Chen & Agam 2021")
@dataclass(frozen=True)
class SkipByLossChange(Balance):
    """D steps only while its loss changes faster, in proportion, than G's.

    With r the change of a player's loss since the look before, as a share of what it was then, D steps where
    r_D > ratio * r_G. In the paper G steps where D does not; here G has its turn at the end of every step anyway.

    Args:
        ratio: The paper's lambda, in (0, inf): the larger, the fewer steps of D.
    """

    ratio: float = 1.0
    turns: ClassVar[Collection[str]] = ("step_D",)

    def __post_init__(self) -> None:
        """Check the settings."""
        check_number("ratio", self.ratio, 0, open_low=True)

    def start(self) -> Mapping[str, float]:
        """Return losses that nobody has seen, and the changes that let D begin."""
        return {"loss_D": math.nan, "loss_G": math.nan, "change_D": math.inf, "change_G": 0.0}

    def read(self, memory: Memory, batch: Batch) -> Memory:
        """Compare both losses with those of the look before."""
        now = {f"loss_{player}": player_loss(player, batch) for player in "DG"}
        changes = {player: (now[f"loss_{player}"] / memory[f"loss_{player}"] - 1).abs() for player in "DG"}
        first = memory["loss_D"].isnan()
        begin = {"D": math.inf, "G": 0.0}
        return now | {f"change_{player}": torch.where(first, begin[player], changes[player]) for player in "DG"}

    def dials(self, memory: Memory) -> Dials:
        """Return whether D's change is the larger one."""
        return Dials(step_D=memory["change_D"] > self.ratio * memory["change_G"])


@balance("began", source="Berthelot 2017")
@dataclass(frozen=True)
class Began(Balance):
    r"""The fakes' weight k in D's loss follows the ratio of both energies.

    An energy is how fake a sample looks to D, softplus(-realness), never negative. k moves until the fakes' energy is
    gamma times the reals':

    .. math:: k \leftarrow k + \eta\, (\gamma\, E(x) - E(G(z))), \quad k \in [0, 1]

    The paper's D is an autoencoder, which reconstructs fakes better than reals, so that its gamma lies below 1. A D
    that classifies gives reals the smaller energy: here gamma is the lead that D may have.

    Args:
        gamma: The ratio that is aimed at, in (0, inf).
        rate: eta, in (0, inf).
    """

    gamma: float = 2.0
    rate: float = 0.001
    turns: ClassVar[Collection[str]] = ("fakes",)

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("gamma", "rate"):
            check_number(name, getattr(self, name), 0, open_low=True)

    def start(self) -> Mapping[str, float]:
        """Return k, 0 as in the paper."""
        return {"k": 0.0}

    def read(self, memory: Memory, batch: Batch) -> Memory:
        """Move k."""
        real, fake = (softplus(-batch.loss.realness(x)).mean(-1) for x in (batch.logits_real, batch.logits_fake))
        return {"k": (memory["k"] + self.rate * (self.gamma * real - fake)).clamp(0, 1)}

    def dials(self, memory: Memory) -> Dials:
        """Return k."""
        return Dials(fakes=memory["k"])


@balance("pi_lambda", source="this book; the article's dynamic weights, section 5.2")
@dataclass(frozen=True)
class PILambda(Balance):
    r"""Lambda follows D's accuracy, by proportional-integral control.

    With the error e = accuracy - target of the batch at hand, every lambda of the settings has the factor

    .. math:: \exp(k_P\, e + k_I \textstyle\sum e)

    so that a D ahead is held back more and more, over decades of lambda, until it is at the target.

    Args:
        target: Share of pairs in which the real looks more real than the fake, in (0, 1).
        proportional: k_P, in [0, inf).
        integral: k_I, in [0, inf).
        bound: Largest factor, and its inverse the smallest, in (1, inf): the sum stops there, too.
    """

    target: float = 0.75
    proportional: float = 2.0
    integral: float = 0.02
    bound: float = 1000.0
    turns: ClassVar[Collection[str]] = ("lam",)

    def __post_init__(self) -> None:
        """Check the settings."""
        check_number("target", self.target, 0, 1)
        for name in ("proportional", "integral"):
            check_number(name, getattr(self, name), 0)
        check_number("bound", self.bound, 1, open_low=True)

    def start(self) -> Mapping[str, float]:
        """Return no error, now or before."""
        return {"error": 0.0, "sum": 0.0}

    def read(self, memory: Memory, batch: Batch) -> Memory:
        """Add the error up."""
        error, most = _accuracy(batch) - self.target, math.log(self.bound)
        return {"error": error, "sum": (memory["sum"] + self.integral * error).clamp(-most, most)}

    def dials(self, memory: Memory) -> Dials:
        """Return the factor of lambda."""
        most = math.log(self.bound)
        return Dials(lam=(self.proportional * memory["error"] + memory["sum"]).clamp(-most, most).exp())


@balance("ada", source="Karras 2020 (ADA), section 3")
@dataclass(frozen=True)
class Ada(Balance):
    r"""The chance p of the augmentations follows how many training reals D takes for real.

    Overfitting is measured by r = E[sign(D(x))] over the reals of the last ``every`` steps of D, as D saw them: 0 for a
    D that cannot tell, 1 for one that knows every real by heart. Then p moves by a fixed length, up where r is above
    the target and down where it is below:

    .. math:: p \leftarrow p + \mathrm{sign}(r - \text{target}) \cdot \text{every} \cdot N / \text{images},
        \quad p \in [0, 1]

    It begins at 0, whatever ``augment_p`` is.

    Args:
        target: Of r, in (-1, 1].
        images: Reals in which p can go from 0 to 1, >= 1. The paper's 500,000 suit a training of millions.
        every: Steps of D between two moves, >= 1.
    """

    target: float = 0.6
    images: int = 500_000
    every: int = 4
    turns: ClassVar[Collection[str]] = ("augment",)

    def __post_init__(self) -> None:
        """Check the settings."""
        check_number("target", self.target, -1, 1, open_low=True)
        for name in ("images", "every"):
            check_integer(name, getattr(self, name), 1)

    def check(self, loss: Loss, regularizers: Collection[str]) -> None:
        """Refuse a loss whose D says of no sample that it is real."""
        super().check(loss, regularizers)
        if loss.boundary is None:
            raise ValueError(f"balance Ada needs a loss with a boundary between real and fake; got {loss.name!r}")

    def start(self) -> Mapping[str, float]:
        """Return p, and of the steps since its last move the sum of r and their number."""
        return {"p": 0.0, "sum": 0.0, "steps": 0.0}

    def read(self, memory: Memory, batch: Batch) -> Memory:
        """Count D's verdicts on the reals, and move p where that is due."""
        verdict = (batch.loss.realness(batch.logits_real) - batch.loss.boundary).sign().mean(-1)
        total, steps = memory["sum"] + verdict, memory["steps"] + 1
        length = self.every * batch.logits_real.shape[-1] / self.images
        moved = (memory["p"] + (total / self.every - self.target).sign() * length).clamp(0, 1)
        due = steps >= self.every
        keep = {"p": memory["p"], "sum": total, "steps": steps}
        then = {"p": moved, "sum": torch.zeros_like(total), "steps": torch.zeros_like(steps)}
        return {name: torch.where(due, then[name], keep[name]) for name in keep}

    def dials(self, memory: Memory) -> Dials:
        """Return p."""
        return Dials(augment=memory["p"])


@cache
def ideal_loss(loss: Loss) -> float:
    """Return D's loss when it cannot tell reals from fakes: log 4 for the logistic losses, 2 for hinge."""
    logit = torch.tensor([(loss.boundary or 0.0) * loss.sign], device="cpu")
    return loss.D(logit, logit).item()


def _accuracy(batch: Batch) -> Tensor:
    return pair_accuracy(batch.logits_real, batch.logits_fake, batch.loss)


def _check_share(name: str, value: float) -> None:
    if check_number(name, value, 0, 1) == 1:
        raise ValueError(f"{name} must be in [0, 1); got {value!r}")

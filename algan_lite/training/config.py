"""Every setting of a training run, in one frozen record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from algan_lite.core.checks import Entry, Table, check_choice, check_integer, check_list, check_number, shown
from algan_lite.core.keys import content_key
from algan_lite.objective.losses import LOSSES, Loss, resolve_loss
from algan_lite.objective.regularizers import REGULARIZERS
from algan_lite.selection.select import Rule, bind
from algan_lite.selection.strategies import STRATEGIES, Strategy, resolve_strategy
from algan_lite.training.augment import AUGMENTATIONS, Augmentation, check_amount, resolve_augment
from algan_lite.training.balance import plain_balance, resolve_balance
from algan_lite.training.dials import Balance
from algan_lite.training.equilibrium import Equilibrium

LambdaSetting = float | Tensor | Callable[[int], float | Tensor]


@dataclass(frozen=True)
class TrainConfig:
    """Settings of ``train()``. Every field is checked when the config is made."""

    num_steps: int = 3000  # steps of G, >= 1
    batch_size: int = 256  # N: reals and fakes a step, >= 1
    loss: str | Loss = "non_saturating"  # name in LOSSES, or a Loss of your own
    regularizers: Mapping[str, LambdaSetting] = field(default_factory=dict)  # name -> lambda: number, (R,), or f(step)
    strategy: str | Strategy = "random"  # name in STRATEGIES, or a Strategy of your own: which noise G trains on
    strategy_options: Mapping[str, object] = field(default_factory=dict)  # for example {"temperature": 0.5}
    pool_factor: int = 1  # M / N: candidates for each latent that is used, >= 1; at 1 a choice by D's logits is free
    reweight: bool = False  # undo the bias of the pick by importance weights
    keep_decay: float | None = None  # share of the batch still kept after each epoch, in (0, 1]; None: all of it
    keep_floor: float = 0.5  # smallest share that is kept, in (0, 1]
    steps_per_epoch: int = 100  # steps that count as an epoch for keep_decay, >= 1
    d_fakes: str = "all"  # fakes that D sees: "all" (plain draws) or "selected" (those that G trains on)
    augment: Sequence[str | Augmentation] | Mapping[str, float] = ()  # what D sees all samples through: AUGMENTATIONS
    augment_p: float | Tensor = 1.0  # chance that each of them changes a sample, in [0, 1]: a number or (R,)
    d_steps: int = 1  # steps of D for each step of G, >= 1
    lr: float = 1e-3  # Adam's learning rate of G, and of D unless lr_D is given, > 0
    lr_D: float | None = None  # Adam's learning rate of D, > 0
    betas: tuple[float, float] = (0.5, 0.999)  # Adam's decay rates, each in [0, 1)
    balance: str | Balance | None = None  # what keeps D level with G: name in BALANCES, a Balance, or None
    ema_decay: float = 0.999  # share of the old average of G's weights kept each step, in [0, 1]
    equilibrium: Equilibrium | None = None  # when to stop early; None: never
    log_every: int = 10  # steps between two rows of the history, >= 1

    def __post_init__(self) -> None:
        """Copy what the caller could change later, and check every field; the message names field, range and value."""
        for name, given in vars(self).items():
            if isinstance(given, Tensor | np.ndarray):
                object.__setattr__(self, name, _number(given))
        if isinstance(self.betas, list):
            object.__setattr__(self, "betas", tuple(self.betas))
        for name in ("regularizers", "strategy_options"):
            given = getattr(self, name)
            if not isinstance(given, Mapping):
                raise TypeError(f"{name} must be a mapping name -> value; got {given!r}")
            object.__setattr__(self, name, {key: _copy(value) for key, value in given.items()})
        resolve_loss(self.loss)
        check_choice("d_fakes", self.d_fakes, ("all", "selected"))
        for name in ("num_steps", "batch_size", "pool_factor", "steps_per_epoch", "d_steps", "log_every"):
            check_integer(name, getattr(self, name), 1)
        check_number("lr", self.lr, 0, open_low=True)
        if self.lr_D is not None:
            check_number("lr_D", self.lr_D, 0, open_low=True)
        betas = check_list("betas", self.betas, "two numbers in [0, 1), such as (0.5, 0.999)")
        for name, value in (*zip(("betas[0]", "betas[1]"), betas, strict=False), ("ema_decay", self.ema_decay)):
            check_number(name, value, 0, 1)
        if len(betas) != 2 or max(betas) >= 1:
            raise ValueError(f"betas must be two numbers in [0, 1); got {self.betas!r}")
        check_number("keep_floor", self.keep_floor, 0, 1, open_low=True)
        self._check_strategy()
        self._check_augment()
        if self.equilibrium is not None and not isinstance(self.equilibrium, Equilibrium):
            raise TypeError(f"equilibrium must be an Equilibrium or None; got {self.equilibrium!r}")
        for name, lam in self.regularizers.items():
            check_choice("regularizers", name, REGULARIZERS)
            if not callable(lam):
                _check_lambda(name, lam)
        self._check_balance()

    def _check_strategy(self) -> None:
        """Refuse now what the first step would refuse."""
        if not isinstance(self.reweight, bool):
            raise TypeError(f"reweight must be True or False; got {self.reweight!r}")
        if self.keep_decay is not None:
            check_number("keep_decay", self.keep_decay, 0, 1, open_low=True)
        self.rule()

    def _check_augment(self) -> None:
        """Look the augmentations up, once: those given by name become entries with a strength."""
        object.__setattr__(self, "augment", resolve_augment(self.augment))
        object.__setattr__(self, "augment_p", _copy(self.augment_p))
        check_amount("augment_p", self.augment_p, 1, getattr(self.augment_p, "shape", ())[:1])

    def _check_balance(self) -> None:
        """Look the rule of balance up, and refuse one that would turn a dial of nothing."""
        object.__setattr__(self, "balance", resolve_balance(self.balance))
        if self.balance is not None:
            self.balance.check(resolve_loss(self.loss), self.regularizers)
            if "augment" in self.balance.turns and not self.augment:
                rule = type(self.balance).__name__
                raise ValueError(f"balance {rule} turns augment_p: augment must hold one or more; got none")

    def rule(self) -> Rule:
        """Return how noise is chosen, checked."""
        settings = self.strategy_options, self.loss, self.reweight, self.keep(0)
        return bind(self.strategy, self.batch_size, *settings)

    def lams(self, step: int, device: torch.device | str, runs: int | None = None) -> dict[str, float | Tensor]:
        """Return lambda for each regularizer at ``step``: schedules called, tensors on ``device``.

        Raises:
            TypeError: If a schedule gives neither a number nor a tensor.
            ValueError: If it gives a negative one, or a tensor does not hold one value for each of the ``runs`` (None:
                one GAN, one value).
        """
        schedules = {name: lam(step) for name, lam in self.regularizers.items() if callable(lam)}
        for name, lam in schedules.items():
            _check_lambda(name, lam, overflows=True)
        values = {**self.regularizers, **schedules}
        for name, lam in values.items():
            if isinstance(lam, Tensor) and tuple(lam.shape) not in ((), (runs,)):
                wanted = "()" if runs is None else f"() or ({runs},)"
                raise ValueError(f"regularizers[{name!r}] must have shape {wanted}; got {tuple(lam.shape)}")
        return {name: v.to(device) if isinstance(v, Tensor) else v for name, v in values.items()}

    def chance(self, device: torch.device | str, runs: int | None = None) -> float | Tensor:
        """Return the chance of each augmentation; a tensor is brought to ``device``.

        Raises:
            ValueError: If a tensor does not hold one value for each of the ``runs`` (None: one GAN, one value).
        """
        check_amount("augment_p", self.augment_p, 1, () if runs is None else (runs,))
        return self.augment_p.to(device) if isinstance(self.augment_p, Tensor) else self.augment_p

    def keep(self, step: int) -> int | None:
        """Return how many of the N latents count at ``step``, or None for all: N * decay^epoch, not below the floor.

        Reference:
            Sinha et al. 2020 (top-k): decay 0.99, floor one half.
        """
        if self.keep_decay is None:
            return None
        share = max(self.keep_decay ** (step // self.steps_per_epoch), self.keep_floor)
        return max(1, round(self.batch_size * share))

    @property
    def chooses_plain(self) -> bool:
        """Whether the chosen latents are, as a set, the plain draw: then D needs no fakes of its own."""
        entry = resolve_strategy(self.strategy)
        return entry.plain or (self.pool_factor == 1 and not entry.moves)

    def needs(self, player: str) -> frozenset[str]:
        """Return which fields of the batch the player's regularizers need."""
        return _needs(tuple(self.regularizers), player)

    def functions(self) -> list[object]:
        """Return what the settings compute with: loss, regularizers, strategy, rule, augmentations, and schedules."""
        schedules = {name: lam for name, lam in self.regularizers.items() if callable(lam)}
        entries = {name: REGULARIZERS[name] for name in self.regularizers}
        named = [resolve_loss(self.loss), entries, schedules, resolve_strategy(self.strategy)]
        return [*named, *(given for given in (self.balance, self.augment) if given)]

    def describe(self) -> dict[str, object]:
        """Return the settings as plain JSON values (a schedule or a loss of your own by its name)."""
        plain = {f.name: _plain_number(getattr(self, f.name)) for f in fields(self)}
        plain["loss"] = _plain_entry(LOSSES, resolve_loss(self.loss))
        plain["strategy"] = _plain_entry(STRATEGIES, resolve_strategy(self.strategy))
        plain["regularizers"] = {name: _plain_lambda(lam) for name, lam in self.regularizers.items()}
        plain["strategy_options"] = {name: _plain_number(value) for name, value in self.strategy_options.items()}
        plain["balance"] = plain_balance(self.balance)
        plain["betas"] = [float(beta) for beta in self.betas]
        plain["augment"] = [_plain_augmentation(entry) for entry in self.augment]
        plain["augment_p"] = _plain_amount(self.augment_p)
        plain["equilibrium"] = None if self.equilibrium is None else asdict(self.equilibrium)
        return plain


def _copy(value: object) -> object:
    """Return a value that nobody else can change in place."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    return _number(value.copy()) if isinstance(value, np.ndarray) else value


def _number(value: Tensor | np.ndarray) -> object:
    """Return a tensor or an array without axes as the number that it is."""
    return value.item() if value.ndim == 0 else value


@cache
def _needs(names: tuple[str, ...], player: str) -> frozenset[str]:
    concerned = [REGULARIZERS[name] for name in names if REGULARIZERS[name].concerns(player)]
    return frozenset().union(*(entry.needs for entry in concerned))


def _check_lambda(name: str, lam: float | Tensor, *, overflows: bool = False) -> None:
    """Refuse what is no lambda; a schedule's tensor may overflow in one run, which then has diverged."""
    if not isinstance(lam, Tensor):
        check_number(f"regularizers[{name!r}]", lam, 0)
    elif lam.is_complex() or lam.ndim > 1 or bool((lam < 0).any() | ~(lam.isfinite().all() | overflows)):
        raise ValueError(f"regularizers[{name!r}] must be a number or a tensor (R,) in [0, inf); got {shown(lam)}")


def _plain_number(value: object) -> object:
    """Return a NumPy number as Python's, for JSON."""
    return value.item() if isinstance(value, np.generic) else value


def _plain_entry(table: Table[Any], entry: Entry) -> object:
    """Return an entry's name; of one that is not in its table also a key of it, since names may be alike."""
    return entry.name if table.get(entry.name) is entry else [entry.name, content_key(entry, strict=False)]


def _plain_lambda(lam: LambdaSetting) -> object:
    if callable(lam):
        return f"schedule {getattr(lam, '__name__', type(lam).__name__)} {content_key(lam, strict=False)}"
    return _plain_amount(lam)


def _plain_amount(value: float | Tensor) -> object:
    return value.tolist() if isinstance(value, Tensor) else float(value)


def _plain_augmentation(entry: Augmentation) -> list[object]:
    """Return name and strength; of one that the table does not have also a key of what it does."""
    known = entry.name in AUGMENTATIONS and AUGMENTATIONS[entry.name].fn is entry.fn
    return [entry.name, entry.strength, *([] if known else [content_key(entry, strict=False)])]

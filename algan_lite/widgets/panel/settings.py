"""What the controls can say, of the panel and of live training in the page, and what they say at first."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from algan_lite.core.checks import check_choice, check_integer, check_number
from algan_lite.data import SOURCES
from algan_lite.data.sources import Source
from algan_lite.models.pairs import mlp_pair
from algan_lite.selection import STRATEGIES
from algan_lite.studies.explorer import DATA, RULES
from algan_lite.training.config import LambdaSetting, TrainConfig

PLANE = ("ring", "grid", "two_moons", "swiss_roll", "imbalanced_ring")  # the sources that a picture can show
LAMS = (0.0, *(float(f"{10 ** (k / 8):.2g}") for k in range(-24, 9)))  # 0 and 0.001 to 10, eight a decade
BETAS = RULES.betas  # of Adam, as behind the explorer
RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
HEADS = {"disagreement": 2}  # heads of D that a strategy asks for, where it is not 1
POOL = 2  # candidates for each latent that is used, where a strategy has a choice
MAX_SEED = 2**31 - 1
LIMIT = 3.0  # half the width of the picture, in data units
SEEN = 300  # reals, and fakes, in the picture


def source_of(name: str) -> Source:
    """Return the data of this name, with the explorer's parameters where it shows them, too."""
    return DATA.get(name, SOURCES[name])()


@dataclass(frozen=True)
class Settings:
    """What the controls say; ``regularizer=None`` leaves R away. Every field is checked when it is made."""

    data: str = "ring"
    loss: str = "non_saturating"
    regularizer: str | None = "r1"
    lam: float = 0.1
    strategy: str = "random"
    seed: int = 0
    lr: float = 1e-3
    width: int = 32
    depth: int = 2
    batch_size: int = 128

    def __post_init__(self) -> None:
        """Check every field; ``TrainConfig`` and ``mlp_pair`` check those that are theirs."""
        check_choice("data", self.data, PLANE)
        check_number("lam", self.lam, 0)
        check_integer("seed", self.seed, 0, MAX_SEED)
        self.config()

    def config(self, lam: LambdaSetting | None = None, num_steps: int = 10**9) -> TrainConfig:
        """Return the settings of ``train()``, with a schedule in place of lambda if one is given."""
        entry = STRATEGIES[self.strategy]
        return TrainConfig(
            num_steps=num_steps,
            batch_size=self.batch_size,
            loss=self.loss,
            regularizers={} if self.regularizer is None else {self.regularizer: self.lam if lam is None else lam},
            strategy=self.strategy,
            pool_factor=1 if entry.plain or entry.moves else POOL,
            lr=self.lr,
            betas=BETAS,
            log_every=1,
        )

    @property
    def heads(self) -> int:
        """Heads of D that the strategy asks for."""
        return HEADS.get(self.strategy, 1)

    def pair(self) -> tuple[nn.Module, nn.Module]:
        """Return fresh networks G and D."""
        return mlp_pair(width=self.width, depth=self.depth, seed=self.seed, num_heads=self.heads)

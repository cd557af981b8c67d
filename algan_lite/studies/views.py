"""How the shipped table of a study is read: stored runs in, the runs that its plan judges out, sentinels among them.

A plan's rule takes one measure of each planned run. Some studies store what that measure is made of, and several ask a
second question of the same runs; each way to look is a view with a name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from algan_lite.core.checks import Entry, Table
from algan_lite.data import grid, ring
from algan_lite.metrics.yardstick import with_sentinels
from algan_lite.studies.bed import BED
from algan_lite.studies.explorer import DATA
from algan_lite.studies.reach import REALS, reach, succeeds, with_zeros

LOOSE = ring(modes=8, radius=2.0, std=0.1)  # of the studies of depth and of a strong D
PARTS = ["fair_mode_coverage", "quality_3sigma"]
EQUAL_STEP = 444  # of text: here a choice from a pool of twice the batch has cost what 1,000 plain steps cost


@dataclass(frozen=True, kw_only=True)
class View(Entry):
    """One way to read a table; ``fn(table)`` returns a row a run, with ``arm``, ``seed`` and the measure."""

    fn: Callable[[pd.DataFrame], pd.DataFrame]


VIEWS: Table[View] = Table("view", View)
view = VIEWS.enter


def _score(runs: pd.DataFrame, modes: int = 8) -> pd.DataFrame:
    """Add the share of modes times quality; 0 for a run that broke down."""
    return runs.assign(score=(runs["fair_mode_coverage"] / modes * runs["quality_3sigma"]).fillna(0.0))


def _stage(table: pd.DataFrame, *stages: str) -> pd.DataFrame:
    return table[table["stage"].isin(stages)]


@view(source="book/studies/selection.ipynb")
def selection(table: pd.DataFrame) -> pd.DataFrame:
    """The last look at each run, on ring and grid."""
    last = table.groupby(["bed", "arm"])["step"].transform("max")
    runs = table.loc[table["step"] == last, ["bed", "arm", "seed", *PARTS]]
    return with_sentinels(runs, {"ring": BED, "grid": grid(side=5, spacing=1.0, std=0.1)}, bed="bed")


@view(source="book/studies/digits_long.ipynb")
def digits_long(table: pd.DataFrame) -> pd.DataFrame:
    """The runs that decide; sentinels are stored beside them."""
    return _stage(table, "confirmation", "sentinel")


@view(source="book/studies/digits_conv.ipynb")
def digits_conv(table: pd.DataFrame) -> pd.DataFrame:
    """The runs that decide; sentinels are stored beside them."""
    return _stage(table, "confirmation", "sentinel")


@view(source="book/studies/labeling.ipynb")
def labeling(table: pd.DataFrame) -> pd.DataFrame:
    """The runs that decide: chance is their zero."""
    return _stage(table, "confirmation")


@view(source="book/studies/semi.ipynb")
def semi(table: pd.DataFrame) -> pd.DataFrame:
    """The runs that decide, and each error as a share of the plain classifier's on the same labels."""
    runs = _stage(table, "confirmation")
    plain = runs[runs["arm"] == "plain"].set_index("seed")["error"]
    return runs.assign(share=runs["error"] / runs["seed"].map(plain))


@view(source="book/studies/balance.ipynb")
def balance(table: pd.DataFrame) -> pd.DataFrame:
    """The runs that decide, on three beds, and modes times quality."""
    runs = _stage(table, "confirmation")
    runs = runs.loc[runs["bed"] != "check", ["bed", "arm", "seed", *PARTS]]
    return _score(with_sentinels(runs, dict.fromkeys(runs["bed"].unique(), BED), bed="bed"))


@view(source="book/studies/balance_long.ipynb")
def balance_long(table: pd.DataFrame) -> pd.DataFrame:
    """The averaged G on the two beds that decide, and modes times quality."""
    averaged = {f"ema_{part}": part for part in PARTS}
    runs = table.drop(columns=PARTS).rename(columns=averaged)
    runs = runs.loc[runs["bed"].isin(["D ahead", "good pair"]), ["bed", "arm", "seed", *PARTS]]
    return _score(with_sentinels(runs, dict.fromkeys(runs["bed"].unique(), BED), bed="bed"))


@view(source="book/studies/tuning.ipynb")
def tuning(table: pd.DataFrame) -> pd.DataFrame:
    """The runs that decide, and modes times quality."""
    runs = _stage(table, "confirmation")[["arm", "seed", *PARTS]]
    return _score(with_sentinels(runs[runs["arm"] != "check"], BED))


@view(source="book/studies/lambda.ipynb")
def rescue(table: pd.DataFrame) -> pd.DataFrame:
    """All runs."""
    return with_sentinels(table[["arm", "seed", *PARTS]], DATA["ring"]())


@view(source="book/studies/strong_D.ipynb")
def strong_D(table: pd.DataFrame) -> pd.DataFrame:
    """All runs."""
    return with_sentinels(table[["arm", "seed", *PARTS]], LOOSE)


@view(source="book/studies/depth.ipynb")
def depth(table: pd.DataFrame) -> pd.DataFrame:
    """All runs, and whether each has a fake in every mode."""
    runs = with_sentinels(table[["arm", "seed", "mode_coverage"]], LOOSE)
    return runs.assign(success=(runs["mode_coverage"] == len(LOOSE.modes)).astype(float))


@view(source="book/studies/limited_data.ipynb")
def limited_data(table: pd.DataFrame) -> pd.DataFrame:
    """The arms on 100 reals, and the sentinels that know as many."""
    return _stage(table, "arms", "sentinel").query("n == 100")


@view(source="book/studies/limited_data.ipynb")
def limited_by_n(table: pd.DataFrame) -> pd.DataFrame:
    """The runs that do nothing about few data; an arm is a number of reals."""
    runs = _stage(table, "curve", "arms").query("arm == 'none'")
    return runs.assign(arm=runs["n"].astype(str))


@view(source="book/studies/limited_data.ipynb")
def limited_folds(table: pd.DataFrame) -> pd.DataFrame:
    """D's AUC on the part that its fold held out, a mean of three seeds each, beside guessing."""
    mean = _stage(table, "folds").groupby("fold")["auc_held"].mean().reset_index()
    folds = mean.rename(columns={"fold": "seed"}).assign(arm="held-out part")
    return pd.concat([folds, folds.assign(arm="guessing", auc_held=0.5)], ignore_index=True)


@view(source="book/studies/limited_conv.ipynb")
def limited_conv(table: pd.DataFrame) -> pd.DataFrame:
    """The arms on 100 reals, and the sentinels that know as many."""
    return _stage(table, "arms", "sentinel")


@view(source="book/studies/conditional.ipynb")
def conditional(table: pd.DataFrame) -> pd.DataFrame:
    """The runs that decide; sentinels are stored beside them."""
    return _stage(table, "arms", "sentinel")


@view(source="book/studies/inpainting.ipynb")
def inpainting(table: pd.DataFrame) -> pd.DataFrame:
    """The runs that decide, on two shapes of a hole."""
    return _stage(table, "arms")


@view(source="book/studies/translation.ipynb")
def translation(table: pd.DataFrame) -> pd.DataFrame:
    """The runs with two known pairs."""
    return _stage(table, "pairs").query("k == 2")


@view(source="book/studies/translation.ipynb")
def translation_of_images(table: pd.DataFrame) -> pd.DataFrame:
    """The runs from edges to digits."""
    return _stage(table, "images")


@view(source="book/studies/text.ipynb")
def text(table: pd.DataFrame) -> pd.DataFrame:
    """The last look at each run, and at equal passes of those that choose from a pool; known laws beside them."""
    runs = _stage(table, "arms")
    choose = runs["arm"].isin(["top_k", "uncertain", "softmax"])
    early = runs[choose & (runs["step"] == EQUAL_STEP)]
    early = early.assign(arm=early["arm"] + ", equal passes")
    return pd.concat([runs[runs["step"] == runs["step"].max()], early, _stage(table, "law")], ignore_index=True)


@view(source="book/studies/vae.ipynb")
def vae(table: pd.DataFrame) -> pd.DataFrame:
    """The runs that decide; sentinels are stored beside them."""
    return _stage(table, "arms", "sentinel")


@view(source="book/studies/reach.ipynb")
def reach_of_recipes(table: pd.DataFrame) -> pd.DataFrame:
    """The share of a bed's settings in which a seed succeeds."""
    return with_zeros(reach(_stage(table, "confirmation")))


@view(source="book/studies/reach.ipynb")
def reach_by_setting(table: pd.DataFrame) -> pd.DataFrame:
    """The plain GAN's success; an arm is a setting."""
    runs = _stage(table, "confirmation").query("arm == 'plain'")
    shown = runs[runs["setting"].isin(["D2 G2", "D2 G3", *REALS])]
    return shown.assign(arm=shown["setting"], success=succeeds(shown))

"""What the studies on digits have in common: their arms, and trials for each, followed by the runs that decide."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pandas as pd

from algan_lite.core.checks import check_integer
from algan_lite.data.images import mnist
from algan_lite.metrics.yardstick import sentinel_runs
from algan_lite.studies.plan import Plan
from algan_lite.studies.sweep import sweep
from algan_lite.studies.tune import tune
from algan_lite.training.config import TrainConfig

EPOCHS = 75  # times that the share of chosen latents shrinks by 0.99: 0.99 ** 69 is the first below one half
SPACE = {"lr": (1e-3, 1e-2), "beta1": (0.0, 0.5), "lam": (0.3, 30.0)}
MEASURES = ("digit_sure", "digit_rarest", "digit_kid")
AVERAGED = [f"ema_{name}" for name in MEASURES]
COLUMNS = ["stage", "arm", "trial", "lr", "beta1", "lam", "seed", *AVERAGED, "diverged_at"]


def digit_arms(num_steps: int) -> dict[str, TrainConfig]:
    """Return the three arms: equal steps are equal passes, since ``top_k`` chooses among the batch itself.

    Args:
        num_steps: Of each arm, at least 1; the schedule of ``top_k`` is stretched over them.

    Returns:
        ``plain``; ``plain + R1``; and ``top_k + R1``, the AL-GAN. The learning rate, beta1 and lambda are a start:
        tuning replaces them.

    Example:
        >>> [config.num_steps for config in digit_arms(1200).values()]
        [1200, 1200, 1200]
    """
    adam = {"lr": 4e-3, "betas": (0.5, 0.99)}
    plain = TrainConfig(num_steps=check_integer("num_steps", num_steps, 1), batch_size=64, ema_decay=0.99, **adam)
    with_R = replace(plain, regularizers={"r1": 10.0})
    schedule = {"keep_decay": 0.99, "keep_floor": 0.5, "steps_per_epoch": max(1, num_steps // EPOCHS)}
    al_gan = replace(with_R, strategy="top_k", d_fakes="all", **schedule)
    return {"plain": plain, "plain + R1": with_R, "top_k + R1": al_gan}


def trials_and_runs(
    plan: Plan, num_steps: int, *, trials: int, folder: str | os.PathLike[str], **networks: object
) -> pd.DataFrame:
    """Give every arm the same trials, and run each arm's best on the seeds that decide.

    Args:
        plan: Says on which seeds, by which measure, and how many fakes stand behind a number.
        num_steps: Of each run.
        trials: Of each arm.
        folder: Keeps finished runs: whoever is stopped resumes.
        networks: ``pair``, ``sizes``, ``runs_at_once``, as for ``sweep``.

    Returns:
        A row a run: ``stage`` is ``tuning``, ``confirmation`` or, for what nobody trained, ``sentinel``; what was
        drawn; the measures of the averaged G; and ``seconds``.
    """
    data, folder = mnist(), Path(folder)
    how = {"num_samples": plan.n, **networks}
    own = {"seeds": plan.tuning_seeds, "metrics": ("digit_kid",), "path": folder / "tuning.csv"}
    tuning = tune(data, digit_arms(num_steps), measure=plan.measure, space=SPACE, trials=trials, **own, **how)
    last = sweep(data, tuning.best, plan.seeds, metrics=MEASURES, path=folder / "confirmation.csv", **how)
    best = tuning.trials.groupby("arm").first()[["trial", "lr", "beta1", "lam"]]
    zeros = sentinel_runs(data, AVERAGED, n=plan.n, seeds=range(5))
    parts = {"tuning": tuning.runs, "confirmation": last.join(best, on="arm"), "sentinel": zeros}
    return pd.concat([part.assign(stage=stage) for stage, part in parts.items()], ignore_index=True)


def as_stored(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of a study's table, rounded."""
    whole = {"trial": "Int64", "diverged_at": "Int64"}
    return rows.reindex(columns=COLUMNS).astype(whole).round(6)

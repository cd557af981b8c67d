"""Every public door with a call that works.

A door is a name and a function without arguments that returns what is called, and the arguments of a call that works.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch
from helpers import RING, normal, tiny
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

import algan_lite as al
from algan_lite import metrics, sampling
from algan_lite.labels.affine import affine
from algan_lite.objective import dirac
from algan_lite.studies import study_dates
from algan_lite.studies.plan import make_plan
from algan_lite.training import callbacks

FEW = al.TrainConfig(num_steps=1, batch_size=4)
LABELED = al.data.array(normal(60, 2), torch.arange(60) % 3)
FINITE = al.data.array(normal(60, 2), validation=0.3, test=0.3)
EMPTY_PARTS = al.data.array(normal(20, 2), validation=0, test=0)
FRAME = pd.DataFrame({"run": [0, 1] * 2, "step": [1, 1, 2, 2], "loss_D": [0.1, 0.2, 0.3, 0.4]})
ARMS = pd.DataFrame({"arm": list("aaabbb"), "seed": [0, 1, 2] * 2, "modes": [1.0, 2, 3, 2, 4, 3]})
BEDS = ARMS.assign(bed="ring", mode_coverage=ARMS["modes"])
PLAN = {
    "question": "b?",
    "measure": "modes",
    "better": "higher",
    "arms": ["b"],
    "baseline": "a",
    "beds": ["ring"],
    "n": 9,
}
PLAN |= {"seeds": [0, 1, 2], "tuning_seeds": [], "sentinels": [], "fill": 0.0, "rule": {"kind": "ahead"}}
G, D = tiny(width=4)
Gs, Ds = tiny(2, width=4)
HEADS = tiny(width=4, num_heads=2)
IMAGES = normal(4, 1, 28, 28).clamp(-1, 1)
SMALL_VAE = {"latent_dim": 2, "sample_shape": (2,), "width": 4, "depth": 1}
FIT_VAE = {"num_steps": 1, "batch_size": 4, "lr": 1e-3, "beta": 0.5, "seed": 0}
BATCH = al.make_batch(G, D, normal(8, 2), normal(8, 3))

Call = tuple[Callable[..., object], dict[str, Any]]

AB = al.data.Alphabet("ab")
WORDS = al.data.Strings("words", {"train": ["ab"], "validation": ["ba"], "test": ["bb"]}, AB, {"first": slice(0, 1)})
LABELS = torch.arange(12) % 3
SPREAD = normal(12, 2) + 4 * LABELS[:, None]


class Says:
    """A learner's model that tells three classes by where they lie."""

    def predict_proba(self, x: torch.Tensor) -> torch.Tensor:
        return (-(x.flatten(1).mean(1, keepdim=True) - 4 * torch.arange(3)).square()).softmax(-1)


def _pool() -> al.labels.Pool:
    return al.labels.Pool(SPREAD, LABELS.__getitem__, labeled=[0, 1])


def _asking(name: str) -> Call:
    entry = al.labels.QUERIES[name]
    options = {key: option.default for key, option in entry.options.items()} | (
        {"steps": 1} if "steps" in entry.options else {}
    )
    nets = {"G": Gs if name == "g_disagreement" else G, "D": D, "model": Says()}
    common = {"pool": _pool(), "strategy": name, "n": 3, "features": None, "generator": None, "seed": 0}
    return al.labels.query, {**common, **nets, **options} | ({"num_classes": 3} if name == "prob_cover" else {})


def _training(**changes: object) -> Call:
    return al.train, {
        "G": tiny(width=4)[0],
        "D": tiny(width=4)[1],
        "source": RING,
        "config": FEW,
        "seed": 0,
        "callbacks": (),
        "progress": False,
        "checkpoint": None,
        "checkpoint_every": 5,
        "resume": False,
        **changes,
    }


def _settings() -> Call:
    fields = {name: getattr(FEW, name) for name in FEW.__dataclass_fields__}
    return al.TrainConfig, {
        **fields,
        "strategy": "softmax",
        "regularizers": {"r1": 0.1},
        "keep_decay": None,
        "augment": ["cutout"],
        "balance": "gap_aware",
    }


def _rule(name: str) -> Call:
    make = al.BALANCES[name].make
    return make, {field.name: field.default for field in fields(make)}


def _choice(name: str) -> Call:
    nets = dict(zip("GD", HEADS, strict=True))
    options = dict.fromkeys(al.STRATEGIES[name].options) and {
        k: o.default for k, o in al.STRATEGIES[name].options.items()
    }
    common = {"z_pool": normal(8, 3), "n": 4, "strategy": name, "reweight": False, "keep": None, "loss": "hinge"}
    return al.select_noise, {**nets, **common, "generator": None, "seed": 0, "noise": None, **options}


def _sampling(name: str) -> Call:
    few = {
        "rejection": {"gamma_percentile": None, "burn_in": 8, "max_batches": 99},
        "langevin": {"steps": 2, "step_size": 0.1},
    }
    few |= {"metropolis_hastings": {"steps": 2, "start": "generator"}, "importance": {"pool_factor": 2}}
    common = {
        "reference": FINITE.validation,
        "loss": "non_saturating",
        "calibration": "auto",
        "generator": None,
        "seed": 0,
    }
    return al.SAMPLERS[name], {
        "G": G,
        "D": D,
        "n": 3,
        **common,
        "batch_size": 64,
        "progress": False,
        "info": None,
    } | few.get(name, {})


def _sentinel(name: str) -> Call:
    own = {"uniform_box": {"margin": 0.1}, "copycat": {"memory": 9}}
    common = {"source": RING, "n": 4, "generator": None, "seed": 0, "device": "cpu"}
    return al.SENTINELS[name], common | own.get(name, {})


def _measure(name: str) -> Call:
    entry = al.METRICS[name]
    if entry.needs in ("digits", "images"):
        return entry, {"x_fake": IMAGES, "reference": IMAGES.flip(0)} | (
            {"k": 1} if name.split("_")[1] in ("precision", "recall", "density", "coverage") else {}
        )
    its = {
        "mode_coverage": {"sigmas": 3.0, "least": 1},
        "spread_ratio": {"sigmas": 4.0},
        "data_copying": {"cells": 2, "seed": 0},
    }
    its |= {"wasserstein_2d": {"n": 4, "order": 1, "seed": 0}} | {
        k: {"k": 2} for k in ("precision", "recall", "density", "coverage")
    }
    return entry, {"x_fake": normal(20, 2), "reference": RING if entry.needs == "modes" else FINITE} | its.get(name, {})


def _augmentation(name: str) -> Call:
    entry = al.AUGMENTATIONS[name]
    x = normal(4, 2) if entry.axes == 1 else IMAGES
    return entry, {"x": x, "strength": 0.1, "draws": torch.full((4, entry.draws), 0.25)}


def _two(fn: Callable[..., object], **arguments: object) -> Callable[[], Call]:
    return lambda: (fn, arguments)


PICTURES = torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(0))
CLASSES = torch.arange(12) % 3


def _pictures() -> al.labels.Pool:
    return al.labels.Pool(PICTURES, CLASSES.__getitem__, labeled=[0, 1, 2])


def _learner(name: str) -> Call:
    few = {
        "vae_spreading": {"latent_dim": 2, "num_steps": 1, "neighbors": 3, "alpha": 0.5},
        "label_spreading": {"components": 2, "neighbors": 3, "alpha": 0.5},
        "logistic": {"C": 1.0},
        "classifier": {"net": "dense", "augment": True, "num_steps": 1, "lr": 1e-3},
        "pseudo_labels": {"net": "conv", "threshold": 0.5, "num_steps": 1, "lr": 1e-3, "warmup": 0.0},
        "ssl_gan": {"config": al.labels.SemiConfig(num_steps=1)},
    }

    def learn(pool: object, seed: object, **options: object) -> object:
        return al.labels.LEARNERS[name](seed, **options)(pool)

    return learn, {"pool": _pictures(), "seed": 0, **few[name]}


FILES = TemporaryDirectory()  # kept as long as this module
for k in range(9):
    Image.new("L", (9, 8), 20 * k).save(f"{FILES.name}/{k}.png")

LOGITS = {"logits_real": normal(6), "logits_fake": normal(6, seed=1), "weights": torch.full((6,), 1 / 6)}
DOORS: dict[str, Callable[[], Call]] = {
    "ring": _two(al.data.ring, modes=4, radius=1.0, std=0.1, weights=None),
    "imbalanced_ring": _two(al.data.imbalanced_ring, share=0.9, heavy=1, modes=4, radius=1.0, std=0.1),
    "grid": _two(al.data.grid, side=2, spacing=1.0, std=0.1, dim=3),
    "swiss_roll": _two(al.data.swiss_roll, noise=0.1),
    "two_moons": _two(al.data.two_moons, noise=0.1),
    "dates": _two(al.data.dates, num_train=9, seed=0),
    "Alphabet": _two(al.data.Alphabet, letters="ab"),
    "encode": _two(AB.encode, texts=["ab", "ba"]),
    "decode": _two(AB.decode, x=normal(3, 2, 2)),
    "text_pair": _two(
        al.models.text_pair,
        latent_dim=2,
        sample_shape=(3, 4),
        width=4,
        depth=1,
        seed=0,
        num_heads=1,
        output="gumbel",
        temperature=0.5,
    ),
    "straight_through": _two(al.models.straight_through, logits=normal(3, 4), temperature=0.5),
    "NGram": _two(al.applications.NGram, texts=["ab", "ba"], n=2, positional=False),
    "probability of an n-gram": _two(al.applications.NGram(["ab"], 2).probability, texts=["ab"]),
    "sample an n-gram": _two(al.applications.NGram(["ab"], 2).sample, n=3, generator=None, seed=0),
    "string_scores": _two(al.applications.string_scores, texts=["ab"], source=WORDS, part="validation"),
    "expected_scores": _two(al.applications.expected_scores, p=[0.5, 0.25, 0.25], source=WORDS, n=9, part="validation"),
    "misprints": _two(al.applications.misprints, x=normal(3, 2, 2), source=WORDS),
    "flaws": _two(al.applications.flaws, texts=["ab"], source=WORDS),
    "field_gap": _two(al.applications.field_gap, texts=["ab"], source=WORDS, field="first"),
    "array": _two(al.data.array, x=normal(20, 2), labels=None, validation=0.2, test=0.2, seed=0, name="mine"),
    "array of a loader": _two(al.data.array, x=DataLoader(list(normal(9, 2))), validation=0.2, test=0.2, seed=0),
    "folder": _two(al.data.folder, path=FILES.name, size=8, mode="RGB", validation=0.2, test=0.2, seed=0, name="mine"),
    "from_pixels": _two(al.data.from_pixels, x=np.zeros((3, 8, 8, 3), np.uint8)),
    "with_labels": _two(al.data.with_labels, source=LABELED, classes=None),
    "split": _two(al.data.with_labels(LABELED).split, pairs=normal(3, 5)),
    "few": _two(al.data.few, source=FINITE, n=9, seed=0),
    "folds": _two(al.data.folds, source=FINITE, k=3, seed=0),
    "each": _two(al.data.each, sources=[FINITE, FINITE]),
    "sample": _two(RING.sample, n=3, generator=None, seed=0, device="cpu"),
    "sample of an array": _two(FINITE.sample, n=3, generator=None, seed=0, device="cpu"),
    "log_prob": _two(RING.log_prob, x=normal(3, 2)),
    "mlp_pair": _two(
        al.models.mlp_pair, latent_dim=2, sample_shape=(2,), width=4, depth=1, seed=0, num_heads=1, output="tanh"
    ),
    "conditional_pair": _two(
        al.models.conditional_pair,
        noise_dim=2,
        sample_shape=(2,),
        classes=3,
        width=4,
        depth=1,
        seed=0,
        reads="projection",
        output="tanh",
    ),
    "ask_for": _two(al.models.ask_for, z=normal(3, 2), labels=torch.arange(3), classes=3),
    "conv_pair": _two(al.models.conv_pair, latent_dim=2, channels=1, seed=0, num_heads=1, spectral_norm=False),
    "article_pair": _two(al.models.article_pair, latent_dim=2, seed=0, output="tanh"),
    "ensemble": _two(al.models.ensemble, factory=al.models.mlp_pair, runs=2, seed=0, width=4),
    "mlp_vae": _two(al.models.mlp_vae, **SMALL_VAE, output="tanh", seed=0),
    "mlp_encoder": _two(al.models.mlp_encoder, **SMALL_VAE, seed=0),
    "VAE": _two(al.models.VAE, encoder=nn.Linear(2, 4), decoder=al.models.mlp_pair()[0], output="tanh"),
    "normal_kl": _two(al.models.normal_kl, mean=normal(4, 2), log_var=normal(4, 2)),
    "Encoder": _two(al.models.Encoder, body=nn.Linear(2, 4), sample_shape=(2,)),
    "fit_vae": lambda: (
        al.models.fit_vae,
        {"vae": al.models.mlp_vae(**SMALL_VAE), "x": normal(9, 2).tanh(), **FIT_VAE},
    ),
    "Ensemble": _two(al.models.Ensemble, members=[G, G]),
    "member": _two(Gs.member, k=1),
    "Generator": _two(al.models.Generator, body=nn.Linear(3, 2), latent_dim=3, sample_shape=(2,)),
    "Discriminator": _two(
        al.models.Discriminator, trunk=nn.Linear(2, 3), num_features=3, sample_shape=(2,), num_heads=1
    ),
    **{f"loss {name}, {side}": _two(getattr(al.LOSSES[name], side), **LOGITS) for name in al.LOSSES for side in "DG"},
    "alpha": _two(al.losses.alpha, alpha_D=2.0, alpha_G=1.0, saturating=True),
    "energy": _two(al.losses.energy, margin=1.0),
    "make_batch": _two(al.make_batch, G=G, D=D, x_real=normal(8, 2), z=normal(8, 3), loss="hinge", seed=0),
    "gradient_field": _two(dirac.gradient_field, theta=0.5, psi=0.5, lams={"r1": 0.1}, loss="minimax"),
    "jacobian": _two(dirac.jacobian, theta=0.5, psi=0.5, lams={"r1": 0.1}, loss="minimax"),
    "play": _two(dirac.play, theta=0.5, psi=0.5, lams=None, loss="minimax", num_steps=2, lr=0.1),
    **{f"choose {name}": partial(_choice, name) for name in al.STRATEGIES},
    **{f"sample {name}": partial(_sampling, name) for name in al.SAMPLERS},
    **{f"measure {name}": partial(_measure, name) for name in al.METRICS},
    "real_against_real": lambda: (
        metrics.real_against_real,
        {"metric": "kid", "source": FINITE, "n": 9, "seeds": range(2)},
    ),
    "quality_ceiling": lambda: (metrics.quality_ceiling, {"sigmas": 3.0, "dim": 2}),
    "class_shares": lambda: (metrics.class_shares, {"x_fake": IMAGES, "confidence": 0.9}),
    "calibrate": lambda: (
        sampling.calibrate,
        {
            "G": G,
            "D": D,
            "reference": FINITE.validation,
            "loss": "minimax",
            "method": "logistic",
            "seed": 0,
            "batch_size": 9,
        },
    ),
    **{f"sentinel {name}": partial(_sentinel, name) for name in al.SENTINELS},
    "data_box": lambda: (metrics.data_box, {"source": RING, "margin": 0.1}),
    "training_set": lambda: (metrics.training_set, {"source": RING, "memory": 9}),
    "sentinel_runs": _two(
        al.stats.sentinel_runs,
        source=FINITE,
        measures=["kid"],
        n=4,
        seeds=[0, 1],
        sentinels=["copycat"],
    ),
    "with_sentinels": _two(
        al.stats.with_sentinels,
        table=BEDS,
        source={"ring": RING},
        n=4,
        seeds=[0],
        sentinels=["one_mode"],
        bed="bed",
    ),
    "summarize": _two(al.stats.summarize, table=ARMS, measures=["modes"], by="arm", fill=None, confidence=0.9, seed=0),
    "probability_of_improvement": _two(
        al.stats.probability_of_improvement,
        a=[1.0, 2, 4],
        b=[2.0, 2, 1],
        better="higher",
        strata=None,
        fill=None,
        confidence=0.9,
        seed=0,
        num_resamples=99,
    ),
    "performance_profile": _two(
        al.stats.performance_profile,
        values=[1.0, 2, 4],
        thresholds=[1.5],
        better="lower",
        strata=None,
        fill=None,
        confidence=0.9,
        seed=0,
        num_resamples=99,
    ),
    "plan": lambda: (lambda **fields: make_plan(fields), dict(PLAN)),
    "verdict": _two(make_plan(PLAN).verdict, table=BEDS, bed="bed"),
    "study_dates": _two(study_dates, plan="a.toml", result="a.csv"),
    "auc": _two(al.stats.auc, above=normal(4), below=normal(3, seed=1)),
    "iqm": _two(al.stats.iqm, values=[0.0, 5.0, 6.0, 100.0], axis=-1),
    "holm": _two(al.stats.holm, p_values=[0.01, 0.04]),
    "wilson_interval": _two(al.stats.wilson_interval, successes=3, n=9, confidence=0.95),
    "bootstrap_interval": _two(
        al.stats.bootstrap_interval,
        values=[1.0, 2.0, 4.0],
        statistic=np.mean,
        confidence=0.9,
        seed=0,
        strata=None,
        fill=None,
        num_resamples=99,
    ),
    "paired_permutation_test": _two(
        al.stats.paired_permutation_test, a=[1.0, 2, 4], b=[2.0, 2, 1], seed=0, fill=None, num_resamples=99
    ),
    "compare_arms": _two(
        al.stats.compare_arms,
        table=ARMS,
        value="modes",
        baseline="a",
        arm="arm",
        seed="seed",
        fill=None,
        confidence=0.9,
        test_seed=0,
    ),
    "compare_arms on beds": _two(
        al.stats.compare_arms, table=BEDS, value="modes", baseline="a", bed="bed", family="bed"
    ),
    **{f"balance {name}": partial(_rule, name) for name in al.BALANCES},
    "TrainConfig": _settings,
    **{f"augment by {name}": partial(_augmentation, name) for name in al.AUGMENTATIONS},
    "lams": _two(al.TrainConfig(regularizers={"r1": lambda step: 0.1}).lams, step=3, device="cpu", runs=None),
    "Equilibrium": _two(al.Equilibrium, tolerance=0.1, patience=1, every=1, num_samples=4),
    "train": _training,
    "train an ensemble": lambda: _training(G=tiny(2)[0], D=tiny(2)[1]),
    "sweep": _two(
        al.sweep,
        source=RING,
        configs={"a": FEW},
        seeds=[0],
        pair=al.models.mlp_pair,
        sizes={"width": 4},
        metrics=["mode_coverage"],
        num_samples=9,
        runs_at_once=4,
        jobs=1,
        path=None,
        looks=[1],
        progress=False,
    ),
    "passes_a_step": _two(al.passes_a_step, config=FEW),
    "equal_passes": _two(al.equal_passes, config=FEW, like=FEW),
    "tune": _two(
        al.tune,
        source=RING,
        arms={"a": FEW},
        measure="quality_3sigma",
        space={"lr": [1e-3, 1e-2], "beta1": [0.0]},
        trials=1,
        seeds=[0],
        seed=0,
        sizes={"width": 4},
        num_samples=9,
        progress=False,
    ),
    "load_study": _two(al.load_study, name="lambda"),
    "Snapshots": _two(callbacks.Snapshots, steps=[1, 2]),
    "Pool": _two(al.labels.Pool, x=SPREAD, oracle=LABELS.__getitem__, labeled=[0], budget=4),
    "ask": _two(_pool().ask, indices=[3]),
    **{f"query {name}": partial(_asking, name) for name in al.labels.QUERIES},
    "given": _two(al.labels.given, scores=normal(12)),
    "invert": _two(al.labels.invert, G=G, x=SPREAD, starts=4, steps=1, lr=0.1, generator=None, seed=0),
    "residuals": _two(al.labels.residuals, G=Gs, x=SPREAD, starts=4, steps=1, lr=0.1, generator=None, seed=0),
    "from_sklearn": _two(al.labels.from_sklearn, make=dict, features=None, num_classes=3, semi=False),
    "area": _two(al.labels.area, labels=[20, 40], errors=[0.5, 0.25]),
    "labels_to_reach": _two(al.labels.labels_to_reach, labels=[20, 40], errors=[0.5, 0.25], error=0.3),
    "learning_curve": lambda: (
        al.labels.learning_curve,
        {
            "pool": _pool(),
            "learner": lambda pool: Says(),
            "strategy": "margin",
            "x_test": SPREAD,
            "y_test": LABELS,
            "query_size": 2,
            "rounds": 2,
            "generator": None,
            "seed": 0,
        },
    ),
    "inpaint": _two(
        al.applications.inpaint,
        G=G,
        x=SPREAD,
        visible=torch.tensor([1, 0]),
        D=D,
        starts=2,
        tries=3,
        steps=1,
        lr=0.1,
        prior=0.1,
        realness=0.1,
        loss="hinge",
        generator=None,
        seed=0,
    ),
    **{
        name: _two(getattr(al.applications, name), known=normal(9, 2), x=SPREAD, visible=torch.tensor([1, 0]), **own)
        for name, own in {"mean_fill": {}, "nearest_fill": {}, "ridge_fill": {"alpha": 1.0}}.items()
    },
    "masked_error": _two(al.applications.masked_error, made=SPREAD, x=SPREAD, mask=torch.tensor([1, 0])),
    "paste": _two(al.applications.paste, x=SPREAD, visible=torch.tensor([1, 0]), drawn=SPREAD),
    "training_step": _two(al.export.training_step, path="step.onnx", config=FEW, G=G, D=D),
    "view": _two(al.export.view, path="view.onnx", G=G, D=D, config=FEW, num_x=4, num_z=4),
    **{f"learner {name}": partial(_learner, name) for name in al.labels.LEARNERS},
    "real_logit": _two(al.labels.real_logit, class_logits=normal(6, 3)),
    "labeled_loss": _two(al.labels.labeled_loss, class_logits=normal(12, 3), y=CLASSES),
    "unlabeled_loss": _two(al.labels.unlabeled_loss, class_logits_real=normal(6, 3), class_logits_fake=normal(5, 3)),
    "feature_matching": _two(al.labels.feature_matching, features_real=normal(6, 3), features_fake=normal(5, 3)),
    "affine": lambda: (
        affine,
        {"x": PICTURES, "generator": torch.Generator().manual_seed(0), "degrees": 9.0, "scale": 0.1, "shift": 1.0},
    ),
    "SemiConfig": _two(al.labels.SemiConfig, **dataclasses.asdict(al.labels.SemiConfig())),
    "train_semi": lambda: (
        al.labels.train_semi,
        {
            "pool": _pictures(),
            "config": al.labels.SemiConfig(num_steps=2),
            "num_classes": 3,
            "seed": 0,
            "checkpoint": None,
            "checkpoint_every": 1,
            "resume": False,
            "progress": False,
        },
    ),
    "Labeling": _two(
        al.labels.Labeling,
        x=SPREAD,
        truth=LABELS,
        x_test=SPREAD,
        y_test=LABELS,
        learner=lambda pool: Says(),
        budget=3,
        strategy="random",
        num_classes=3,
        seed=0,
    ),
    "draw": _two(al.rng.draw, source=torch.Generator(), shape=(3,), device="cpu", kind="index", high=4),
    "stream": _two(al.rng.stream, seed=0, purpose="fuzz"),
    "run_seeds": _two(al.rng.run_seeds, seed=0, runs=2),
    "image_grid": _two(al.plots.image_grid, images=IMAGES, columns=2, ax=None, title="t", most=3),
    "scatter": _two(
        al.plots.scatter,
        x_real=normal(5, 2),
        x_fake=normal(5, 2),
        chosen=None,
        ax=None,
        limit=3.0,
        title=None,
        most=9,
        size=9,
        legend=True,
    ),
    "decision_map": _two(
        al.plots.decision_map, D=D, ax=None, extent=(-1, 1, -1, 1), loss="hinge", resolution=4, colorbar=True
    ),
    "curves": _two(al.plots.curves, frame=FRAME, columns="loss_D", ax=None, labels=None, ylabel="y"),
    "dots_with_intervals": _two(
        al.plots.dots_with_intervals, labels=["a"], values=[1.0], intervals=[(0, 2)], ax=None, xlabel="x", reference=1.0
    ),
    "mark_sentinels": lambda: (
        al.plots.mark_sentinels,
        {"ax": al.plots.curves(FRAME, "loss_D"), "marks": {"shapeless": 0.4}, "axis": "y"},
    ),
    "draw_network": _two(al.plots.draw_network, net=G, ax=None, title=None),
    "training_strip": _two(
        al.plots.training_strip, moments={1: (G, D)}, x_real=normal(5, 2), z=normal(5, 3), limit=3.0, loss="minimax"
    ),
}

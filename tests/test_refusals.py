"""What cannot work is one error, at the door, that names the argument, what it takes and what it got."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from helpers import RING, normal, tiny
from own import EMPTY, FEW, Conditional, OwnG, TupleD, X, few, train
from torch import nn
from torch.utils.data import DataLoader

import algan_lite as al
from algan_lite.metrics import real_against_real

G, D = tiny()
HEADLESS = nn.Sequential(nn.Linear(2, 1))  # logits (N, 1)
REFUSED: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "a loader as source": (
        lambda: train(source=DataLoader(X)),
        TypeError,
        r"source must be .*al\.data\.array\(loader\)",
    ),
    "a tensor as source": (lambda: train(source=X), TypeError, r"source must be a source such as .*; got Tensor"),
    "a name as source": (lambda: train(source="ring"), TypeError, "source must be .*; got 'ring'"),
    "a factory as source": (lambda: train(source=al.data.ring), TypeError, "source must be .*; got <function ring"),
    "a class as source": (lambda: train(source=al.data.Source), TypeError, "source must be .*; got <class"),
    "a dict as config": (
        lambda: train(config={"num_steps": 3}),
        TypeError,
        r"config must be a TrainConfig or None.*; got \{",
    ),
    "a number as config": (lambda: train(config=0), TypeError, "config must be a TrainConfig or None.*; got 0"),
    "a function as callbacks": (
        lambda: train(callbacks=print),
        TypeError,
        r"callbacks must be a sequence .*; got <built-in",
    ),
    "None as callback": (
        lambda: train(callbacks=[None]),
        TypeError,
        "callbacks must hold functions of the state; got None",
    ),
    "G and D swapped": (lambda: train(D, G), TypeError, "G must have latent_dim.*swapped.*; got Discriminator"),
    "ensembles swapped": (lambda: train(*tiny(2)[::-1]), TypeError, "G must have latent_dim.*swapped.*; got Ensemble"),
    "no latent_dim": (
        lambda: train(nn.Linear(3, 2)),
        TypeError,
        r"G must have latent_dim.*al\.models\.Generator.*; got Linear",
    ),
    "no networks": (lambda: train("G"), TypeError, "G must be a network, a torch.nn.Module; got 'G'"),
    "other runs": (lambda: train(tiny(2)[0], tiny(3)[1]), ValueError, "hold the same number of runs; got 2 and 3"),
    "D of other samples": (lambda: train(D=tiny(sample_shape=(3,))[1]), ValueError, r"D must take samples .*\(8, 2\)"),
    "G of other samples": (
        lambda: train(OwnG(end=3)),
        ValueError,
        r"G must return one sample a latent, \(8, 2\); got \(8, 3\)",
    ),
    "D of a tuple": (lambda: train(D=TupleD()), TypeError, "D must return one tensor; got tuple"),
    "a tuple chosen from": (
        lambda: al.select_noise(G, TupleD(), normal(8, 3), 2),
        TypeError,
        "D must return one tensor; got tuple",
    ),
    "a tuple sampled from": (
        lambda: al.SAMPLERS["plain"](G, TupleD(), 2, seed=0),
        TypeError,
        "D must return one tensor; got tuple",
    ),
    "logits (N, 1)": (
        lambda: train(D=HEADLESS),
        ValueError,
        r"one logit a sample, \(8,\); got \(8, 1\); end D with nn.Flatten",
    ),
    "a conditional G": (
        lambda: train(Conditional()),
        ValueError,
        "G must take latents .*missing 1 required.*conditional",
    ),
    "latents of DCGAN": (lambda: train(dcgan()), ValueError, r"G must take latents .*\(8, 3\) it raised .*Unflatten"),
    "a pool of DCGAN": (
        lambda: al.select_noise(dcgan(), D, normal(16, 3, 1, 1), 4),
        ValueError,
        r"z_pool must .*Unflatten",
    ),
    "no validation": (
        lambda: train(source=EMPTY, config=few(equilibrium=al.Equilibrium())),
        ValueError,
        "source must have held-out",
    ),
    "one member without a name": (
        lambda: al.models.Ensemble([nn.Linear(2, 2)]),
        TypeError,
        "members must have latent_dim",
    ),
    "members of two kinds": (
        lambda: al.models.Ensemble([G, tiny(width=9)[0]]),
        ValueError,
        "members must be of one class and arch",
    ),
    "one network as members": (
        lambda: al.models.Ensemble(G),
        TypeError,
        "members must be a sequence of networks; got Generator",
    ),
    "a factory without pair": (
        lambda: al.models.ensemble(lambda seed: G, 2),
        TypeError,
        r"factory must return a pair \(G, D\)",
    ),
    "an array as pool": (
        lambda: al.select_noise(G, D, np.zeros((8, 3)), 2),
        TypeError,
        "z_pool must be a floating tensor",
    ),
    "an array as fakes": (
        lambda: al.METRICS["kid"](X.numpy(), X),
        TypeError,
        "x_fake must be a floating tensor.*; got ndarray",
    ),
    "an array as reference": (
        lambda: al.METRICS["kid"](X, X.numpy()),
        TypeError,
        "reference must be a tensor.*; got ndarray",
    ),
    "an array of logits": (
        lambda: al.LOSSES["hinge"].G(np.zeros(3), normal(3)),
        TypeError,
        "logits_real must be a floating tensor",
    ),
    "an array as reals": (
        lambda: al.make_batch(G, D, X.numpy(), normal(8, 3)),
        TypeError,
        "x_real must be a floating tensor",
    ),
    "an array of points": (lambda: RING.log_prob(X.numpy()), TypeError, "x must be a tensor of points"),
    "seeds for one GAN": (
        lambda: train(seed=np.array([0, 1])),
        ValueError,
        "seed must be one integer for one GAN; got 2 seeds",
    ),
    "two axes of seeds": (
        lambda: train(*tiny(2), seed=np.zeros((2, 2))),
        TypeError,
        r"seed must be an integer .*shape \(2, 2\)",
    ),
    "one beta": (lambda: few(betas=0.9), TypeError, r"betas must be two numbers in \[0, 1\), .*; got 0.9"),
    "three betas": (
        lambda: few(betas=(0, 0, 0)),
        ValueError,
        r"betas must be two numbers in \[0, 1\); got \(0, 0, 0\)",
    ),
    "no options": (lambda: few(strategy_options=None), TypeError, "strategy_options must be a mapping .*; got None"),
    "no regularizers": (lambda: few(regularizers=None), TypeError, "regularizers must be a mapping .*; got None"),
    "a papermill parameter": (lambda: few(num_steps="3000"), TypeError, r"num_steps must be an integer .*; got '3000'"),
    "another": (lambda: few(lr="1e-3"), TypeError, r"lr must be a number .*; got '1e-3'"),
    "a shape of one number": (
        lambda: al.models.mlp_pair(sample_shape=2),
        TypeError,
        r"sample_shape must be a tuple .*; got 2",
    ),
    "an empty shape": (
        lambda: al.models.mlp_pair(sample_shape=()),
        ValueError,
        r"sample_shape must hold 1 integer .*; got \(\)",
    ),
    "seeds=5": (lambda: al.sweep(RING, FEW, seeds=5), TypeError, "seeds must be a sequence of integers, .*; got 5"),
    "seeds=[]": (
        lambda: al.sweep(RING, FEW, seeds=[]),
        ValueError,
        "seeds must be one or more different integers",
    ),
    "configs={}": (lambda: al.sweep(RING, {}), ValueError, r"configs must be .*1 arm or more; got \{\}"),
    "configs of dicts": (
        lambda: al.sweep(RING, {"a": {"lr": 1}}),
        TypeError,
        r"configs must be .*; got 'a': \{'lr': 1\}",
    ),
    "a tensor to sweep": (lambda: al.sweep(X, FEW), TypeError, "source must be a source such as .*; got Tensor"),
    "a sweep without test part": (
        lambda: al.sweep(EMPTY, FEW, seeds=[0]),
        ValueError,
        "must have held-out samples.*no test part",
    ),
    "a measure without test part": (
        lambda: al.METRICS["precision"](X, EMPTY),
        ValueError,
        "has no test part: give test= in",
    ),
    "copying without test part": (
        lambda: al.METRICS["data_copying"](X, EMPTY),
        ValueError,
        "has no test part: give test= in",
    ),
    "digits without test part": (
        lambda: al.METRICS["digit_kid"](normal(4, 1, 28, 28), no_digits()),
        ValueError,
        "has no test part",
    ),
    "reals without validation": (
        lambda: real_against_real("kid", EMPTY, 5),
        ValueError,
        "has 0 in its validation part",
    ),
    "a sentinel of a tensor": (
        lambda: al.SENTINELS["uniform_box"](X, 5, seed=0),
        TypeError,
        "source must be a source such as .*; got Tensor",
    ),
    "an unknown sentinel": (
        lambda: al.SENTINELS["noise"],
        ValueError,
        "sentinel must be one of uniform_box, .*'noise'",
    ),
    "perfect without validation": (
        lambda: al.SENTINELS["perfect"](EMPTY, 5, seed=0),
        ValueError,
        "has none in its validation part: give validation= in",
    ),
    "a whole fair share": (
        lambda: al.METRICS["mode_coverage"](X, RING, least=1.0),
        ValueError,
        r"least must be an integer in \[1, inf\) or a share in \(0, 1\); got 1.0",
    ),
    "a reference of nothing": (
        lambda: al.SAMPLERS["importance"](G, D, 3, reference=EMPTY.test, seed=0),
        ValueError,
        "m >= 2; got",
    ),
    "a seed that is a letter": (lambda: RING.sample(3, seed="a"), TypeError, r"seed must be an integer .*; got 'a'"),
    "both generators": (
        lambda: RING.sample(3, generator=np.random.default_rng(0)),
        TypeError,
        "generator must be a torch.Generator",
    ),
    "a tiny alpha": (lambda: al.losses.alpha(1e-310), ValueError, r"alpha_D must be in \[0.01, inf\)"),
    "empty logits": (lambda: al.LOSSES["hinge"].D(normal(0), normal(0)), ValueError, r"must be \(..., N\) with N >= 1"),
    "a negative schedule": (
        lambda: train(config=few(regularizers={"r1": lambda k: 1 - k})),
        ValueError,
        r"\['r1'\] must be in \[0, inf\); got -1",
    ),
    "a negative tensor": (
        lambda: train(config=few(regularizers={"r1": lambda k: torch.tensor(1.0 - k)})),
        ValueError,
        r"\['r1'\] must be",
    ),
    "a schedule of nothing": (
        lambda: train(config=few(regularizers={"r1": lambda k: None})),
        TypeError,
        r"\['r1'\] must be a number .*None",
    ),
    "an array of objects": (
        lambda: al.data.array(np.array([[{}], [{}]])),
        TypeError,
        "x must be .*; got ndarray of shape.*object",
    ),
    "an array of dates": (
        lambda: al.data.array(np.zeros((3, 2), "M8[s]")),
        TypeError,
        "x must be .*; got ndarray of shape",
    ),
    "labels of objects": (lambda: al.data.array(X, np.array([None] * 40)), TypeError, "labels must be .*object"),
    "channels last": (
        lambda: train(*al.models.conv_pair(), al.data.array(normal(20, 28, 28, 1))),
        ValueError,
        r"G must return one sample a latent, \(8, 28, 28, 1\); got \(8, 1, 28, 28\); images are \(n, channels",
    ),
    "no axis of channels": (
        lambda: train(*al.models.conv_pair(), al.data.array(normal(20, 28, 28))),
        ValueError,
        r"got \(8, 1, 28, 28\); images are .*unsqueeze",
    ),
    "fewer reals than neighbors": (
        lambda: al.sweep(al.data.array(normal(20, 2)), FEW, seeds=[0], metrics=["kid", "recall"], progress=False),
        ValueError,
        r"metrics must fit the data: recall .*; got num_samples=2500 and 4 reals",
    ),
    "textures of a table": (
        lambda: al.sweep(al.data.array(X), FEW, seeds=[0], metrics=["texture_recall"], progress=False),
        ValueError,
        r"texture_recall needs \(channels, height, width\); got samples of shape \(2,\)",
    ),
    "fewer fakes than neighbors": (
        lambda: al.sweep(RING, FEW, seeds=[0], metrics=["coverage"], num_samples=5, progress=False),
        ValueError,
        r"more than 5 fakes .*; got num_samples=5 and 5 reals",
    ),
    "batches of text": (
        lambda: al.data.array(DataLoader(["a", "b"])),
        TypeError,
        "x must be a DataLoader whose batches are",
    ),
    "two samples a batch": (
        lambda: al.data.array(DataLoader([{"a": X[0], "b": X[1]}])),
        TypeError,
        r"got dict \('a': torch.float32, 'b': torch.float32\)",
    ),
    "bytes as images": (
        lambda: al.plots.image_grid(torch.zeros(2, 1, 4, 4).byte()),
        TypeError,
        r"images must be floating point in \[-1, 1\]",
    ),
    "a huge integer": (lambda: al.models.mlp_pair(width=10**400), ValueError, r"width must be in \[1, inf\); got 1000"),
    "damaged study": (lambda: al.load_study("nothing"), ValueError, "name must be one of .*; got 'nothing'"),
}


def dcgan() -> nn.Module:
    net = nn.Sequential(nn.ConvTranspose2d(3, 4, 7), nn.ReLU(), nn.ConvTranspose2d(4, 1, 4, 4))
    net.latent_dim = 3
    return net


def no_digits() -> al.data.Source:
    return al.data.array(normal(9, 1, 28, 28), validation=0, test=0)


@pytest.mark.parametrize(("call", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_the_rest_is_one_error_that_names_the_argument(
    call: Callable[[], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()

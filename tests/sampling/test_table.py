"""The contract over all samplers, and what is refused."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
from helpers import untouched
from sampling.shared import RATIO_SAMPLERS, TrueRatio, reals, run
from torch import Tensor, nn

from algan_lite.core.rng import stream
from algan_lite.models.pairs import ensemble, mlp_pair
from algan_lite.objective.losses import LOSSES
from algan_lite.sampling.table import SAMPLERS

QUICK = {"rejection": {"burn_in": 64}, "metropolis_hastings": {"steps": 5}, "langevin": {"steps": 5}}


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("shape", [(2,), (1, 4, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_dtype_and_repetition(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    G, D = mlp_pair(latent_dim=3, sample_shape=shape, width=8, depth=1, seed=0)
    G, D = G.to(dtype), D.to(dtype)
    options = {"reference": torch.rand(40, *shape), "batch_size": 16, **QUICK.get(name, {})}
    x, again = (SAMPLERS[name](G, D, 21, seed=4, **options) for _ in range(2))
    assert x.shape == (21, *shape)
    assert x.dtype == dtype
    assert x.isfinite().all()
    assert not x.requires_grad
    assert torch.equal(x, again)
    assert torch.equal(x, SAMPLERS[name](G, D, 21, generator=stream(4, "sampling"), **options))
    assert not torch.equal(x, SAMPLERS[name](G, D, 21, seed=5, **options))


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("wrap", [torch.enable_grad, torch.no_grad])
def test_nothing_is_modified(name: str, wrap: type) -> None:
    G, D = mlp_pair(latent_dim=2, sample_shape=(2,), width=8, depth=1, seed=0)
    D.trunk.append(nn.Dropout())  # in training mode it would draw from the global RNG
    D.outputs.eval()
    for p in D.parameters():
        p.grad = torch.full_like(p, 7.0)
    reference = torch.rand(40, 2)
    kept, legacy = reference.clone(), np.random.get_state()[1].copy()  # noqa: NPY002
    with untouched(G, D), wrap():
        options = {"start": "reference"} if name == "metropolis_hastings" else {}
        SAMPLERS[name](G, D, 30, reference=reference, seed=0, **QUICK.get(name, {}), **options)
        assert torch.is_grad_enabled() == (wrap is torch.enable_grad)
    assert all(p.requires_grad for net in (G, D) for p in net.parameters())
    assert torch.equal(reference, kept)
    assert (np.random.get_state()[1] == legacy).all()  # noqa: NPY002


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_run_of_an_ensemble_is_what_it_is_alone(name: str) -> None:
    settings = {"latent_dim": 2, "sample_shape": (2,), "width": 8, "depth": 1}
    Gs, Ds = ensemble(mlp_pair, runs=3, seed=0, **settings)
    info: dict = {}
    options = {"reference": torch.rand(30, 2), **QUICK.get(name, {})}
    x = SAMPLERS[name](Gs, Ds, 9, seed=10, info=info, **options)
    assert x.shape == (3, 9, 2)
    assert {len(values) for values in info.values()} == {3}
    alone = SAMPLERS[name](*mlp_pair(seed=2, **settings), 9, seed=12, **options)
    torch.testing.assert_close(x[2], alone)
    torch.testing.assert_close(x, SAMPLERS[name](Gs, Ds, 9, generator=stream([10, 11, 12], "sampling"), **options))
    with pytest.raises(ValueError, match="sequence of 3 generators"):
        SAMPLERS[name](Gs, Ds, 9, generator=torch.Generator(), **options)
    with pytest.raises(ValueError, match="the same number of runs"):
        SAMPLERS[name](Gs, mlp_pair(seed=2, **settings)[1], 9, seed=0)


@pytest.mark.parametrize("name", SAMPLERS)
def test_reports_count_the_calls(name: str) -> None:
    info: dict = {}
    run(name, 10, info=info, **QUICK.get(name, {}))
    assert info["num_calls"] == {
        "plain": 0, "rejection": 64 + 1024, "metropolis_hastings": 60, "importance": 640, "langevin": 50
    }[name]  # fmt: skip


@pytest.mark.parametrize("loss", [name for name in LOSSES if LOSSES[name].log_ratio is None])
@pytest.mark.parametrize("name", RATIO_SAMPLERS)
def test_without_a_ratio_a_reference_is_needed(name: str, loss: str) -> None:
    with pytest.raises(ValueError, match=f"'{loss}', which give no log ratio, needs reference=.*None"):
        run(name, 5, loss=loss)
    with pytest.raises(ValueError, match="calibration must be one of"):
        run(name, 5, loss=loss, reference=reals(20), calibration=None)
    assert run(name, 5, loss=loss, reference=reals(20), **QUICK.get(name, {})).shape == (5, 1)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ({"n": 0}, ValueError, r"n must be in \[1, inf\); got 0"),
        ({"n": 2.5}, TypeError, r"n must be an integer"),
        ({"batch_size": 0}, ValueError, "batch_size must be in"),
        ({"loss": "huber"}, ValueError, "loss must be one of minimax.*huber"),
        ({"seed": None}, ValueError, "exactly one of generator= and seed="),
        ({"seed": None, "generator": [torch.Generator()]}, TypeError, "one torch.Generator"),
        ({"reference": torch.zeros(5, 3)}, ValueError, r"reference must be \(m, 1\) with m >= 2; got \(5, 3\)"),
        ({"reference": [[1.0]]}, TypeError, "reference must be a tensor.*list"),
        ({"stepz": 3}, TypeError, "has the options .*; got stepz=3"),
    ],
)
def test_bad_arguments_of_the_door(name: str, bad: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        run(name, **{"n": 5, "seed": 0} | bad)


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("rejection", {"gamma_percentile": 101}, r"gamma_percentile must be in \[0, 100\]; got 101"),
        ("rejection", {"burn_in": 0}, "burn_in must be in"),
        ("rejection", {"max_batches": 0}, "max_batches must be in"),
        ("metropolis_hastings", {"steps": 0}, "steps must be in"),
        ("metropolis_hastings", {"start": "data"}, "start must be one of generator, reference; got 'data'"),
        ("metropolis_hastings", {"start": "reference"}, "start='reference' needs reference="),
        ("importance", {"pool_factor": 0}, "pool_factor must be in"),
        ("langevin", {"steps": 0}, "steps must be in"),
        ("langevin", {"step_size": 0}, r"step_size must be in \(0, 2\]; got 0"),
        ("langevin", {"step_size": 2.5}, r"step_size must be in \(0, 2\]; got 2.5"),
        ("langevin", {"calibration": "isotonic"}, "calibration of langevin must be one of logistic; got 'isotonic'"),
        ("rejection", {"calibration": "isotonic"}, "calibration='isotonic' needs reference="),
    ],
)
def test_bad_options(name: str, bad: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(name, 5, **bad)


@pytest.mark.parametrize("name", RATIO_SAMPLERS)
def test_logits_with_a_spare_axis_and_nan_are_refused(name: str) -> None:
    class Column(TrueRatio):
        def forward(self, x: Tensor) -> Tensor:
            return x

    class Broken(TrueRatio):
        def forward(self, x: Tensor) -> Tensor:
            return x.squeeze(-1) * torch.nan

    with pytest.raises(ValueError, match=r"one logit a sample, \(\d+,\); got \(\d+, 1\)"):
        run(name, 5, Column())
    with pytest.raises((ValueError, RuntimeError), match=r"NaN|finite"):
        run(name, 5, Broken())
    with pytest.raises(ValueError, match="finite logits; got 40 others of 40"):
        run(name, 5, Broken(), reference=reals(20))


def test_every_entry_documents_itself_and_its_options() -> None:
    assert list(SAMPLERS) == ["plain", "rejection", "metropolis_hastings", "importance", "langevin"]
    for entry in SAMPLERS.values():
        options = [p.name for p in inspect.signature(entry.fn).parameters.values() if p.kind is p.KEYWORD_ONLY]
        assert all(f"{option}:" in entry.fn.__doc__ for option in options)

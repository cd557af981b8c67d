"""Settings: each is checked, and a schedule is asked with the step."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable

import numpy as np
import pytest
import torch
from helpers import RING, tiny
from torch import Tensor
from training.shared import config, run, same_weights

import algan_lite as al
from algan_lite.selection import STRATEGIES, Strategy
from algan_lite.selection.scores import Request
from algan_lite.training.state import TrainState
from algan_lite.training.step import Step


def test_a_schedule_is_asked_with_the_step() -> None:
    asked: list[int] = []

    def schedule(step: int) -> float:
        asked.append(step)
        return 0.1 * step

    run(config(num_steps=5, d_steps=2, regularizers={"r1": schedule}))
    assert asked == [0, 1, 2, 3, 4]
    late = {"r1": lambda step: 0.0 if step < 3 else 5.0}
    for num_steps in (3, 6):
        switched, plain = (run(config(num_steps=num_steps, regularizers=R))[1] for R in (late, {}))
        assert same_weights(switched, plain) is (num_steps == 3)


BAD = {
    "num_steps": [0, 1.5, True],
    "batch_size": [0, -3, "8"],
    "pool_factor": [0, 1.5],
    "steps_per_epoch": [0],
    "d_steps": [0],
    "log_every": [0],
    "lr": [0, -1e-3, float("nan"), "1e-3"],
    "lr_D": [0, float("inf")],
    "betas": [(1.0, 0.9), (0.5, 1.0), (-0.1, 0.9), (0.5,)],
    "ema_decay": [-0.1, 1.1],
    "keep_decay": [0, 1.5],
    "keep_floor": [0, 1.5],
    "loss": ["mse", None, 3],
    "strategy": ["best", None],
    "d_fakes": ["some", None],
    "regularizers": [{"r3": 1.0}, {"r1": -0.1}, {"r1": "a"}, {"r1": torch.tensor([1.0, -1.0])}, ["r1"],
                     {"r1": float("nan")}, {"r1": torch.ones(2, 2)}],
    "strategy_options": [{"temperature": 1.0}],
    "augment": ["cutout", ["blur"], {"cutout": 2.0}, {"rotation": "a"}, 3],
    "augment_p": [-0.1, 1.1, "a", torch.tensor([0.5, 2.0]), torch.ones(2, 2), None],
    "equilibrium": [3],
    "balance": ["best", 3],
}  # fmt: skip


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, bad in BAD.items() for value in bad])
def test_bad_settings_are_refused_by_name(field: str, value: object) -> None:
    changes = {field: value, **({"strategy": "top_k"} if field == "keep_decay" else {})}
    with pytest.raises((ValueError, TypeError), match=field.removesuffix("s")) as caught:
        al.TrainConfig(**changes)
    shown = value
    if isinstance(value, dict):
        shown = "r3" if "r3" in value else next(iter(value.values()))
    if not isinstance(shown, Tensor) and field not in ("strategy_options", "betas", "augment"):
        assert repr(shown) in str(caught.value)


def test_every_field_is_checked() -> None:
    fields = {field.name for field in dataclasses.fields(al.TrainConfig)}
    assert fields - set(BAD) == {"reweight"}


def test_settings_that_do_not_go_together() -> None:
    with pytest.raises(ValueError, match=r"keep must be None unless the strategy ranks.*keep_decay"):
        al.TrainConfig(keep_decay=0.9)
    with pytest.raises(TypeError, match="reweight must be True or False; got 'yes'"):
        al.TrainConfig(reweight="yes")
    with pytest.raises(ValueError, match=r"reweight=True needs .*'top_k'"):
        al.TrainConfig(strategy="top_k", reweight=True)
    al.TrainConfig(strategy="top_k", reweight=True, strategy_options={"uniform_share": 0.2})


def test_networks_and_seeds_that_do_not_go_together() -> None:
    one, many = tiny(), tiny(runs=2)
    settings = config()
    with pytest.raises(ValueError, match="G and D must hold the same number of runs; got 2 and None"):
        al.train(many[0], one[1], RING, settings, progress=False)
    with pytest.raises(ValueError, match="seed must be one integer for one GAN; got 2 seeds"):
        al.train(*one, RING, settings, seed=[1, 2], progress=False)
    with pytest.raises(ValueError, match="seed must hold 2 seeds, one a run; got 3"):
        al.train(*many, RING, settings, seed=[1, 2, 3], progress=False)
    with pytest.raises(ValueError, match=r"checkpoint_every must be in \[1, inf\); got 0"):
        al.train(*one, RING, settings, checkpoint_every=0, progress=False)
    with pytest.raises(ValueError, match="resume=True needs checkpoint="):
        al.train(*one, RING, settings, resume=True, progress=False)


@pytest.mark.parametrize("runs", [None, 2])
def test_a_lambda_for_other_runs_is_refused(runs: int | None) -> None:
    for lam in (torch.ones(3), lambda step: torch.ones(3)):
        with pytest.raises(ValueError, match=r"regularizers\['r1'\] must have shape .*got \(3,\)"):
            run(config(regularizers={"r1": lam}), runs=runs)


def test_settings_are_frozen_and_documented() -> None:
    settings = config()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.lr = 1.0
    lines = inspect.getsource(al.TrainConfig).splitlines()
    for field in dataclasses.fields(al.TrainConfig):
        (line,) = [line for line in lines if line.startswith(f"    {field.name}: ")]
        assert "  # " in line


def test_keep_schedule() -> None:
    def keeps(batch_size: int, steps_per_epoch: int, keep_decay: float = 0.99) -> Callable[[int], int | None]:
        options = {"batch_size": batch_size, "steps_per_epoch": steps_per_epoch, "keep_decay": keep_decay}
        return al.TrainConfig(strategy="top_k", **options).keep

    assert list(map(keeps(100, 10), (0, 9, 10, 20, 10_000))) == [100, 100, 99, 98, 50]
    sizes = list(map(keeps(512, 1), range(200)))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[67:70] == [261, 259, 256]  # 512 * .99^67 = 261.1, * .99^68 = 258.5
    assert keeps(1, 1)(10**6) == 1
    assert keeps(8, 1, keep_decay=1.0)(5) == 8
    assert al.TrainConfig().keep(3) is None


def in_place(value: object) -> None:
    """Change a value where it stands."""
    if isinstance(value, dict):
        value["r1"] = 9.0
    elif isinstance(value, list):
        value[0] = 0.9
    elif isinstance(value, Tensor):
        value.fill_(0.25)
    else:
        value[...] = 0.25


SHARED = {
    "regularizers": lambda: {"r1": 0.1},
    "strategy_options": lambda: {},
    "betas": lambda: [0.5, 0.999],
    "lr": lambda: np.array(1e-3),
    "lr_D": lambda: torch.tensor(1e-3),
    "ema_decay": lambda: np.array(0.9),
}


@pytest.mark.parametrize("field", SHARED)
def test_a_config_does_not_change_with_what_it_was_made_of(field: str) -> None:
    value = SHARED[field]()
    made = al.TrainConfig(**{field: value})
    before = made.describe()
    in_place(value)
    assert made.describe() == before
    assert dataclasses.replace(made, num_steps=5).describe() == {**before, "num_steps": 5}


@pytest.mark.parametrize("lam", [torch.tensor(0.1), torch.tensor([0.1, 0.2]), np.array(0.1)])
def test_a_lambda_or_an_option_is_copied(lam: Tensor | np.ndarray) -> None:
    made = al.TrainConfig(regularizers={"r1": lam})
    before = made.describe()
    in_place(lam)
    assert made.describe() == before
    temperature = np.array(0.5)
    made = al.TrainConfig(strategy="softmax", strategy_options={"temperature": temperature})
    in_place(temperature)
    assert made.rule().options["temperature"] == 0.5


def test_one_dict_filled_in_a_loop_gives_as_many_arms() -> None:
    settings: dict[str, float] = {}
    arms = {}
    for lam in (0.1, 1.0, 10.0):
        settings["r1"] = lam
        arms[f"lambda {lam}"] = config(regularizers=settings)
    assert [arm.regularizers["r1"] for arm in arms.values()] == [0.1, 1.0, 10.0]
    settings["r1"] = -1.0  # not checked again, and not seen
    assert arms["lambda 10.0"].lams(0, "cpu") == {"r1": 10.0}


def newest(request: Request, z: Tensor) -> Tensor:
    """Utility of somebody's own: the later in the pool, the better."""
    return torch.arange(z.shape[-2], dtype=z.dtype).expand(z.shape[:-1])


def test_a_strategy_of_somebody_s_own() -> None:
    mine = Strategy("newest", fn=newest)
    settings = config(strategy=mine, pool_factor=2)
    assert settings.describe()["strategy"][0] == "newest"
    assert (
        config(strategy="top_k").describe()["strategy"] == config(strategy=STRATEGIES["top_k"]).describe()["strategy"]
    )
    other = Strategy("newest", fn=lambda request, z: -newest(request, z))
    assert config(strategy=other).describe() != config(strategy=mine).describe()
    G, _, history = run(settings)
    assert history.num_calls == 10 * 16
    assert not same_weights(G, run(config(strategy=other, pool_factor=2))[0])


def test_importance_is_weighted_in_training_without_being_asked() -> None:
    arm = {"strategy": "importance", "pool_factor": 3}
    asked, unasked = (run(config(reweight=reweight, **arm))[0] for reweight in (True, False))
    assert same_weights(asked, unasked)
    G, D = tiny()
    drawn = Step(G, D, config(**arm)).draw(RING, TrainState.start(G, D, config(**arm), seed=0).streams, {})
    weights = Step(G, D, config(**arm)).choose(drawn).weights
    assert weights is not None
    assert weights.std() > 1e-5

"""What a step costs: known answers, and what the loop itself counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import algan_lite as al
from algan_lite.studies.cost import equal_passes, passes_a_step

PLAIN = al.TrainConfig(num_steps=2000, batch_size=24)
POOL = replace(PLAIN, pool_factor=2)
KNOWN = {
    "plain": (PLAIN, 4),
    "a choice by the logits of one's own batch is free": (replace(PLAIN, strategy="top_k"), 4),
    "the published top-k": (replace(PLAIN, strategy="top_k", keep_decay=0.99), 4),
    "top_k": (replace(POOL, strategy="top_k"), 9),
    "top_k of four batches": (replace(PLAIN, strategy="top_k", pool_factor=4), 13),
    "random_k": (replace(POOL, strategy="random_k"), 5),
    "core_set on z": (replace(POOL, strategy="core_set"), 5),
    "core_set on features": (replace(POOL, strategy="core_set", strategy_options={"space": "features"}), 9),
    "disagreement": (replace(POOL, strategy="disagreement"), 9),
    "latent_ascent": (replace(POOL, strategy="latent_ascent"), 7),
    "D sees the chosen": (replace(POOL, strategy="top_k", d_fakes="selected"), 8),
    "d_steps": (replace(PLAIN, d_steps=5), 16),
    "relativistic": (replace(PLAIN, loss="relativistic"), 5),
    "r1 looks where D looks anyway": (replace(PLAIN, regularizers={"r1": 0.1}), 4),
    "wgan_gp has points of its own": (replace(PLAIN, regularizers={"wgan_gp": 10.0}), 5),
}


@pytest.mark.parametrize("case", KNOWN)
def test_known_costs(case: str) -> None:
    config, expected = KNOWN[case]
    assert passes_a_step(config) == expected


def test_settings_that_cannot_go_on_cost_what_they_cost() -> None:
    lams = torch.tensor([0.1, 1.0])
    wild = replace(PLAIN, lr=1e12, lr_D=1e12, regularizers={"r1": lams, "r2": lambda step: step / 0})
    assert passes_a_step(wild) == 4
    assert passes_a_step(replace(PLAIN, equilibrium=al.Equilibrium(every=1))) == 4


@pytest.mark.parametrize("case", ["top_k", "random_k", "latent_ascent", "D sees the chosen", "core_set on features"])
def test_candidates_are_what_a_history_counts(case: str) -> None:
    config = replace(KNOWN[case][0], num_steps=1)
    calls = al.train(*al.models.mlp_pair(), al.data.ring(), config, progress=False).num_calls / config.batch_size
    assert passes_a_step(config) - 2 * calls == (4 if config.d_fakes == "selected" else 5)


def test_equal_passes_are_equal() -> None:
    for config, cost in KNOWN.values():
        steps = equal_passes(config, PLAIN).num_steps
        assert abs(steps * cost - 8000) <= cost / 2
        assert equal_passes(config, PLAIN) == replace(config, num_steps=steps)
    assert equal_passes(replace(PLAIN, batch_size=48), PLAIN).num_steps == 1000
    assert equal_passes(replace(PLAIN, batch_size=500), replace(PLAIN, num_steps=1)).num_steps == 1


@pytest.mark.parametrize("name", ["config", "like"])
def test_what_is_no_config_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} must be a TrainConfig; got dict"):
        equal_passes(**{"config": PLAIN, "like": PLAIN, name: {}})

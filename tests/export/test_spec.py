"""The interface: what goes in, what comes out, and where it lies in the state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from export.shared import SIZES, pair
from helpers import tiny

import algan_lite as al
from algan_lite import export


def test_spec_says_where_everything_is(tmp_path: Path) -> None:
    config = al.TrainConfig(**SIZES | {"strategy": "softmax", "regularizers": {"lecam": 0.1, "mode_seeking": 0.1}})
    G, D = pair(config)
    spec = export.StepSpec.of(config, G, D)
    assert {name: spec.inputs[name] for name in spec.inputs if name != "state"} == {
        "x_real": (16, 2),
        "z_pool": (32, 3),
        "z2": (16, 3),
        "selection_noise": (32,),
        **dict.fromkeys(("lam_lecam", "lam_mode_seeking", "lr_G", "lr_D", "step"), ()),
    }
    told = ("loss_D", "total_D", "loss_G", "total_G", "R_lecam", "R_mode_seeking", "logit_real", "logit_fake")
    assert spec.outputs == {"new_state": (spec.size,), **dict.fromkeys(told, ()), "chosen": (16,)}
    state = spec.unpack(spec.pack(G, D))
    assert sum(value.numel() for value in state.values()) == spec.size
    groups = list(dict.fromkeys(name.partition(".")[0] for name in state))
    assert groups == ["G", "D", "m_G", "m_D", "v_G", "v_D", "G_ema", "averages"]
    for name, weight in G.named_parameters():
        assert torch.equal(state[f"G.{name}"], weight)
        assert torch.equal(state[f"G_ema.{name}"], weight)
        assert not state[f"m_G.{name}"].any()
    assert list(state)[-3:] == ["averages.real", "averages.fake", "averages.weight"]
    spec.save(tmp_path / "step.json")
    assert json.loads((tmp_path / "step.json").read_text()) == spec.plain()
    assert spec.plain()["config"]["strategy"] == "softmax"
    with pytest.raises(ValueError, match=r"state must have shape"):
        spec.unpack(torch.zeros(3))
    with pytest.raises(ValueError, match=r"G\.body\.0\.weight must have shape \(8, 3\); got \(8, 4\)"):
        spec.pack(*tiny(latent_dim=4, depth=2))

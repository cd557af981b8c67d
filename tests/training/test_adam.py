"""Adam: PyTorch's, and at a pace of one's own."""

from __future__ import annotations

import pytest
import torch
from helpers import assert_near, normal

from algan_lite.training.adam import adam, step_at_pace


@pytest.mark.parametrize("fused", [False, True])
def test_adam_is_that_of_pytorch(fused: bool) -> None:
    weights = normal(40).requires_grad_()
    optimizer = torch.optim.Adam([weights], lr=0.01, betas=(0.5, 0.9), fused=fused)
    mine, m, v = weights.detach().clone(), torch.zeros(40), torch.zeros(40)
    for step in range(1, 31):
        weights.grad = normal(40, seed=step) * 10.0 ** -(step % 8)
        weights.grad[:3] = 0.0  # a unit that is off: 0 / (0 + eps)
        mine, m, v = adam(
            mine, weights.grad, m, v, torch.tensor(0.01), torch.tensor(float(step)), optimizer.param_groups[0]["betas"]
        )
        optimizer.step()
    memory = optimizer.state[weights]
    for ours, its in ((mine, weights.detach()), (m, memory["exp_avg"]), (v, memory["exp_avg_sq"])):
        assert_near(ours, its, 1e-5)
    assert torch.equal(mine[:3], normal(40)[:3])


MOVES = [[True, True, False], [True, False, False], [True, True, True], [True, False, True]] * 5
FACTORS = torch.tensor([1.0, 0.3, 2.0])


def test_each_run_has_the_rate_and_the_clock_that_it_has_alone() -> None:
    weights = [normal(3, 4, 2).requires_grad_(), normal(3, 4, seed=1).requires_grad_()]
    together = torch.optim.Adam(weights, lr=0.01, betas=(0.5, 0.9))
    alone = [[weight.detach()[k].clone().requires_grad_() for weight in weights] for k in range(3)]
    single = [torch.optim.Adam(own, lr=0.01 * FACTORS[k].item(), betas=(0.5, 0.9)) for k, own in enumerate(alone)]
    for step, moves in enumerate(MOVES):
        for j, weight in enumerate(weights):
            weight.grad = normal(*weight.shape, seed=7 * step + j)
        step_at_pace(together, FACTORS, torch.tensor(moves))
        for k in range(3):
            if moves[k]:  # alone, who skips does not call the optimizer
                for weight, own in zip(weights, alone[k], strict=True):
                    own.grad = weight.grad[k].clone()
                single[k].step()
    for k in range(3):
        for weight, own in zip(weights, alone[k], strict=True):
            assert_near(weight.detach()[k], own.detach(), 1e-6)
            assert together.state[weight]["step"][k] == single[k].state[own]["step"] == sum(m[k] for m in MOVES)
            assert_near(together.state[weight]["exp_avg_sq"][k], single[k].state[own]["exp_avg_sq"], 1e-6)


def test_who_skips_stays_bit_for_bit_and_a_weight_without_a_gradient_too() -> None:
    moving, still = normal(2, 5).requires_grad_(), normal(2, 5, seed=1).requires_grad_()
    optimizer = torch.optim.Adam([moving, still], lr=0.1)
    moving.grad = torch.full((2, 5), torch.nan)
    moving.grad[1] = 1.0
    step_at_pace(optimizer, None, torch.tensor([False, True]))
    assert torch.equal(moving[0], normal(2, 5)[0])
    assert torch.equal(still, normal(2, 5, seed=1))
    torch.testing.assert_close(moving[1].detach(), normal(2, 5)[1] - 0.1)
    assert still not in optimizer.state

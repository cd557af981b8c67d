"""Random streams: one for each seed and purpose, and run k as it is alone."""

from __future__ import annotations

import pytest
import torch

from algan_lite import rng


@pytest.mark.parametrize("kind", ["normal", "uniform", "index"])
def test_run_k_draws_what_it_would_draw_alone(kind: str) -> None:
    high = 10 if kind == "index" else None
    together = rng.draw(rng.stream([3, 4, 5], "data"), (6, 2), "cpu", kind, high)
    assert together.shape == (3, 6, 2)
    for k, seed in enumerate([3, 4, 5]):
        assert torch.equal(together[k], rng.draw(rng.stream(seed, "data"), (6, 2), "cpu", kind, high))


def test_streams_differ_by_seed_and_purpose_and_leave_the_global_one() -> None:
    before = torch.get_rng_state()
    seeds = {rng.derive_seed(seed, purpose) for seed in range(20) for purpose in ("data", "candidates 0", "held-out")}
    assert len(seeds) == 60
    assert all(0 <= seed < 2**63 for seed in seeds)
    one, same = (rng.draw(rng.stream(7, "data"), (4,), "cpu") for _ in range(2))
    assert torch.equal(one, same)
    assert torch.equal(before, torch.get_rng_state())


def test_a_draw_arrives_on_the_device_that_is_asked_for() -> None:
    assert rng.draw(rng.stream(0, "data"), (4,), "meta").device.type == "meta"


def test_exactly_one_of_generator_and_seed() -> None:
    generator = torch.Generator()
    assert rng.resolve(generator, None, "data") is generator
    for given in ((None, None), (generator, 0)):
        with pytest.raises(ValueError, match="exactly one of generator= and seed="):
            rng.resolve(*given, "data")
    with pytest.raises(ValueError, match=r"seed must be in \[0, inf\); got -1"):
        rng.stream(-1, "data")
    with pytest.raises(ValueError, match="kind must be one of normal, uniform, index; got 'cauchy'"):
        rng.draw(generator, (1,), "cpu", "cauchy")

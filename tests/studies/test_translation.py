"""The study of translation: which maps it counts as what, which questions it asks, and what it measures on images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import normal
from torch import Tensor

import algan_lite as al
from algan_lite.applications.domains import turn
from algan_lite.studies import edges as on_images
from algan_lite.studies.translation import (
    PLAIN,
    Bed,
    asked_runs,
    kinds,
    left,
    map_runs,
    measured,
    sentinel_runs,
    take_rows,
)

SHORT = replace(PLAIN, num_steps=2)
SEEDS = [100, 101, 102]


def moving(to: list[int]) -> object:
    """Return a translator that sends a point of mode m of A to mode ``to[m]`` of B."""
    bed = Bed()

    def T(x: Tensor) -> Tensor:
        mode = torch.cdist(x[..., :2], bed.A.modes).argmin(-1)
        return torch.cat([x[..., 2:], bed.B.modes[torch.tensor(to)[mode]]], -1)

    return T


@pytest.mark.parametrize(
    ("to", "kind"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 0),
        ([3, 4, 5, 6, 7, 0, 1, 2], 1),
        ([2, 1, 0, 7, 6, 5, 4, 3], 2),
        ([1, 0, 2, 3, 4, 5, 6, 7], 3),
        ([0] * 8, 3),
    ],
)
def test_a_map_is_told_by_where_the_modes_go(to: list[int], kind: int) -> None:
    assert kinds(moving(to), Bed()) == kind


def test_what_the_untrained_maps_score() -> None:
    found = sentinel_runs(Bed())
    right = {name: one["right"].item() for name, one in found.items()}
    assert right["perfect"] == 1
    assert 0.99 < right["identity"] < 1  # at 15 degrees the nearest mode is the true one, for nearly every point
    assert right["wrong"] == 0
    assert abs(right["mirrored"] - 0.25) < 0.05
    assert max(one["cycle"].item() for one in found.values()) < 1e-5
    assert [found[name]["kind"].item() for name in ("perfect", "wrong", "mirrored")] == [0, 1, 2]
    assert min(found[name]["quality"].item() for name in ("perfect", "wrong", "mirrored")) > 0.97
    assert found["identity"]["quality"] < 0.2  # it does not arrive in B
    assert sentinel_runs(Bed(40.0))["identity"]["right"] == 0


def test_symmetries_that_are_left_by_enumeration() -> None:
    modes = Bed().A.modes
    for asked in ([0], [0, 1], [0, 4], [3, 7, 3], [0, 4, 2], [5, 5]):
        rotations = sum(all((m + c) % 8 == m for m in asked) for c in range(8))
        reflections = sum(all((c - m) % 8 == m for m in asked) for c in range(8))
        assert left(modes[asked][None], Bed()).tolist() == [rotations + reflections]


def test_the_oracle_turns() -> None:
    a = normal(2, 3, 2)
    pairs = Bed(40.0).answer(a)
    torch.testing.assert_close(pairs[..., :2], a)
    torch.testing.assert_close(pairs[..., 2:], turn(a, 40.0))


def test_a_seed_has_its_numbers_whatever_else_trains() -> None:
    together, alone = map_runs(Bed(), SHORT, SEEDS), map_runs(Bed(), SHORT, SEEDS[1:2])
    for name in ("right", "cycle", "quality"):
        assert together[name][1] == pytest.approx(alone[name][0], rel=1e-3)
    assert together["cycle"][0] != together["cycle"][1]


def test_all_ways_to_ask_share_the_first_question_and_random_ones_come_in_order() -> None:
    first = {how: asked_runs(how, Bed(), SHORT, SEEDS, [1]) for how in ("random", "farthest", "disagreement")}
    for found in first.values():
        np.testing.assert_allclose(found["cycle"], first["random"]["cycle"], rtol=1e-5)
        assert found["left"].tolist() == [2, 2, 2]
    more = asked_runs("random", Bed(), SHORT, SEEDS, [1, 3])
    assert more["k"].tolist() == [1, 1, 1, 3, 3, 3]
    np.testing.assert_allclose(more["cycle"][:3], first["random"]["cycle"], rtol=1e-5)


def test_the_farthest_second_question_leaves_both_maps_and_an_informative_one_does_not() -> None:
    assert asked_runs("farthest", Bed(), SHORT, SEEDS, [2])["left"].mean() > 1.6
    pools = Bed().A.sample(200, generator=al.rng.stream(SEEDS, "questions"))
    assert take_rows(pools, torch.tensor([[3], [4], [5]])).tolist() == [[pools[k, 3 + k].tolist()] for k in range(3)]


def test_unknown_ways_to_ask_are_refused() -> None:
    with pytest.raises(ValueError, match="how must be one of random, farthest, disagreement; got 'dear'"):
        asked_runs("dear", Bed(), SHORT, SEEDS, [1])


def test_a_stored_row_is_made_again() -> None:
    table = al.load_study("translation").table
    stored = table[table["stage"] == "check"]
    again = map_runs(Bed(), replace(PLAIN, num_steps=20), stored["seed"].astype(int).tolist())
    for name, gap in (("right", 0.02), ("cycle", 0.01), ("quality", 0.03)):
        assert np.abs(stored[name].to_numpy(float) - again[name]).max() < gap
    untrained = table[(table["stage"] == "untrained") & (table["arm"] == "mirrored, 15")]
    assert untrained["right"].item() == pytest.approx(sentinel_runs(Bed())["mirrored"]["right"].item(), abs=1e-4)


def test_pairs_hold_edges_and_then_the_digit() -> None:
    pairs, x = on_images.pairs_of("validation"), al.data.mnist().validation
    assert torch.equal(pairs[:, 784:], x.flatten(1))
    assert torch.equal(pairs[:, :784], al.applications.edges(x).flatten(1))


def test_measures_of_known_guesses() -> None:
    truth = on_images.measured(on_images.guessed("truth"))
    assert truth["mse"] == 0
    assert truth["sharpness"] == 1
    assert truth["reads"] > 0.98
    mean = on_images.measured(on_images.guessed("mean"))
    assert abs(mean["reads"] - 0.1) < 0.03  # one digit for all
    assert mean["sharpness"] < 0.5
    slope = torch.arange(5.0).expand(1, 1, 4, 5)
    assert on_images.steepness(slope).item() == pytest.approx(1.0)
    assert on_images.steepness(slope.mT * 2).item() == pytest.approx(2.0)
    nearest = on_images.guessed("nearest", "validation")
    train = on_images.pairs_of("train")
    k = (on_images.pairs_of("validation")[5, :784] - train[:, :784]).norm(dim=-1).argmin()
    assert torch.equal(nearest[5], train[k, 784:])


def test_few_steps_on_images() -> None:
    found = on_images.edge_runs(replace(on_images.PLAIN, num_steps=2), 1.0, 100.0, [3, 4], "validation")
    assert found["seed"].tolist() == [3, 4]
    assert (found["mse"] > 0.2).all()
    assert found["mse"][0] != found["mse"][1]


def test_measured_finds_a_wrong_map_perfect_but_for_its_share() -> None:
    found = measured(moving([1, 2, 3, 4, 5, 6, 7, 0]), Bed())
    assert (found["right"], found["modes"]) == (0, 8)


def test_chosen_inputs_cost_twice_the_passes() -> None:
    sizes = {"shape_A": (4,), "shape_B": (4,), "width": 4}
    source = al.data.array(normal(40, 8), validation=0, test=0)
    counted = []
    for options in ({}, {"strategy": "top_k", "pool_factor": 2}):
        T, D = al.applications.one_way_pair(**sizes)
        calls = {"samples": 0}

        def count(net: object, given: tuple[Tensor], calls: dict[str, int] = calls) -> None:
            calls["samples"] += given[0].shape[-2]

        hooks = [net.register_forward_pre_hook(count) for net in (T, D)]
        config = al.TrainConfig(num_steps=10, batch_size=8, regularizers={"r1": 1.0}, **options)
        how = {"cycle": 0.0, "pairs": source.train, "progress": False}
        al.applications.train_translation(T, D, source, config, **how)
        for hook in hooks:
            hook.remove()
        counted.append(calls["samples"])
    assert counted == [10 * 5 * 8, 10 * 10 * 8]

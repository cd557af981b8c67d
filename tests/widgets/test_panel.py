"""The panel trains as train() does, and every control moves over its range."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from time import monotonic, sleep

import pytest
import torch
from widgets.shared import PNG, trained, weights

import algan_lite as al
from algan_lite.core.rng import derive_seed
from algan_lite.widgets.panel import controls, frames, presence, scene, settings
from algan_lite.widgets.panel import still as still_module
from algan_lite.widgets.panel.panel import LivePanel


def test_steps_are_those_of_train(live: LivePanel) -> None:
    live.drive(step=7)
    assert live.step == 7
    assert torch.equal(weights(live), trained(7))


def test_lambda_moves_while_it_plays(live: LivePanel) -> None:
    live.drive(play=True)
    before = live.step
    live.drive(lam=10.0)
    assert live.step > before  # drive has waited for a step that knew of it
    assert live.playing
    assert live.config.regularizers == {"r1": 10.0}


def test_the_leftmost_lambda_is_zero_and_equals_no_regularizer(live: LivePanel) -> None:
    assert live.controls["lam"].options[0] == ("0", 0.0)
    live.drive(lam=0, step=3)
    assert torch.equal(weights(live), trained(3, regularizers={}))


def test_config_is_what_the_controls_say(live: LivePanel) -> None:
    live.drive(loss="hinge", strategy="top_k", regularizer="r2", lam=0.01, lr=3e-3, step=2)
    wanted = al.TrainConfig(
        num_steps=2,
        batch_size=16,
        loss="hinge",
        regularizers={"r2": 0.01},
        strategy="top_k",
        pool_factor=2,
        lr=3e-3,
        betas=(0, 0.99),
        log_every=1,
    )
    assert live.config == wanted


@pytest.mark.parametrize(
    "change",
    [
        *({"data": "grid"}, {"loss": "hinge"}, {"regularizer": "r2"}, {"regularizer": None}, {"strategy": "top_k"}),
        *({"lr": 0.01}, {"lam": 1.0}),
    ],
)
def test_a_change_of_the_rules_keeps_the_weights_and_takes_effect(live: LivePanel, change: dict[str, object]) -> None:
    live.drive(step=3)
    before = weights(live)
    live.drive(**change)
    assert torch.equal(weights(live), before)
    assert live.step == 3
    live.drive(step=2)
    changed = weights(live)
    live.drive(reset=True, **{name: getattr(settings.Settings(), name) for name in change})
    live.drive(step=3)
    assert torch.equal(weights(live), before)  # the same start again
    live.drive(step=2)
    assert not torch.equal(weights(live), changed)


def test_after_a_change_train_goes_on_with_fresh_draws(live: LivePanel) -> None:
    live.drive(step=2, lr=3e-3)
    live.drive(step=2)
    G, D = al.models.mlp_pair(width=8, depth=1)
    for lr, seed in ((1e-3, 0), (3e-3, derive_seed(0, "part 1"))):
        config = al.TrainConfig(num_steps=2, batch_size=16, regularizers={"r1": 0.1}, lr=lr, betas=(0, 0.99))
        al.train(G, D, al.data.ring(std=0.1), config, seed=seed, progress=False)
    assert torch.equal(weights(live), torch.cat([p.detach().flatten() for net in (G, D) for p in net.parameters()]))


def test_seed_and_reset_start_anew(live: LivePanel) -> None:
    start = weights(live)
    live.drive(step=3, reset=True)
    assert live.step == 0
    assert torch.equal(weights(live), start)
    live.drive(step=3)
    assert torch.equal(weights(live), trained(3))
    live.drive(seed=5)
    assert live.step == 0
    live.drive(step=3)
    assert torch.equal(weights(live), trained(3, seed=5))


def test_a_strategy_that_needs_two_heads_gets_them(live: LivePanel) -> None:
    live.drive(step=1, strategy="disagreement")
    assert live.step == 0
    assert live.D.num_heads == 2
    live.drive(step=2, strategy="random")
    assert live.D.num_heads == 1


def test_global_random_state_stays(live: LivePanel) -> None:
    before = torch.get_rng_state()
    live.drive(step=2, seed=3, strategy="softmax", regularizer="dragan")
    live.drive(step=2, reset=True)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["regularizer", "lam", "lr"])
def test_drive_moves_a_control_over_its_range(live: LivePanel, name: str) -> None:
    move_over_range(live, name)


@pytest.mark.parametrize("name", ["data", "loss", "strategy"])
def test_drive_moves_a_control_over_its_range_and_the_picture_with_it(drawn: LivePanel, name: str) -> None:
    move_over_range(drawn, name)


def move_over_range(live: LivePanel, name: str) -> None:
    options = [option[1] if isinstance(option, tuple) else option for option in live.controls[name].options]
    assert len(options) >= 5
    for value in options:
        before = bytes(live._image.value)
        live.drive(**{name: value}, step=1)
        assert getattr(live._session.settings, name) == (None if value == "none" else value)
        assert bytes(live._image.value) != before
        assert bytes(live._image.value).startswith(PNG)


def test_play_pause_and_step(live: LivePanel) -> None:
    live.drive(play=True)
    assert live.playing
    assert live.step > 0
    assert "Training" in live._state.value
    live.drive(pause=True)
    assert not live.playing
    assert "Paused" in live._state.value
    stopped = live.step
    sleep(0.1)
    assert live.step == stopped
    live.drive(play=True)
    live.drive(step=1)  # one press while it plays: it pauses
    assert not live.playing


def test_seeds_at_the_ends_of_the_range(live: LivePanel) -> None:
    for seed in (settings.MAX_SEED, 0):
        live.drive(seed=seed, step=1)
        assert live.config.num_steps == live.step == 1


def test_lambda_slider_is_logarithmic_and_holds_a_start_of_its_own() -> None:
    slider = controls.make_controls(settings.Settings(lam=0.123))["lam"]
    assert slider.value == 0.123
    values = [value for _, value in slider.options]
    assert 0.123 in values
    grid = [value for value in values if value not in (0, 0.123)]
    ratios = [b / a for a, b in pairwise(grid)]
    assert (grid[0], grid[-1]) == (0.001, 10)
    assert all(ratio == pytest.approx(10 ** (1 / 8), rel=0.05) for ratio in ratios)


def test_no_lambda_without_a_regularizer(live: LivePanel) -> None:
    live.drive(regularizer="none")
    assert live.controls["lam"].disabled
    live.drive(regularizer="r1")
    assert not live.controls["lam"].disabled


def test_frame_measures_what_the_metrics_measure(live: LivePanel) -> None:
    live.drive(strategy="top_k", step=2)
    frame = live._frame
    source = al.data.ring(std=0.1)
    assert frame.modes == (int(al.METRICS["mode_coverage"](frame.x_fake, source)), 8)
    assert frame.quality == float(al.METRICS["quality_3sigma"](frame.x_fake, source))
    pool = frame.x_fake[:32]
    assert frame.chosen.shape == (16, 2)
    with torch.no_grad():
        best = live.D(pool).topk(16).indices
    torch.testing.assert_close(frame.chosen, pool[best])


def test_plain_noise_marks_nothing_and_curves_have_no_modes(live: LivePanel) -> None:
    assert live._frame.chosen is None
    live.drive(data="two_moons")
    assert (live._frame.modes, live._frame.quality) == (None, None)
    assert "no modes here" in live._numbers.value


def test_numbers_in_words(live: LivePanel) -> None:
    live.drive(step=3)
    frame = replace(live._frame, step=1234, rate=99.6, modes=(7, 8), quality=0.5, last={"loss_D": 1.0, "R_r1": 2.0})
    text = frames.numbers(frame)
    assert all(f">{value}</td>" in text for value in ("1,234", "100", "7 of 8", "50%", "1.000", "–", "2"))


def test_losses_are_those_of_the_history(live: LivePanel) -> None:
    live.drive(step=4)
    G, D = al.models.mlp_pair(width=8, depth=1)
    config = al.TrainConfig(num_steps=4, batch_size=16, regularizers={"r1": 0.1}, betas=(0, 0.99), log_every=1)
    table = al.train(G, D, al.data.ring(std=0.1), config, progress=False).frame()
    assert live._frame.curve == pytest.approx(table[["step", "loss_D", "loss_G"]].to_numpy())
    assert live._frame.last["R_r1"] == pytest.approx(table["R_r1"].iloc[-1])


def test_the_curve_stays_short_and_true(live: LivePanel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene, "MOST_ROWS", 4)
    live.drive(step=33)
    curve = live._session.run.curve
    assert len(curve) == 4
    assert [row[0] for row in curve] == [4.5, 12.5, 20.5, 28.5]  # the means of 1..8, 9..16 ...


def test_a_still_picture_where_no_kernel_answers(live: LivePanel, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, object]] = []
    monkeypatch.setattr(still_module, "display", lambda bundle, raw: shown.append(bundle))
    live._ipython_display_()
    still, view = shown
    assert view[still_module.VIEW]["model_id"] == live.box.model_id
    assert still_module.VIEW not in still  # else nbconvert's page would take it, and show nothing
    monkeypatch.setenv(still_module.STATIC, "1")
    live._ipython_display_()
    assert shown[2:] == [still]
    assert still.keys() == {"text/plain", "text/html", "image/png"}
    assert "run this notebook to move the sliders" in still["text/html"]
    assert f'alt="{still["text/plain"]}"' in still["text/html"]
    assert still["text/plain"].startswith("LivePanel: ring, non_saturating, r1 with λ = 0.1, random, seed 0; step 0")


def test_the_panel_rests_when_its_front_end_beats_no_more(live: LivePanel, monkeypatch: pytest.MonkeyPatch) -> None:
    live.drive(play=True)
    assert live.playing  # no front end has answered yet: a script drives it
    monkeypatch.setattr(presence, "PATIENCE", 0.3)
    live._heart.value += 1
    deadline = monotonic() + 30
    while live.playing:
        assert monotonic() < deadline
        sleep(0.05)
    live.drive(play=True)  # a new start forgets the old beats
    assert live.playing
    live.drive(pause=True)


class Shell:
    """What IPython says of the cell that runs."""

    def __init__(self, cell: str, execution_count: int) -> None:
        self.cell, self.execution_count = cell, execution_count

    def get_parent(self) -> dict[str, object]:
        return {"metadata": {}, "content": {"code": self.cell}}


def test_a_panel_ends_when_its_cell_runs_again(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[int] = []

    class Made:
        def __init__(self, number: int) -> None:
            self.number = number

        def close(self) -> None:
            closed.append(self.number)

    def run(cell: str, count: int, *numbers: int) -> None:
        monkeypatch.setattr("IPython.get_ipython", lambda: Shell(cell, count))
        for number in numbers:
            presence.replace_earlier(Made(number))

    monkeypatch.setattr(presence, "_PANELS", {})
    run("two of them", 1, 1, 2)
    run("another", 2, 3)
    assert closed == []
    run("two of them", 3, 4, 5)
    assert closed == [1, 2]
    run("", 4, 6)
    run("two of them", 5)
    assert closed == [1, 2]

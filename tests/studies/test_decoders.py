"""The study of one decoder and two ways to train it: known answers, and runs that are what they are alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from helpers import normal

import algan_lite as al
from algan_lite.studies.decoders import (
    GAN,
    SIZES,
    Fit,
    Tempered,
    blurred,
    ends_of_the_scale,
    families,
    gan_runs,
    looked_at,
    mean_image,
    measured,
    new_encoder,
    sentinel_runs,
    sharpness,
    vae_runs,
)

MNIST = al.data.mnist()
SHORT, QUICK = replace(GAN, num_steps=2), Fit(num_steps=2, batch_size=8)


def test_sharpness_of_pictures_whose_laplacian_is_known() -> None:
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)  # straight: its Laplacian is 0 everywhere
    checkers = (torch.arange(8)[:, None] + torch.arange(8)).remainder(2).float().expand(1, 1, 8, 8) * 2 - 1
    assert sharpness(ramp).item() == pytest.approx(0, abs=1e-10)
    assert sharpness(checkers).item() == pytest.approx(64)  # +8 and -8, half and half
    assert sharpness(torch.stack([ramp, checkers])).tolist() == pytest.approx([0, 64])  # a value a run
    noise = normal(400, 1, 28, 28)
    assert sharpness(noise).item() == pytest.approx(20, rel=0.03)  # 4 * 4 + 4 * 1 for independent pixels


def test_blur_takes_it_away_and_keeps_what_is_even() -> None:
    x = MNIST.test[:50]
    assert sharpness(blurred(x)) < 0.1 * sharpness(x)
    assert torch.allclose(blurred(torch.full((2, 1, 9, 9), -1.0)), torch.full((2, 1, 9, 9), -1.0))
    spot = torch.full((1, 1, 9, 9), -1.0)
    spot[..., 4, 4] = 1.0
    assert (blurred(spot) + 1).sum().item() == pytest.approx(2)
    assert (blurred(spot)[..., 4, 4] + 1).item() == pytest.approx(2 / 9)


def test_the_measures_are_those_of_the_table() -> None:
    x = normal(2, 12, 1, 28, 28).clamp(-1, 1)
    found = looked_at(x, MNIST.validation)
    for name in set(found) - {"sharpness"}:
        expected = torch.stack([al.METRICS[name](one, MNIST.validation) for one in x])
        torch.testing.assert_close(found[name].double(), expected.double())
    torch.testing.assert_close(looked_at(MNIST.test[None], MNIST.test)["sharpness"], torch.ones(1))


def test_drawn_pixels_are_black_and_white_in_the_shares_of_the_decoder() -> None:
    decoder = al.models.ensemble(al.models.mlp_pair, seed=[0], **SIZES)[0]
    found = measured(decoder, MNIST, 20)
    with torch.no_grad():
        for weight in decoder.parameters():
            weight.zero_()  # gray everywhere: drawn pixels are fair coins, of variance 1
        gray = measured(decoder, MNIST, 200)
    assert gray["sharpness"].item() == pytest.approx(0, abs=1e-6)
    assert (gray["drawn_sharpness"] * sharpness(MNIST.test)).item() == pytest.approx(20, rel=0.05)
    assert set(found) == {name for key in looked_at(MNIST.test[None, :9], MNIST.test) for name in (key, f"drawn_{key}")}


def test_a_run_has_its_numbers_whatever_else_trains() -> None:
    for fn, how in ((gan_runs, SHORT), (vae_runs, QUICK)):
        both, alone = fn(how, [7, 8], 15, QUICK), fn(how, [8, 9], 15, QUICK)
        assert both["seed"].tolist() == [7, 8]
        for name in ("digit_kid", "sharpness", "bound", "drawn_sharpness", "scale"):
            assert both[name][1] == pytest.approx(alone[name][0], rel=1e-3)
        assert both["bound"][0] != both["bound"][1]
        assert (both["cpu"] > 0).all()
    assert set(both) - set(gan_runs(SHORT, [7, 8], 15, QUICK)) == {"own_bound", "own_kl", "posterior_kid"}


def test_both_begin_with_the_same_decoder() -> None:
    still = Fit(num_steps=1, lr=1e-12)
    gan, vae = gan_runs(replace(SHORT, num_steps=1, lr=1e-12), [3, 4], 15, None), vae_runs(still, [3, 4], 15, None)
    for name in ("digit_kid", "sharpness", "drawn_digit_kid"):
        assert gan[name] == pytest.approx(vae[name], rel=1e-4)
    assert "bound" not in gan


def test_a_new_encoder_leaves_the_decoder_and_finds_how_sure_it_should_be() -> None:
    decoder = al.models.ensemble(al.models.mlp_pair, seed=[0, 1], **SIZES)[0]
    with torch.no_grad():
        for name, weight in decoder.weights().items():
            weight.fill_(-5.0 if name == "body.4.bias" else 0.0)  # surely black: wrong on every stroke
    before = {name: weight.clone() for name, weight in decoder.state_dict().items()}
    vae = new_encoder(decoder, MNIST.train, Fit(num_steps=500, batch_size=8, lr=0.02), [0, 1])
    assert all(torch.equal(weight, before[name]) for name, weight in decoder.state_dict().items())
    # one gray for all pixels is the best that is left: its logit is that of the share of white
    share = ((MNIST.train + 1) / 2).mean()
    wanted = (share / (1 - share)).log() / -10
    assert vae.decoder.log_scale.exp().flatten().tolist() == pytest.approx([wanted.item()] * 2, rel=0.1)


def test_a_tempered_decoder_starts_as_the_decoder() -> None:
    decoder = al.models.ensemble(al.models.mlp_pair, seed=[0, 1], **SIZES)[0]
    z = normal(2, 3, 16)
    assert torch.equal(Tempered(decoder)(z), decoder(z))
    assert torch.equal(Tempered(decoder.member(1))(z[1]), decoder.member(1)(z[1]))


def test_the_families_share_the_plan_and_its_level() -> None:
    plan = al.show_plan("vae").plan
    found = families(plan)
    assert list(found) == ["digit_recall", "digit_kid", "digit_sure", "bound"]
    assert {one.better for name, one in found.items() if name in ("digit_kid", "bound")} == {"lower"}
    assert sum(one.level for one in found.values()) == pytest.approx(0.05)
    assert {one.arms for one in found.values()} == {plan.arms}
    assert found["bound"].fill == pytest.approx(784 * 0.6931, rel=1e-3)


def test_the_ends_of_the_scale() -> None:
    ends = {name: value.item() for name, value in ends_of_the_scale().items()}
    assert 30 < ends["floor"] < 60 < 190 < ends["mean_image"] < 784 * 0.6932
    assert ends["mid_sure"] < 0.5 < ends["rec_sure"]
    assert mean_image(MNIST, 3).shape == (3, 1, 28, 28)
    worst = sentinel_runs("mean_image", [0, 1], 20)
    assert (worst["digit_precision"] == 1).all()
    assert (worst["digit_recall"] == 0).all()
    noise, fresh = (sentinel_runs(name, [0], 100)["sharpness"][0] for name in ("uniform_box", "perfect"))
    assert noise > 5 > 1.2 > fresh > 0.8

"""The trainer of the semi-supervised GAN: what a step does, resuming, interrupts, refusals."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from helpers import normal
from labels.bars import CLASSES, FEW, SIDE, blobs
from torch import Tensor

from algan_lite.labels.pool import Pool
from algan_lite.labels.semi import SemiConfig, SemiGAN, train_semi

MANY, CLASS = blobs(60, seed=1)
X, Y = MANY[:9], CLASS[:9]


def pool(**options: object) -> Pool:
    return Pool(MANY, CLASS.__getitem__, **{"labeled": range(9), **options})


@pytest.fixture(autouse=True)
def usual_handler() -> Iterator[None]:
    """Take interrupts, though whoever started the tests may ignore them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def trained(steps: int = 12, seed: int = 0, **options: object) -> SemiGAN:
    settings = {name: options.pop(name) for name in list(options) if name in SemiConfig.__dataclass_fields__}
    config = SemiConfig(**{**FEW, "num_steps": steps, **settings})
    return train_semi(pool(), config, num_classes=CLASSES, seed=seed, progress=False, **options)


def state(run: SemiGAN) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in run._tensors().items()}


def assert_same(a: SemiGAN, b: SemiGAN) -> None:
    assert a.step == b.step
    first, second = state(a), state(b)
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


def test_a_seed_repeats_a_run_and_another_one_does_not() -> None:
    assert_same(trained(), trained())
    assert not torch.equal(state(trained())["D.output.weight"], state(trained(seed=1))["D.output.weight"])


def test_the_global_random_state_stays() -> None:
    before = torch.get_rng_state()
    trained()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("at", [1, 5, 12])
def test_a_killed_run_goes_on_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    path, step = tmp_path / "run.st", SemiGAN.take_step

    def killed(self: SemiGAN, *batch: Tensor) -> None:
        if self.step == at:
            raise MemoryError
        step(self, *batch)

    monkeypatch.setattr(SemiGAN, "take_step", killed)
    if at < 12:
        with pytest.raises(MemoryError):
            trained(checkpoint=path, checkpoint_every=1)
    else:
        trained(checkpoint=path, checkpoint_every=5)
    monkeypatch.setattr(SemiGAN, "take_step", step)
    assert_same(trained(checkpoint=path, resume=True), trained())


def test_an_interrupt_waits_for_the_end_of_a_step_and_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, step = tmp_path / "run.st", SemiGAN._step_D

    def nervous(self: SemiGAN, *batch: Tensor) -> None:
        if self.step == 7:
            signal.raise_signal(signal.SIGINT)
        step(self, *batch)

    monkeypatch.setattr(SemiGAN, "_step_D", nervous)
    with pytest.raises(KeyboardInterrupt):
        trained(checkpoint=path)
    monkeypatch.setattr(SemiGAN, "_step_D", step)
    again = trained(steps=12, checkpoint=path, resume=True)
    assert_same(again, trained())


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.st"
    trained(checkpoint=path)
    with pytest.raises(ValueError, match="same settings, data and seed"):
        trained(checkpoint=path, resume=True, seed=1)
    with pytest.raises(ValueError, match="same settings, data and seed"):
        trained(checkpoint=path, resume=True, lr_D=1e-4)
    with pytest.raises(ValueError, match="resume=True needs checkpoint="):
        trained(resume=True)


def test_a_step_of_G_leaves_D_and_a_step_of_D_leaves_G() -> None:
    run = SemiGAN(MANY, CLASSES, SemiConfig(**FEW), 0)
    fake = run.G(normal(8, 4))
    before = [p.clone() for p in run.D.parameters()]
    mine = [p.clone() for p in run.G.parameters()]
    run._step_G(MANY[:8], fake)
    assert all(torch.equal(a, b) for a, b in zip(before, run.D.parameters(), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(mine, run.G.parameters(), strict=True) if a.ndim > 1)
    assert all(p.requires_grad for p in run._learned)
    assert all(p.grad is None for p in run.D.parameters())
    now = [p.clone() for p in run.G.parameters()]
    run._step_D(X, Y, MANY[:8], fake.detach())
    assert all(torch.equal(a, b) for a, b in zip(now, run.G.parameters(), strict=True))
    assert not torch.equal(before[0], next(run.D.parameters()))


def test_only_the_last_scale_of_D_learns() -> None:
    run, fresh = trained(), SemiGAN(MANY, CLASSES, SemiConfig(**FEW), 0)
    for layer, first in zip(run.D.layers, fresh.D.layers, strict=True):
        assert torch.equal(layer.scale, first.scale)
    assert not torch.equal(run.D.output.scale, fresh.D.output.scale)


def test_a_G_that_shall_not_learn_does_not() -> None:
    run = trained(learn_G=False)
    fresh = SemiGAN(MANY, CLASSES, run.config, 0)
    assert all(torch.equal(a, b) for a, b in zip(run.G.parameters(), fresh.G.parameters(), strict=True))
    assert not torch.equal(state(run)["D.output.weight"], state(fresh)["D.output.weight"])


def test_the_average_is_the_mean_of_the_first_steps() -> None:
    seen, run = [], SemiGAN(MANY, CLASSES, SemiConfig(**FEW, average=0.9), 0)
    for _ in range(6):
        run.take_step(X, Y, MANY)
        seen.append(run.D.output.bias.detach().clone())
    torch.testing.assert_close(run.average.output.bias, torch.stack(seen).mean(0))


def test_every_purpose_has_its_own_stream() -> None:
    streams = SemiGAN(MANY, CLASSES, SemiConfig(**FEW), 0)._streams.values()
    assert len({one.initial_seed() for one in streams}) == 5


def test_rates_fall_to_zero_over_the_second_half() -> None:
    config = SemiConfig(num_steps=100)
    assert [config.rate(step) for step in (0, 50, 75, 99)] == pytest.approx([1, 1, 0.5, 0.02])


def test_classes_do_not_depend_on_who_else_is_asked() -> None:
    run = trained()
    torch.testing.assert_close(run.predict_proba(MANY)[:5], run.predict_proba(MANY[:5]))  # no noise, nothing mixed
    torch.testing.assert_close(run.predict_proba(MANY).sum(1), torch.ones(60))


def test_fakes_are_images() -> None:
    fake = trained().G(normal(20, 4))
    assert fake.shape == (20, SIDE**2)
    assert fake.min() >= 0
    assert fake.max() <= 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("num_steps", 0), ("num_labeled", 0), ("num_unlabeled", 1), ("latent_dim", 0), ("lr_D", 0), ("lr_G", -1)),
        *(("beta1", 1), ("average", 1), ("augment", 1), ("learn_G", None)),
    ],
)
def test_settings_refuse(field: str, value: object) -> None:
    with pytest.raises((ValueError, TypeError), match=field):
        SemiConfig(**{field: value})


@pytest.mark.parametrize(
    ("given", "options", "kind", "words"),
    [
        (lambda: Pool(MANY, CLASS.__getitem__), {}, ValueError, "pool must hold 1 label or more; got none"),
        (lambda: Pool(MANY.flatten(1), CLASS.__getitem__, labeled=[0]), {}, ValueError, "pool.x must be images"),
        (pool, {"num_classes": 2}, ValueError, r"pool.y must be in \[0, 2\), the classes; got 2"),
        (lambda: MANY, {}, TypeError, "pool must be a Pool"),
        (
            lambda: Pool(MANY.double(), CLASS.__getitem__, labeled=[0]),
            {},
            TypeError,
            "pool.x must be float32 on the CPU",
        ),
        (pool, {"checkpoint_every": 0}, ValueError, "checkpoint_every"),
    ],
)
def test_the_trainer_refuses(given: object, options: dict[str, object], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        train_semi(given(), SemiConfig(**FEW), **options)

"""The semi-supervised GAN: D is a classifier of K+1 classes, and G exists only to give it counterexamples.

A step draws labeled images (moved a little), unlabeled ones and noise. D minimizes
``labeled_loss + unlabeled_loss``; then G brings the mean of D's last hidden layer on fakes to that on reals
(``feature_matching``). What classifies in the end is a moving average of D.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from algan_lite.core.checks import check_flag, check_integer, check_kind, check_number, shown
from algan_lite.core.files import check_writable, load_checkpoint, save_checkpoint
from algan_lite.core.keys import content_key
from algan_lite.core.progress import progress_bar
from algan_lite.core.rng import derive_seed, fresh, stream
from algan_lite.labels.affine import affine
from algan_lite.labels.networks import make_classifier, make_generator
from algan_lite.labels.pool import Pool
from algan_lite.labels.semi_losses import feature_matching, labeled_loss, unlabeled_loss
from algan_lite.training.interrupt import Patience

PURPOSES = ("labeled", "unlabeled", "latents", "augmentation", "noise of D")


@dataclass(frozen=True)
class SemiConfig:
    """Settings of a semi-supervised GAN.

    Attributes:
        num_steps: Steps of D and of G, >= 1; the learning rates fall to 0 over the second half.
        lr_D: Of Adam, > 0.
        lr_G: Of Adam, > 0.
        beta1: Of Adam, in [0, 1); beta2 is 0.999.
        num_labeled: Labeled images a step, drawn with replacement, >= 1.
        num_unlabeled: Unlabeled images a step, and as many fakes, >= 2.
        latent_dim: Coordinates of G's noise, >= 1.
        average: Share of the moving average of D that a step keeps, in [0, 1).
        augment: Whether labeled images are turned and shifted.
        learn_G: Whether G learns; False is the control whose fakes stay those of the first weights.
    """

    num_steps: int = 5000
    lr_D: float = 3e-3
    lr_G: float = 1e-2
    beta1: float = 0.5
    num_labeled: int = 50
    num_unlabeled: int = 100
    latent_dim: int = 50
    average: float = 0.99
    augment: bool = True
    learn_G: bool = True

    def __post_init__(self) -> None:
        """Check every field."""
        for name, low in (("num_steps", 1), ("num_labeled", 1), ("num_unlabeled", 2), ("latent_dim", 1)):
            check_integer(name, getattr(self, name), low)
        for name in ("lr_D", "lr_G"):
            check_number(name, getattr(self, name), 0, open_low=True)
        for name in ("beta1", "average"):
            check_number(name, getattr(self, name), 0, 0.9999)
        for name in ("augment", "learn_G"):
            check_flag(name, getattr(self, name))

    def rate(self, step: int) -> float:
        """Return the share of the learning rates at a step: 1, then falling linearly to 0 over the second half."""
        return min(1.0, 2 * (1 - step / self.num_steps))


class SemiGAN:
    """A semi-supervised GAN between two steps: networks, moments, streams.

    Args:
        x: Images (N, 1, height, width) in [0, 1]; the first 500 set the scales of D.
        num_classes: K.
        config: Settings.
        seed: Of weights and draws.

    Attributes:
        D: The classifier as it is.
        G: The generator, (N, latent_dim) to (N, num_pixels) in [0, 1].
        average: The moving average of D, which classifies.
        step: Steps taken.
    """

    def __init__(self, x: Tensor, num_classes: int, config: SemiConfig, seed: int) -> None:
        self.config, self.step = config, 0
        self.D = make_classifier("dense", x[:500], num_classes, derive_seed(seed, "weights of D"))
        self.G = make_generator(config.latent_dim, x[0].numel(), derive_seed(seed, "weights of G"))
        self.average = copy.deepcopy(self.D).requires_grad_(False)
        how = {"betas": (config.beta1, 0.999), "fused": True}
        self._learned = [p for p in self.D.parameters() if p.requires_grad]
        self._adam_D = torch.optim.Adam(self._learned, lr=config.lr_D, **how)
        self._adam_G = torch.optim.Adam(self.G.parameters(), lr=config.lr_G, **how)
        self._streams = {purpose: stream(seed, f"semi {purpose}") for purpose in PURPOSES}

    def take_step(self, x_labeled: Tensor, y: Tensor, x_unlabeled: Tensor) -> None:
        """Take one step of D, then one of G, on batches drawn from labeled and unlabeled images."""
        config, draws = self.config, self._streams
        rows = fresh(draws["labeled"], (config.num_labeled,), "cpu", "index", len(x_labeled))
        few = x_labeled[rows]
        few = affine(few, draws["augmentation"]) if config.augment else few
        many = x_unlabeled[fresh(draws["unlabeled"], (config.num_unlabeled,), "cpu", "index", len(x_unlabeled))]
        for adam, lr in ((self._adam_D, config.lr_D), (self._adam_G, config.lr_G)):
            adam.param_groups[0]["lr"] = lr * config.rate(self.step)
        fake = self.G(fresh(draws["latents"], (config.num_unlabeled, config.latent_dim), "cpu"))
        self._step_D(few, y[rows], many, fake.detach())
        if config.learn_G:
            self._step_G(many, fake)
        self.step += 1

    def _step_D(self, few: Tensor, y: Tensor, many: Tensor, fake: Tensor) -> None:
        sizes = len(few), len(many), len(fake)
        together = torch.cat([part.flatten(1) for part in (few, many, fake)])  # no layer of D mixes samples
        labeled, unlabeled, fakes = self.D(together, self._streams["noise of D"]).split(sizes)
        _descend(self._adam_D, labeled_loss(labeled, y) + unlabeled_loss(unlabeled, fakes))
        kept = min(self.config.average, self.step / (self.step + 1))  # the plain mean of the first steps
        torch._foreach_lerp_(list(self.average.parameters()), list(self.D.parameters()), 1 - kept)

    def _step_G(self, many: Tensor, fake: Tensor) -> None:
        noise = self._streams["noise of D"]
        with torch.no_grad():
            wanted = self.D.features(many, noise)
        self._let_learn(False)
        _descend(self._adam_G, feature_matching(wanted, self.D.features(fake, noise)))
        self._let_learn(True)

    def _let_learn(self, learns: bool) -> None:
        for parameter in self._learned:
            parameter.requires_grad_(learns)

    def predict_proba(self, x: Tensor) -> Tensor:
        """Return the probabilities of the K classes, given that the images (N, 1, height, width) are real: (N, C)."""
        with torch.no_grad():
            return self.average(x).softmax(-1)

    def save(self, path: str | os.PathLike[str], told: Mapping[str, object]) -> None:
        """Write all of it, atomically; ``told`` is what a run that continues must have in common."""
        save_checkpoint(path, dict(self._tensors()), {"told": dict(told), "step": self.step})

    def load(self, path: str | os.PathLike[str], told: Mapping[str, object]) -> None:
        """Become what a file holds.

        Raises:
            ValueError: If the file is damaged, or of other settings, data or seed.
        """
        tensors, values = load_checkpoint(path)
        if values.get("told") != told:
            raise ValueError(f"checkpoint must be of the same settings, data and seed; {path} is of others")
        for name, part in self._parts().items():
            part.load_state_dict({key[len(name) :]: t for key, t in tensors.items() if key.startswith(name)})
        for name, adam in self._adams().items():
            moments = {int(k): {} for k in range(len(adam.param_groups[0]["params"]))}
            for key in (key for key in tensors if key.startswith(name)):
                number, kind = key[len(name) :].split(".")
                moments[int(number)][kind] = tensors[key]
            moments = {} if not any(moments.values()) else moments
            adam.load_state_dict({"state": moments, "param_groups": adam.state_dict()["param_groups"]})
        for purpose, one in self._streams.items():
            one.set_state(tensors[f"stream.{purpose}"])
        self.step = values["step"]

    def _parts(self) -> dict[str, nn.Module]:
        return {"D.": self.D, "G.": self.G, "average.": self.average}

    def _adams(self) -> dict[str, torch.optim.Adam]:
        return {"adam_D.": self._adam_D, "adam_G.": self._adam_G}

    def _tensors(self) -> dict[str, Tensor]:
        """Return all that a step reads, by name."""
        found = {f"{name}{key}": t for name, part in self._parts().items() for key, t in part.state_dict().items()}
        for name, adam in self._adams().items():
            moments = adam.state_dict()["state"]
            found |= {f"{name}{k}.{kind}": t for k, one in moments.items() for kind, t in one.items()}
        return found | {f"stream.{purpose}": one.get_state() for purpose, one in self._streams.items()}


def _descend(adam: torch.optim.Adam, loss: Tensor) -> None:
    adam.zero_grad(set_to_none=True)
    loss.backward()
    adam.step()


def train_semi(
    pool: Pool,
    config: SemiConfig | None = None,
    *,
    num_classes: int = 10,
    seed: int = 0,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 1000,
    resume: bool = False,
    progress: bool | None = None,
) -> SemiGAN:
    """Train a semi-supervised GAN on a pool; an interrupt waits for the end of a step, and saves.

    Args:
        pool: Images (N, 1, height, width) in [0, 1], one or more of them labeled. All of them are "unlabeled" images.
        config: Settings; by default those of the book's study.
        num_classes: K, >= 2.
        seed: Of weights and draws.
        checkpoint: File to save to, or None.
        checkpoint_every: Steps between two saves, >= 1; the end is saved, too.
        resume: Continue from the checkpoint if it is there: the same run, bit for bit.
        progress: Show a bar; None: unless ALGAN_LITE_PROGRESS is 0.

    Returns:
        The trained GAN, a model: ``predict_proba``.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If the pool holds no images or no label, a class is out of range, or the checkpoint is of another
            run.

    Reference:
        Salimans et al. 2016.
    """
    x, y = check_labeled_images(pool, num_classes)
    config = SemiConfig() if config is None else config
    check_kind("config", config, SemiConfig, "a SemiConfig, or None")
    check_integer("checkpoint_every", checkpoint_every, 1)
    if check_flag("resume", resume) and checkpoint is None:
        raise ValueError("resume=True needs checkpoint=, the file to continue from; got None")
    run = SemiGAN(pool.x, num_classes, config, seed)
    path = None if checkpoint is None else check_writable("checkpoint", checkpoint)
    told = {**asdict(config), "seed": seed, "data": content_key(pool.x, pool.labeled, y)}
    if resume and path.exists():
        run.load(path, told)
    left = range(run.step, config.num_steps)
    with Patience() as patience:
        for _ in progress_bar(left, shown=progress, desc="semi-supervised GAN", unit="step", delay=2.0):
            run.take_step(x, y, pool.x)
            due = patience.asked or run.step % checkpoint_every == 0 or run.step == config.num_steps
            if path is not None and due:
                run.save(path, told)
            patience.check()
    return run


def check_labeled_images(pool: object, num_classes: int) -> tuple[Tensor, Tensor]:
    """Return the labeled images of a pool and their classes, or say what a network cannot learn from."""
    check_kind("pool", pool, Pool, "a Pool")
    if pool.x.ndim != 4 or pool.x.shape[1] != 1:
        raise ValueError(f"pool.x must be images (N, 1, height, width); got {tuple(pool.x.shape)}")
    if pool.x.dtype is not torch.float32 or pool.x.device.type != "cpu":
        raise TypeError(f"pool.x must be float32 on the CPU, where these learners run; got {shown(pool.x)}")
    if not pool.spent:
        raise ValueError("pool must hold 1 label or more; got none")
    if int(pool.y.max()) >= check_integer("num_classes", num_classes, 2):
        raise ValueError(f"pool.y must be in [0, {num_classes}), the classes; got {int(pool.y.max())}")
    return pool.x[pool.labeled], pool.y

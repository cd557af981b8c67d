"""One decoder, two ways to train it: as the G of a GAN, and as the decoder of a variational autoencoder.

Runs train at once. Whatever has trained it, a decoder is then measured alike: its fakes; the bound that a new encoder
reaches on it; what becomes of digits on the way through that encoder and back, and of the points between two of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, binary_cross_entropy, conv2d

from algan_lite.core.rng import draw, stream
from algan_lite.data import mnist
from algan_lite.data.finite import Finite
from algan_lite.metrics.digits import class_shares, digit_features, digit_probabilities
from algan_lite.metrics.distances import neighbor_scores
from algan_lite.metrics.sentinels import SENTINELS
from algan_lite.metrics.table import METRICS
from algan_lite.models.ensemble import Ensemble
from algan_lite.models.pairs import ensemble, mlp_pair
from algan_lite.models.vae import VAE, fit_vae, mlp_encoder, mlp_vae, normal_kl
from algan_lite.studies.plan import Plan
from algan_lite.training.config import TrainConfig
from algan_lite.training.loop import train

SIZES = {"latent_dim": 16, "sample_shape": (1, 28, 28), "width": 256, "depth": 2}
GAN = TrainConfig(
    num_steps=800, batch_size=64, regularizers={"r1": 10.0}, lr=2e-3, betas=(0.5, 0.99), ema_decay=0.99, log_every=100
)
PAIRS = 500  # of digits, to go from one to the other
LAPLACE = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])

Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Fit:
    """How an autoencoder is fitted; the arguments of ``fit_vae``."""

    num_steps: int = 1700
    batch_size: int = 64
    lr: float = 2e-3
    beta: float = 1.0


def families(plan: Plan) -> dict[str, Plan]:
    """Return the four families of the study's plan, measure -> the same rule for it."""
    others = {
        "digit_kid": {"better": "lower", "fill": 635.0, "options": {"least": 20.0}},
        "digit_sure": {"better": "higher", "options": {"least": 0.05}},
        "bound": {"better": "lower", "fill": 543.0, "options": {"least": 5.0}, "sentinels": ()},
    }
    return {plan.measure: plan} | {name: replace(plan, measure=name, **how) for name, how in others.items()}


def gan_runs(config: TrainConfig, seeds: Sequence[int], n: int, refit: Fit | None, part: str = "test") -> Columns:
    """Train a GAN for each seed, and measure its averaged G.

    Args:
        config: The settings.
        seeds: Of weights and noise: one run each.
        n: Fakes behind each number.
        refit: How a new encoder is fitted to the decoder; None: it is not, and what needs one is not measured.
        part: The reals that fakes are compared with: ``validation``, to choose settings by, or ``test``.

    Returns:
        Name -> a value a run: ``seed``, the measures of ``measured``, and the processor's ``cpu`` and the clock's
        ``seconds`` of training, each a share of what all runs took.
    """
    source = mnist()
    G, D = ensemble(mlp_pair, seed=list(seeds), **SIZES, output="tanh")
    history, cost = _timed(lambda: train(G, D, source, config, seed=list(seeds), progress=False), len(seeds))
    decoder = ensemble(mlp_pair, seed=list(seeds), **SIZES)[0]
    decoder.load_state_dict(history.G_ema.state_dict())  # the same weights; images before their tanh
    return _columns(decoder, None, seeds, n, refit, part) | cost


def vae_runs(fit: Fit, seeds: Sequence[int], n: int, refit: Fit | None, part: str = "test") -> Columns:
    """Fit an autoencoder for each seed, whose decoder begins as that seed's G does; measure it as ``gan_runs`` does.

    Returns:
        As there, and the measures of ``own``.
    """
    source, vae = mnist(), mlp_vae(**SIZES, seed=list(seeds))
    _, cost = _timed(lambda: fit_vae(vae, source.train, **vars(fit), seed=list(seeds)), len(seeds))
    return _columns(vae.decoder, vae, seeds, n, refit, part) | cost


def sentinel_runs(name: str, seeds: Sequence[int], n: int) -> Columns:
    """Measure fakes that nobody trained: a sentinel's, or ``blurred`` or ``mean_image``, those of this study."""
    source = mnist()
    made = {"blurred": lambda seed: blurred(_perfect(source, n, seed)), "mean_image": lambda _: mean_image(source, n)}
    one = made.get(name, lambda seed: SENTINELS[name](source, n, seed=seed))
    fakes = looked_at(torch.stack([one(seed) for seed in seeds]), source.test)
    return {"seed": np.array(seeds)} | {key: value.numpy() for key, value in fakes.items()}


def ends_of_the_scale() -> Columns:
    """Return what the bound could be at best and at worst on the test digits, in nats an image, and a control.

    Returns:
        ``floor``: of a decoder that repeats every image, since gray pixels have an entropy; ``mean_image``: of one that
        knows the training images' mean only; ``mid_sure``: how often the classifier is sure of the pixelwise mean of
        two digits; ``rec_sure``: of digits themselves.
    """
    source = mnist()
    share, mean = (source.test + 1) / 2, ((source.train + 1) / 2).mean(0).expand_as(source.test)
    nats = {"floor": share, "mean_image": mean}
    ends = {key: binary_cross_entropy(p, share, reduction="none").sum((1, 2, 3)).mean() for key, p in nats.items()}
    one, other = _pairs(source.test)
    ends |= {"mid_sure": class_shares((one + other) / 2).sum(), "rec_sure": class_shares(one).sum()}
    return {key: value.numpy()[None] for key, value in ends.items()}


def _timed(call: Callable[[], object], runs: int) -> tuple[object, Columns]:
    cpu, clock = time.process_time(), time.perf_counter()
    result = call()
    took = {"cpu": time.process_time() - cpu, "seconds": time.perf_counter() - clock}
    return result, {name: np.full(runs, value / runs) for name, value in took.items()}


def _columns(decoder: Ensemble, vae: VAE | None, seeds: Sequence[int], n: int, refit: Fit | None, part: str) -> Columns:
    source = mnist()
    measures = measured(decoder, source, n, part)
    if vae is not None:
        measures |= own(vae, source, n, part)
    if refit is not None:
        measures |= through(new_encoder(decoder, source.train, refit, seeds), source.test)
    return {"seed": np.array(seeds)} | {name: value.detach().numpy() for name, value in measures.items()}


@torch.no_grad()
def measured(decoder: Ensemble, source: Finite, n: int, part: str = "test") -> dict[str, Tensor]:
    """Return what ``looked_at`` says of the fakes of R decoders, and of the same fakes with pixels drawn.

    Args:
        decoder: R of them; their outputs are images before the tanh.
        source: The reals.
        n: Fakes behind each number, of one and the same noise in every run.
        part: The reals to compare with.

    Returns:
        Name -> (R,); of black and white pixels, drawn by the decoder's probabilities, as ``drawn_...``.
    """
    z = draw(stream(0, "decoders"), (n, decoder.latent_dim), "cpu")
    images, reals = decoder(z).tanh(), getattr(source, part)
    dots = draw(stream(1, "decoders"), images.shape[1:], "cpu", "uniform")
    drawn = looked_at(2 * (dots < (images + 1) / 2).float() - 1, reals)
    return looked_at(images, reals) | {f"drawn_{name}": value for name, value in drawn.items()}


def looked_at(x_fake: Tensor, reals: Tensor) -> dict[str, Tensor]:
    """Return how fakes (R, N, 1, 28, 28) look beside reals (M, 1, 28, 28).

    Returns:
        Name -> (R,): ``digit_kid``, ``digit_precision``, ``digit_recall``, ``digit_coverage``, ``digit_sure``, and
        ``sharpness`` in units of that of the reals.
    """
    fake, real = digit_features(x_fake), digit_features(reals)
    near = neighbor_scores(fake, real)
    told = {"digit_kid": METRICS["kid"](fake, real), "digit_sure": class_shares(x_fake).sum(-1)}
    told |= {f"digit_{name}": near[name] for name in ("precision", "recall", "coverage")}
    return told | {"sharpness": sharpness(x_fake) / sharpness(reals)}


def sharpness(x: Tensor) -> Tensor:
    """Return the variance of the Laplacian, the mean over images: large where neighboring pixels differ.

    Args:
        x: Images (..., N, 1, height, width).

    Returns:
        (...), >= 0, in squared units of x. Blur lowers it; noise raises it far above that of any picture.

    Reference:
        Pech-Pacheco et al. 2000.
    """
    edges = conv2d(x.flatten(0, -4), LAPLACE[None, None].to(x))
    return edges.flatten(1).var(1, correction=0).view(x.shape[:-3]).mean(-1)


@torch.no_grad()
def own(vae: VAE, source: Finite, n: int, part: str = "test") -> dict[str, Tensor]:
    """Return what only an autoencoder has: its own bound, and fakes from where its encoder puts digits.

    Returns:
        Name -> (R,): ``own_bound``, -ELBO of the reals, in nats an image, and of that ``own_kl``; ``posterior_kid``,
        the ``digit_kid`` of fakes whose latents are drawn for n *training* images by the encoder, not from the prior.
    """
    reals = getattr(source, part)
    noise = draw(stream(2, "decoders"), (max(n, len(reals)), vae.latent_dim), "cpu")
    mean, log_var = vae.encode(source.train[:n])
    fakes = vae(mean + (log_var / 2).exp() * noise[:n])
    bound = {"own_bound": vae.loss(reals, noise[: len(reals)]), "own_kl": vae.kl(reals).mean(-1)}
    return bound | {"posterior_kid": METRICS["kid"](digit_features(fakes), digit_features(reals))}


class Tempered(nn.Module):
    """A decoder, or R of them, that stays as it is but for one number, which says how sure its pixels are.

    A GAN's pixels need not be probabilities: where one is surely black and wrong, the bound would be lost.
    """

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.decoder, self.latent_dim = decoder.requires_grad_(False), decoder.latent_dim
        self.sample_shape, lead = decoder.sample_shape, ()
        if hasattr(decoder, "runs"):
            self.runs, lead = decoder.runs, (decoder.runs,)
        self.log_scale = nn.Parameter(torch.zeros(*lead, 1, *[1] * len(self.sample_shape)))

    def forward(self, z: Tensor) -> Tensor:
        """Return images before their tanh, (..., N, *sample)."""
        return self.decoder(z) * self.log_scale.exp()


def new_encoder(decoder: Ensemble, x: Tensor, fit: Fit, seeds: Sequence[int]) -> VAE:
    """Fit a new encoder to each of R decoders, and one number that says how sure the decoder's pixels are."""
    encoder = Ensemble([mlp_encoder(**SIZES, seed=seed) for seed in seeds])
    vae = VAE(encoder, Tempered(decoder))
    fit_vae(vae, x, **vars(fit), seed=list(seeds))
    return vae


@torch.no_grad()
def through(vae: VAE, x: Tensor) -> dict[str, Tensor]:
    """Return what becomes of digits (N, 1, 28, 28) on the way through an encoder and back.

    Returns:
        Name -> (R,): ``bound``, -ELBO in nats an image, and of that ``kl``; ``scale``, how much surer than its pixels
        the decoder should be; ``rec_same``, how often the classifier sees the same digit in image and reconstruction;
        ``rec_sure``, how often it is sure of the latter; ``mid_sure``, how often of what lies between the codes of two
        digits, in the middle.
    """
    z = draw(stream(2, "decoders"), (len(x), vae.latent_dim), "cpu")
    mean, log_var = vae.encode(x)
    plain = lambda z: vae.decoder.decoder(z).tanh()  # noqa: E731 - the decoder's own images, as sure as they are
    images = plain(mean)
    (one, other), same = _pairs(mean), _class(images) == _class(x)
    nats = vae.misfit(x, mean + (log_var / 2).exp() * z).mean(-1)
    kl = normal_kl(mean, log_var).mean(-1)
    told = {"bound": nats + kl, "kl": kl, "scale": vae.decoder.log_scale.exp().flatten()}
    told |= {"rec_same": same.double().mean(-1), "rec_sure": class_shares(images).sum(-1)}
    return told | {"mid_sure": class_shares(plain((one + other) / 2)).sum(-1)}


def _class(x: Tensor) -> Tensor:
    return digit_probabilities(x).argmax(-1)


def _pairs(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first items and those after them, ``PAIRS`` of each; x is (..., N, 1, 28, 28) or codes (R, N, d)."""
    axis = -4 if x.shape[-2:] == (28, 28) else -2
    return x.narrow(axis, 0, PAIRS), x.narrow(axis, PAIRS, PAIRS)


def blurred(x: Tensor) -> Tensor:
    """Return images whose pixels are the means of 3 x 3, twice."""
    once = lambda x: avg_pool2d(x + 1, 3, stride=1, padding=1) - 1  # noqa: E731 - black beyond the edge
    return once(once(x))


def mean_image(source: Finite, n: int) -> Tensor:
    """Return the mean of the training images, n times."""
    return source.train.mean(0).expand(n, *source.sample_shape)


def _perfect(source: Finite, n: int, seed: int) -> Tensor:
    return SENTINELS["perfect"](source, n, seed=seed)

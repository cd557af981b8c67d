"""Measure the package's speed and print one figure a line: ``name value unit``.

Machines are noisy, so what is compared is measured in turns within one run, and the median counts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

import algan_lite as al
from algan_lite.core.rng import draw, stream
from tools.bench.page import bench_page

TURNS = 5
TOY = al.TrainConfig(num_steps=200, batch_size=128, regularizers={"r1": 0.1}, strategy="top_k")
PLAIN = replace(TOY, num_steps=500, batch_size=al.TrainConfig().batch_size)  # with networks of the default size

SMALL = {"width": 32, "depth": 2}


def bare_loop(G: nn.Module, D: nn.Module, source: al.data.Source, config: al.TrainConfig) -> None:
    """Train as ``al.train`` does with the same terms, written out by hand and with nothing else."""
    adam_G, adam_D = (torch.optim.Adam(net.parameters(), config.lr, config.betas, fused=True) for net in (G, D))
    data, noise = stream(0, "data"), stream(0, "candidates 0")
    for _ in range(config.num_steps):
        x_real = source.sample(config.batch_size, generator=data).requires_grad_()
        z = draw(noise, (config.batch_size, G.latent_dim), "cpu")
        with torch.no_grad():
            ranks = D(G(z)).topk(config.batch_size).indices
        x_fake, logits_real = G(z[ranks]), D(x_real)
        (slope,) = torch.autograd.grad(logits_real.sum(), x_real, create_graph=True)
        loss_D = softplus(-logits_real).mean() + softplus(D(x_fake.detach())).mean()
        _update(adam_D, loss_D + config.regularizers["r1"] * slope.flatten(1).square().sum(-1).mean())
        _update(adam_G, softplus(-D(x_fake)).mean())


def _update(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    parameters = optimizer.param_groups[0]["params"]
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        parameter.grad = gradient
    optimizer.step()
    optimizer.zero_grad()


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _toy_steps_per_second(runs: int | None, loop: Callable[..., object] | None = None, **sizes: int) -> float:
    """Run-steps a second of one GAN (runs None) or of an ensemble."""
    G, D = al.models.mlp_pair(**sizes) if runs is None else al.models.ensemble(al.models.mlp_pair, runs=runs, **sizes)
    source, config = al.data.ring(), TOY if sizes else PLAIN
    work = loop or (lambda *args: al.train(*args, progress=False))
    return config.num_steps * (runs or 1) / _seconds(lambda: work(G, D, source, config))


def _turns(*measures: Callable[[], float]) -> list[list[float]]:
    """Measure in turns, after one turn that is thrown away; return the values of each measure."""
    rounds = [[measure() for measure in measures] for _ in range(TURNS + 1)]
    return [list(values) for values in zip(*rounds[1:], strict=True)]


def _at_threads(threads: int, measure: Callable[[], float]) -> float:
    torch.set_num_threads(threads)
    return measure()


def _best(measure: Callable[[], float], cores: int) -> float:
    """Return the median speed at the better of one thread and all."""
    speeds = _turns(*(lambda t=t: _at_threads(t, measure) for t in sorted({1, cores})))
    return max(statistics.median(values) for values in speeds)


def bench_train(cores: int) -> None:
    """Compare ``train()`` with the bare loop, pair by pair, at the default sizes and for small networks."""
    for name, sizes in (("", {}), ("_small", SMALL)):
        ours, bare = _turns(
            lambda sizes=sizes: _at_threads(1, lambda: _toy_steps_per_second(None, **sizes)),
            lambda sizes=sizes: _at_threads(1, lambda: _toy_steps_per_second(None, bare_loop, **sizes)),
        )
        ratio = statistics.median(a / b for a, b in zip(ours, bare, strict=True))
        print(f"train_steps_per_s{name} {statistics.median(ours):.0f} steps/s")
        print(f"train_vs_bare_loop{name} {ratio:.3f} ratio", flush=True)


def bench_ensemble(cores: int) -> None:
    """Compare ensembles with one run alone, each at its best number of threads."""
    alone = _best(lambda: _toy_steps_per_second(None, **SMALL), cores)
    for runs in (16, 64):
        together = _best(lambda runs=runs: _toy_steps_per_second(runs, **SMALL), cores)
        print(f"ensemble_run_steps_per_s_{runs} {together:.0f} run-steps/s")
        print(f"ensemble_speedup_{runs} {together / alone:.2f} ratio", flush=True)


def bench_images(cores: int) -> None:
    """Time a step on MNIST: small convolutions with r1, and the article's dense networks."""
    source, torch_threads = al.data.mnist(), cores
    conv = al.TrainConfig(num_steps=20, batch_size=64, regularizers={"r1": 1.0})
    dense = al.TrainConfig(num_steps=60, batch_size=128, lr=2e-4)
    pairs = {"conv": (al.models.conv_pair(), conv), "article": (al.models.article_pair(), dense)}
    for name, ((G, D), config) in pairs.items():
        work = lambda G=G, D=D, config=config: _seconds(lambda: al.train(G, D, source, config, progress=False))  # noqa: E731
        (seconds,) = _turns(lambda work=work: _at_threads(torch_threads, work))
        step = statistics.median(seconds) / config.num_steps
        print(f"mnist_{name}_step {1000 * step:.1f} ms" if name == "conv" else f"mnist_{name} {1 / step:.1f} steps/s")


def main() -> None:
    """Print every figure."""
    cores = torch.get_num_threads()
    for bench in (bench_train, bench_ensemble, bench_images):
        bench(cores)
    bench_page(lambda: _at_threads(1, lambda: _toy_steps_per_second(None, **SMALL)))


if __name__ == "__main__":
    main()

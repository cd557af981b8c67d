"""Measure the package's speed and print one figure a line: ``name value unit``.

Machines are noisy, so what is compared is measured in turns within one run, and the median counts.
"""

from __future__ import annotations

import statistics

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

import algan_lite as al
from algan_lite.core.rng import draw, stream
from tools.bench.graph import bench_graph
from tools.bench.page import bench_page
from tools.bench.timing import SMALL, at_threads, best, seconds, toy_steps_per_second, turns


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


def bench_train(cores: int) -> None:
    """Compare ``train()`` with the bare loop, in pairs and for about a second each, so that a pause weighs little."""
    for name, sizes in (("", {}), ("_small", SMALL)):
        ours, bare = turns(
            lambda sizes=sizes: at_threads(1, lambda: toy_steps_per_second(None, steps=1000, **sizes)),
            lambda sizes=sizes: at_threads(1, lambda: toy_steps_per_second(None, bare_loop, steps=1000, **sizes)),
        )
        ratio = statistics.median(a / b for a, b in zip(ours, bare, strict=True))
        print(f"train_steps_per_s{name} {statistics.median(ours):.0f} steps/s")
        print(f"train_vs_bare_loop{name} {ratio:.3f} ratio", flush=True)


def bench_ensemble(cores: int) -> None:
    """Compare ensembles with one run alone, each at its best number of threads."""
    alone = best(lambda: toy_steps_per_second(None, **SMALL), cores)
    for runs in (16, 64):
        together = best(lambda runs=runs: toy_steps_per_second(runs, **SMALL), cores)
        print(f"ensemble_run_steps_per_s_{runs} {together:.0f} run-steps/s")
        print(f"ensemble_speedup_{runs} {together / alone:.2f} ratio", flush=True)


def bench_images(cores: int) -> None:
    """Time a step on MNIST: small convolutions with r1, and the article's dense networks."""
    source, torch_threads = al.data.mnist(), cores
    conv = al.TrainConfig(num_steps=20, batch_size=64, regularizers={"r1": 1.0})
    dense = al.TrainConfig(num_steps=60, batch_size=128, lr=2e-4)
    pairs = {"conv": (al.models.conv_pair(), conv), "article": (al.models.article_pair(), dense)}
    for name, ((G, D), config) in pairs.items():
        work = lambda G=G, D=D, config=config: seconds(lambda: al.train(G, D, source, config, progress=False))  # noqa: E731
        (times,) = turns(lambda work=work: at_threads(torch_threads, work))
        step = statistics.median(times) / config.num_steps
        print(f"mnist_{name}_step {1000 * step:.1f} ms" if name == "conv" else f"mnist_{name} {1 / step:.1f} steps/s")


def main() -> None:
    """Print every figure."""
    cores = torch.get_num_threads()
    for bench in (bench_train, bench_ensemble, bench_graph, bench_images):
        bench(cores)
    bench_page(lambda: at_threads(1, lambda: toy_steps_per_second(None, **SMALL)))


if __name__ == "__main__":
    main()

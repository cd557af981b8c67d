"""Train the digit classifier whose features and probabilities the book measures images with.

    python tools/assets/train_classifier.py [mnist.npz] [--epochs 8]

Without an argument it trains on the subset in the package (quicker, less accurate). Digits are moved, turned, scaled
and made a little noisy. A third of each batch is no digit: noise, blobs and shuffled pieces, labeled with equal
probabilities, and blends of two digits, labeled with their shares, so that a confidence of .9 says something about a
fake. After training, the logits are divided by one temperature, the one with the least loss on held-out digits,
folded into the last layer.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import affine_grid, cross_entropy, grid_sample, interpolate, one_hot

from algan_lite import mnist, rng
from algan_lite.data.finite import stratified
from algan_lite.metrics.digits import WEIGHTS_PATH, DigitClassifier

BATCH, GARBAGE = 128, 64  # digits and others in a batch


def uniform(n: int, low: float, high: float, g: torch.Generator) -> Tensor:
    """Return (n, 1, 1, 1) numbers on [low, high)."""
    return low + (high - low) * torch.rand(n, 1, 1, 1, generator=g)


def move(x: Tensor, g: torch.Generator) -> Tensor:
    """Turn by up to 12 degrees, scale by up to 10 %, shift by up to 3 pixels; (N, 1, 28, 28) stays so."""
    n = len(x)
    angle = uniform(n, -0.21, 0.21, g).view(n)
    scale = uniform(n, 0.9, 1.1, g).view(n)
    shift = (torch.rand(n, 2, generator=g) * 2 - 1) * 3 / 14
    cos, sin = angle.cos() * scale, angle.sin() * scale
    theta = torch.stack([torch.stack([cos, -sin, shift[:, 0]], -1), torch.stack([sin, cos, shift[:, 1]], -1)], 1)
    grid = affine_grid(theta, list(x.shape), align_corners=False)
    return grid_sample(x + 1, grid, align_corners=False) - 1  # outside the picture is background, -1


def blobs(n: int, side: int, g: torch.Generator) -> Tensor:
    """Return smooth random pictures (n, 1, 28, 28), of any contrast and brightness."""
    coarse = torch.randn(n, 1, side, side, generator=g) * uniform(n, 0.2, 3.0, g) + uniform(n, -2.0, 1.0, g)
    return interpolate(coarse, (28, 28), mode="bilinear", align_corners=False).clamp(-1, 1)


def shuffle(x: Tensor, side: int, g: torch.Generator) -> Tensor:
    """Cut pictures into squares of ``side`` pixels and put these together in another order."""
    k = 28 // side
    pieces = x.view(-1, k, side, k, side).transpose(2, 3).reshape(len(x), k * k, side, side)
    order = torch.rand(len(x), k * k, generator=g).argsort(1)
    pieces = pieces[torch.arange(len(x)).unsqueeze(1), order]
    return pieces.view(-1, k, k, side, side).transpose(2, 3).reshape(-1, 1, 28, 28)


def garbage(x: Tensor, n: int, g: torch.Generator) -> Tensor:
    """Return about n pictures that are no digits, (n, 1, 28, 28); ``x`` are digits to spoil."""
    k = math.ceil(n / 8)
    noise = torch.rand(k, 1, 28, 28, generator=g) * 2 - 1
    normal = uniform(k, -1, 1, g) + uniform(k, 0.1, 1.5, g) * torch.randn(k, 1, 28, 28, generator=g)
    flat = uniform(k, -1, 1, g).expand(k, 1, 28, 28)
    flat = flat - (flat + 1) * (torch.rand(k, 1, 1, 1, generator=g) < 0.3)  # often plain background
    sparse = (torch.rand(k, 1, 28, 28, generator=g) < uniform(k, 0, 0.4, g)) * 2.0 - 1
    drowned = 0.3 * x[:k] + 0.7 * (torch.rand(k, 1, 28, 28, generator=g) * 2 - 1)
    sides = torch.randint(2, 15, (2,), generator=g).tolist()
    sharp = blobs(k, sides[0], g).sign()
    side = (4, 7, 14)[int(torch.randint(3, (), generator=g))]
    kinds = [noise, normal, flat, sparse, drowned, sharp, blobs(k, sides[1], g), shuffle(x[k : 2 * k], side, g)]
    return torch.cat(kinds).clamp(-1, 1)[:n]


def batch(x: Tensor, y: Tensor, g: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return digits, blends of two digits and garbage, with their target probabilities (N, 10)."""
    digits = move(x, g)
    noisy = (torch.rand(len(x), 1, 1, 1, generator=g) < 0.3) * uniform(len(x), 0, 0.3, g)
    digits = (digits + noisy * torch.randn(digits.shape, generator=g)).clamp(-1, 1)
    target = one_hot(y, 10).float()
    half = GARBAGE // 4
    share = uniform(half, 0.3, 0.7, g)
    blend = share * digits[:half] + (1 - share) * digits[-half:]
    share = share.view(-1, 1)
    blend_target = share * target[:half] + (1 - share) * target[-half:]
    other = garbage(digits, GARBAGE - half, g)
    even = torch.full((len(other), 10), 0.1)
    return torch.cat([digits, blend, other]), torch.cat([target, blend_target, even])


def train(x: Tensor, y: Tensor, epochs: int, seed: int) -> DigitClassifier:
    """Return a classifier trained on digits (N, 1, 28, 28) with labels (N,)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(rng.derive_seed(seed, "classifier weights"))
        net = DigitClassifier().to(memory_format=torch.channels_last)
    g = rng.stream(seed, "classifier batches")
    steps = epochs * (len(x) // BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps, pct_start=0.2)
    start = time.monotonic()
    for epoch in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(x), generator=g).split(BATCH)[: len(x) // BATCH]:
            images, target = batch(x[rows], y[rows], g)
            loss = cross_entropy(net(images.contiguous(memory_format=torch.channels_last)), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / (len(x) // BATCH):.4f}, {time.monotonic() - start:.0f} s", flush=True)
    return net.to(memory_format=torch.contiguous_format).eval().requires_grad_(False)


def predict(net: DigitClassifier, x: Tensor) -> Tensor:
    """Return logits (N, 10)."""
    return torch.cat([net(chunk) for chunk in x.split(500)])


def calibrate(net: DigitClassifier, x: Tensor, y: Tensor) -> float:
    """Fold the best temperature into the last layer and return it."""
    logits = predict(net, x)
    temperatures = torch.logspace(-1, 1, 401)
    losses = torch.stack([cross_entropy(logits / t, y) for t in temperatures])
    best = float(temperatures[losses.argmin()])
    net.out.weight.div_(best)
    net.out.bias.div_(best)
    return best


def main() -> None:
    """Train, calibrate, report, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?", default=mnist.SUBSET_PATH, help="an mnist.npz")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=WEIGHTS_PATH)
    args = parser.parse_args()
    arrays = {name: torch.from_numpy(array) for name, array in mnist.read_npz(args.data).items()}
    x, x_test = (arrays[name].unsqueeze(1).float() / 127.5 - 1 for name in ("x_train", "x_test"))
    y, y_test = arrays["y_train"].long(), arrays["y_test"].long()
    held = stratified(y, len(y) // 12, rng.stream(args.seed, "classifier validation"))
    net = train(x[~held], y[~held], args.epochs, args.seed)
    temperature = calibrate(net, x[held], y[held])
    probabilities = predict(net, x_test).softmax(-1)
    sure = probabilities.amax(-1) >= 0.9
    other = garbage(x_test, 4_096, rng.stream(args.seed, "classifier report"))
    fooled = predict(net, other).softmax(-1).amax(-1) >= 0.9
    figures = {
        "train_images": int((~held).sum()),
        "temperature": round(temperature, 4),
        "test_images": len(y_test),
        "test_accuracy": round((probabilities.argmax(-1) == y_test).double().mean().item(), 4),
        "test_share_confident_90": round(sure.double().mean().item(), 4),
        "garbage_share_confident_90": round(fooled.double().mean().item(), 4),
    }
    print(json.dumps(figures))
    metadata = {
        "program": "tools/assets/train_classifier.py",
        "figures": json.dumps(figures),
        "torch": torch.__version__,
    }
    partial = args.out.with_suffix(".part")
    save_file({name: tensor.contiguous() for name, tensor in net.state_dict().items()}, partial, metadata)
    partial.chmod(0o644)  # safetensors writes a file that only its owner may read
    os.replace(partial, args.out)
    print(f"{args.out.name}: {args.out.stat().st_size} bytes, SHA-256 {mnist.sha256(args.out)}")


if __name__ == "__main__":
    main()

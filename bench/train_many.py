"""Training steps of many small networks: side by side, against one after the other, in one run.

The reference is the plain way: one module that concatenates everything before a layer and selects
from it, autograd, and PyTorch's Adam, one network at a time, its images normalised before. Ours
one by one is `nnmass.train.train`. What is counted is a network-step: one step of one network;
in ours, with all that an epoch does besides (order, normalisation, validation), without building
and testing. The runs take turns, so that a machine whose speed drifts slows them alike. Every
process has one thread, so its processor time is what it would take on a core of its own; on a
machine that others use as well, the ratio of these times is the one to look at.

    python bench/train_many.py                   # made images of MNIST's size
    NNMASS_DATA=... python bench/train_many.py --mnist
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import subprocess
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import nnmass
from nnmass.data import DATASETS, ImageData, load_dataset, take
from nnmass.nets import DenseMLPNet
from nnmass.train import RECIPES, ManyEpoch, Recipe, train, train_many


class Plain(nn.Module):
    """The definition, word by word: concatenate everything earlier, select, concatenate."""

    def __init__(self, net: DenseMLPNet) -> None:
        super().__init__()
        self.layers = net.layers
        self.wiring = [torch.from_numpy(links) for links in net.links.wiring]

    def forward(self, x: Tensor) -> Tensor:
        outputs = [self.layers[0](x)]
        for index, layer in enumerate(self.layers[1:], start=1):
            z = outputs[-1]
            if len(self.wiring[index]):
                earlier = torch.cat(outputs[:-1], 1)
                z = torch.cat([z, earlier[:, self.wiring[index]]], 1)
            outputs.append(layer(F.elu(z)))
        return outputs[-1]


class Watch:
    """Wall and processor time of the laps that count."""

    def __init__(self) -> None:
        self.total, self.n_steps = np.zeros(2), 0
        self.last = self.now()

    @staticmethod
    def now() -> np.ndarray:
        return np.array([time.perf_counter(), time.process_time()])

    def lap(self, n_steps: int) -> None:
        """Since the last lap so many network-steps were made; 0 for a lap that does not count."""
        now = self.now()
        if n_steps:
            self.total += now - self.last
            self.n_steps += n_steps
        self.last = now

    @property
    def us(self) -> np.ndarray:
        """Microseconds of a network-step: wall, processor."""
        return self.total / self.n_steps * 1e6


def plain_us(spec: str, data: ImageData, *, n_steps: int) -> np.ndarray:
    net = Plain(nnmass.build(spec, 0))
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    images = torch.from_numpy(data.train_images).flatten(1).float() / 255
    labels = torch.from_numpy(data.train_labels)
    watch = Watch()
    for count, index in enumerate(torch.randperm(len(labels)).split(100)[:n_steps]):
        loss = F.cross_entropy(net(images[index]), labels[index])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        watch.lap(int(count > 0))
    return watch.us


def recipe_of(epochs: int) -> Recipe:
    return dataclasses.replace(RECIPES["adam"], epochs=epochs)


def one_by_one_us(spec: str, data: ImageData) -> np.ndarray:
    watch = Watch()
    train(spec, data, recipe=recipe_of(1), on_step=lambda step: watch.lap(int(step.step > 1)))
    return watch.us


def many_us(pairs: list[tuple[str, int]], data: ImageData, *, epochs: int) -> np.ndarray:
    """One epoch more is trained than is counted: the first warms up."""
    specs, seeds = zip(*pairs, strict=True)
    watch = Watch()
    n_steps = round(len(data.train_labels) * 0.9 / 100)

    def tell(now: ManyEpoch) -> None:
        watch.lap(now.n_trained * n_steps if now.epoch > 1 else 0)

    train_many(specs, data, seeds=seeds, recipe=recipe_of(epochs + 1), on_epoch=tell)
    return watch.us


def made(n_train: int) -> ImageData:
    """Images of MNIST's size: noisy copies of one pattern a class."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 160, (10, 1, 28, 28))

    def part(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = rng.integers(0, 10, count)
        noise = rng.integers(0, 96, (count, 1, 28, 28))
        return (patterns[labels] + noise).astype(np.uint8), labels.astype(np.int64)

    train_images, train_labels = part(n_train)
    test_images, test_labels = part(1000)
    info = dataclasses.replace(DATASETS["mnist"], name="made")
    return ImageData(
        info=info,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
    )


def data_of(options: argparse.Namespace) -> ImageData:
    if not options.mnist:
        return made(options.n_train)
    mnist = load_dataset("mnist", data_dir=os.environ.get("NNMASS_DATA"))
    return take(mnist, n_train=options.n_train, n_test=1000)


def networks(options: argparse.Namespace) -> list[tuple[str, int]]:
    """Link caps spread evenly over 0 .. ``--most-links``, each with every seed."""
    n_caps = options.networks // options.seeds
    caps = np.linspace(0, options.most_links, n_caps).round().astype(int)
    return [
        (f"dense-mlp(w={options.w},d={options.d},t={t})", seed)
        for t in caps
        for seed in range(options.seeds)
    ]


def two_processes_us(options: argparse.Namespace) -> np.ndarray:
    """Two processes train all networks each; microseconds of the machine for a network-step."""
    command = [sys.executable, __file__, *sys.argv[1:], "--as-worker"]
    workers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()  # ready
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    figures = [[float(text) for text in worker.communicate()[0].split()] for worker in workers]
    return np.mean(figures, 0) / 2


def work(options: argparse.Namespace) -> None:
    """One of two processes: load, say so, wait, train, print the figures."""
    data, pairs = data_of(options), networks(options)
    print("ready", flush=True)
    sys.stdin.readline()
    print(*many_us(pairs, data, epochs=options.epochs), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mnist", action="store_true", help="the real images (NNMASS_DATA)")
    parser.add_argument("--networks", type=int, default=130)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--most-links", type=int, default=48)
    parser.add_argument("--w", type=int, default=8)
    parser.add_argument("--d", type=int, default=16)
    parser.add_argument("--n-train", type=int, default=6000)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--as-worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.as_worker:
        work(options)
        return
    data, pairs = data_of(options), networks(options)
    middle = pairs[len(pairs) // 2][0]
    figures: dict[str, list[np.ndarray]] = {}
    for _ in range(options.rounds):
        for name, value in (
            ("plain, one by one", plain_us(middle, data, n_steps=200)),
            ("ours, one by one", one_by_one_us(middle, take(data, n_train=5000))),
            ("side by side", many_us(pairs, data, epochs=options.epochs)),
            ("side by side, 2 processes", two_processes_us(options)),
        ):
            figures.setdefault(name, []).append(value)
    print(f"{len(pairs)} networks w {options.w}, d {options.d}, t 0 .. {options.most_links}, "
          f"{options.seeds} seeds, batch 100, {data.info.name}, one thread a process, "
          f"torch {torch.__version__}")  # fmt: skip
    print(f"{'':26s}   wall us a network-step      processor us a network-step")
    first = np.median(figures["plain, one by one"], 0)
    for name, values in figures.items():
        texts = [
            f"{middle:8.0f} ({low:.0f} .. {high:.0f}) {top / middle:6.1f}x"
            for middle, low, high, top in zip(
                np.median(values, 0), np.min(values, 0), np.max(values, 0), first, strict=True
            )
        ]
        print(f"{name:26s} {texts[0]:34s} {texts[1]}")


if __name__ == "__main__":
    main()

"""Batches a second of our loading beside a plain Dataset and DataLoader, and beside one step.

The reference is how it is mostly written: a Dataset that turns one image into a normalised tensor
(shifted and flipped for the CIFAR shape) and a DataLoader without workers that stacks them. Both
get the same made images and take turns, so that a machine whose speed drifts slows them alike. The
last table sets a batch of ours beside one training step of the small MLP of the paper, whose
loading must not be what its study waits for.

    python bench/loading.py
    python bench/loading.py --threads 2 --batches 200
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

import nnmass
from nnmass.data import DATASETS, ImageData, load_dataset
from nnmass.train import parse_augment
from nnmass.train._batches import split

N_IMAGES = 12_000
MLP = "dense-mlp(w=8,d=16,t=10)"
CASES = {"mnist": (100, "none"), "cifar10": (128, "none"), "cifar10 ": (128, "crop:4+flip")}
BLOCK = 10
"""Batches of one side before the other has its turn."""


class PlainDataset(Dataset):
    """One image at a time."""

    def __init__(self, data: ImageData, crop: int, flip: bool) -> None:
        self.images, self.labels = data.train_images, data.train_labels
        self.mean = torch.tensor(data.info.mean).view(-1, 1, 1)
        self.std = torch.tensor(data.info.std).view(-1, 1, 1)
        self.crop, self.flip = crop, flip

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = torch.from_numpy(self.images[index]).float() / 255
        if self.crop:
            padded = F.pad(image, (self.crop,) * 4)
            y, x = torch.randint(2 * self.crop + 1, (2,)).tolist()
            image = padded[:, y : y + image.shape[1], x : x + image.shape[2]]
        if self.flip and torch.rand(()) < 0.5:
            image = image.flip(2)
        return (image - self.mean) / self.std, int(self.labels[index])


def made(name: str) -> ImageData:
    info = dataclasses.replace(DATASETS[name], n_train=N_IMAGES, n_test=10)
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (N_IMAGES, *info.shape), dtype=np.uint8)
    labels = generator.integers(0, 10, N_IMAGES)
    return ImageData(info=info, train_images=images, train_labels=labels,
                     test_images=images[:10], test_labels=labels[:10])  # fmt: skip


def ours(data: ImageData, batch: int, augment: str) -> Iterator[tuple[Tensor, Tensor]]:
    train = split(data, validation_share=0.01, seed=0, device="cpu").train
    changes = parse_augment(augment) if augment != "none" else None
    epoch = 0
    while True:
        epoch += 1
        yield from train.shuffled(batch, seed=0, epoch=epoch, augment=changes)


def plain(data: ImageData, batch: int, augment: str) -> Iterator[tuple[Tensor, Tensor]]:
    changes = parse_augment(augment)
    loader = DataLoader(
        PlainDataset(data, changes.crop, changes.flip), batch_size=batch, shuffle=True
    )
    while True:
        yield from loader


def seconds_a_batch(source: Iterator[tuple[Tensor, Tensor]], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        next(source)
    return (time.perf_counter() - start) / count


def compare(name: str, batch: int, augment: str, n_batches: int) -> float:
    """Prints one line; the seconds of one of our batches."""
    data = made(name.strip())
    sides = {"ours": ours(data, batch, augment), "plain": plain(data, batch, augment)}
    times: dict[str, list[float]] = {side: [] for side in sides}
    for source in sides.values():
        seconds_a_batch(source, 2)
    for _ in range(max(1, n_batches // BLOCK)):
        for side, source in sides.items():
            times[side].append(seconds_a_batch(source, BLOCK))
    found = {side: statistics.median(values) for side, values in times.items()}
    shape = "x".join(map(str, data.info.shape))
    print(
        f"{shape:9s} batch {batch:4d}  augment {augment:12s} ours {1 / found['ours']:9,.0f}/s   "
        f"plain {1 / found['plain']:7,.0f}/s   {found['plain'] / found['ours']:6.1f}x"
    )
    return found["ours"]


def step_seconds(spec: str, batch: int, shape: tuple[int, ...], n_steps: int) -> float:
    """One training step (forward, backward, Adam) on a batch that is there already."""
    net = nnmass.build(spec, seed=0)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    images, labels = (
        torch.randn(batch, *shape),
        torch.randint(net.spec.values()["classes"], (batch,)),
    )
    times = []
    for _ in range(n_steps + 3):
        start = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(net(images), labels).backward()
        optimiser.step()
        times.append(time.perf_counter() - start)
    return statistics.median(times[3:])


def points_seconds(n_batches: int) -> float:
    source = ours(load_dataset("segments(20)"), 100, "none")
    seconds_a_batch(source, 2)
    return statistics.median(seconds_a_batch(source, BLOCK) for _ in range(n_batches // BLOCK or 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=100, help="counted batches of each side")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{N_IMAGES:,} made images, {options.threads} threads, torch {torch.__version__}")
    ours_s = {
        name: compare(name, batch, augment, options.batches)
        for name, (batch, augment) in CASES.items()
    }
    print()
    for title, spec, shape, loading in (
        ("MNIST", MLP, (1, 28, 28), ours_s["mnist"]),
        (
            "segments(20)",
            MLP.replace(")", ",in=2,classes=2)"),
            (2,),
            points_seconds(options.batches),
        ),
    ):
        step = step_seconds(spec, 100, shape, options.batches)
        print(
            f"{title:13s} {spec}, batch 100: a batch {loading * 1e3:6.3f} ms, a step "
            f"{step * 1e3:6.3f} ms: loading is {loading / (loading + step):.1%} of the two"
        )


if __name__ == "__main__":
    main()

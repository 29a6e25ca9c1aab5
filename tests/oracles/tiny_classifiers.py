"""Small 8-bit classifiers and flip sets, for audits of the last layer."""

from functools import cache
from itertools import combinations

import torch
from torch import nn

from nnmass.audit import LastLayer


def random_layer(draws, classes=3, features=3, scale=0.1, spread=20):
    return LastLayer(
        codes=torch.randint(-spread, spread, (classes, features), generator=draws).to(torch.int8),
        scale=torch.full((classes, 1), scale),
        bias=torch.randn(classes, generator=draws),
    )


def all_bits(row, features, bits=range(8)):
    return [(row, j, i) for j in range(features) for i in bits]


def flipped(layer, bits):
    """The layer with these (row, column, bit) the other way round, one by one in plain integers."""
    codes = layer.codes.clone()
    for row, column, bit in bits:
        byte = (int(codes[row, column]) & 0xFF) ^ (1 << bit)
        codes[row, column] = byte - 256 if byte > 127 else byte
    return layer.with_codes(codes)


def class_of(layer, phi):
    """The predicted class of one image in float64; ties to the smallest index."""
    weights = layer.codes.double() * layer.scale.double()
    logits = (weights @ phi.double() + layer.bias.double()).tolist()
    return logits.index(max(logits)), logits


def least_flips(layer, phi, target, bits, most):
    """Fewest of these bits that make the image ``target`` or tie it; None beyond ``most``."""
    for k in range(most + 1):
        for some in combinations(bits, k):
            logits = class_of(flipped(layer, some), phi)[1]
            if logits[target] >= max(logits) - 1e-9:
                return k
    return None


def tiny_net(seed=0, side=6, classes=4):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(6 * (side // 2) ** 2, 12), nn.ReLU(), nn.Linear(12, classes),
        ).eval()  # fmt: skip


def tiny_images(n, seed=0, side=6, classes=4):
    """Images whose class is the quarter that is bright, in [0, 1]."""
    draws = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (n,), generator=draws)
    images = 0.4 * torch.rand(n, 1, side, side, generator=draws)
    half = side // 2
    for image, label in zip(images, labels.tolist(), strict=True):
        row, column = divmod(label, 2)
        image[0, row * half : (row + 1) * half, column * half : (column + 1) * half] += 0.5
    return images, labels


@cache
def trained_net(seed=0, steps=150):
    net = tiny_net(seed).train()
    images, labels = tiny_images(256, seed=99)
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimiser.step()
    return net.eval()

"""Does it matter which kernels share a support? Small digits, six seeds."""

import statistics

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nnmass.data import load_dataset
from nnmass.nets import generator_for
from nnmass.slim import PSConv2d

SEEDS, IMAGES, EPOCHS, BATCH = range(6), 200, 40, 40


@pytest.fixture(scope="module")
def digits():
    data = load_dataset("digits")
    images = [torch.from_numpy(part).float() for part in (data.train_images, data.test_images)]
    labels = [torch.from_numpy(part) for part in (data.train_labels, data.test_labels)]
    scale = images[0].max()
    return [(x.view(-1, 1, 8, 8) / scale, y) for x, y in zip(images, labels, strict=True)]


def network(assign, seed):
    widths = (24, 24, 32, 32)
    layers, inputs = [], 1
    for index, outputs in enumerate(widths):
        kss = 2 if index else 9
        way = assign if index else "in"
        conv = PSConv2d(inputs, outputs, kss=kss, assign=way, seed=seed, padding=1, bias=False)
        conv.reset_parameters(label=str(index))
        layers += [conv, nn.BatchNorm2d(outputs), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if index == 1 else []
        inputs = outputs
    head = nn.Linear(inputs, 10)
    nn.init.normal_(head.weight, 0, 0.01, generator=generator_for(seed, "head"))
    nn.init.zeros_(head.bias)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


def accuracy(digits, assign, seed):
    (images, labels), (test_images, test_labels) = digits
    generator = generator_for(seed, "order")
    chosen = torch.randperm(len(images), generator=generator)[:IMAGES]
    net = network(assign, seed)
    optimiser = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)
    for _ in range(EPOCHS):
        for batch in chosen[torch.randperm(IMAGES, generator=generator)].split(BATCH):
            optimiser.zero_grad()
            F.cross_entropy(net(images[batch]), labels[batch]).backward()
            optimiser.step()
    with torch.no_grad():
        found = net.eval()(test_images).argmax(1)
    return 100 * (found == test_labels).float().mean().item()


@pytest.mark.slow
def test_supports_shared_by_filters_cost_nothing_and_one_for_all_does(digits):
    found = {
        assign: [accuracy(digits, assign, seed) for seed in SEEDS]
        for assign in ("in", "random", "same")
    }
    mean = {assign: statistics.mean(values) for assign, values in found.items()}
    error = {assign: statistics.stdev(v) / len(v) ** 0.5 for assign, v in found.items()}
    shown = [f"{assign} {mean[assign]:.1f} +- {error[assign]:.1f} %" for assign in found]
    print(", ".join(shown))  # noqa: T201  # docs/sparse-convolutions.md tells these
    spread = (error["in"] ** 2 + error["random"] ** 2) ** 0.5
    assert abs(mean["in"] - mean["random"]) < 2 * spread + 1e-9, found
    assert mean["same"] < mean["in"] - 15, found

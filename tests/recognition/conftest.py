"""Networks of others, as a user would write them."""

from __future__ import annotations

import pytest
from torch import nn


class Disguised(nn.Module):
    """A network of ours that does not say so."""

    def __init__(self, net):
        super().__init__()
        self.anything = net

    def forward(self, x):
        return self.anything(x)


class Inverted(nn.Module):
    """An inverted residual, written with `nn.Sequential`."""

    def __init__(self, inputs, outputs, stride, expansion, *, bias, kernel=3):
        super().__init__()
        inner, layers = inputs * expansion, []
        if expansion != 1:
            layers += [nn.Conv2d(inputs, inner, 1, bias=bias), nn.BatchNorm2d(inner), nn.ReLU6()]
        depthwise = nn.Conv2d(inner, inner, kernel, stride, kernel // 2, groups=inner, bias=bias)
        layers += [depthwise, nn.BatchNorm2d(inner), nn.ReLU6()]
        layers += [nn.Conv2d(inner, outputs, 1, bias=bias), nn.BatchNorm2d(outputs)]
        self.path = nn.Sequential(*layers)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.path(x) if self.adds else self.path(x)


def mobile(*, rows, stem=32, head=1280, classes=7, bias=False, act=nn.ReLU6, kernel=3):
    """A network in the manner of MobileNetV2; rows are (expansion, outputs, blocks, stride)."""
    layers = [nn.Conv2d(3, stem, 3, 2, 1, bias=bias), nn.BatchNorm2d(stem), act()]
    inputs = stem
    for expansion, outputs, count, first in rows:
        for position in range(count):
            stride = 1 if position else first
            block = Inverted(inputs, outputs, stride, expansion, bias=bias, kernel=kernel)
            layers.append(block)
            inputs = outputs
    layers += [nn.Conv2d(inputs, head, 1, bias=bias), nn.BatchNorm2d(head), act()]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(head, classes)]
    return nn.Sequential(*layers)


@pytest.fixture(scope="session")
def disguised():
    return Disguised


@pytest.fixture(scope="session")
def make_mobile():
    return mobile

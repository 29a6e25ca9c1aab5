"""DenseNet as a module."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnmass.nets._net import Net
from nnmass.specs import DenseNet


class NormConv(nn.Module):
    """Batch norm, ReLU, convolution that keeps the size."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W)."""
        return self.conv(F.relu_(self.norm(x)))


class DenseLayer(nn.Module):
    """A 3x3 to ``growth`` channels, behind a 1x1 if there is a bottleneck; its input goes along.

    Each layer hands on one tensor, so that without gradients only the newest is alive, and not a
    list of all features beside it; with them a step keeps as much as torchvision's.
    """

    def __init__(self, inputs: int, growth: int, inner: int) -> None:
        super().__init__()
        self.bottleneck = NormConv(inputs, inner, 1) if inner else None
        self.conv = NormConv(inner or inputs, growth, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, inputs + growth, H, W)."""
        z = x if self.bottleneck is None else self.bottleneck(x)
        return torch.cat([x, self.conv(z)], 1)


class DenseNetNet(Net):
    """`nnmass.specs.DenseNet`, built."""

    def __init__(self, spec: DenseNet) -> None:
        super().__init__()
        self.spec = spec
        is_imagenet, cells = spec.stem == "imagenet", spec.cells
        kernel, stride = (7, 2) if is_imagenet else (3, 1)
        self.stem = nn.Conv2d(spec.in_channels, spec.first, kernel, stride, kernel // 2, bias=False)
        self.stem_norm = nn.BatchNorm2d(spec.first) if is_imagenet else None
        self.blocks = nn.ModuleList(
            nn.Sequential(
                *(
                    DenseLayer(cell.inputs + layer * cell.growth, cell.growth, cell.inner)
                    for layer in range(cell.layers)
                )
            )
            for cell in cells
        )
        self.transitions = nn.ModuleList(
            NormConv(cell.outputs, following.inputs, 1) for cell, following in pairwise(cells)
        )
        self.norm = nn.BatchNorm2d(cells[-1].outputs)
        self.head = nn.Linear(cells[-1].outputs, spec.classes)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, outputs, H, W): all of the last block, activated."""
        x = self.stem(x)
        if self.stem_norm is not None:
            x = F.max_pool2d(F.relu_(self.stem_norm(x)), 3, 2, 1)
        for index, block in enumerate(self.blocks):
            x = F.avg_pool2d(self.transitions[index - 1](x), 2) if index else x
            x = block(x)
        return F.relu_(self.norm(x))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, in_channels, H, W)."""
        return self.head(self.forward_features(x).mean((2, 3)))

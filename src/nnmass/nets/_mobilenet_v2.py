"""MobileNetV2 as a module."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from nnmass.nets._net import Net
from nnmass.specs import InvertedResidual, MobileNetV2


class ConvNormReLU6(nn.Module):
    """Convolution, batch norm, ReLU6."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        return F.relu6(self.norm(self.conv(x)))


class InvertedBlock(nn.Module):
    """1x1 up (left out at ratio 1), 3x3 depthwise, 1x1 down; the input added where it fits."""

    def __init__(self, block: InvertedResidual) -> None:
        super().__init__()
        self.is_residual = block.is_residual
        inner = block.inner
        self.expand = ConvNormReLU6(block.inputs, inner, 1) if block.has_expansion else None
        self.depthwise = ConvNormReLU6(inner, inner, 3, stride=block.stride, groups=inner)
        self.project = nn.Conv2d(inner, block.outputs, 1, bias=False)
        self.norm = nn.BatchNorm2d(block.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        z = x if self.expand is None else self.expand(x)
        z = self.norm(self.project(self.depthwise(z)))
        return z + x if self.is_residual else z


class MobileNetV2Net(Net):
    """`nnmass.specs.MobileNetV2`, built; dropout of 0.2 before the head, as published."""

    def __init__(self, spec: MobileNetV2) -> None:
        super().__init__()
        self.spec = spec
        stride = 2 if spec.stem == "imagenet" else 1
        self.stem = ConvNormReLU6(spec.in_channels, spec.stem_channels, 3, stride=stride)
        self.blocks = nn.ModuleList(InvertedBlock(block) for block in spec.blocks)
        self.last = ConvNormReLU6(spec.blocks[-1].outputs, spec.head_channels, 1)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(spec.head_channels, spec.classes)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, head_channels, H, W): the last convolution's output, activated."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.last(x)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, in_channels, H, W)."""
        return self.head(self.dropout(self.forward_features(x).mean((2, 3))))

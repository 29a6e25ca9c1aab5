"""ResNet, Wide ResNet and ResNeXt as modules."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from nnmass.nets._net import Net
from nnmass.specs import ResidualBlock, ResidualSpec


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


class PadShortcut(nn.Module):
    """Every ``stride``-th pixel, with zeros for the new channels (He et al., option A).

    Args:
        inputs: Channels that it reads.
        outputs: Channels that it gives, at least as many; half of the new ones come first.
        stride: In pixels, along both sides.

    Source:
        He, Zhang, Ren, Sun, CVPR 2016 (arXiv:1512.03385), option A.

    Example:
        >>> import torch
        >>> PadShortcut(16, 32, 2)(torch.ones(1, 16, 8, 8)).shape
        torch.Size([1, 32, 4, 4])
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.before = (outputs - inputs) // 2
        self.after = outputs - inputs - self.before

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.before, self.after))


class Projection(nn.Module):
    """1x1 convolution and batch norm."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = _conv(inputs, outputs, 1, stride)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        return self.norm(self.conv(x))


def _shortcut(block: ResidualBlock) -> nn.Module:
    shape = (block.inputs, block.outputs, block.stride)
    if block.shortcut == "identity":
        return nn.Identity()
    if block.shortcut == "pad":
        return PadShortcut(*shape)
    return Projection(*shape)


class BasicBlock(nn.Module):
    """[3x3 conv, norm, ReLU], [3x3 conv, norm], plus the shortcut, ReLU."""

    def __init__(self, block: ResidualBlock) -> None:
        super().__init__()
        self.conv1 = _conv(block.inputs, block.inner, 3, block.stride)
        self.norm1 = nn.BatchNorm2d(block.inner)
        self.conv2 = _conv(block.inner, block.outputs, 3)
        self.norm2 = nn.BatchNorm2d(block.outputs)
        self.shortcut = _shortcut(block)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        z = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(z)) + self.shortcut(x))


class Bottleneck(nn.Module):
    """[1x1 conv, norm, ReLU], [3x3 conv, norm, ReLU], [1x1 conv, norm], plus the shortcut, ReLU."""

    def __init__(self, block: ResidualBlock) -> None:
        super().__init__()
        self.conv1 = _conv(block.inputs, block.inner, 1)
        self.norm1 = nn.BatchNorm2d(block.inner)
        self.conv2 = _conv(block.inner, block.inner, 3, block.stride, block.groups)
        self.norm2 = nn.BatchNorm2d(block.inner)
        self.conv3 = _conv(block.inner, block.outputs, 1)
        self.norm3 = nn.BatchNorm2d(block.outputs)
        self.shortcut = _shortcut(block)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        z = F.relu(self.norm1(self.conv1(x)))
        z = F.relu(self.norm2(self.conv2(z)))
        return F.relu(self.norm3(self.conv3(z)) + self.shortcut(x))


class PreActivationBlock(nn.Module):
    """[norm, ReLU, 3x3 conv] twice, plus the shortcut; a projection reads the activated input."""

    def __init__(self, block: ResidualBlock) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(block.inputs)
        self.conv1 = _conv(block.inputs, block.inner, 3, block.stride)
        self.norm2 = nn.BatchNorm2d(block.inner)
        self.conv2 = _conv(block.inner, block.outputs, 3)
        self.projection: nn.Module | None = None
        if block.shortcut == "projection":
            self.projection = _conv(block.inputs, block.outputs, 1, block.stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        activated = F.relu(self.norm1(x))
        shortcut = x if self.projection is None else self.projection(activated)
        z = F.relu(self.norm2(self.conv1(activated)))
        return self.conv2(z) + shortcut


_BLOCKS: dict[str, type[nn.Module]] = {
    "basic": BasicBlock,
    "bottleneck": Bottleneck,
    "pre-activation": PreActivationBlock,
}


class ResidualNet(Net):
    """`nnmass.specs.ResNet`, `nnmass.specs.WideResNet` or `nnmass.specs.ResNeXt`, built."""

    def __init__(self, spec: ResidualSpec) -> None:
        super().__init__()
        self.spec = spec
        self.is_imagenet = spec.stem == "imagenet"
        self.is_preactivated = spec.is_preactivated
        kernel, stride = (7, 2) if self.is_imagenet else (3, 1)
        self.stem = _conv(spec.in_channels, spec.stem_channels, kernel, stride)
        self.blocks = nn.ModuleList(_BLOCKS[block.kind](block) for block in spec.residual_blocks)
        outputs = spec.residual_blocks[-1].outputs
        self.norm = nn.BatchNorm2d(outputs if self.is_preactivated else spec.stem_channels)
        self.head = nn.Linear(outputs, spec.classes)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, outputs, H, W): the last block's output, activated."""
        x = self.stem(x)
        x = x if self.is_preactivated else F.relu(self.norm(x))
        x = F.max_pool2d(x, 3, 2, 1) if self.is_imagenet else x
        for block in self.blocks:
            x = block(x)
        return F.relu(self.norm(x)) if self.is_preactivated else x

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, in_channels, H, W)."""
        return self.head(self.forward_features(x).mean((2, 3)))

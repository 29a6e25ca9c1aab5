"""The dense CNNs as modules."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnmass.nets._link_plan import Links
from nnmass.nets._net import Net
from nnmass.specs import CellPlan, DenseCNNDepthwise, DenseConvSpec
from nnmass.topology import Wiring


def _conv3x3(inputs: int, outputs: int, stride: int, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, 1, groups=groups, bias=False)


class Separable(nn.Module):
    """1x1 convolution, 3x3 depthwise (with the stride), 1x1; a batch norm after each.

    ReLU after the first two norms.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.depthwise = _conv3x3(outputs, outputs, stride, groups=outputs)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.project = nn.Conv2d(outputs, outputs, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        x = F.relu_(self.norm1(self.expand(x)))
        x = F.relu_(self.norm2(self.depthwise(x)))
        return self.norm3(self.project(x))


class ConvNorm(nn.Module):
    """Convolution, batch norm: the layers 0 and 1 of a cell."""

    def __init__(self, conv: nn.Module, channels: int) -> None:
        super().__init__()
        self.conv = conv
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Normalised output; no activation."""
        return self.norm(self.conv(x))


class NormConv(nn.Module):
    """Batch norm, ReLU, convolution: the layers from 2 on."""

    def __init__(self, channels: int, conv: nn.Module) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        """The convolution's raw output."""
        return self.conv(F.relu_(self.norm(x)))


class DenseCell(nn.Module):
    """A cell of a dense CNN: layers one after the other, with links."""

    def __init__(self, plan: CellPlan, wiring: Wiring, *, is_depthwise: bool) -> None:
        super().__init__()
        cell, w = plan.cell, plan.cell.width
        self.links = Links(cell, wiring)

        def conv(inputs: int, stride: int = 1) -> nn.Module:
            make = Separable if is_depthwise else _conv3x3
            return make(inputs, w, stride)

        is_network_start = plan.stride == 1
        first = _conv3x3(plan.inputs, w, 1) if is_network_start else conv(plan.inputs, plan.stride)
        layers: list[nn.Module] = [ConvNorm(first, w), ConvNorm(conv(w), w)]
        for layer in range(2, cell.depth):
            inputs = w + cell.links_into(layer)
            layers.append(NormConv(inputs, conv(inputs)))
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, width, H / stride, W / stride)."""
        tray = self.links.empty_tray()
        for index, layer in enumerate(self.layers):
            if tray[index]:
                x = torch.cat([x, *tray[index]], 1)
                tray[index] = []  # frees what nothing else reads when no gradient is wanted
            x = layer(x)
            self.links.hand_out(index, x, tray)
        return x


class DenseCNNNet(Net):
    """`nnmass.specs.DenseCNN` or `nnmass.specs.DenseCNNDepthwise`, built."""

    def __init__(self, spec: DenseConvSpec, wirings: tuple[Wiring, ...]) -> None:
        super().__init__()
        self.spec = spec
        is_depthwise = isinstance(spec, DenseCNNDepthwise)
        self.cells = nn.ModuleList(
            DenseCell(plan, wiring, is_depthwise=is_depthwise)
            for plan, wiring in zip(spec.plans, wirings, strict=True)
        )
        self.head = nn.Linear(spec.head_inputs, spec.classes)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, width, H, W): the last cell's output."""
        for cell in self.cells:
            x = cell(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, in_channels, image, image)."""
        return self.head(F.avg_pool2d(self.forward_features(x), 2).flatten(1))

"""VGG as a module."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from nnmass.nets._net import Net
from nnmass.specs import VGG


class VGGNet(Net):
    """`nnmass.specs.VGG`, built; the ImageNet head has dropout of 0.5 twice, as published."""

    def __init__(self, spec: VGG) -> None:
        super().__init__()
        self.spec = spec
        layers: list[nn.Module] = []
        inputs = spec.in_channels
        for channels, count in spec.stages:
            for _ in range(count):
                layers.append(nn.Conv2d(inputs, channels, 3, padding=1))
                if spec.batch_norm:
                    layers.append(nn.BatchNorm2d(channels))
                layers.append(nn.ReLU())
                inputs = channels
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.is_imagenet = spec.stem == "imagenet"
        self.head: nn.Module = nn.Linear(inputs, spec.classes)
        if self.is_imagenet:
            self.head = nn.Sequential(
                *(nn.Linear(inputs * 49, 4096), nn.ReLU(), nn.Dropout(0.5)),
                *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5)),
                nn.Linear(4096, spec.classes),
            )

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 512, H / 32, W / 32)."""
        return self.features(x)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, in_channels, H, W)."""
        z = self.forward_features(x)
        if self.is_imagenet:
            return self.head(F.adaptive_avg_pool2d(z, 7).flatten(1))
        return self.head(z.mean((2, 3)))

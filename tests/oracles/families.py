"""Networks with every kind of coupling, and random nested levels of them."""

from __future__ import annotations

import torch
from torch import nn

import nnmass
from nnmass.slim import find_groups

R20 = "resnet(depth=20,classes=10,stem=cifar)"


class SqueezeExcite(nn.Module):
    """Gates from pooled channels."""

    def __init__(self, channels):
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)

    def forward(self, x):
        return x * self.up(self.down(x.mean((2, 3), keepdim=True)).relu()).sigmoid()


class GatedNet(nn.Module):
    """A depthwise convolution, a gate, a concatenation, a sigmoid before a layer, a flat head."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.gate = SqueezeExcite(8)
        self.side = nn.Conv2d(8, 6, 3, padding=1)
        self.both_norm = nn.BatchNorm2d(14)
        self.mix = nn.Conv2d(14, 5, 1)
        self.head1, self.head2 = nn.Linear(5 * 16, 12), nn.Linear(12, 10)

    def forward(self, x):
        x = self.gate(self.norm(self.depthwise(self.stem(x).relu())))
        x = torch.cat([x, torch.sigmoid(self.side(x))], 1)
        x = nn.functional.avg_pool2d(self.mix(self.both_norm(x).relu()), 2).sigmoid()
        return self.head2(self.head1(x.flatten(1)).relu())


class Tail(nn.Module):
    """Counts on a number of channels that it was told, not on that of its input."""

    def __init__(self, channels):
        super().__init__()
        self.channels = channels

    def forward(self, x):
        return x.mean((2, 3)).reshape(-1, self.channels)


def network(text, *, seed=0):
    """A network whose batch norms have statistics and weights of a trained one."""
    net = GatedNet() if text == "gated" else nnmass.build(text, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
            nn.init.normal_(module.bias, 0, 0.5, generator=generator)
        elif text == "gated" and isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight, 0, 0.3, generator=generator)
    return net.eval()


def random_levels(net, shape, *, ratios=(0.7, 0.4), seed=0):
    """The full network, then in every group nested random channels."""
    generator = torch.Generator().manual_seed(seed)
    full = find_groups(net, shape).full
    levels, above = [{}], {name: list(range(channels)) for name, channels in full.items()}
    for ratio in ratios:
        above = {
            name: sorted(
                torch.tensor(kept)[torch.randperm(len(kept), generator=generator)][
                    : max(1, int(ratio * full[name]))
                ].tolist()
            )
            for name, kept in above.items()
        }
        levels.append(above)
    return levels


def prefix_levels(net, shape, ratios):
    """The first channels of every group."""
    full = find_groups(net, shape).full
    return [{}, *({name: int(n * ratio) for name, n in full.items()} for ratio in ratios)]


def images(shape, n=2, *, dtype=torch.float32, seed=1):
    """Random inputs."""
    return torch.randn((n, *shape), generator=torch.Generator().manual_seed(seed), dtype=dtype)


def relative_error(one, other):
    """Of the largest value."""
    return ((one - other).abs().max() / one.abs().max()).item()

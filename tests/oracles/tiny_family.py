"""A plain convolutional network with sub-networks, written out layer by layer."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

from nnmass.slim._subnets._costs import WidthCosts
from nnmass.slim._subnets._find_groups import find_groups

WIDTHS = (1.0, 0.75, 0.5, 0.25)


def tiny_net(channels=(16, 32), *, seed=0, dropout=0.0):
    """Digits to logits: convolutions with norms (the first has stride 2), and a linear layer."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        layers, n_in = [], 1
        for place, n_out in enumerate(channels, start=1):
            stride = 2 if place == 1 else 1
            layers.append(nn.Conv2d(n_in, n_out, 3, padding=1, stride=stride, bias=False))
            layers += [nn.BatchNorm2d(n_out), nn.ReLU()]
            n_in = n_out
        return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(dropout), nn.Linear(n_in * 16, 10))


class Statistics(nn.Module):
    """Running mean and variance of one norm in one sub-network."""

    def __init__(self, channels):
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("var", torch.ones(channels))


class TinyFamily(nn.Module):
    """Prefixes of the channels of `tiny_net`.

    ``norms``: "private" statistics of each sub-network, or "shared" ones, sliced.
    """

    def __init__(self, model=None, *, ratios=WIDTHS, norms="private"):
        super().__init__()
        self.model = model or tiny_net()
        self.found = find_groups(self.model, (1, 8, 8))
        self.groups = self.found.free
        costs = WidthCosts(self.found)
        self.subnets = tuple(self._facts(costs, ratio) for ratio in ratios)
        self.norms = norms
        self.statistics = nn.ModuleList(
            nn.ModuleList(Statistics(width) for width in subnet.widths.values())
            for subnet in self.subnets
        )
        self.current = 0

    def _facts(self, costs, ratio):
        widths = {group.name: round(group.channels * ratio) for group in self.groups}
        return SimpleNamespace(
            name=f"{ratio:g}",
            widths=widths,
            macs=costs.macs(widths),
            params=costs.params(widths),
            mass=float("nan"),
        )

    @contextlib.contextmanager
    def using(self, index):
        was, self.current = self.current, index
        try:
            yield self
        finally:
            self.current = was

    def used(self, index):
        """Masks of prefixes, layer by layer."""
        used, n_in = {}, 1
        for place, n_out in enumerate(self.subnets[index].widths.values()):
            conv, norm = self.model[3 * place], self.model[3 * place + 1]
            mask = torch.zeros_like(conv.weight, dtype=torch.bool)
            mask[:n_out, :n_in] = True
            used[f"model.{3 * place}.weight"] = mask
            mask = torch.arange(len(norm.weight)) < n_out
            used[f"model.{3 * place + 1}.weight"] = used[f"model.{3 * place + 1}.bias"] = mask
            n_in = n_out
        mask = (torch.arange(self.model[-1].in_features) < n_in * 16)[None]
        return used | {f"model.{len(self.model) - 1}.weight": mask}

    def forward(self, x):
        m, n_in = self.model, 1
        pairs = [(m[place], m[place + 1]) for place in range(0, len(m) - 3, 3)]
        widths = self.subnets[self.current].widths.values()
        for place, ((conv, norm), n_out) in enumerate(zip(pairs, widths, strict=True)):
            x = F.conv2d(x, conv.weight[:n_out, :n_in], stride=conv.stride, padding=1)
            mean, var = norm.running_mean[:n_out], norm.running_var[:n_out]
            if self.norms == "private":
                own = self.statistics[self.current][place]
                mean, var = own.mean, own.var
            weight, bias = norm.weight[:n_out], norm.bias[:n_out]
            x = F.relu(F.batch_norm(x, mean, var, weight, bias, training=self.training))
            n_in = n_out
        x = F.dropout(x.flatten(1), m[-2].p, training=self.training)
        return F.linear(x, m[-1].weight[:, : n_in * 16], m[-1].bias)

"""SynFlow beside products of matrices, and beyond the range of numbers."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np
import pytest
import torch
from torch import nn

from nnmass.probes import score_proxies


def synflow(model, shape=(6,), **options):
    images = torch.zeros(2, *shape)
    (found,) = score_proxies(model, images, None, proxies=["synflow"], **options)
    assert found.reason == ""
    return found.value


def matrices(layers, width, scale=1.0, seed=0):
    generator = np.random.default_rng(seed)
    return [scale * generator.standard_normal((width, width)) for _ in range(layers)]


def mlp(weights, activation=nn.ReLU):
    layers = []
    for weight in weights:
        layer = nn.Linear(*weight.shape, bias=False)
        layer.weight = nn.Parameter(torch.tensor(weight))
        layers += [layer, activation()]
    return nn.Sequential(*layers[:-1])


def log_flow(weights, *, is_residual):
    """Flow of ``x + W x`` or ``W x``, layer by layer: rows before, columns behind, both normed."""
    width = len(weights[0])
    steps = [np.abs(w) + is_residual * np.eye(width) for w in weights]

    def passes(operators):
        vector, log = np.ones(width), 0.0
        found = [(vector, log)]
        for operator in operators:
            vector = operator @ vector
            log += math.log(vector.max())
            vector = vector / vector.max()
            found.append((vector, log))
        return found

    before, behind = passes(steps), passes([s.T for s in reversed(steps)])
    logs = []
    for index, weight in enumerate(weights):
        (a, log_a), (b, log_b) = before[index], behind[len(weights) - 1 - index]
        logs.append(log_a + log_b + math.log(b @ np.abs(weight) @ a))
    return float(np.logaddexp.reduce(logs))


def test_product_of_absolute_weights():
    weights = matrices(4, 6)
    product = np.linalg.multi_dot([np.abs(w) for w in reversed(weights)]).sum()
    assert synflow(mlp(weights)) == pytest.approx(math.log(4 * product), rel=1e-12)


@pytest.mark.parametrize("scale", [1e4, 1e-4, 1.0])
def test_three_hundred_layers(scale):
    weights = matrices(300, 6, scale)
    found = synflow(mlp(weights))
    assert found == pytest.approx(log_flow(weights, is_residual=False), rel=1e-12)
    assert abs(found) > math.log(torch.finfo(torch.float32).max)


def test_nothing_is_divided_within_the_range():
    """Plain double precision gives the same, and single precision would have overflown."""
    weights = matrices(300, 6)
    flow = 300 * reduce(np.matmul, [np.abs(w) for w in reversed(weights)]).sum()
    assert flow > 1e38
    assert synflow(mlp(weights)) == pytest.approx(math.log(flow), rel=1e-12)


class Residual(nn.Module):
    def __init__(self, weights, *, how):
        super().__init__()
        self.layers = nn.ModuleList(m for m in mlp(weights) if isinstance(m, nn.Linear))
        self.how = how

    def forward(self, x):
        for layer in self.layers:
            y = layer(x).relu()
            x = torch.cat([x[:, None], y[:, None]], 1).sum(1) if self.how == "cat" else x + y
        return x


@pytest.mark.parametrize("how", ["sum", "cat"])
@pytest.mark.parametrize("scale", [1e3, 0.1])
def test_skips_beyond_the_range_of_double_precision(how, scale):
    weights = matrices(250, 6, scale)
    found = synflow(Residual(weights, how=how))
    assert found == pytest.approx(log_flow(weights, is_residual=True), rel=1e-12)
    assert scale < 1 or found > 710  # e^710 has no double


def test_sums_in_place_and_biases():
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(6, 6).double() for _ in range(400))

        def forward(self, x):
            for layer in self.layers:
                y = layer(x)
                y += x
                y.add_(x)
                x = nn.functional.relu_(y)
            return x

    torch.manual_seed(0)
    model = InPlace()
    for layer in model.layers:
        layer.weight.data *= 30
    weights = [layer.weight.detach().abs().numpy() for layer in model.layers]
    biases = [layer.bias.detach().abs().numpy() for layer in model.layers]
    # forward in logarithms with the bias, backward without
    x, log = np.ones(6), 0.0
    before = []
    for w, b in zip(weights, biases, strict=True):
        before.append((x, log))
        x = w @ x + 2 * x + b * math.exp(-log)
        log += math.log(x.max())
        x = x / x.max()
    g, back, logs = np.ones(6), 0.0, []
    for w, (x, log_x) in zip(reversed(weights), reversed(before), strict=True):
        logs.append(log_x + back + math.log(g @ w @ x))
        g = w.T @ g + 2 * g
        back += math.log(g.max())
        g = g / g.max()
    assert log > 710
    assert synflow(model) == pytest.approx(float(np.logaddexp.reduce(logs)), rel=1e-12)


def test_convolutions_poolings_and_norms_deep():
    """A deep convolution of 1 x 1 on one pixel is a product of matrices; norms are off."""
    weights = matrices(200, 5, 100.0)
    layers = []
    for w in weights:
        conv = nn.Conv2d(5, 5, 1, bias=False)
        conv.weight = nn.Parameter(torch.tensor(w)[:, :, None, None])
        layers += [conv, nn.BatchNorm2d(5).double(), nn.ReLU(inplace=True), nn.AvgPool2d(1)]
    layers += [nn.MaxPool2d(1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout()]
    model = nn.Sequential(*layers)
    assert synflow(model, (5, 1, 1)) == pytest.approx(
        log_flow(weights, is_residual=False), rel=1e-12
    )


def item(x, y):
    x[:, :3] = y
    return x


def operators(x, y):
    x[:, :3] *= 2
    x[:, :3] += y
    return x


def sum_in_view(x, y):
    x[:, :3].add_(y)
    return x


def masked(x, _):
    x.masked_fill_(torch.arange(6) > 2, 0.0)
    return x


def clamped_view(x, _):
    x[:, 3:].clamp_(max=0)
    return x


@pytest.mark.parametrize("scale", [3e3, 3e-4])
@pytest.mark.parametrize(
    ("written", "plain"),
    [
        (item, lambda x, y: torch.cat([y, x[:, 3:]], 1)),
        (operators, lambda x, y: torch.cat([2 * x[:, :3] + y, x[:, 3:]], 1)),
        (sum_in_view, lambda x, y: torch.cat([x[:, :3] + y, x[:, 3:]], 1)),
        (masked, lambda x, _: torch.cat([x[:, :3], 0 * x[:, 3:]], 1)),
        (clamped_view, lambda x, _: torch.cat([x[:, :3], 0 * x[:, 3:]], 1)),
    ],
)
def test_what_is_written_in_place(written, plain, scale):
    """Beside the same out of place, with numbers that have left the range."""

    class Written(nn.Module):
        def __init__(self, write):
            super().__init__()
            self.write, self.layers = write, mlp(matrices(30, 6, scale))

        def forward(self, x):
            x = self.layers(x)
            return self.write(x.clone(), self.layers(x)[:, :3])

    assert synflow(Written(written)) == pytest.approx(synflow(Written(plain)), rel=1e-12)


@pytest.mark.parametrize("options", [{}, {"stride": 1}, {"stride": 1, "padding": 0}])
def test_biases_by_name_and_by_position(options):
    class Head(nn.Module):
        def __init__(self, bias, *, by_name):
            super().__init__()
            self.layers, self.bias = mlp(matrices(30, 6, 3e-4)), bias
            self.conv, self.by_name = nn.Conv1d(6, 4, 1).double(), by_name
            nn.init.ones_(self.conv.weight)

        def forward(self, x):
            x, weight = self.layers(x)[:, :, None], self.conv.weight
            if self.by_name:
                return nn.functional.conv1d(x, weight, **options, bias=self.bias).flatten(1)
            return nn.functional.conv1d(x, weight, self.bias, **options).flatten(1)

    for bias in (None, torch.full((4,), 1e-80, dtype=torch.float64)):
        by_name, by_position = (synflow(Head(bias, by_name=told)) for told in (True, False))
        assert by_name == by_position


def test_what_does_not_scale_gets_the_true_value():
    shallow = mlp(matrices(3, 6), nn.Sigmoid)
    weights = [np.abs(m.weight.detach().numpy()) for m in shallow if isinstance(m, nn.Linear)]

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    a, b = weights[0] @ np.ones(6), weights[1] @ sigmoid(weights[0] @ np.ones(6))
    g2 = weights[2].T @ np.ones(6) * sigmoid(b) * (1 - sigmoid(b))
    g1 = weights[1].T @ g2 * sigmoid(a) * (1 - sigmoid(a))
    flow = np.ones(6) @ weights[2] @ sigmoid(b) + g2 @ b + g1 @ a
    assert synflow(shallow) == pytest.approx(math.log(flow), rel=1e-10)
    deep = nn.Sequential(mlp(matrices(300, 6, 1e3)), nn.GELU(), nn.Linear(6, 2).double())
    (found,) = score_proxies(deep, torch.zeros(1, 6), None, proxies=["synflow"])
    assert (found.status, found.value) == ("failed", None)
    assert found.reason


def test_dead_network_fails():
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 2, bias=False))
    nn.init.zeros_(model[0].weight)
    (found,) = score_proxies(model, torch.zeros(1, 3), None, proxies=["synflow"])
    assert found.status == "failed"
    assert "nothing flows" in found.reason

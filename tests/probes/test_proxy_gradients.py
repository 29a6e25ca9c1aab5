"""Proxies from gradients, each beside a brute force in double precision."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd.functional import hessian
from torch.func import functional_call

from nnmass.probes import score_proxies

NAMES = ("0.weight", "3.weight", "6.weight")


def network(inplace=True):
    """Two convolutions with biases, norms in front of rectifiers, and a head; 88 weights."""
    return nn.Sequential(
        nn.Conv2d(2, 2, 3, padding=1),
        nn.BatchNorm2d(2),
        nn.ReLU(inplace=inplace),
        nn.Conv2d(2, 2, 2),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(18, 3),
    ).double()


@pytest.fixture(scope="module")
def made():
    torch.manual_seed(1)
    model = network()
    return model, torch.randn(6, 2, 4, 4, dtype=torch.float64), torch.tensor([0, 1, 2, 2, 1, 0])


def score(model, images, labels, proxy, **options):
    (found,) = score_proxies(model, images, labels, proxies=[proxy], **options)
    assert found.reason == ""
    return found.value


def loss_at(model, images, labels, weights, *, training=True):
    """The loss as a function of the weights, batch norms in training mode."""
    model = network(inplace=False).train(training)
    model.load_state_dict(made_state)
    return F.cross_entropy(functional_call(model, weights, images), labels)


made_state: dict[str, torch.Tensor] = {}


@pytest.fixture(autouse=True)
def keep_state(made):
    made_state.update({key: value.clone() for key, value in made[0].state_dict().items()})


def numerical_gradients(model, images, labels, *, training=True):
    """By central differences, weight by weight."""
    gradients = {}
    weights = {name: made_state[name].clone() for name in NAMES}
    for name, weight in weights.items():
        gradient = torch.zeros_like(weight)
        for index in np.ndindex(*weight.shape):
            both = []
            for step in (1e-6, -1e-6):
                moved = weight.clone()
                moved[index] += step
                both.append(
                    loss_at(model, images, labels, {**weights, name: moved}, training=training)
                )
            gradient[index] = float((both[0] - both[1]).detach()) / 2e-6
        gradients[name] = gradient
    return gradients


@pytest.mark.parametrize(("mode", "training"), [(None, True), ("running", False)])
def test_norm_and_snip_against_differences(made, mode, training):
    gradients = numerical_gradients(*made, training=training)
    norm = sum(math.sqrt(float((g * g).sum())) for g in gradients.values())
    snip = sum(float((made_state[n] * g).abs().sum()) for n, g in gradients.items())
    assert score(*made, "grad_norm", batch_norm=mode) == pytest.approx(norm, rel=1e-6)
    assert score(*made, "snip", batch_norm=mode) == pytest.approx(snip, rel=1e-6)


def test_grasp_against_the_whole_hessian(made):
    sizes = [made_state[name].numel() for name in NAMES]

    def loss(flat):
        parts = dict(zip(NAMES, flat.split(sizes), strict=True))
        shaped = {name: part.view_as(made_state[name]) for name, part in parts.items()}
        return loss_at(*made, shaped)

    flat = torch.cat([made_state[name].flatten() for name in NAMES])
    matrix = hessian(loss, flat)
    start = flat.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(start), start)
    expected = -float((matrix @ gradient) @ flat)
    assert abs(expected) > 1e-3
    assert score(*made, "grasp") == pytest.approx(expected, rel=1e-9)


def test_zico_weight_by_weight(made):
    model, images, labels = made
    halves = [numerical_gradients(model, images[part], labels[part])
              for part in (slice(0, 3), slice(3, 6))]  # fmt: skip
    total = 0.0
    for name in NAMES:
        ratios = 0.0
        for a, b in zip(*(half[name].flatten().tolist() for half in halves), strict=True):
            ratios += (abs(a) + abs(b)) / 2 / (abs(a - b) / 2)
        total += math.log(ratios)
    assert score(*made, "zico") == pytest.approx(total, rel=1e-4)


def test_a_weight_that_is_shared_counts_once_and_one_without_use_not_at_all():
    torch.manual_seed(0)

    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
            self.second.weight = self.first.weight
            self.unused = nn.Linear(3, 3)

        def forward(self, x):
            return self.first(self.second(self.first(x)))

    model = Shared().double()
    x, y = torch.randn(4, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 0])
    w = model.first.weight.detach().clone().requires_grad_()
    loss = F.cross_entropy(x @ w.T @ w.T @ w.T, y)
    (gradient,) = torch.autograd.grad(loss, w)
    assert score(model, x, y, "grad_norm") == pytest.approx(float(gradient.norm()))
    assert score(model, x, y, "snip") == pytest.approx(float((gradient * w.detach()).abs().sum()))


def test_attention_has_a_second_derivative():
    torch.manual_seed(0)

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv, self.head = nn.Linear(4, 12), nn.Linear(4, 2)

        def forward(self, x):
            query, key, value = self.qkv(x)[:, None].chunk(3, -1)
            return self.head(F.scaled_dot_product_attention(query, key, value).mean((1, 2)))

    images, labels = torch.randn(3, 5, 4), torch.tensor([0, 1, 1])
    assert math.isfinite(score(Attention(), images, labels, "grasp"))

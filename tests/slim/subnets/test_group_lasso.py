"""The penalty on channels: value, gradient, proximal step."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nnmass.errors import SpecError
from nnmass.slim._subnets._group_lasso import GroupLasso, channel_norms
from nnmass.slim._subnets._groups import ChannelGroup
from oracles.tiny_family import tiny_net

PAIR = ChannelGroup(name="a", channels=6, producers=("a", "b"))
"""A residual stage: both layers make the same channels."""


def two_layers(seed=0):
    generator = torch.Generator().manual_seed(seed)
    model = nn.ModuleDict(
        {"a": nn.Conv2d(3, 6, 3), "b": nn.Linear(5, 6, bias=False), "c": nn.Linear(6, 2)}
    ).double()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator, dtype=torch.float64))
    return model


def rows(model):
    """Every channel's numbers, gathered one by one."""
    return [
        [
            *model["a"].weight[c].flatten().tolist(),
            model["a"].bias[c].item(),
            *model["b"].weight[c].tolist(),
        ]
        for c in range(6)
    ]


def norms_of(model):
    return [math.sqrt(sum(v * v for v in row)) for row in rows(model)]


def test_norms_are_over_all_layers_of_a_group():
    model = two_layers()
    found = channel_norms(model, PAIR)
    assert found.tolist() == pytest.approx(norms_of(model), abs=1e-12)


@pytest.mark.parametrize("clip", [None, 0.9, 1.0])
def test_the_penalty_by_hand(clip):
    model = two_layers()
    norms = norms_of(model)
    most = math.inf if clip is None else clip * max(norms)
    expected = 0.01 * math.sqrt(33) * sum(min(norm, most) for norm in norms)
    found = GroupLasso(strength=0.01, clip=clip).value(model, [PAIR])
    assert found.item() == pytest.approx(expected, abs=1e-12)


def test_the_gradient_is_a_unit_vector_or_nothing():
    model = two_layers()
    with torch.no_grad():
        for p in (model["a"].weight, model["a"].bias, model["b"].weight):
            p[2] = 0
            p[4] *= 10
    GroupLasso(strength=0.01, clip=0.5).value(model, [PAIR]).backward()
    norms = norms_of(model)
    slopes = [model["b"].weight.grad, model["a"].weight.grad, model["a"].bias.grad]
    assert all(torch.isfinite(slope).all() for slope in slopes)
    for c in range(6):
        free = c in (2, 4)  # zero, and above the clip
        scale = 0 if free else 0.01 * math.sqrt(33) / norms[c]
        torch.testing.assert_close(slopes[0][c], scale * model["b"].weight[c].detach())
        torch.testing.assert_close(slopes[1][c], scale * model["a"].weight[c].detach())
    assert model["c"].weight.grad is None


@settings(max_examples=40)
@given(seed=st.integers(0, 50), less=st.floats(0.01, 30))
def test_the_proximal_step_is_the_minimum(seed, less):
    """No move of any channel makes penalty plus half the squared distance smaller."""
    model = two_layers(seed)
    before = torch.tensor(rows(model))
    lasso = GroupLasso(strength=less / math.sqrt(33), clip=None)
    lasso.shrink(model, [PAIR], rate=1.0)
    after = torch.tensor(rows(model))

    def cost(x):
        return ((x - before) ** 2).sum(1) / 2 + less * x.norm(dim=1)

    generator = torch.Generator().manual_seed(seed)
    least = cost(after)
    for size in (1e-3, 0.1, 1.0):
        moves = torch.randn(20, *after.shape, generator=generator) * size
        assert all((cost(after + move) >= least - 1e-9).all() for move in moves)
    assert (cost(torch.zeros_like(after)) >= least - 1e-9).all()


def test_noise_falls_to_zero_and_what_is_large_stays():
    model = tiny_net((4, 8)).double()
    group = ChannelGroup(name="0", channels=4, producers=("0",))
    with torch.no_grad():
        model[0].weight[0] = 1.0  # norm 3
        model[0].weight[1] = 0.3  # norm 0.9, above a quarter of 3
        model[0].weight[2:] *= 0.1
    before = model[0].weight.detach().clone()
    others = model[3].weight.detach().clone()
    lasso = GroupLasso(strength=1.0, clip=0.25)
    for _ in range(20):
        lasso.shrink(model, [group], rate=0.01)
    after = model[0].weight.detach()
    assert torch.equal(after[:2], before[:2])
    assert torch.equal(after[2:], torch.zeros(2, 1, 3, 3, dtype=torch.float64))
    assert torch.equal(model[3].weight, others)
    GroupLasso(strength=1.0, clip=None).shrink(model, [group], rate=0.01)
    assert torch.equal(model[0].weight[2:], after[2:])  # zeros stay, and are no numbers nowhere
    torch.testing.assert_close(model[0].weight[0], before[0] * (1 - 0.03 / 3))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"strength": 0}, "strength must be a finite number above 0, got 0"),
        ({"strength": float("nan")}, "strength must be a finite number above 0, got nan"),
        ({"clip": 1.5}, "clip must be a share of the largest norm, at most 1, or None, got 1.5"),
        ({"clip": 0}, "clip must be a finite number above 0, got 0"),
    ],
)
def test_bad_settings(fields, message):
    with pytest.raises(SpecError) as caught:
        GroupLasso(**fields)
    assert str(caught.value) == message

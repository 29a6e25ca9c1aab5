"""What a design prints is what is built: any candidate builds, traces, counts and trains."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

import nnmass
from nnmass.design import Space, design
from nnmass.errors import BudgetError

SPACES = (
    "dense-mlp(w=4..6,d=3..12,t=*,in=20,classes=3)",
    "dense-cnn(wm=1,d=3..7,t=*/*,image=8)",
    "dense-cnn(wm=1,d=3..6/3..6/3..6,t=*/*/*,image=8,in=1)",
    "dense-cnn-dw(wm=1..2,d=3..6/3..6,t=*/*..8,image=8)",
    "densenet(growth=4..12..4,blocks=1..4/1..4/1..3,image=16)",
    "densenet(growth=8,bottleneck=0|2,compression=0.5|1,blocks=1..3/1..3,image=8,stem=cifar)",
    "resnet(wm=0.25..0.5..0.125,block=basic,blocks=1..3/1..3/1..3/1..2,stem=cifar,image=16)",
    "resnet(wm=0.25,block=bottleneck,blocks=1..2/1..3/1..3/1..2,image=33)",
    "wide-resnet(widen=1..2,blocks=1..3/1..3/1..3,image=16)",
    "resnext(groups=4|8,width=4,blocks=1..2/1..2/1..2/1,image=32)",
    "mobilenet-v2(wm=0.35..0.75..0.1,rows=1:16:1..2:1/2..6:24:1..3:2/6:32:1..3:2,image=32)",
)


def drawn_request(draw, space):
    """Budgets between the costs of two networks of the space."""
    specs = [random_network(draw, space) for _ in range(2)]
    low, high = sorted(specs, key=lambda spec: spec.mass)
    budgets = {
        "max_params": draw.choice([None, max(low.params, high.params)]),
        "max_macs": draw.choice([None, max(low.macs, high.macs)]),
        "max_memory": draw.choice([None, high.peak_activation_bytes]),
    }
    objective = draw.choice(["params", "macs", "memory", "mass"])
    if objective == "mass" and not any(budgets.values()):
        budgets["max_params"] = high.params
    return {"mass": low.mass, "objective": objective, **budgets}


def random_network(draw, space):
    frame = draw.choice(list(space.frames()))
    slots = frame.price(None).slots
    return frame.spec([slot.settings[draw.randrange(len(slot))] for slot in slots])


@pytest.mark.parametrize("text", SPACES)
def test_a_candidate_is_what_it_says(text):
    draw, space, n_found = random.Random(text), Space.parse(text), 0
    for _ in range(6):
        request = drawn_request(draw, space)
        try:
            front = design(space=space, across_widths=True, top=2, **request)
        except BudgetError:
            continue
        for candidate in front:
            n_found += 1
            check(candidate, request)
    assert n_found > 3


def check(candidate, request):
    spec = candidate.spec
    assert nnmass.parse(str(spec)) == spec
    net = nnmass.build(spec, seed=1)
    traced = nnmass.trace(net, spec.input_shape)
    assert traced.mass == pytest.approx(candidate.mass, rel=1e-12, abs=0)
    assert traced.macs == candidate.macs
    assert sum(p.numel() for p in net.parameters()) == traced.params == candidate.params
    assert candidate.mass >= request["mass"] * (1 - 1e-12)
    for name, own in (("max_params", "params"), ("max_macs", "macs"), ("max_memory", "memory")):
        assert request[name] is None or getattr(candidate, own) <= request[name]
    assert_trains(net, spec)


def assert_trains(net, spec):
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(4, *spec.input_shape, generator=generator)
    labels = torch.randint(spec.classes, (4,), generator=generator)
    before = [p.detach().clone() for p in net.parameters()]
    optimizer = torch.optim.SGD(net.train().parameters(), lr=0.1)
    loss = nn.functional.cross_entropy(net(images), labels)
    loss.backward()
    optimizer.step()
    assert torch.isfinite(loss)
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))

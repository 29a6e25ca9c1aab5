"""Wrong arguments, and a model that is left as it was."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

import nnmass
from nnmass.errors import SpecError, TraceError
from nnmass.recognition import recognise


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x, y):
        return self.conv(x + y).mean((2, 3))


class Signal(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(3, 4, 3)

    def forward(self, x):
        return self.conv(x).mean(2)


@pytest.fixture(scope="module")
def net():
    return nnmass.build("resnet(depth=8)", device="meta")


@pytest.mark.parametrize("family", ["rezsnet", "", "RESNET", "resnet(depth=50)"])
def test_unknown_family(net, family):
    with pytest.raises(SpecError, match="unknown family"):
        recognise(net, (3, 32, 32), family=family)


def test_unknown_family_has_a_neighbour(net):
    with pytest.raises(SpecError, match="Did you mean 'resnet'"):
        recognise(net, (3, 32, 32), family="rezsnet")


@pytest.mark.parametrize("family", [3, ["resnet"], nnmass.parse("resnet(depth=50)")])
def test_family_of_a_wrong_type(net, family):
    with pytest.raises(SpecError, match="family must be the name of one"):
        recognise(net, (3, 32, 32), family=family)


def test_name_of_a_wrong_type(net):
    with pytest.raises(SpecError, match="name of a network must be a str"):
        recognise(net, (3, 32, 32), name=7)


@pytest.mark.parametrize("model", [None, "timm:resnet50", nn.Linear, nnmass.parse("vgg(depth=16)")])
def test_no_module(model):
    with pytest.raises(TraceError, match=r"needs a torch.nn.Module"):
        recognise(model, (3, 32, 32))


@pytest.mark.parametrize("shape", ["3x32x32", (), (3, 0, 32), (3, 32.5, 32), None])
def test_no_shape(net, shape):
    with pytest.raises(TraceError, match="input_shape must be"):
        recognise(net, shape)


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 32), (32, 32, 3)])
def test_a_shape_that_does_not_fit(net, shape):
    with pytest.raises(TraceError, match="could not be run"):
        recognise(net, shape)


def test_nothing_to_score():
    with pytest.raises(TraceError, match="no weight layer"):
        recognise(nn.Sequential(nn.Flatten(), nn.ReLU()), (3, 8, 8))


def test_no_square_image(net):
    found = recognise(net, (3, 32, 40))
    assert found.spec is None
    assert "it was given 3x32x40, the family takes square images" in str(found)


def test_several_inputs():
    found = recognise(TwoInputs(), [(3, 8, 8), (3, 8, 8)])
    assert found.spec is None
    assert "it takes 2 inputs" in str(found)


def test_other_dimensions_and_other_layers():
    assert "no two-dimensional convolution" in str(recognise(Signal(), (3, 8)))
    lstm = nn.LSTM(4, 5, batch_first=True)
    found = recognise(lstm, (7, 4))
    assert found.spec is None
    assert found.differences


def random_states():
    numbers = np.random.get_state()  # noqa: NPY002 - the global generator is what is watched
    return torch.get_rng_state().tolist(), numbers[1].tolist(), numbers[2:], random.getstate()


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_as_it_was(training):
    model = nn.Sequential(nnmass.build("resnet(depth=8)", seed=3), nn.Dropout(0.5)).train(training)
    model[0].blocks[0].eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    objects = {key: id(value) for key, value in model.named_parameters()}
    flags = [module.training for module in model.modules()]
    wanting = [p.requires_grad for p in model.parameters()]
    states = random_states()
    found = recognise(model, (3, 32, 32))
    assert found.spec is not None
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[key], before[key]) for key in before)
    assert {key: id(value) for key, value in model.named_parameters()} == objects
    assert [module.training for module in model.modules()] == flags
    assert [p.requires_grad for p in model.parameters()] == wanting
    assert random_states() == states
    assert all(p.grad is None for p in model.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())

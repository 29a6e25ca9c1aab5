"""First weights: their spread by scheme, and their generators."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import nnmass
from nnmass.nets import generator_for
from nnmass.nets._initialise import initialise

FAN_IN = ["dense-mlp(w=64,d=5,t=100)", "dense-cnn(wm=2,d=4,t=40/80)", "dense-cnn-dw(wm=4,d=4,t=40)"]
HE = [
    "resnet(depth=8)",
    "wide-resnet(depth=10,widen=4)",
    "resnext(depth=50,groups=4,width=8,stem=cifar)",
    "densenet(blocks=6/6,growth=12)",
    "densenet(depth=16,bottleneck=0,growth=12)",
    "mobilenet-v2(wm=0.5)",
    "vgg(depth=11,stem=cifar)",
]


def layers(net):
    return [(n, m) for n, m in net.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def assert_spread(name, tensor, std, *, flatness):
    """Mean and standard deviation within five standard errors; ``flatness`` is the kurtosis."""
    n = tensor.numel()
    assert abs(tensor.mean()) < 5 * std / math.sqrt(n), name
    error = std * math.sqrt((flatness - 1) / (4 * n))
    assert abs(tensor.square().mean().sqrt() - std) < 5 * error + 1e-9, name


@pytest.mark.parametrize("text", FAN_IN)
def test_dense_networks_start_as_torch_layers_do(text):
    for name, layer in layers(nnmass.build(text)):
        if isinstance(layer, nn.Conv2d):
            fan_in = layer.in_channels // layer.groups * layer.kernel_size[0] ** 2
        else:
            fan_in = layer.in_features
        bound = 1 / math.sqrt(fan_in)
        for part, tensor in layer.named_parameters():
            assert tensor.abs().max() <= bound, (name, part)
            assert_spread((name, part), tensor.detach(), bound / math.sqrt(3), flatness=1.8)
            if tensor.numel() > 500:
                assert tensor.abs().max() > 0.98 * bound, (name, part)


def test_bounds_are_those_that_torch_itself_uses():
    net = nnmass.build("dense-cnn-dw(wm=2,d=4,t=40/80)")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for name, layer in layers(net):
            mine = layer.weight.detach().clone()
            layer.reset_parameters()
            ratio = mine.norm().item() / layer.weight.norm().item()
            assert ratio == pytest.approx(1, abs=5 * math.sqrt(0.4 / mine.numel())), name


@pytest.mark.parametrize("text", HE)
def test_the_others_start_with_he_of_the_outputs(text):
    net = nnmass.build(text)
    for name, layer in layers(net):
        if isinstance(layer, nn.Linear):
            std = 0.01
        else:  # each input of a group reaches out / groups filters, k x k times
            std = math.sqrt(2 / (layer.out_channels / layer.groups * layer.kernel_size[0] ** 2))
        assert_spread(name, layer.weight.detach(), std, flatness=3)
        assert layer.bias is None or not layer.bias.any(), name


@pytest.mark.parametrize("text", [*FAN_IN, *HE])
def test_norms_start_neutral(text):
    for name, norm in nnmass.build(text).named_modules():
        if isinstance(norm, nn.BatchNorm2d):
            assert (norm.weight == 1).all() and not norm.bias.any(), name
            assert (norm.running_var == 1).all() and not norm.running_mean.any(), name
            assert norm.num_batches_tracked == 0, name


def test_a_depthwise_convolution_has_nine_outputs_for_an_input():
    net = nnmass.build("mobilenet-v2")
    weights = torch.cat([b.depthwise.conv.weight.detach().flatten() for b in net.blocks])
    assert weights.std().item() == pytest.approx(math.sqrt(2 / 9), rel=0.01)


def test_everything_is_filled():
    net = nnmass.build("mobilenet-v2(wm=0.25,rows=1:8:1:1,stem=cifar)")
    with torch.no_grad():
        for tensor in net.state_dict().values():
            tensor.fill_(7)
    initialise(net, seed=0, scheme="he")
    for key, tensor in net.state_dict().items():
        assert not (tensor == 7).any(), key


def test_a_tensor_hangs_on_the_seed_and_its_name_alone(no_global_randomness):
    def draw(seed, name):
        return torch.rand(4, generator=generator_for(seed, name)).tolist()

    with no_global_randomness():
        assert draw(0, "head.weight") == draw(0, "head.weight")
    draws = [draw(*key) for key in ((0, "a"), (1, "a"), (0, "b"), (10, "a"), (1, "0:a"))]
    assert len({tuple(values) for values in draws}) == 5

"""VGG: layers in order, both heads, and a plain forward."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import nnmass


@pytest.mark.parametrize("depth", [11, 13, 16, 19])
@pytest.mark.parametrize("bn", ["true", "false"])
def test_weight_layers_are_as_many_as_the_name_says(depth, bn):
    net = nnmass.build(f"vgg(depth={depth},bn={bn})", device="meta")
    kinds = [type(m) for m in net.modules()]
    assert kinds.count(nn.Conv2d) + kinds.count(nn.Linear) == depth
    assert kinds.count(nn.MaxPool2d) == 5
    assert kinds.count(nn.BatchNorm2d) == (kinds.count(nn.Conv2d) if bn == "true" else 0)
    assert net.mass == 0


@pytest.mark.parametrize("image", [32, 64, 100, 224, 300])
def test_the_imagenet_head_takes_any_image(image):
    """Defect 9: heads made for one size."""
    net = nnmass.build(f"vgg(depth=11,image={image})", device="meta")
    assert net(torch.zeros(2, 3, image, image, device="meta")).shape == (2, 1000)
    assert net.head[0].in_features == 25088


@pytest.mark.parametrize("bn", ["true", "false"])
def test_forward_is_that_of_the_plain_one(bn, inputs, logits):
    net = nnmass.build(f"vgg(depth=11,bn={bn},stem=cifar,image=33,classes=4)", seed=1)
    net(inputs(net.spec, 2))  # statistics of its own
    x = inputs(net.spec, 1)
    layers = list(net.features)
    z = x
    for count in (1, 1, 2, 2, 2):
        for _ in range(count):
            conv = layers.pop(0)
            z = F.conv2d(z, conv.weight, conv.bias, padding=1)
            if bn == "true":
                norm = layers.pop(0)
                z = (z - norm.running_mean.view(-1, 1, 1)) / (
                    norm.running_var.view(-1, 1, 1) + 1e-5
                ).sqrt()
                z = z * norm.weight.view(-1, 1, 1) + norm.bias.view(-1, 1, 1)
            z = z.clamp(min=0)
            layers.pop(0)
        side = z.shape[-1] // 2 * 2
        z = z[..., :side, :side].unflatten(2, (-1, 2)).unflatten(4, (-1, 2)).amax((3, 5))
        layers.pop(0)
    assert not layers
    want = z.flatten(2).mean(2) @ net.head.weight.T + net.head.bias
    torch.testing.assert_close(logits(net, x), want, rtol=1e-4, atol=1e-5)


def test_every_tensor_of_the_kind_with_norms_is_used(inputs):
    """Defect 14; a norm takes the bias before it away again, as in every VGG with norms."""
    net = nnmass.build("vgg(depth=11,bn=true,stem=cifar)")
    net(inputs(net.spec)).logsumexp(1).sum().backward()
    biases = {
        f"features.{n}.bias" for n, m in net.features.named_children() if type(m) is nn.Conv2d
    }
    for name, parameter in net.named_parameters():
        is_before_norm = name in biases
        assert parameter.grad is not None, name
        assert parameter.grad.any() or is_before_norm, name


def test_dropout_stands_twice_in_the_imagenet_head():
    net = nnmass.build("vgg(depth=11)", device="meta")
    assert [m.p for m in net.modules() if isinstance(m, nn.Dropout)] == [0.5, 0.5]

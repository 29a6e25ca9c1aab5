"""What is nearly a network of ours is refused, and the message says where and by how much."""

from __future__ import annotations

import copy

from torch import nn

import nnmass
from nnmass.recognition import recognise

ROWS = ((1, 16, 1, 1), (6, 24, 2, 2), (4, 40, 3, 2))
SHAPE = (3, 32, 32)


def test_a_users_mobilenet(make_mobile):
    found = recognise(make_mobile(rows=ROWS), SHAPE, name="mine")
    text = "mobilenet-v2(rows=1:16:1:1/6:24:2:2/4:40:3:2,image=32,classes=7)"
    assert str(found) == f"mine is {text}"
    assert found.exact
    assert found.advice == ""
    assert found.to_dict()["spec"] == text
    assert found.to_dict()["exact"] is True


def test_a_users_mobilenet_is_wider(make_mobile):
    rows = ((1, 24, 1, 1), (6, 32, 2, 2))
    found = recognise(make_mobile(rows=rows, stem=48, head=1792), SHAPE)
    assert found.exact
    assert found.spec.width_multiplier == 1.4
    assert [block.outputs for block in found.spec.blocks] == [24, 32, 32]


def test_biases_are_named_and_not_counted(make_mobile):
    found = recognise(make_mobile(rows=ROWS, bias=True), SHAPE)
    more = found.params - found.spec.params
    assert not found.exact
    assert more > 0
    assert found.macs == found.spec.macs
    assert found.differences == (
        f"its layers have {more:,} parameters of biases, where the family has none",
    )
    assert "but for this" in str(found)


def test_weights_that_are_never_used_are_named(make_mobile):
    model = make_mobile(rows=ROWS)
    model.auxiliary = nn.Identity()
    model.auxiliary.weight = nn.Parameter(nn.Linear(5, 4).weight.detach())
    found = recognise(model, SHAPE)
    assert found.spec is not None
    assert found.params == found.spec.params + 20
    assert found.differences == ("20 parameters take no part in its forward pass (auxiliary)",)


def test_another_activation_is_named(make_mobile):
    found = recognise(make_mobile(rows=ROWS, act=nn.SiLU), SHAPE)
    assert found.spec is not None
    assert not found.exact
    assert "silu" in found.differences[0]


def refused(found, family, *words):
    assert found.spec is None
    assert not found.exact
    assert found.family == family
    assert found.closest is not None
    assert str(found.closest) in found.advice
    assert "--family" in found.advice
    text = str(found)
    for word in words:
        assert word in text, text


def test_a_larger_kernel(make_mobile):
    found = recognise(make_mobile(rows=ROWS, kernel=5), SHAPE)
    refused(
        found, "mobilenet-v2", "5x5 depthwise convolution 32 -> 32", "3x3 depthwise", "parameters"
    )
    gap = found.macs - found.closest.macs
    assert f"it has {found.macs:,} MACs, the spec has {found.closest.macs:,} ({gap:+,})" in str(
        found
    )


def test_another_stem(make_mobile):
    refused(recognise(make_mobile(rows=ROWS, stem=40), SHAPE), "mobilenet-v2", "wm=1.2,", "1536")


def test_one_widened_layer_of_a_resnet():
    """The network carries a spec, and is no longer what that says."""
    net = nnmass.build("resnet(depth=18,stem=cifar)")
    block = net.blocks[3]
    block.conv1, block.norm1 = nn.Conv2d(128, 96, 3, 1, 1, bias=False), nn.BatchNorm2d(96)
    block.conv2 = nn.Conv2d(96, 128, 3, 1, 1, bias=False)
    found = recognise(net, SHAPE)
    refused(
        found,
        "resnet",
        "blocks.3.conv1",
        "3x3 convolution 128 -> 96",
        "3x3 convolution 128 -> 128",
        "cell 4 of 8",
        "NN-Mass",
    )
    assert str(found.closest) == "resnet(depth=18,stem=cifar)"


def test_one_norm_left_out_of_a_resnet():
    net = nnmass.build("resnet(depth=20)")
    net.blocks[0].norm1 = nn.Identity()
    refused(recognise(net, SHAPE), "resnet", "(-32)", "all weight layers are equal")


def test_a_shortcut_left_out_of_a_resnet():
    net = nnmass.build("resnet(depth=20)")

    class Plain(nn.Module):
        def __init__(self, block):
            super().__init__()
            self.block = block

        def forward(self, x):
            block = self.block
            return block.norm2(block.conv2(block.norm1(block.conv1(x)).relu())).relu()

    net.blocks[1] = Plain(net.blocks[1])
    found = recognise(net, SHAPE)
    refused(found, "resnet", "8 cells with skips, the spec has 9")


def test_a_layer_whose_weights_are_shared():
    net = nnmass.build("resnet(depth=20)")
    net.blocks[1].conv2 = net.blocks[1].conv1
    refused(recognise(net, SHAPE), "resnet", "parameters", "(-2,304)")


def test_links_that_are_not_where_the_cap_says():
    """Every layer of a cell takes as many channels as its cap lets it."""
    net = nnmass.build("dense-cnn(wm=1,d=5,t=8,image=8)")
    layer = net.cells[0].layers[3]
    layer.norm, layer.conv = nn.BatchNorm2d(20), nn.Conv2d(20, 16, 3, 1, 1, bias=False)
    layer.register_forward_pre_hook(lambda _module, given: (given[0][:, :20],))
    refused(recognise(net, (3, 8, 8)), "dense-cnn", "cells.0.layers.3.conv", "20 -> 16", "24 -> 16")


def test_stages_that_no_depth_has(disguised):
    net = nnmass.build("resnet(depth=20)")
    del net.blocks[2]
    found = recognise(disguised(net), SHAPE)
    assert found.exact
    assert str(found.spec) == "resnet(block=basic,blocks=2/3/3)"


def test_stages_that_no_family_has(disguised):
    """The reason of each family, where none has anything to compare with."""
    net = nnmass.build("resnet(depth=20)")
    net.blocks = net.blocks[:6]
    net.head = nn.Linear(32, 10)
    found = recognise(disguised(net), SHAPE)
    assert found.spec is found.closest is found.family is None
    text = str(found)
    assert "of no family of ours" in text
    assert "resnet: its 2 stages have 6/6 3x3 convolutions; the families have 3 or 4" in text
    assert "mobilenet-v2: no block of 1x1, depthwise, 1x1" in text
    assert "nets ls" in found.advice


def test_a_block_of_one_convolution(disguised):
    net = nnmass.build("resnet(depth=20)")

    class Single(nn.Module):
        def __init__(self, block):
            super().__init__()
            self.conv, self.norm = block.conv1, block.norm1

        def forward(self, x):
            return (self.norm(self.conv(x)) + x).relu()

    net.blocks[1] = Single(net.blocks[1])
    found = recognise(disguised(net), SHAPE, family="resnet")
    assert found.closest is None
    assert found.differences == (
        "resnet: its 3 stages have 5/6/6 3x3 convolutions; the families have 3 or 4 stages of "
        "bottlenecks (1x1, 3x3, 1x1), or of blocks of two 3x3",
    )


def test_stages_of_other_families():
    basic = nnmass.build("resnet(block=basic,blocks=1/2/1/1,stem=cifar,wm=0.1)", device="meta")
    for family, words in (
        ("wide-resnet", "three of blocks of two 3x3, or four of bottlenecks"),
        ("resnext", "four of bottlenecks"),
    ):
        assert recognise(basic, SHAPE, family=family).differences == (
            f"{family}: it has stages of 1/2/1/1 blocks of two 3x3; the family has {words}",
        )


def test_three_stages_of_as_many_layers_as_four_of_bottlenecks():
    """6n + 2 is 50 for eight blocks a stage, and the family's 50 is another network."""
    net = nnmass.build("resnet(depth=20,image=8)")
    blocks = []
    for index in range(0, 9, 3):
        same = (copy.deepcopy(net.blocks[index + 1]) for _ in range(7))
        blocks += [net.blocks[index], *same]
    net.blocks = nn.ModuleList(blocks)
    found = recognise(nn.Sequential(net), (3, 8, 8), family="resnet")
    assert found.exact
    assert str(found.spec) == "resnet(block=basic,blocks=8/8/8,image=8)"
    assert found.spec.depth == 50


def test_a_family_that_is_asked_for():
    """The closest spec is of this family, and other families are not named."""
    net = nnmass.build("wide-resnet(depth=50,widen=2,image=32)", device="meta")
    found = recognise(net, SHAPE, family="resnet")
    refused(found, "resnet", "resnet(depth=50,wm=2,image=32)", "3 -> 64", "3 -> 128")
    assert recognise(net, SHAPE, family="wide-resnet").exact
    none = recognise(net, SHAPE, family="vgg")
    assert none.differences == ("vgg: it has skips, and the family has none",)


def test_a_flattened_image_is_an_mlp():
    net = nnmass.build("dense-mlp(w=8,d=6,t=5,act=relu)")
    found = recognise(nn.Sequential(nn.Flatten(), net), (1, 28, 28))
    assert str(found.spec) == "dense-mlp(w=8,d=6,t=5,act=relu)"
    assert found.differences == ("its input is 1x28x28, that of the spec 784",)


def test_an_operation_that_cannot_be_followed_gives_no_mass():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nnmass.build("resnet(depth=8)")
            self.net.blocks[0].norm2 = Kthvalue()

        def forward(self, x):
            return self.net(x)

    class Kthvalue(nn.Module):
        def forward(self, x):
            return x + x.kthvalue(1, 1, keepdim=True).values

    found = recognise(Odd(), SHAPE)
    assert found.spec is None
    if found.mass is None:
        assert found.to_dict()["mass"] is None
        assert "could not be followed" in str(found)

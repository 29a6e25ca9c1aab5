"""The networks of timm and torchvision: those of our families, and those that are nearly so."""

from __future__ import annotations

import pytest
import torch

from nnmass.errors import MissingExtraError
from nnmass.nets import open_network
from nnmass.nets._torchvision import import_torchvision
from nnmass.recognition import recognise

FAST = {
    "timm:resnet18": "resnet(depth=18)",
    "torchvision:resnet50": "resnet(depth=50)",
    "timm:resnet18(num_classes=7)": "resnet(depth=18,classes=7)",
    "timm:resnet18(in_chans=1)": "resnet(depth=18,in=1)",
    "timm:resnext50_32x4d": "resnext(depth=50)",
    "timm:resnet26": "resnet(block=bottleneck,blocks=2/2/2/2)",
    "timm:mobilenetv2_050": "mobilenet-v2(wm=0.5)",
    "torchvision:mobilenet_v2": "mobilenet-v2",
    "timm:vgg16": "vgg(depth=16)",
    "torchvision:vgg11_bn": "vgg(depth=11,bn=true)",
    "torchvision:densenet121": "densenet(depth=121)",
}
BOTH = {
    **{f"resnet{depth}": f"resnet(depth={depth})" for depth in (18, 34, 50, 101, 152)},
    **{f"vgg{depth}": f"vgg(depth={depth})" for depth in (11, 13, 16, 19)},
    **{f"vgg{depth}_bn": f"vgg(depth={depth},bn=true)" for depth in (11, 13, 16, 19)},
    **{f"densenet{depth}": f"densenet(depth={depth})" for depth in (121, 161, 169, 201)},
    **{f"wide_resnet{d}_2": f"wide-resnet(depth={d},widen=2)" for d in (50, 101)},
    "resnext50_32x4d": "resnext(depth=50)",
    "resnext101_32x8d": "resnext(depth=101,width=8)",
    "resnext101_64x4d": "resnext(depth=101,groups=64)",
}
SLOW = {
    **{f"{zoo}:{name}": text for name, text in BOTH.items() for zoo in ("timm", "torchvision")},
    "timm:resnext101_32x4d": "resnext(depth=101)",
    "timm:resnext101_32x16d": "resnext(depth=101,width=16)",
    "timm:resnext101_32x32d": "resnext(depth=101,width=32)",
    "timm:mobilenetv2_035": "mobilenet-v2(wm=0.35)",
    "timm:mobilenetv2_075": "mobilenet-v2(wm=0.75)",
    "timm:mobilenetv2_100": "mobilenet-v2",
    "timm:mobilenetv2_140": "mobilenet-v2(wm=1.4)",
    "timm:mobilenetv2_110d": (
        "mobilenet-v2(rows=1:16:1:1/6:24:3:2/6:32:4:2/6:72:5:2/6:104:4:1/6:176:4:2/6:352:1:1)"
    ),
    "timm:mobilenetv2_120d": (
        "mobilenet-v2(rows=1:24:1:1/6:32:3:2/6:40:5:2/6:80:6:2/6:112:5:1/6:192:5:2/6:384:1:1)"
    ),
    "torchvision:mobilenet_v2(width_mult=0.75,num_classes=10)": "mobilenet-v2(wm=0.75,classes=10)",
}

# The closest spec, and words of the reason.
MISSES = {
    "timm:resnet50d": ("resnet(depth=50)", ["conv1.0 (3x3 convolution 3 -> 32", "MACs"]),
    "timm:seresnet50": ("resnet(depth=50)", ["32 layers stand beside", "layer1.0.se.fc1"]),
    "timm:resnetv2_50": ("resnet(depth=50)", ["(-7,680)", "lie in norms"]),
    "timm:resnetblur18": ("resnet(depth=18)", ["MACs"]),
    "timm:resnetblur50": ("resnet(depth=50)", ["layer2.0.conv2 (3x3 convolution", "MACs"]),
    "timm:resnet14t": (
        "resnet(block=bottleneck,blocks=1/1/1/1,image=176)",
        ["conv1.0 (3x3 convolution 3 -> 24", "MACs"],
    ),
    "timm:res2net50_26w_4s": (None, ["resnet: its 10 stages have 9/1/1/10/1/1/.. 3x3"]),
    "timm:densenetblur121d": ("densenet(depth=121)", ["MACs"]),
    "timm:vit_tiny_patch16_224": (None, ["resnet:", "dense-cnn:"]),
}


def recognised(name):
    try:
        opened = open_network(name)
    except MissingExtraError as error:
        pytest.skip(str(error))
    found = recognise(opened.model, opened.input_shape, name=name)
    assert found.name == name
    return found


def check(name, text):
    found = recognised(name)
    assert str(found) == f"{name} is {text}"
    assert found.exact
    spec = found.spec
    assert (found.params, found.macs, found.mass) == (spec.params, spec.macs, spec.mass)


@pytest.mark.parametrize("name", FAST)
def test_of_a_family(name):
    check(name, FAST[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_every_member_of_a_family(name):
    check(name, SLOW[name])


@pytest.mark.parametrize("name", MISSES)
def test_nearly_of_a_family(name):
    closest, words = MISSES[name]
    found = recognised(name)
    assert found.spec is None
    assert not found.exact
    assert (None if found.closest is None else str(found.closest)) == closest
    for word in words:
        assert word in str(found)


LAYOUTS = [
    ("basic", (1, 2, 1, 1), {}, "resnet(block=basic,blocks=1/2/1/1)"),
    ("bottleneck", (1, 1, 3, 2), {}, "resnet(block=bottleneck,blocks=1/1/3/2)"),
    (
        "bottleneck",
        (2, 1, 1, 1),
        {"groups": 8, "width_per_group": 4},
        "resnext(blocks=2/1/1/1,groups=8)",
    ),
    (
        "bottleneck",
        (2, 1, 2, 1),
        {"width_per_group": 192},
        "wide-resnet(widen=3,blocks=2/1/2/1)",
    ),
]


@pytest.mark.parametrize(("block", "layers", "more", "text"), LAYOUTS)
def test_other_layouts_of_torchvision(block, layers, more, text):
    try:
        models = import_torchvision().models.resnet
    except MissingExtraError as error:
        pytest.skip(str(error))
    kind = {"basic": models.BasicBlock, "bottleneck": models.Bottleneck}[block]
    with torch.device("meta"):
        model = models.ResNet(kind, list(layers), **more)
    found = recognise(model, (3, 224, 224), name="mine")
    assert str(found) == f"mine is {text}"
    assert found.exact
    assert found.params == sum(p.numel() for p in model.parameters())


def test_a_network_whose_norms_are_others_is_named():
    found = recognised("timm:resnet50_gn")
    assert str(found.spec) == "resnet(depth=50)"
    assert not found.exact
    assert found.differences[0].startswith("its norms and activations are native_group_norm")


def test_mobilenet_v3_is_no_mobilenet_v2():
    found = recognised("torchvision:mobilenet_v3_large")
    assert found.spec is None
    assert found.family == "mobilenet-v2"
    text = str(found)
    for word in ("squeeze-excitation", "5x5 depthwise", "hardswish", "NN-Mass is 1,178.64"):
        assert word in text

"""DenseNet: a plain forward, the networks of the zoos weight by weight, and the memory it keeps."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import nnmass
from nnmass.errors import MissingExtraError
from nnmass.nets import open_network


def plain_norm(norm, x):
    scale = norm.weight / (norm.running_var + 1e-5).sqrt()
    return (x - norm.running_mean.view(-1, 1, 1)) * scale.view(-1, 1, 1) + norm.bias.view(-1, 1, 1)


def plain_unit(unit, x, pad):
    return F.conv2d(plain_norm(unit.norm, x).clamp(min=0), unit.conv.weight, padding=pad)


def plain_network(net, x):
    spec = net.spec
    if spec.stem == "imagenet":
        x = F.conv2d(x, net.stem.weight, stride=2, padding=3)
        x = plain_norm(net.stem_norm, x).clamp(min=0)
        x = F.max_pool2d(F.pad(x, (1, 1, 1, 1), value=float("-inf")), 3, 2)
    else:
        x = F.conv2d(x, net.stem.weight, padding=1)
    for index, count in enumerate(spec.blocks):
        if index:
            x = plain_unit(net.transitions[index - 1], x, 0)
            x = x[:, :, : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
            x = (x[:, :, ::2] + x[:, :, 1::2]) / 2
            x = (x[..., ::2] + x[..., 1::2]) / 2
        features = [x]
        for layer in range(count):
            module, z = net.blocks[index][layer], torch.cat(features, 1)
            z = plain_unit(module.bottleneck, z, 0) if spec.bottleneck else z
            features.append(plain_unit(module.conv, z, 1))
        x = torch.cat(features, 1)
    x = plain_norm(net.norm, x).clamp(min=0).flatten(2).mean(2)
    return x @ net.head.weight.T + net.head.bias


@pytest.mark.parametrize(
    "text",
    [
        "densenet(blocks=2/3/1,growth=4,image=9,classes=3)",
        "densenet(blocks=3/2,bottleneck=0,growth=5,stem=cifar,image=7,in=1)",
        "densenet(blocks=2/1,bottleneck=2,growth=3,compression=0.3,image=33,classes=4)",
        "densenet(blocks=4,growth=2,stem=mnist,image=6)",
    ],
)
def test_forward_is_that_of_the_plain_one(text, inputs, logits):
    net = nnmass.build(text, seed=3)
    net(inputs(net.spec, 6))  # statistics of its own
    net = net.double().eval()
    x = inputs(net.spec, 3, dtype=torch.float64)
    torch.testing.assert_close(logits(net, x), plain_network(net, x), rtol=1e-10, atol=1e-10)


def published(name):
    try:
        return open_network(name).model
    except MissingExtraError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", ["timm:densenet121", "torchvision:densenet121"])
def test_the_networks_of_the_zoos(name, inputs, logits):
    """The same weights in the same places give the same logits."""
    theirs = published(name)
    kinds = nn.Conv2d | nn.Linear | nn.BatchNorm2d
    theirs_by_name = {n: m for n, m in theirs.named_modules() if isinstance(m, kinds)}
    net = nnmass.build("densenet(depth=121)")
    ours = [net.stem, net.stem_norm]
    for index, block in enumerate(net.blocks):
        ours += [m for m in block.modules() if isinstance(m, kinds)]
        if index < 3:
            ours += [net.transitions[index].norm, net.transitions[index].conv]
    ours += [net.norm, net.head]
    assert len(ours) == len(theirs_by_name)
    theirs.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for mine, other in zip(ours, theirs_by_name.values(), strict=True):
            for key, tensor in mine.state_dict().items():
                if tensor.is_floating_point() and tensor.ndim == 1:
                    tensor.uniform_(0.5, 1.5, generator=generator)
                other.state_dict()[key].copy_(tensor)
    x = inputs(nnmass.parse("densenet(depth=121,image=64)"), 2)
    torch.testing.assert_close(logits(net, x), logits(theirs, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [32, 224])
@pytest.mark.parametrize("depth", [121, 161, 169, 201])
def test_published_depths_take_small_and_large_images(depth, size):
    net = nnmass.build(f"densenet(depth={depth},image={size})", device="meta")
    weighty = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(weighty) == depth == net.spec.depth
    assert net(torch.zeros(2, 3, size, size, device="meta")).shape == (2, 1000)
    side = size // 32
    assert net.forward_features(torch.zeros(2, 3, size, size, device="meta")).shape == (
        (2, net.spec.cells[-1].outputs, side, side)
    )


@pytest.mark.parametrize("text", ["densenet(blocks=1/1,stem=cifar,image=2)", "densenet(blocks=1)"])
def test_the_smallest_image_that_is_allowed(text, logits):
    spec = nnmass.parse(text)
    smallest = next(n for n in range(1, 40) if is_allowed(spec, n))
    net = nnmass.build(type(spec).from_values(spec.values() | {"image": smallest}))
    assert logits(net, torch.zeros(1, *net.spec.input_shape)).isfinite().all()


def is_allowed(spec, image):
    try:
        type(spec).from_values(spec.values() | {"image": image})
    except nnmass.errors.SpecError:
        return False
    return True


def kept_bytes(model, x):
    """Bytes of the tensors that a training step keeps for its backward, each storage once."""
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = (tensor.untyped_storage().nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.train()(x).sum()
    return sum(size for size, _ in kept.values())


def test_a_step_keeps_no_more_than_that_of_torchvision(inputs):
    theirs = published("torchvision:densenet121").to_empty(device="cpu")
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
    net = nnmass.build("densenet(depth=121,image=64)")
    x = inputs(net.spec, 2)
    assert kept_bytes(net, x) <= 1.001 * kept_bytes(theirs, x)


def test_the_input_of_a_layer_is_left_as_it_was():
    layer = nnmass.build("densenet(blocks=2/1,growth=4,stem=cifar,image=8)").blocks[0][0]
    x = torch.randn(2, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    kept = x.clone()
    out = layer(x)
    assert torch.equal(x, kept)
    assert torch.equal(out[:, :8], kept)

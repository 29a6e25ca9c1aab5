"""MobileNetV2: the published widths and counts, and a plain forward."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import nnmass

# Section 4 of the specification: mass, millions of parameters, millions of multiply-adds.
PUBLISHED = {
    0.35: (468, 1.677, 59.3),
    0.5: (650, 1.969, 97.1),
    0.75: (975, 2.636, 209.1),
    1.0: (1287, 3.505, 300.8),
    1.1: (1404, 4.074, 337.9),
    1.2: (1560, 4.726, 465.0),
    1.3: (1664, 5.387, 509.4),
    1.4: (1807, 6.109, 582.2),
}
COMPRESSED = "1:16:2:1/6:24:3:2/6:32:4:2/6:64:5:2/6:96:4:1/6:160:3:2/6:320:1:1"


def plain_conv(module, x):
    weight = module.conv.weight
    pad, groups = weight.shape[-1] // 2, module.conv.groups
    x = F.conv2d(x, weight, stride=module.conv.stride, padding=pad, groups=groups)
    return plain_norm(module.norm, x).clamp(0, 6)


def plain_norm(norm, x):
    scale = norm.weight / (norm.running_var + 1e-5).sqrt()
    return (x - norm.running_mean.view(-1, 1, 1)) * scale.view(-1, 1, 1) + norm.bias.view(-1, 1, 1)


def plain_network(net, x):
    inputs = net.stem.conv.weight.shape[0]
    x = plain_conv(net.stem, x)
    blocks = iter(net.blocks)
    for expansion, _, count, first_stride in net.spec.rows:
        for position in range(count):
            block = next(blocks)
            z = x if expansion == 1 else plain_conv(block.expand, x)
            z = plain_conv(block.depthwise, z)
            z = plain_norm(block.norm, F.conv2d(z, block.project.weight))
            stride = first_stride if position == 0 else 1
            x = z + x if stride == 1 and z.shape[1] == inputs else z
            inputs = z.shape[1]
    x = plain_conv(net.last, x).mean((2, 3))
    return x @ net.head.weight.T + net.head.bias


@pytest.mark.parametrize(
    "text",
    [
        "mobilenet-v2(wm=0.35,rows=1:8:1:1/6:8:2:2/2:16:2:1,stem=cifar,image=9,classes=5)",
        "mobilenet-v2(wm=0.25,image=40)",
        "mobilenet-v2(rows=1:32:2:1/3:16:1:2,image=16,in=1)",
    ],
)
def test_forward_is_that_of_the_plain_one(text, inputs, logits):
    net = nnmass.build(text, seed=3)
    with torch.random.fork_rng():
        net(inputs(net.spec, 6))  # statistics of its own
    net = net.double().eval()
    x = inputs(net.spec, 3, dtype=torch.float64)
    torch.testing.assert_close(logits(net, x), plain_network(net, x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("wm", PUBLISHED)
def test_published_widths(wm):
    """Defect 8: the mass is there at once."""
    mass, params, macs = PUBLISHED[wm]
    net = nnmass.build(f"mobilenet-v2(wm={wm})", device="meta")
    assert net.mass == mass
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(params * 1e6, abs=501)
    assert net.spec.macs == pytest.approx(macs * 1e6, abs=0.051e6)


def test_the_compressed_table():
    net = nnmass.build(f"mobilenet-v2(wm=1.1,rows={COMPRESSED})", device="meta")
    assert net.mass == pytest.approx(1797, abs=0.5)
    assert sum(p.numel() for p in net.parameters()) == 4_304_504
    assert net.spec.macs == pytest.approx(419.2e6, abs=0.051e6)


def test_ratio_one_has_no_expansion_and_is_depthwise():
    block = nnmass.build("mobilenet-v2", device="meta").blocks[0]
    assert block.expand is None
    assert block.depthwise.conv.weight.shape == (32, 1, 3, 3)


def test_dropout_acts_in_training_alone(inputs):
    net = nnmass.build("mobilenet-v2(wm=0.25,rows=1:8:1:1,stem=cifar,image=8)").eval()
    x = inputs(net.spec)
    assert torch.equal(net(x), net(x))
    net.dropout.train()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        assert not torch.equal(net(x), net(x))

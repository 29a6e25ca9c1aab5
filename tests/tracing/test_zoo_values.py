"""The networks of timm and torchvision at 224 pixels: the worked values, the same in both zoos."""

from __future__ import annotations

import functools
from fractions import Fraction

import pytest

import nnmass
from nnmass import MassRule
from nnmass.errors import MissingExtraError
from nnmass.nets import open_network
from nnmass.tracing import trace

IDENTITY_ONLY = MassRule(count_projections=False)

# Released rule, identity shortcuts only, and the spec of the same network.
RESIDUAL = {
    "resnet18": (3392, 2048, "resnet(depth=18)"),
    "resnet34": (7104, 5760, "resnet(depth=34)"),
    "resnet50": (9006.9333, 7509.3333, "resnet(depth=50)"),
    "resnet101": (20612.2667, 19114.6667, "resnet(depth=101)"),
    "resnet152": (30852.2667, 29354.6667, "resnet(depth=152)"),
    "wide_resnet50_2": (10883.2, 9011.2, "wide-resnet(depth=50,widen=2)"),
    "wide_resnet101_2": (24809.6, 22937.6, "wide-resnet(depth=101,widen=2)"),
    "resnext50_32x4d": (10883.2, 9011.2, "resnext(depth=50)"),
    "resnext101_32x8d": (31008, 28672, "resnext(depth=101,width=8)"),
}
MOBILE = {
    "torchvision:mobilenet_v2": (1287, 3.505, 300.8, "mobilenet-v2"),
    "timm:mobilenetv2_100": (1287, 3.505, 300.8, "mobilenet-v2"),
    "torchvision:mobilenet_v2(width_mult=1.4)": (1807, 6.109, 582.2, "mobilenet-v2(wm=1.4)"),
    "timm:mobilenetv2_140": (1807, 6.109, 582.2, "mobilenet-v2(wm=1.4)"),
}


@functools.cache
def traced(name):
    try:
        opened = open_network(name)
    except MissingExtraError as error:
        pytest.skip(str(error))
    return trace(opened.model, opened.input_shape, name=name)


def same_as_spec(got, text):
    spec = nnmass.parse(text)
    assert (got.params, got.macs, got.input_shape) == (spec.params, spec.macs, spec.input_shape)
    for rule in (MassRule(), IDENTITY_ONLY, MassRule(ratio_one="own")):
        assert got.mass_by(rule) == pytest.approx(spec.mass_by(rule), rel=1e-12, abs=0)


@pytest.mark.parametrize("zoo", ["timm", "torchvision"])
@pytest.mark.parametrize("name", RESIDUAL)
def test_residual_networks(zoo, name):
    released, identity_only, text = RESIDUAL[name]
    got = traced(f"{zoo}:{name}")
    assert got.mass == pytest.approx(released, abs=5e-5)
    assert got.mass_by(IDENTITY_ONLY) == pytest.approx(identity_only, abs=5e-5)
    assert got.name == f"{zoo}:{name}"
    same_as_spec(got, text)


@pytest.mark.parametrize("name", MOBILE)
def test_mobile_networks(name):
    mass, params_m, macs_m, text = MOBILE[name]
    got = traced(name)
    assert got.mass == got.mass_by(IDENTITY_ONLY) == mass
    assert (round(got.params / 1e6, 3), round(got.macs / 1e6, 1)) == (params_m, macs_m)
    same_as_spec(got, text)


def numbers(got):
    """All that does not depend on what modules are called."""
    cells = [(c.kind, c.widths, c.link_list, c.is_ratio_one) for c in got.cells]
    return cells, got.params, got.macs, got.depth, got.n_nodes, got.n_edges


@pytest.mark.parametrize(
    ("one", "two"),
    [
        *((f"timm:{name}", f"torchvision:{name}") for name in (*RESIDUAL, "densenet121")),
        ("timm:mobilenetv2_100", "torchvision:mobilenet_v2"),
        ("timm:mobilenetv2_140", "torchvision:mobilenet_v2(width_mult=1.4)"),
    ],
)
def test_the_zoos_agree(one, two):
    assert numbers(traced(one)) == numbers(traced(two))


@pytest.mark.parametrize("name", ["timm:vgg11", "torchvision:vgg11", "torchvision:vgg16_bn"])
def test_vgg_has_no_mass_and_says_so(name):
    got = traced(name)
    assert (got.mass, got.cells) == (0, ())
    assert any("plain" in note for note in got.notes)


# Mass of the four published DenseNets, in both zoos.
DENSE = {121: 1726.1868, 161: 3304.2214, 169: 2228.7536, 201: 2678.7338}


@pytest.mark.parametrize("zoo", ["timm", "torchvision"])
@pytest.mark.parametrize("depth", DENSE)
def test_densenets_are_their_specs(zoo, depth):
    got = traced(f"{zoo}:densenet{depth}")
    assert got.mass == pytest.approx(DENSE[depth], abs=5e-5)
    assert got.depth == depth
    same_as_spec(got, f"densenet(depth={depth})")


def dense_block(inputs, n_layers, outputs, *, growth=32, inner=128):
    """Mass of a dense block and the layer behind it, by the rule and by hand.

    Nodes: the input; for each layer a 1x1 to ``inner`` and a 3x3 to ``growth``; the layer that
    reads everything. A 1x1 reads the input and all 3x3s before it, but the last 3x3 is no skip.
    """
    widths = [inputs, *[inner, growth] * n_layers, outputs]
    depth = 2 * n_layers + 2
    links = sum(inputs + growth * k for k in range(n_layers))
    candidates = sum(width * (depth - 2 - i) for i, width in enumerate(widths[:-2]))
    return Fraction(links, candidates) * depth * Fraction(sum(widths[:-1]), depth - 1)


@pytest.mark.parametrize("zoo", ["timm", "torchvision"])
def test_densenet(zoo):
    """DenseNet-121: blocks of 6, 12, 24, 16 layers; a transition halves what a block gives."""
    got = traced(f"{zoo}:densenet121")
    inputs, want = 64, []
    for n_layers in (6, 12, 24, 16):
        total = inputs + 32 * n_layers
        outputs = 1000 if n_layers == 16 else total // 2
        want.append(dense_block(inputs, n_layers, outputs))
        inputs = outputs
    assert [cell.kind for cell in got.cells] == ["concatenation"] * 4
    assert [cell.exact_mass for cell in got.cells] == want
    assert got.mass == pytest.approx(float(sum(want)), rel=1e-12, abs=0)
    assert (got.params, got.depth) == (7978856, 121)

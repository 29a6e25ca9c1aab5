"""What we built ourselves is recognised, also where it does not say what it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnmass
from nnmass.recognition import recognise
from nnmass.specs import (
    FAMILIES,
    VGG,
    DenseCNN,
    DenseCNNDepthwise,
    DenseMLP,
    DenseNet,
    MobileNetV2,
    ResNet,
    ResNeXt,
    WideResNet,
)


def numbers(spec):
    """All that a spec tells in closed form."""
    cells = [(cell.links, cell.possible_links) for cell in spec.cells if cell.links]
    return spec.params, spec.macs, spec.mass, cells, spec.input_shape


def check(spec, disguise, *, family=None, seed=0):
    """``family``: where several families have the network, the one to look in."""
    net = disguise(nnmass.build(spec, seed, device="meta"))
    found = recognise(net, spec.input_shape, family=family)
    assert found.exact, str(found)
    assert numbers(found.spec) == numbers(spec)
    assert (found.params, found.macs, found.mass) == (spec.params, spec.macs, spec.mass)
    assert found.family == spec.family
    return found.spec


@settings(max_examples=12)
@given(
    depth=st.sampled_from([8, 14, 20, 18]),
    multiplier=st.sampled_from([0.02, 0.1, 0.25, 0.3, 1]),
    shortcut=st.sampled_from(["pad", "projection"]),
    stem=st.sampled_from(["imagenet", "cifar"]),
    image=st.integers(8, 33),
    classes=st.integers(1, 12),
)
def test_resnet(disguised, depth, multiplier, shortcut, stem, image, classes):
    spec = ResNet(
        depth=depth,
        width_multiplier=multiplier,
        shortcut=shortcut,
        stem=stem,
        image=image,
        classes=classes,
    )
    got = check(spec, disguised)
    assert got.residual_blocks == spec.residual_blocks
    assert len(repr(got.width_multiplier)) <= len(repr(multiplier))


STAGES = st.integers(3, 4).flatmap(lambda n: st.lists(st.integers(1, 4), min_size=n, max_size=n))


@settings(max_examples=12)
@given(
    block=st.sampled_from(["basic", "bottleneck"]),
    blocks=STAGES,
    multiplier=st.sampled_from([0.02, 0.25, 1]),
    shortcut=st.sampled_from(["pad", "projection"]),
    stem=st.sampled_from(["imagenet", "cifar"]),
    image=st.integers(1, 33),
)
def test_resnet_of_any_layout(disguised, block, blocks, multiplier, shortcut, stem, image):
    spec = ResNet(
        block=block,
        blocks=blocks,
        width_multiplier=multiplier,
        shortcut=shortcut,
        stem=stem,
        image=image,
    )
    got = check(spec, disguised)
    assert (got.block, got.blocks, got.depth) == (block, tuple(blocks), spec.depth)
    assert got.residual_blocks == spec.residual_blocks


@settings(max_examples=10)
@given(blocks=STAGES, widen=st.integers(2, 4), image=st.integers(8, 33))
def test_wide_resnet_of_any_layout(disguised, blocks, widen, image):
    spec = WideResNet(blocks=blocks, widen=widen, image=image)
    assert check(spec, disguised) == spec


@settings(max_examples=6)
@given(
    blocks=st.lists(st.integers(1, 4), min_size=4, max_size=4),
    groups=st.integers(2, 9),
    width=st.integers(1, 5),
    image=st.integers(8, 33),
)
def test_resnext_of_any_layout(disguised, blocks, groups, width, image):
    spec = ResNeXt(blocks=blocks, groups=groups, width=width, image=image)
    assert check(spec, disguised) == spec


@pytest.mark.parametrize(
    "spec",
    [
        ResNet(depth=50, width_multiplier=0.1, stem="cifar", image=9, shortcut="pad"),
        ResNet(depth=101, width_multiplier=0.05, image=33, in_channels=4),
        ResNet(depth=20, stem="mnist"),
        WideResNet(depth=16, widen=2, classes=3),
        WideResNet(depth=10, widen=1, stem="mnist"),
        WideResNet(depth=10, widen=3, stem="imagenet", image=40),
        WideResNet(depth=34, widen=2, image=16),
        WideResNet(depth=50, widen=3, image=32, stem="imagenet"),
        ResNeXt(depth=50, groups=5, width=3, stem="mnist", image=9),
        ResNeXt(depth=50, groups=7, width=1, image=33),
        VGG(depth=11, stem="cifar", image=32, classes=4),
        VGG(depth=19, batch_norm=True, stem="cifar", image=40),
        VGG(depth=13, batch_norm=True),
        VGG(depth=16, image=64),
        DenseNet(growth=12, blocks=(4, 4, 4)),
        DenseNet(growth=4, blocks=(3, 3, 3), bottleneck=0, image=16),
        DenseNet(growth=6, blocks=(3, 2), compression=0.3, image=16, stem="cifar"),
        DenseNet(growth=8, blocks=(2, 3, 2, 2), image=64, first=20, compression=1, bottleneck=2),
        DenseNet(growth=8, blocks=(5,), stem="mnist"),
    ],
    ids=str,
)
def test_fixed(disguised, spec):
    assert str(check(spec, disguised)) == str(spec)


@pytest.mark.parametrize(
    ("spec", "same"),
    [
        (WideResNet(depth=50, widen=1, image=32), "resnet(depth=50,image=32)"),
        (ResNeXt(depth=50, groups=1, width=64, image=32), "resnet(depth=50,image=32)"),
        (
            ResNeXt(depth=50, groups=1, width=128, image=32),
            "wide-resnet(depth=50,widen=2,image=32)",
        ),
    ],
    ids=str,
)
def test_one_network_in_two_families(disguised, spec, same):
    """The plainer family is named, unless another one is asked for."""
    net = disguised(nnmass.build(spec, device="meta"))
    assert str(recognise(net, spec.input_shape).spec) == same
    assert check(spec, disguised, family=spec.family) == spec


ROWS = st.tuples(
    st.sampled_from([1, 1, 2, 6]),
    st.sampled_from([8, 16, 24, 40]),
    st.integers(1, 3),
    st.sampled_from([1, 1, 2]),
)


@settings(max_examples=15)
@given(
    rows=st.lists(ROWS, min_size=1, max_size=4),
    multiplier=st.sampled_from([0.25, 0.5, 1.0, 1.3]),
    stem=st.sampled_from(["imagenet", "cifar"]),
    image=st.integers(8, 24),
)
def test_mobilenet_v2(disguised, rows, multiplier, stem, image):
    spec = MobileNetV2(
        width_multiplier=multiplier, rows=tuple(rows), stem=stem, image=image, classes=3
    )
    assert check(spec, disguised).blocks == spec.blocks


CELL_LISTS = st.lists(st.tuples(st.integers(3, 6), st.integers(0, 70)), min_size=1, max_size=3)


@settings(max_examples=12)
@given(
    family=st.sampled_from([DenseCNN, DenseCNNDepthwise]),
    cells=CELL_LISTS,
    channels=st.integers(1, 4),
    more_pixels=st.integers(0, 5),
    seed=st.integers(0, 99),
)
def test_dense_cnns(disguised, family, cells, channels, more_pixels, seed):
    """A link cap above what there is cannot be seen; the least of those alike is given."""
    spec = family(
        width_multiplier=1,
        depths=tuple(depth for depth, _ in cells),
        link_caps=tuple(cap for _, cap in cells),
        in_channels=channels,
        image=2 ** (len(cells) - 1) + 1 + more_pixels,
    )
    got = check(spec, disguised, seed=seed)
    assert got.depths == spec.depths
    for mine, cap, cell in zip(got.link_caps, spec.link_caps, spec.cells, strict=True):
        assert mine == min(cap, cell.width * (cell.depth - 2))


@settings(max_examples=15)
@given(
    width=st.integers(1, 9),
    depth=st.integers(3, 10),
    cap=st.integers(0, 30),
    classes=st.integers(1, 12),
    activation=st.sampled_from(["elu", "relu", "tanh"]),
    wiring=st.sampled_from(["uniform", "legacy"]),
    seed=st.integers(0, 99),
)
def test_dense_mlp(disguised, width, depth, cap, classes, activation, wiring, seed):
    spec = DenseMLP(
        width=width,
        depth=depth,
        link_cap=cap,
        inputs=5,
        classes=classes,
        activation=activation,
        wiring=wiring,
    )
    got = check(spec, disguised, seed=seed)
    assert (got.activation, got.wiring) == (activation, wiring)
    assert got.link_cap == min(cap, width * (depth - 2))


@pytest.mark.parametrize(
    "spec",
    [
        DenseCNN(width_multiplier=2, depths=5, link_caps=(9999, 8), image=8),
        MobileNetV2(width_multiplier=0.33, image=32),
        DenseMLP(width=4, depth=5, link_cap=100),
    ],
    ids=str,
)
def test_a_network_that_carries_its_spec_gives_that(spec):
    """Not an equal one with other fields."""
    found = recognise(nnmass.build(spec), spec.input_shape)
    assert found.exact
    assert found.spec == spec


def test_at_another_image_size_it_is_another_spec():
    net = nnmass.build("resnet(depth=20)", device="meta")
    found = recognise(net, (3, 40, 40))
    assert found.exact
    assert str(found.spec) == "resnet(depth=20,image=40)"


def test_every_family_is_tried():
    tried = {DenseMLP, DenseCNN, DenseCNNDepthwise, DenseNet, ResNet, WideResNet, ResNeXt}
    assert tried | {MobileNetV2, VGG} == set(FAMILIES.values())

"""Every family: the trace of the built network gives the closed form of its spec."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnmass
from nnmass import MassRule
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
from nnmass.tracing import trace

RULES = [MassRule(), MassRule(count_projections=False), MassRule(ratio_one="own")]
RULES += [MassRule(sum_over="all-nodes")]


def check(spec, *, seed=0):
    """Numbers of the trace against those of the spec, from weights and from none."""
    here = trace(nnmass.build(spec, seed), spec.input_shape)
    nowhere = trace(nnmass.build(spec, seed, device="meta"), spec.input_shape)
    assert here == nowhere
    for rule in RULES:
        # the rule "all-nodes" concerns additions, and so do all choices of a rule
        assert here.mass_by(rule) == pytest.approx(spec.mass_by(rule), rel=1e-12, abs=0), rule
    assert here.mass == here.mass_by()
    assert here.params == spec.params
    assert here.macs == spec.macs
    assert here.input_shape == spec.input_shape
    linked = [cell for cell in spec.cells if cell.links]
    assert [cell.links for cell in here.cells] == [cell.links for cell in linked]
    assert [cell.possible_links for cell in here.cells] == [c.possible_links for c in linked]
    return here


@settings(max_examples=30)
@given(
    width=st.integers(1, 9),
    depth=st.integers(3, 10),
    cap=st.integers(0, 30),
    inputs=st.integers(1, 12),
    classes=st.integers(1, 12),
    activation=st.sampled_from(["elu", "relu", "tanh"]),
    wiring=st.sampled_from(["uniform", "legacy"]),
    seed=st.integers(0, 99),
)
def test_dense_mlp(width, depth, cap, inputs, classes, activation, wiring, seed):
    spec = DenseMLP(
        width=width,
        depth=depth,
        link_cap=cap,
        inputs=inputs,
        classes=classes,
        activation=activation,
        wiring=wiring,
    )
    got = check(spec, seed=seed)
    assert got.depth == depth
    if cap:
        (cell,) = got.cells
        assert cell.kind == "concatenation"
        assert cell.widths == (width,) * (depth - 1) + (classes,)


@pytest.mark.parametrize("wiring", ["uniform", "legacy"])
@pytest.mark.parametrize("seed", range(3))
def test_dense_mlp_of_one_link_a_layer(wiring, seed):
    """The sparsest there is: t = 1."""
    check(DenseMLP(width=8, depth=16, link_cap=1, inputs=5, wiring=wiring), seed=seed)


CELL_LISTS = st.lists(st.tuples(st.integers(3, 6), st.integers(0, 70)), min_size=1, max_size=3)


@settings(max_examples=25)
@given(
    family=st.sampled_from([DenseCNN, DenseCNNDepthwise]),
    cells=CELL_LISTS,
    channels=st.integers(1, 4),
    more_pixels=st.integers(0, 5),
    classes=st.integers(1, 11),
    seed=st.integers(0, 99),
)
def test_dense_cnns(family, cells, channels, more_pixels, classes, seed):
    spec = family(
        width_multiplier=1,
        depths=tuple(depth for depth, _ in cells),
        link_caps=tuple(cap for _, cap in cells),
        in_channels=channels,
        image=2 ** (len(cells) - 1) + 1 + more_pixels,
        classes=classes,
    )
    got = check(spec, seed=seed)
    linked = [cell for cell in spec.cells if cell.link_cap]
    assert [cell.widths for cell in got.cells] == [(c.width,) * c.depth for c in linked]


@pytest.mark.parametrize("family", [DenseCNN, DenseCNNDepthwise])
def test_dense_cnns_of_one_link_a_layer(family):
    check(family(width_multiplier=1, depths=(5, 3, 7), link_caps=(1, 1, 1), image=6))
    check(family(width_multiplier=2, depths=(4,), link_caps=(1, 2), in_channels=1, image=7))


def check_densenet(spec):
    got = check(spec)
    assert got.depth == spec.depth
    assert [cell.kind for cell in got.cells] == ["concatenation"] * len(spec.blocks)
    assert [cell.exact_mass for cell in got.cells] == [c.exact_mass for c in spec.cells]
    assert [cell.widths[:-1] for cell in got.cells] == [cell.widths for cell in spec.cells]
    assert not any(cell.flags for cell in got.cells)


@settings(max_examples=40)
@given(
    blocks=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    growth=st.integers(1, 9),
    bottleneck=st.integers(0, 4),
    compression=st.sampled_from([0.1, 0.29, 0.5, 1]),
    stem=st.sampled_from(["imagenet", "cifar", "mnist"]),
    first=st.one_of(st.none(), st.integers(1, 9)),
    image=st.integers(29, 36),
    classes=st.integers(1, 4),
)
def test_densenet(**fields):
    check_densenet(DenseNet(**fields))


@pytest.mark.parametrize("bottleneck", [0, 1, 4])
@pytest.mark.parametrize("blocks", [(1,), (2,), (1, 1), (1, 2, 1), (2, 2, 2, 2)])
def test_densenet_of_the_smallest_blocks(blocks, bottleneck):
    """Width 1 too, where a convolution of one channel must not pass for a depthwise one."""
    for growth, first in ((1, 1), (3, 8), (12, None)):
        check_densenet(
            DenseNet(blocks=blocks, bottleneck=bottleneck, growth=growth, first=first, stem="cifar")
        )


@pytest.mark.parametrize(
    "text",
    [
        "densenet(depth=121)",
        "densenet(depth=100,growth=12)",
        "densenet(depth=40,bottleneck=0,growth=12)",
    ],
)
def test_densenets_of_the_paper(text):
    spec = nnmass.parse(text)
    got = trace(nnmass.build(spec, device="meta"), spec.input_shape)
    assert (got.mass, got.params, got.macs) == (spec.mass, spec.params, spec.macs)
    assert (got.depth, got.input_shape) == (spec.depth, spec.input_shape)


@settings(max_examples=12)
@given(
    depth=st.sampled_from([8, 14, 20, 26, 18]),
    multiplier=st.sampled_from([0.02, 0.1, 0.25, 0.5]),
    shortcut=st.sampled_from(["pad", "projection"]),
    stem=st.sampled_from(["imagenet", "cifar", "mnist"]),
    image=st.integers(8, 33),
)
def test_resnet(depth, multiplier, shortcut, stem, image):
    spec = ResNet(
        depth=depth, width_multiplier=multiplier, shortcut=shortcut, stem=stem, image=image
    )
    got = check(spec)
    assert got.depth == depth
    assert [cell.kind for cell in got.cells] == ["addition"] * len(spec.residual_blocks)


STAGES = st.sampled_from([3, 4]).flatmap(
    lambda n: st.lists(st.integers(1, 3), min_size=n, max_size=n)
)


@settings(max_examples=15)
@given(
    block=st.sampled_from(["basic", "bottleneck"]),
    blocks=STAGES,
    multiplier=st.sampled_from([0.02, 0.1, 0.25]),
    shortcut=st.sampled_from(["pad", "projection"]),
    stem=st.sampled_from(["imagenet", "cifar", "mnist"]),
    image=st.integers(1, 33),
)
def test_resnet_of_any_layout(block, blocks, multiplier, shortcut, stem, image):
    spec = ResNet(
        block=block,
        blocks=blocks,
        width_multiplier=multiplier,
        shortcut=shortcut,
        stem=stem,
        image=image,
    )
    got = check(spec)
    assert got.depth == spec.depth
    assert [cell.kind for cell in got.cells] == ["addition"] * sum(blocks)


@settings(max_examples=6)
@given(blocks=STAGES, widen=st.integers(1, 2), image=st.integers(8, 20))
def test_wide_resnet_of_any_layout(blocks, widen, image):
    spec = WideResNet(blocks=blocks, widen=widen, stem="cifar", image=image)
    assert check(spec).depth == spec.depth - (2 if len(blocks) == 3 else 0)


@pytest.mark.parametrize("shortcut", ["pad", "projection"])
def test_resnet_of_bottlenecks(shortcut):
    spec = ResNet(depth=50, width_multiplier=0.1, stem="cifar", image=9, shortcut=shortcut)
    assert check(spec).depth == 50


@settings(max_examples=10)
@given(
    depth=st.sampled_from([10, 16, 22]),
    widen=st.integers(1, 3),
    stem=st.sampled_from(["imagenet", "cifar", "mnist"]),
    image=st.integers(8, 20),
)
def test_wide_resnet(depth, widen, stem, image):
    got = check(WideResNet(depth=depth, widen=widen, stem=stem, image=image))
    assert got.depth == depth - 2  # the name counts the projections of two stages


@pytest.mark.parametrize(
    "spec",
    [
        WideResNet(depth=50, widen=2, stem="cifar", image=8),
        ResNeXt(depth=50, stem="cifar", image=8),
        ResNeXt(depth=50, groups=5, width=3, stem="mnist", image=9),
        ResNeXt(depth=50, groups=7, width=1, image=33),
        ResNeXt(blocks=(1, 2, 1, 3), groups=3, width=2, image=33),
        ResNeXt(blocks=(2, 1, 1, 1), groups=2, width=5, stem="cifar", image=8),
    ],
    ids=str,
)
def test_wide_and_grouped_bottlenecks(spec):
    assert check(spec).depth == spec.depth


ROWS = st.tuples(
    st.sampled_from([1, 1, 2, 6]),
    st.sampled_from([8, 16, 24]),
    st.integers(1, 3),
    st.sampled_from([1, 1, 2]),
)


@settings(max_examples=25)
@given(
    rows=st.lists(ROWS, min_size=1, max_size=4),
    multiplier=st.sampled_from([0.25, 0.5, 1.0]),
    stem=st.sampled_from(["imagenet", "cifar"]),
    image=st.integers(8, 24),
)
def test_mobilenet_v2(rows, multiplier, stem, image):
    spec = MobileNetV2(
        width_multiplier=multiplier, rows=tuple(rows), stem=stem, image=image, classes=3
    )
    got = check(spec)
    ratio_one = [cell.is_ratio_one for cell in spec.cells]
    assert [cell.is_ratio_one for cell in got.cells] == ratio_one


def test_mobilenet_v2_of_ratio_one_alone():
    spec = MobileNetV2(width_multiplier=0.5, rows=((1, 32, 3, 1),), stem="cifar", image=8)
    got = check(spec)
    assert [cell.is_ratio_one for cell in got.cells] == [True, True, True]
    assert got.mass_by(MassRule(ratio_one="own")) == 2 * got.mass


@settings(max_examples=4)
@given(depth=st.sampled_from([11, 13, 16, 19]), norm=st.booleans(), image=st.integers(32, 40))
def test_vgg(depth, norm, image):
    got = check(VGG(depth=depth, batch_norm=norm, stem="cifar", image=image))
    assert (got.mass, got.cells) == (0, ())
    assert got.notes


def test_every_family_is_tried():
    tried = {DenseMLP, DenseCNN, DenseCNNDepthwise, DenseNet, ResNet, WideResNet, ResNeXt}
    assert tried | {MobileNetV2, VGG} == set(FAMILIES.values())

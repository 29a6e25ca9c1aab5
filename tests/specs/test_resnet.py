from __future__ import annotations

import dataclasses
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass import MassRule, parse
from nnmass.errors import SpecError
from nnmass.specs import ResNet, ResNeXt, WideResNet, spec_from_dict

IMAGENET = {
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
}


def stem(net, spec, channels) -> None:
    if spec.stem == "imagenet":
        net.conv(spec.in_channels, channels, 7, stride=2)
        net.pool(3, 2, pad=1)
    else:
        net.conv(spec.in_channels, channels, 3)


def shortcut(net, before, inputs, outputs, stride, *, projects=True, norm=True) -> None:
    if (stride != 1 or inputs != outputs) and projects:
        net.conv(inputs, outputs, 1, stride=stride, at=before)
        if norm:
            net.norm(outputs)


def basic(net, inputs, planes, stride, *, projects=True, **_) -> int:
    before = net.size
    net.conv(inputs, planes, 3, stride=stride)
    net.norm(planes)
    net.conv(planes, planes, 3)
    net.norm(planes)
    shortcut(net, before, inputs, planes, stride, projects=projects)
    return planes


def bottleneck(net, inputs, planes, stride, *, inner=None, groups=1, projects=True) -> int:
    before, inner, outputs = net.size, inner or planes, 4 * planes
    net.conv(inputs, inner, 1)
    net.norm(inner)
    net.conv(inner, inner, 3, stride=stride, groups=groups)
    net.norm(inner)
    net.conv(inner, outputs, 1)
    net.norm(outputs)
    shortcut(net, before, inputs, outputs, stride, projects=projects)
    return outputs


def pre_activation(net, inputs, planes, stride) -> int:
    before = net.size
    net.norm(inputs)
    net.conv(inputs, planes, 3, stride=stride)
    net.norm(planes)
    net.conv(planes, planes, 3)
    shortcut(net, before, inputs, planes, stride, norm=False)
    return planes


def four_stages(net, spec, *, scale=1.0, inner=lambda p, _: p, groups=1, projects=True) -> None:
    kind, counts = IMAGENET[spec.depth]
    width = max(1, round(64 * scale))
    stem(net, spec, width)
    net.norm(width)
    for stage, count in enumerate(counts):
        planes = max(1, round(64 * 2**stage * scale))
        for block in range(count):
            stride = 2 if stage and block == 0 else 1
            make = basic if kind == "basic" else bottleneck
            options = {"projects": projects}
            if kind == "bottleneck":
                options |= {"inner": inner(planes, stage), "groups": groups}
            width = make(net, width, planes, stride, **options)
    net.linear(width, spec.classes)


STEMS = st.sampled_from(["imagenet", "cifar", "mnist"])
SHORTCUTS = st.sampled_from(["projection", "pad"])


@given(
    st.sampled_from(list(IMAGENET)),
    STEMS,
    SHORTCUTS,
    st.sampled_from(["0.25", "0.7", "1", "1.5"]),
    st.integers(1, 250),
    st.integers(1, 200),
)
def test_imagenet_kind(tally, depth, stem_, shortcut_, wm, image, classes):
    spec = parse(
        f"resnet(depth={depth},wm={wm},shortcut={shortcut_},stem={stem_},image={image},"
        f"classes={classes})"
    )
    net = tally(image)
    four_stages(net, spec, scale=float(wm), projects=shortcut_ == "projection")
    assert (spec.params, spec.macs) == net.both


@given(st.integers(1, 20), STEMS, SHORTCUTS, st.sampled_from([0.5, 1, 2]), st.integers(1, 70))
def test_cifar_kind(tally, n, stem_, shortcut_, wm, image):
    depth = 6 * n + 2
    if depth in IMAGENET:
        return
    spec = parse(f"resnet(depth={depth},wm={wm},shortcut={shortcut_},stem={stem_},image={image})")
    net = tally(image)
    width = round(16 * wm)
    stem(net, spec, width)
    net.norm(width)
    for stage in range(3):
        for block in range(n):
            stride = 2 if stage and block == 0 else 1
            planes = round(16 * 2**stage * wm)
            width = basic(net, width, planes, stride, projects=shortcut_ == "projection")
    net.linear(width, spec.classes)
    assert (spec.params, spec.macs) == net.both


@given(st.integers(1, 6), st.integers(1, 12), STEMS, st.integers(1, 70))
def test_wide_cifar_kind(tally, n, widen, stem_, image):
    spec = parse(f"wide-resnet(depth={6 * n + 4},widen={widen},stem={stem_},image={image})")
    net, width = tally(image), 16
    stem(net, spec, width)
    for stage in range(3):
        for block in range(n):
            stride = 2 if stage and block == 0 else 1
            width = pre_activation(net, width, 16 * 2**stage * widen, stride)
    net.norm(width)
    net.linear(width, spec.classes)
    assert (spec.params, spec.macs) == net.both


@given(st.sampled_from([50, 101, 152]), st.integers(1, 4), STEMS, st.integers(1, 250))
def test_wide_imagenet_kind(tally, depth, widen, stem_, image):
    spec = parse(f"wide-resnet(depth={depth},widen={widen},stem={stem_},image={image})")
    net = tally(image)
    four_stages(net, spec, inner=lambda planes, _: planes * widen)
    assert (spec.params, spec.macs) == net.both


@given(st.sampled_from([50, 101, 152]), st.integers(1, 64), st.integers(1, 9), st.integers(1, 250))
def test_resnext(tally, depth, groups, width, image):
    spec = parse(f"resnext(depth={depth},groups={groups},width={width},image={image})")
    net = tally(image)
    four_stages(net, spec, inner=lambda _, stage: groups * width * 2**stage, groups=groups)
    assert (spec.params, spec.macs) == net.both


# Parameters of the same networks elsewhere: torchvision's documentation; Zagoruyko and Komodakis
# (36.5 M, 8.9 M rounded); He et al. (0.27 M, 0.85 M, 1.7 M rounded).
KNOWN_PARAMS = [
    ("resnet(depth=18)", 11_689_512),
    ("resnet(depth=34)", 21_797_672),
    ("resnet(depth=50)", 25_557_032),
    ("resnet(depth=101)", 44_549_160),
    ("resnet(depth=152)", 60_192_808),
    ("resnext(depth=50)", 25_028_904),
    ("resnext(depth=101,groups=32,width=8)", 88_791_336),
    ("wide-resnet(depth=50,widen=2)", 68_883_240),
    ("wide-resnet(depth=101,widen=2)", 126_886_696),
    ("wide-resnet(depth=28,widen=10)", 36_479_194),
    ("wide-resnet(depth=40,widen=4)", 8_949_210),
    ("resnet(depth=20)", 269_722),
    ("resnet(depth=56)", 853_018),
    ("resnet(depth=110)", 1_727_962),
]


@pytest.mark.parametrize(("text", "params"), KNOWN_PARAMS)
def test_known_parameter_counts(text, params):
    assert parse(text).params == params


def any_stages(net, spec, *, kind, planes, scale=1.0, inner=None, groups=1, projects=True):
    """The layers of a network with these blocks a stage, one after the other."""
    if kind == "pre-activation":
        width = planes[0]
        stem(net, spec, width)
    else:
        width = max(1, round(planes[0] * scale))
        stem(net, spec, width)
        net.norm(width)
    for stage, count in enumerate(spec.blocks):
        wide = max(1, round(planes[stage] * scale))
        for block in range(count):
            stride = 2 if stage and block == 0 else 1
            if kind == "basic":
                width = basic(net, width, wide, stride, projects=projects)
            elif kind == "bottleneck":
                middle = wide if inner is None else inner[stage]
                width = bottleneck(
                    net, width, wide, stride, inner=middle, groups=groups, projects=projects
                )
            else:
                width = pre_activation(net, width, inner[stage], stride)
    if kind == "pre-activation":
        net.norm(width)
    net.linear(width, spec.classes)


FOUR, THREE = (64, 128, 256, 512), (16, 32, 64)
LAYOUTS = st.sampled_from([3, 4]).flatmap(
    lambda n: st.lists(st.integers(1, 6), min_size=n, max_size=n).map(tuple)
)


def planes_of(blocks):
    return FOUR if len(blocks) == 4 else THREE


@given(
    LAYOUTS,
    st.sampled_from(["basic", "bottleneck"]),
    STEMS,
    SHORTCUTS,
    st.sampled_from([0.01, 0.3, 1]),
    st.integers(1, 250),
)
def test_resnet_of_any_blocks(tally, blocks, kind, stem_, shortcut_, wm, image):
    spec = ResNet(
        block=kind,
        blocks=blocks,
        stem=stem_,
        shortcut=shortcut_,
        width_multiplier=wm,
        image=image,
    )
    net = tally(image)
    projects = shortcut_ == "projection"
    any_stages(net, spec, kind=kind, planes=planes_of(blocks), scale=wm, projects=projects)
    assert (spec.params, spec.macs) == net.both
    assert [len(cell.widths) for cell in spec.cells] == [3 + (kind == "bottleneck")] * sum(blocks)


@given(LAYOUTS, st.integers(1, 9), STEMS, st.integers(1, 250))
def test_wide_resnet_of_any_blocks(tally, blocks, widen, stem_, image):
    spec = WideResNet(blocks=blocks, widen=widen, stem=stem_, image=image)
    net, planes = tally(image), planes_of(blocks)
    kind = "bottleneck" if len(blocks) == 4 else "pre-activation"
    any_stages(net, spec, kind=kind, planes=planes, inner=[p * widen for p in planes])
    assert (spec.params, spec.macs) == net.both


@given(
    st.tuples(*[st.integers(1, 6)] * 4), st.integers(1, 40), st.integers(1, 9), st.integers(1, 250)
)
def test_resnext_of_any_blocks(tally, blocks, groups, width, image):
    spec = ResNeXt(blocks=blocks, groups=groups, width=width, image=image)
    net = tally(image)
    inner = [groups * width * 2**stage for stage in range(4)]
    any_stages(net, spec, kind="bottleneck", planes=FOUR, inner=inner, groups=groups)
    assert (spec.params, spec.macs) == net.both


def block_mass(c, planes, kind):
    """The released rule by hand: c of the candidate links, times the convolutions' inputs."""
    if kind == "basic":
        return Fraction(c, c) * (c + planes)
    return Fraction(c, c + (c + planes)) * (c + planes + planes)


@given(LAYOUTS, st.sampled_from(["basic", "bottleneck"]))
def test_the_mass_is_that_of_the_blocks_one_by_one(blocks, kind):
    mass, width = Fraction(0), planes_of(blocks)[0]
    for planes, count in zip(planes_of(blocks), blocks, strict=True):
        for _ in range(count):
            mass += block_mass(width, planes, kind)
            width = planes if kind == "basic" else 4 * planes
    spec = ResNet(block=kind, blocks=blocks)
    assert spec.mass == pytest.approx(float(mass), rel=1e-12, abs=0)


SAME = [
    ("resnet(block=basic,blocks=2/2/2/2)", "resnet(depth=18)"),
    ("resnet(block=basic,blocks=3/4/6/3,stem=cifar)", "resnet(depth=34,stem=cifar)"),
    ("resnet(blocks=3/4/6/3,block=bottleneck)", "resnet(depth=50)"),
    ("resnet(depth=50,block=bottleneck)", "resnet(depth=50)"),
    ("resnet(depth=50,block=bottleneck,blocks=3/4/6/3)", "resnet(depth=50)"),
    ("resnet(block=basic,blocks=3/3/3)", "resnet(depth=20)"),
    ("resnet(block=basic,blocks=27/27/27)", "resnet(depth=164)"),
    ("resnet(depth=50,block=basic,blocks=8/8/8)", "resnet(block=basic,blocks=8/8/8)"),
    ("resnet(block=basic,blocks=4/4/4/4)", "resnet(block=basic,blocks=4/4/4/4)"),
    ("resnet(depth=20,block=basic,blocks=2/3/4)", "resnet(block=basic,blocks=2/3/4)"),
    (
        "resnet(depth=164,block=bottleneck,blocks=18/18/18)",
        "resnet(block=bottleneck,blocks=18/18/18)",
    ),
    (
        "resnet(block=bottleneck,blocks=2/3/4/2,stem=imagenet,shortcut=projection)",
        "resnet(block=bottleneck,blocks=2/3/4/2)",
    ),
    ("wide-resnet(widen=10,blocks=4/4/4)", "wide-resnet(depth=28,widen=10)"),
    ("wide-resnet(widen=2,blocks=3/4/6/3)", "wide-resnet(depth=50,widen=2)"),
    ("wide-resnet(blocks=8/8/7,widen=2,depth=50)", "wide-resnet(widen=2,blocks=8/8/7)"),
    ("resnext(blocks=3/4/6/3)", "resnext(depth=50)"),
    ("resnext(blocks=2/3/4/2,groups=32,width=4)", "resnext(blocks=2/3/4/2)"),
]


@pytest.mark.parametrize(("text", "canonical"), SAME)
def test_one_name_for_one_network(text, canonical):
    assert str(parse(text)) == canonical
    assert parse(text) == parse(canonical)
    assert hash(parse(text)) == hash(parse(canonical))


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        ("resnet(block=basic,blocks=1/1/1/1)", 10),
        ("resnet(block=basic,blocks=4/4/4/4)", 34),
        ("resnet(block=bottleneck,blocks=4/4/4/4)", 50),
        ("resnet(block=bottleneck,blocks=2/2/2/2)", 26),
        ("resnet(block=bottleneck,blocks=18/18/18)", 164),
        ("wide-resnet(widen=1,blocks=2/3/2)", 18),
        ("wide-resnet(widen=1,blocks=2/3/2/1)", 26),
        ("resnext(blocks=2/3/4/2)", 35),
    ],
)
def test_blocks_tell_the_depth(text, depth):
    assert parse(text).depth == depth


OLD = [
    ("resnet", {"depth": 50, "wm": 1, "shortcut": "projection"}, "imagenet", "resnet(depth=50)"),
    ("resnet", {"depth": 20, "wm": 1, "shortcut": "pad"}, "cifar", "resnet(depth=20)"),
    ("wide-resnet", {"depth": 16, "widen": 4}, "cifar", "wide-resnet(depth=16,widen=4)"),
    ("resnext", {"depth": 50, "groups": 32, "width": 4}, "imagenet", "resnext(depth=50)"),
]


@pytest.mark.parametrize(("family", "fields", "stem_", "text"), OLD)
def test_documents_without_blocks_can_be_read(family, fields, stem_, text):
    """As they were written before there were blocks: with all other fields."""
    rest = {"in": 3, "image": 224, "classes": 1000}
    if stem_ == "cifar":
        rest = {"in": 3, "image": 32, "classes": 10}
    document = {"schema": "nnmass.spec/1", "family": family, **fields, "stem": stem_, **rest}
    assert str(spec_from_dict(document)) == text
    assert spec_from_dict(document).to_dict().items() >= document.items()


MANY = "whole numbers from 1 to 1000 with / between them"
KIND = "block is missing: kind of the blocks (needed with blocks), basic or bottleneck"
FAULTS = [
    ("resnet(blocks=2/3/4/2)", KIND),
    ("resnet(depth=50,blocks=3/4/6/3)", KIND),
    ("resnet(block=basic)", "depth is missing: weight layers (or give blocks), 18, 34, 50"),
    (
        "resnet(depth=50,block=basic)",
        "block=basic contradicts depth=50, which stands for 3/4/6/3 bottleneck blocks; leave block "
        "out, or give blocks instead of depth",
    ),
    (
        "resnet(depth=20,block=bottleneck)",
        "block=bottleneck contradicts depth=20, which stands for 3/3/3 basic blocks",
    ),
    (
        "resnet(depth=50,block=bottleneck,blocks=2/2/2/2)",
        "depth=50 contradicts blocks=2/2/2/2, which have 26 weight layers as bottleneck blocks; "
        "leave one of the two out",
    ),
    ("resnet(block=basic,blocks=2/2)", f"blocks must be 3 or 4 {MANY}, got '2/2'"),
    ("resnet(block=basic,blocks=2)", f"blocks must be 3 or 4 {MANY}, got '2'"),
    ("resnet(block=basic,blocks=2/2/2/2/2)", f"blocks must be 3 or 4 {MANY}, got "),
    ("resnet(block=basic,blocks=2/0/2/2)", f"blocks must be 3 or 4 {MANY}, got '2/0/2/2'"),
    ("resnet(block=basic,blocks=2/-1/2)", f"blocks must be 3 or 4 {MANY}, got '2/-1/2'"),
    ("resnet(block=basic,blocks=1/1/1001)", f"blocks must be 3 or 4 {MANY}, got '1/1/1001'"),
    ("resnet(block=wide,blocks=2/2/2)", "block must be basic or bottleneck, got 'wide'"),
    ("resnet(depth=6002,classes=0)", "classes must be"),
    ("resnet(depth=6008)", "depth must be 18, 34, 50, 101, 152, or 6n + 2 (20, 32, ..), got 6008"),
    ("wide-resnet(blocks=2/3/2)", "widen is missing"),
    (
        "wide-resnet(widen=2,depth=16,blocks=2/2/2/2)",
        "depth=16 contradicts blocks=2/2/2/2, which have 26 weight layers as bottleneck blocks",
    ),
    (
        "wide-resnet(widen=2,depth=15)",
        "depth must be 6n + 4 (16, 22, 28, 40, ..), 50, 101 or 152, got 15; or give blocks "
        "instead, such as blocks=2/3/2",
    ),
    ("resnext(blocks=2/2/2)", f"blocks must be 4 {MANY}, got '2/2/2'"),
    ("resnext(depth=26)", "got 26; or give blocks instead, such as blocks=2/3/4/2"),
    ("resnext(depth=20)", "depth must be 50, 101 or 152, got 20"),
]


@pytest.mark.parametrize(("text", "message"), FAULTS)
def test_faults_of_layouts(text, message):
    with pytest.raises(SpecError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"{text.partition('(')[0]}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "depth is missing"),
        ({"depth": None, "block": "basic"}, "depth is missing"),
        ({"blocks": (2, 2, 2)}, re.escape(KIND)),
        ({"blocks": (2, 2), "block": None}, "block is missing: .*; blocks must be"),
        ({"blocks": "2/2/2", "block": "basic"}, "blocks must be .* got '2/2/2'"),
        ({"blocks": 2, "block": "basic"}, "blocks must be .* got 2"),
        ({"blocks": (), "block": "basic"}, r"blocks must be .* got \(\)"),
        ({"blocks": (2, 2, 2.0), "block": "basic"}, "blocks must be"),
        ({"blocks": (2, 2, True), "block": "basic"}, "blocks must be"),
        ({"blocks": (2, 2, 10**30), "block": "basic"}, "blocks must be"),
        ({"blocks": (2, 2, 2), "block": ["basic"]}, "block must be basic or bottleneck, got"),
        ({"blocks": (2, 2, 2), "block": "bottle"}, "Did you mean 'bottleneck'"),
        ({"depth": 18.0}, "depth must be 18, 34"),
    ],
)
def test_faults_of_the_constructor(fields, message):
    with pytest.raises(SpecError, match=f"^resnet: .*{message}"):
        ResNet(**fields)


def test_another_depth_needs_the_blocks_left_out():
    spec = ResNet(depth=50, image=64)
    with pytest.raises(SpecError, match="depth=101 contradicts blocks=3/4/6/3"):
        dataclasses.replace(spec, depth=101)
    other = dataclasses.replace(spec, depth=101, block=None, blocks=None)
    assert str(other) == "resnet(depth=101,image=64)"
    assert str(dataclasses.replace(spec, image=32)) == "resnet(depth=50,image=32)"


def test_groups_do_not_change_the_mass_and_widths_do():
    assert (
        parse("resnext(depth=50,groups=32,width=4)").mass
        == parse("resnext(depth=50,groups=1,width=128)").mass
    )
    assert parse("resnext(depth=50)").mass == parse("wide-resnet(depth=50,widen=2)").mass
    assert parse("resnet(depth=50,wm=2)").mass == 2 * parse("resnet(depth=50)").mass
    assert parse("resnext(depth=50,width=8)").mass != parse("resnext(depth=50,width=4)").mass


def test_image_and_stem_do_not_change_the_mass():
    assert parse("resnet(depth=18,stem=cifar,image=64)").mass == parse("resnet(depth=18)").mass


def test_padded_shortcuts_are_no_projections():
    without = MassRule(count_projections=False)
    padded = parse("resnet(depth=18,shortcut=pad)")
    projected = parse("resnet(depth=18)")
    assert padded.mass_by(without) == padded.mass == projected.mass
    assert projected.mass_by(without) < projected.mass


def test_one_cell_a_block():
    for depth, (kind, counts) in IMAGENET.items():
        cells = parse(f"resnet(depth={depth})").cells
        assert len(cells) == sum(counts)
        assert {len(cell.widths) for cell in cells} == {3 if kind == "basic" else 4}
        # A bottleneck of the first stage is widened without a stride.
        projections = 3 if kind == "basic" else 4
        assert sum(cell.has_projection for cell in cells) == projections


DEFAULTS = [
    ("resnet(depth=18)", ("imagenet", 3, 224, 1000), "projection"),
    ("resnet(depth=20)", ("cifar", 3, 32, 10), "pad"),
    ("resnet(depth=18,stem=cifar)", ("cifar", 3, 32, 10), "projection"),
    ("resnet(depth=20,stem=mnist)", ("mnist", 1, 28, 10), "pad"),
    ("wide-resnet(depth=28,widen=10)", ("cifar", 3, 32, 10), None),
    ("wide-resnet(depth=50,widen=2)", ("imagenet", 3, 224, 1000), None),
    ("resnext(depth=50,stem=mnist)", ("mnist", 1, 28, 10), None),
    ("resnet(block=bottleneck,blocks=2/3/4/2)", ("imagenet", 3, 224, 1000), "projection"),
    ("resnet(block=bottleneck,blocks=2/3/2)", ("cifar", 3, 32, 10), "pad"),
    ("wide-resnet(widen=4,blocks=2/3/2)", ("cifar", 3, 32, 10), None),
    ("wide-resnet(widen=2,blocks=2/3/2/1)", ("imagenet", 3, 224, 1000), None),
    ("resnext(blocks=2/3/4/2,stem=cifar)", ("cifar", 3, 32, 10), None),
]


@pytest.mark.parametrize(("text", "values", "widening"), DEFAULTS)
def test_defaults_follow_the_fields_before(text, values, widening):
    spec = parse(text)
    assert (spec.stem, spec.in_channels, spec.image, spec.classes) == values
    assert getattr(spec, "shortcut", None) == widening
    assert str(spec).replace(",groups=32,width=4", "") == text


def test_a_width_multiplier_never_removes_a_layer():
    spec = parse("resnet(depth=18,wm=0.001)")
    assert {width for cell in spec.cells for width in cell.widths} == {1}

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass import MassRule, parse

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

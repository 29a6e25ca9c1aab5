from __future__ import annotations

import random

import numpy as np
import pytest

import nnmass
from nnmass.design import Space
from nnmass.design._parts import depths_of, masses_of_parts
from nnmass.design._space_like import depth_ranges
from nnmass.errors import SpecError
from oracles.spaces import SMALL_SPACES, Numbers, every_network, parts_of


@pytest.mark.parametrize("text", SMALL_SPACES)
def test_a_space_holds_exactly_its_networks(text):
    space = Space.parse(text)
    everything = {str(spec) for spec in every_network(text)}
    assert space.size == len(everything)
    found = set()
    for frame in space.frames():
        slots = frame.price(None).slots
        assert tuple(map(len, slots)) == frame.sizes
        for rows in np.ndindex(*frame.sizes):
            settings = [slot.settings[i] for slot, i in zip(slots, rows, strict=True)]
            found.add(str(frame.spec(settings)))
    assert found == everything


@pytest.mark.parametrize("text", SMALL_SPACES)
def test_slots_add_up_to_the_closed_forms(text):
    draw = random.Random(0)
    for frame in Space.parse(text).frames():
        priced = frame.price(None)
        for _ in range(25):
            rows = [draw.randrange(n) for n in frame.sizes]
            pairs = list(zip(priced.slots, rows, strict=True))
            spec = frame.spec([slot.settings[i] for slot, i in pairs])
            wanted = Numbers.of(spec)
            assert priced.params + sum(int(s.params[i]) for s, i in pairs) == wanted.params
            assert priced.macs + sum(int(s.macs[i]) for s, i in pairs) == wanted.macs
            assert max(priced.memory, *(int(s.memory[i]) for s, i in pairs)) == wanted.memory
            masses = [float(s.mass[i]) for s, i in pairs]
            assert sum(masses) == pytest.approx(float(wanted.mass), rel=1e-13, abs=0)
            of_parts = [mass for s, i in pairs for mass in s.parts[i]]
            exact = [float(mass) for mass in wanted.parts]
            assert of_parts == pytest.approx(exact, rel=1e-13, abs=0)
            assert masses_of_parts(spec) == parts_of(spec)


@pytest.mark.parametrize("text", SMALL_SPACES)
def test_what_is_printed_reads_back(text):
    space = Space.parse(text)
    assert Space.parse(str(space)) == space
    assert hash(Space.parse(str(space))) == hash(space)
    assert space.spec().family == space.family


def test_a_large_space_is_counted():
    space = Space.parse("dense-cnn(wm=2,d=4..64/4..64/4..64,t=*/*/*)")
    caps = [sum(w * (d - 2) + 1 for d in range(4, 65)) for w in (32, 64, 128)]
    assert space.size == caps[0] * caps[1] * caps[2] > 10**15
    shared = Space.parse("dense-cnn(wm=2,d=4..64,t=*/*/*)")
    assert shared.size == sum(
        (32 * (d - 2) + 1) * (64 * (d - 2) + 1) * (128 * (d - 2) + 1) for d in range(4, 65)
    )


# --- the space of a reference

LIKE = [
    ("dense-cnn(wm=2,d=21,t=40/80/125)", "dense-cnn(wm=2,d=10..21,t=*/*/*)"),
    ("dense-cnn(wm=1,d=21/8,t=9/9)", "dense-cnn(wm=1,d=10..21/4..8,t=*/*)"),
    ("dense-cnn-dw(wm=3,d=5,t=1,in=1)", "dense-cnn-dw(wm=3,d=3..5,t=*,in=1)"),
    (
        "dense-mlp(w=8,d=16,t=3,in=9,act=relu,wiring=legacy)",
        "dense-mlp(w=8,d=8..16,t=*,in=9,act=relu,wiring=legacy)",
    ),
    ("densenet(depth=121)", "densenet(blocks=3..12/6..24/12..48/8..32,growth=32)"),
    ("densenet(depth=161)", "densenet(blocks=3..12/6..24/18..72/12..48,growth=48)"),
    (
        "densenet(depth=40,bottleneck=0,growth=12)",
        "densenet(bottleneck=0,blocks=6..24/6..24/6..24,growth=12)",
    ),
    ("resnet(depth=50)", "resnet(block=bottleneck,blocks=2..6/2..8/3..12/2..6)"),
    ("resnet(depth=18,stem=cifar)", "resnet(block=basic,blocks=1..4/1..4/1..4/1..4,stem=cifar)"),
    ("resnet(depth=20,shortcut=projection)", None),
    ("wide-resnet(depth=28,widen=10)", "wide-resnet(widen=10,blocks=2..8/2..8/2..8)"),
    ("resnext(depth=50)", "resnext(blocks=2..6/2..8/3..12/2..6)"),
    ("mobilenet-v2(wm=1.4,image=160)", None),
]


@pytest.mark.parametrize(("text", "wanted"), LIKE)
def test_the_space_of_a_reference(text, wanted):
    spec = nnmass.parse(text)
    space = Space.like(spec)
    if wanted is not None:
        assert str(space) == wanted
    kept = {key: value for key, value in spec.values().items() if key not in VARYING}
    for frame in space.frames():
        slots = frame.price(None).slots
        for row in (0, -1):
            other = frame.spec([slot.settings[row] for slot in slots])
            assert {k: v for k, v in other.values().items() if k not in VARYING} == kept
            for depth, (low, high) in zip(depths_of(other), depth_ranges(spec), strict=True):
                assert low <= depth <= high


VARYING = ("d", "t", "blocks", "depth", "rows")


@pytest.mark.parametrize(("text", "_"), LIKE)
def test_the_reference_is_in_its_space(text, _):
    spec = nnmass.parse(text)
    space = Space.like(spec)
    if spec.family.startswith("dense-"):
        low, high = depth_ranges(spec)[0]
        assert low <= spec.cells[0].depth <= high
        return
    settings = {
        tuple(int(x) for x in row)
        for frame in space.frames()
        for slot in frame.price(None).slots
        for row in slot.settings
    }
    depths = depths_of(spec)
    if spec.family == "densenet":
        assert depths in settings
    elif spec.family == "mobilenet-v2":
        assert {(t, n) for t, _, n, _ in spec.rows} <= settings
    else:
        assert {(n,) for n in depths} <= settings


def test_depth_and_width_of_choice():
    spec = nnmass.parse("mobilenet-v2(rows=1:16:1:1/6:24:3:2)")
    space = Space.like(spec, depth=(1, 2), width="1..1.4..0.2")
    assert str(space) == "mobilenet-v2(wm=1..1.4..0.2,rows=1:16:1..2:1/6:24:1..2:2)"
    assert Space.like(spec, depth=(1, 2), width=(1.4, 1, 1.2)) == space
    wide = Space.like(nnmass.parse("densenet(depth=121)"), width="16|24", depth=(6, 6))
    firsts = {frame.spec([[6, 6, 6, 6]]).first for frame in wide.frames()}
    assert firsts == {32, 48}  # the stem grows with the growth rate


# --- what is no space


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dense-cnn(wm=2,d=10..8,t=*/*)", ["dense-cnn: d", "10..8 is empty"]),
        ("dense-cnn(wm=1,d=3|4.5|6,t=*)", ["d must be whole numbers, got 4.5 in 3..6..1.5"]),
        ("dense-cnn(wm=1,d=4,t=0|1.5|3)", ["t must be whole numbers, got 1.5"]),
        ("mobilenet-v2(rows=1|2.5|6:16:1:1)", ["rows must be whole numbers, got 2.5"]),
        ("dense-cnn(wm=1..20000,d=3,t=0)", ["may have 10,000 widths", "got 20,000 of wm"]),
        (
            "resnext(groups=1..20000,width=1..20000,blocks=1/1/1/1)",
            ["got 400,000,000 of groups, width"],
        ),
        ("dense-cnn(wm=2,d=4..3000,t=*/*/*)", ["more than 10,000,000 options", "t=*..8"]),
        ("dense-mlp(w=9999999999,d=3..4,t=*)", ["has 3.00e+20 params", "up to 1.13e+15"]),
        (f"dense-mlp(w={10**299},d=3..4,t=*)", ["e+598 params", "up to 1.13e+15"]),
        ("dense-cnn(wm=1,d=4,t=*,image=10000000000)", ["params", "narrow the space"]),
        ("densenet(growth=8,blocks=1..2/1/1,image=100000000)", ["macs", "narrow the space"]),
        ("dense-cnn(wm=2,d=10..12,t=*/x)", ["t must be one or more whole numbers", "'0/x'"]),
        ("dense-cnn(wm=*,d=10,t=*/*)", ["only link caps may be '*'", "wm=*"]),
        ("dense-cnn(wm=2,d=2..5,t=*/*)", ["d must be", "at least 3"]),
        ("dense-cnn(wm=2,d=3..5,t=*/*,classes=10..20)", ["classes may not vary", "vary wm, d, t"]),
        ("dense-cnn(wm=2,d=3..5/4,t=*/*/*)", ["d has 2 entries and t has 3"]),
        ("dense-cnn(wm=2,d=3..5,t=*/*,image=1)", ["image must be at least"]),
        ("dense-cnn(wm=2,d=3..5)", ["t is missing"]),
        ("dense-cnn(wm=1.5..2.5..0.5,d=5,t=*)", ["wm must be a whole number"]),
        ("resnet(depth=18|34)", ["depth may not vary", "blocks"]),
        ("vgg(depth=11..13..2)", ["depth may not vary", "no skips"]),
        ("mobilenet-v2(rows=1:16|24:1:1)", ["row 1", "expansion and blocks", "16|24"]),
        ("mobilenet-v2(rows=1:16:1:1..2)", ["row 1", "place 4"]),
        ("dense-cmn(wm=2)", ["unknown family", "dense-cnn"]),
        ("dense-cnn(wm=2,wm=3,d=5,t=*)", ["wm is given twice"]),
        ("dense-cnn", ["d is missing", "t is missing", "wm is missing"]),
        ("densenet(blocks=1..400/1..400/1..400)", ["may hold 5,000,000", "holds 64,000,000"]),
    ],
)
def test_what_is_no_space(text, words):
    with pytest.raises(SpecError) as caught:
        _ = Space.parse(text).size
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"depth": (2, 5)}, "the lowest depth of a cell must be at least 3, got 2"),
        ({"depth": (6, 5)}, "the highest depth of a cell must be at least 6, got 5"),
        ({"depth": 5}, "depth must be two numbers (lowest, highest), got 5"),
        ({"depth": "35"}, "depth must be two numbers (lowest, highest), got '35'"),
        ({"depth": (3, 10**12)}, "holds 999,999,999,998 values, at most 100,000"),
        ({"depth": (3, 4.5)}, "whole number of at least 3, got 4.5"),
        ({"width": "wide"}, "width (wm of dense-cnn): 'wide' is no number"),
        ({"width": object()}, "width must be numbers"),
        ({"width": (1, "b")}, "width must be numbers"),
        ({"width": "1..2..0.5"}, "wm must be a whole number"),
    ],
)
def test_wrong_arguments(arguments, words):
    with pytest.raises(SpecError) as caught:
        Space.like(nnmass.parse("dense-cnn(wm=1,d=6,t=9/9)"), **arguments)
    assert words in str(caught.value)


def test_link_caps_beyond_64_bits():
    far = Space.parse("dense-cnn(wm=1,d=4..5,t=0|99999999999999999999)")
    assert far.size == Space.parse("dense-cnn(wm=1,d=4..5,t=0|48)").size == 4
    assert Space.parse("dense-cnn(wm=1,d=4..5,t=*..99999999999999999999)").size == 2
    (frame,) = Space.parse("dense-mlp(w=3,d=4,t=2|6|99999999999999999999)").frames()
    assert frame.price(None).slots[0].settings.tolist() == [[4, 2], [4, 6]]


def test_no_space_for_a_plain_network():
    with pytest.raises(SpecError, match="vgg networks have no skips"):
        Space.like(nnmass.parse("vgg(depth=16)"))
    with pytest.raises(SpecError, match="vgg networks have no skips"):
        _ = Space.parse("vgg(depth=16)").size

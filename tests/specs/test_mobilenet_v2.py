from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass import MassRule, parse
from nnmass.errors import SpecError
from nnmass.specs import MobileNetV2

PUBLISHED = "1:16:1:1/6:24:2:2/6:32:3:2/6:64:4:2/6:96:3:1/6:160:3:2/6:320:1:1"
ROWS = st.lists(
    st.tuples(
        st.integers(1, 7),
        st.sampled_from([8, 16, 17, 24, 96]),
        st.integers(1, 3),
        st.integers(1, 2),
    ),
    min_size=1,
    max_size=5,
)
MULTIPLIERS = st.sampled_from([0.1, 0.35, 0.5, 0.75, 1, 1.1, 1.4, 2])


def rounded(channels: float) -> int:
    """The nearest multiple of 8 (halves go up), one more if that lost over a tenth; at least 8."""
    multiples = range(8, int(channels) + 17, 8)
    nearest = max(multiples, key=lambda m: (-abs(m - channels), m))
    return nearest if nearest >= 0.9 * channels else nearest + 8


def blocks_of(spec):
    inputs = rounded(32 * spec.width_multiplier)
    for t, c, n, s in spec.rows:
        outputs = rounded(c * spec.width_multiplier)
        for block in range(n):
            yield inputs, t * inputs, outputs, s if block == 0 else 1, t
            inputs = outputs


def count_network(spec, net) -> None:
    inputs = rounded(32 * spec.width_multiplier)
    net.conv(spec.in_channels, inputs, 3, stride=2 if spec.stem == "imagenet" else 1)
    net.norm(inputs)
    for inputs, inner, outputs, stride, t in blocks_of(spec):
        if t != 1:
            net.conv(inputs, inner, 1)
            net.norm(inner)
        net.conv(inner, inner, 3, stride=stride, groups=inner)
        net.norm(inner)
        net.conv(inner, outputs, 1)
        net.norm(outputs)
        last = outputs
    head = rounded(1280 * max(1, spec.width_multiplier))
    net.conv(last, head, 1)
    net.norm(head)
    net.linear(head, spec.classes)


@given(
    ROWS,
    MULTIPLIERS,
    st.sampled_from(["imagenet", "cifar", "mnist"]),
    st.integers(1, 230),
    st.integers(1, 120),
)
def test_cost_is_that_of_the_layers(tally, rows, wm, stem, image, classes):
    spec = MobileNetV2(width_multiplier=wm, rows=rows, stem=stem, image=image, classes=classes)
    net = tally(image)
    count_network(spec, net)
    assert (spec.params, spec.macs) == net.both


@given(ROWS, MULTIPLIERS)
def test_mass_is_that_of_the_blocks_that_add(rows, wm):
    spec = MobileNetV2(width_multiplier=wm, rows=rows)
    released = own = Fraction(0)
    for inputs, inner, outputs, stride, t in blocks_of(spec):
        if stride != 1 or inputs != outputs:
            continue
        three = Fraction(inputs, 2 * inputs + inner) * (inputs + 2 * inner)
        released += three
        own += three if t != 1 else 2 * inputs
    assert spec.mass == float(released)
    assert spec.mass_by(MassRule(ratio_one="own")) == float(own)
    assert spec.mass_by(MassRule(count_projections=False)) == spec.mass


def test_the_published_table_is_the_default():
    assert str(parse(f"mobilenet-v2(wm=1.4,rows={PUBLISHED})")) == "mobilenet-v2(wm=1.4)"
    assert str(parse(f"mobilenet-v2(rows={PUBLISHED})")) == "mobilenet-v2"
    assert parse("mobilenet-v2").params == 3_504_872


def test_a_table_of_ones_own_is_kept():
    text = "mobilenet-v2(rows=1:16:1:1/6:24:2:2,stem=cifar)"
    spec = parse(text)
    assert spec.rows == ((1, 16, 1, 1), (6, 24, 2, 2))
    assert str(spec) == text
    assert MobileNetV2(rows=[[1, 16, 1, 1], [6, 24, 2, 2]], stem="cifar") == spec


def test_published_masses_do_not_have_a_ratio_one_block_that_adds():
    spec = parse("mobilenet-v2")
    assert spec.mass == spec.mass_by(MassRule(ratio_one="own"))
    both = parse("mobilenet-v2(rows=1:32:2:1)")
    assert (both.mass, both.mass_by(MassRule(ratio_one="own"))) == (64.0, 128.0)


@pytest.mark.parametrize("value", [1, 1.0, np.int64(1), np.float32(1), np.float64(1)])
def test_a_multiplier_of_any_number_type(value):
    spec = MobileNetV2(width_multiplier=value)
    assert spec == parse("mobilenet-v2")
    assert type(spec.width_multiplier) is int


def test_strides_above_two_are_refused():
    with pytest.raises(SpecError) as caught:
        parse("mobilenet-v2(rows=1:16:1:1/6:24:2:3)")
    assert str(caught.value) == (
        "mobilenet-v2: the stride of a row must be 1 or 2, got 3 in row 2 of rows"
    )

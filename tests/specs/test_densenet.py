from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass import MassRule, parse
from nnmass.errors import SpecError
from nnmass.specs import (
    DenseNet,
    compressed_channels,
    price_dense_blocks,
    price_transitions,
)
from nnmass.topology import DenseBlocks

# Parameters: the first four as torchvision documents them; the others as the paper rounds them
# (millions, table 2).
IMAGENET = {
    121: ((6, 12, 24, 16), 32, 7_978_856),
    161: ((6, 12, 36, 24), 48, 28_681_000),
    169: ((6, 12, 32, 32), 32, 14_149_480),
    201: ((6, 12, 48, 32), 32, 20_013_928),
}
PAPER = [
    ("densenet(depth=40,bottleneck=0,growth=12)", 1.0, 16),
    ("densenet(depth=100,bottleneck=0,growth=12)", 7.0, 16),
    ("densenet(depth=100,bottleneck=0,growth=24)", 27.2, 16),
    ("densenet(depth=100,growth=12)", 0.8, 24),
    ("densenet(depth=250,growth=24)", 15.3, 48),
    ("densenet(depth=190,growth=40)", 25.6, 80),
]

SHARES = st.sampled_from([1, 0.5, 0.29, 0.1, 0.7, 1 / 3])
LAYOUTS = st.fixed_dictionaries(
    {
        "blocks": st.lists(st.integers(1, 7), min_size=1, max_size=4),
        "growth": st.integers(1, 40),
        "bottleneck": st.integers(0, 5),
    },
    optional={
        "compression": SHARES,
        "stem": st.sampled_from(["imagenet", "cifar", "mnist"]),
        "first": st.integers(1, 70),
    },
)


def count_network(spec, net) -> int:
    """The layers one by one; returns how many have weights."""
    k, h, channels, deep = spec.growth, spec.bottleneck * spec.growth, spec.first, 2
    if spec.stem == "imagenet":
        net.conv(spec.in_channels, channels, 7, stride=2)
        net.norm(channels)
        net.pool(3, 2, pad=1)
    else:
        net.conv(spec.in_channels, channels, 3)
    for index, layers in enumerate(spec.blocks):
        if index:
            net.norm(channels)
            kept = max(1, floor(Fraction(str(spec.compression)) * channels))
            net.conv(channels, kept, 1)
            net.pool(2, 2)
            channels, deep = kept, deep + 1
        for _ in range(layers):
            net.norm(channels)
            if h:
                net.conv(channels, h, 1)
                net.norm(h)
            net.conv(h or channels, k, 3)
            channels, deep = channels + k, deep + (2 if h else 1)
    net.norm(channels)
    net.linear(channels, spec.classes)
    return deep


@given(LAYOUTS, st.integers(29, 230), st.integers(1, 120), st.integers(1, 4))
def test_cost_is_that_of_the_layers(tally, layout, image, classes, channels):
    spec = DenseNet(**layout, image=image, classes=classes, in_channels=channels)
    net = tally(image)
    assert spec.depth == count_network(spec, net)
    assert (spec.params, spec.macs) == net.both
    assert spec.mass == float(sum(cell.exact_mass for cell in spec.cells))
    assert spec.mass == spec.mass_by(MassRule(count_projections=False))


@pytest.mark.parametrize("depth", IMAGENET)
def test_published_networks_for_imagenet(tally, depth):
    blocks, growth, params = IMAGENET[depth]
    spec = parse(f"densenet(depth={depth})")
    assert (spec.blocks, spec.growth, spec.params) == (blocks, growth, params)
    assert (spec.bottleneck, spec.compression, spec.first) == (4, 0.5, 2 * growth)
    assert (spec.stem, spec.image, spec.classes, spec.sizes) == (
        ("imagenet", 224, 1000, (56, 28, 14, 7))
    )
    net = tally(224)
    assert count_network(spec, net) == depth
    assert net.both == (spec.params, spec.macs)


@pytest.mark.parametrize(("text", "millions", "first"), PAPER)
def test_published_networks_for_cifar(text, millions, first):
    spec = parse(text)
    assert round(spec.params / 1e6, 1) == millions
    assert str(spec) == text
    assert (spec.first, spec.stem, spec.image, spec.classes) == (first, "cifar", 32, 10)
    assert spec.compression == (0.5 if spec.bottleneck else 1)


SAME = [
    ("densenet(growth=32,blocks=6/12/24/16)", "densenet(depth=121)"),
    ("densenet(blocks=6/12/36/24)", "densenet(depth=161)"),
    ("densenet(depth=161,growth=48)", "densenet(depth=161)"),
    ("densenet(depth=121,blocks=6/12/24/16)", "densenet(depth=121)"),
    (
        "densenet(growth=12,blocks=16/16/16,stem=cifar,classes=10)",
        "densenet(depth=100,growth=12)",
    ),
    ("densenet(blocks=2/2/2,bottleneck=0)", "densenet(depth=10,bottleneck=0)"),
    ("densenet(growth=24,blocks=6/12/18/12)", "densenet(blocks=6/12/18/12,growth=24)"),
    ("densenet(blocks=6/12/24/16,bottleneck=0)", "densenet(bottleneck=0,blocks=6/12/24/16)"),
    ("densenet(depth=121,compression=1.0,first=64)", "densenet(depth=121,compression=1)"),
    ("densenet(depth=121,bottleneck=0)", "densenet(depth=121,bottleneck=0)"),
    ("densenet(blocks=39/39/39,bottleneck=0)", "densenet(depth=121,bottleneck=0)"),
    ("densenet(blocks=5)", "densenet(blocks=5)"),
]


@pytest.mark.parametrize(("text", "name"), SAME)
def test_one_network_has_one_name(text, name):
    spec = parse(text)
    assert str(spec) == name
    assert parse(name) == spec
    assert hash(parse(name)) == hash(spec)


def test_other_networks_of_a_depth_are_not_taken_for_the_published_one():
    spec = parse("densenet(blocks=20/20/20/18)")
    assert (spec.depth, spec.growth) == (161, 32)
    assert "depth" not in str(spec)


def test_a_large_network_costs_no_time():
    spec = DenseNet(depth=6 * 10**12 + 4)
    assert spec.params > 10**24
    assert spec.mass > 10**13


RULE = (
    "121, 161, 169 or 201, or that of three equal blocks of n layers: 6n + 4 (40, 100, 190, ..), "
    "3n + 4 without bottleneck"
)
MESSAGES = [
    ("", "depth is missing: weight layers (or give blocks), a whole number of at least 1"),
    (
        "depth=120",
        f"depth must be {RULE}, got 120; or give blocks instead, such as blocks=6/12/24/16",
    ),
    (
        "depth=161,bottleneck=0,classes=0",
        "classes must be a whole number of at least 1, got '0'",
    ),
    ("depth=4", f"depth must be {RULE}, got 4; or give blocks instead, such as blocks=6/12/24/16"),
    ("depth=1", f"depth must be {RULE}, got 1; or give blocks instead, such as blocks=6/12/24/16"),
    ("depth=x", "depth must be a whole number of at least 1, got 'x'"),
    (
        "depth=121,blocks=6/6",
        "depth=121 contradicts blocks=6/6, which have 27 weight layers; leave one of the two out",
    ),
    (
        "blocks=0/3,bottleneck=-1,compression=1.5",
        "bottleneck must be a whole number of at least 0, got '-1'; blocks must be one or more "
        "whole numbers of at least 1, with / between them, got '0/3'; compression must be a number "
        "above 0 and at most 1, got '1.5'",
    ),
    ("depth=121,compression=0", "compression must be a number above 0 and at most 1, got '0'"),
    ("depth=121,compression=nan", "compression must be a number above 0 and at most 1, got 'nan'"),
    (
        "depth=121,image=28",
        "image must be at least 29 pixels for 4 blocks behind the stem imagenet, got 28: each "
        "transition halves the side; give image=29 or more, or fewer blocks",
    ),
    (
        "blocks=1/1/1,image=3",
        "image must be at least 4 pixels for 3 blocks behind the stem cifar, got 3: each "
        "transition halves the side; give image=4 or more, or fewer blocks",
    ),
    (
        "dpth=121",
        "unknown key 'dpth'. Did you mean 'depth'? Known: depth, bottleneck, blocks, growth, "
        "compression, stem, first, in, image, classes; depth is missing: weight layers (or give "
        "blocks), a whole number of at least 1",
    ),
]


@pytest.mark.parametrize(("fields", "message"), MESSAGES)
def test_messages(fields, message):
    with pytest.raises(SpecError) as caught:
        parse(f"densenet({fields})")
    assert str(caught.value) == f"densenet: {message}"


def test_the_constructor_reports_all_faults():
    with pytest.raises(SpecError) as caught:
        DenseNet(classes=0)
    assert str(caught.value) == (
        "densenet: depth is missing: weight layers (or give blocks), a whole number of at least 1; "
        "classes must be a whole number of at least 1, got 0"
    )
    with pytest.raises(SpecError) as caught:
        DenseNet(blocks=(6, 1.5), growth=True)
    assert str(caught.value) == (
        "densenet: blocks must be one or more whole numbers of at least 1, with / between them, "
        "got (6, 1.5); growth must be a whole number of at least 1, got True"
    )
    with pytest.raises(SpecError, match=r"bottleneck must be .* got 4\.0$"):
        DenseNet(blocks=(6, 6), bottleneck=4.0)


def test_numbers_of_numpy():
    spec = DenseNet(blocks=list(np.array([2, 3])), growth=np.int32(8), compression=np.float64(0.5))
    assert spec == parse("densenet(blocks=2/3,growth=8)")
    assert {type(number) for number in spec.blocks} == {int}


# --- arrays, for a search


@given(st.lists(LAYOUTS, min_size=1, max_size=6), st.integers(29, 64))
def test_prices_are_those_of_the_spec(layouts, image):
    """Stem and head aside, blocks and transitions of any spec in two calls."""
    for layout in layouts:
        spec = DenseNet(**layout, image=image)
        cells = spec.cells
        params = macs = 0
        for cell, size in zip(cells, spec.sizes, strict=True):
            blocks = DenseBlocks(
                inputs=[cell.inputs], growth=cell.growth, layers=cell.layers, inner=cell.inner
            )
            prices = price_dense_blocks(blocks, size=size)
            params, macs = params + int(prices.params[0]), macs + int(prices.macs[0])
            assert blocks.mass.tolist() == [cell.mass]
        for cell, following, size in zip(cells, cells[1:], spec.sizes, strict=False):
            kept = compressed_channels(cell.outputs, spec.compression)
            assert kept == following.inputs
            prices = price_transitions(cell.outputs, kept, size=size)
            params, macs = params + int(prices.params), macs + int(prices.macs)
        last, first, k = cells[-1].outputs, spec.first, 7 if spec.stem == "imagenet" else 3
        side = -(-image // 2) if k == 7 else image
        ends = (
            k * k * spec.in_channels * first
            + 2 * first * (k == 7)
            + 2 * last
            + (last + 1) * spec.classes
        )
        assert params + ends == spec.params
        assert macs + k * k * spec.in_channels * first * side**2 + last * spec.classes == spec.macs


def test_prices_of_many_blocks_at_once():
    growth = np.arange(4, 64, 4)
    layers = np.arange(1, 30)[:, None]
    inner = np.array([0, 2, 4])[:, None, None] * growth
    blocks = DenseBlocks(inputs=64, growth=growth, layers=layers, inner=inner)
    prices = price_dense_blocks(blocks, size=14)
    assert prices.params.shape == prices.macs.shape == blocks.mass.shape == (3, 29, 15)
    assert prices.params.dtype == prices.macs.dtype == np.int64
    for factor, n, k in ((0, 5, 16), (2, 29, 60), (4, 1, 4)):
        spec = DenseNet(blocks=(n,), bottleneck=factor, growth=k, stem="cifar", first=64, image=14)
        at = (factor // 2, n - 1, k // 4 - 1)
        ends = 27 * 64 + 2 * (64 + n * k) + 10 * (64 + n * k) + 10
        assert prices.params[at] == spec.params - ends
        assert blocks.mass[at] == spec.mass


@given(st.lists(st.integers(1, 10**6), min_size=1), SHARES)
def test_compression_is_exact(channels, share):
    got = compressed_channels(channels, share)
    assert got.dtype == np.int64
    assert got.tolist() == [max(1, floor(Fraction(str(share)) * c)) for c in channels]
    assert compressed_channels([channels], share).tolist() == [got.tolist()]


def test_compression_as_it_is_written():
    """As floats, 0.29 * 100 is below 29 and 0.7 * 10 above 7."""
    assert compressed_channels([100, 10], 0.29).tolist() == [29, 2]
    assert compressed_channels(10, 0.7) == 7


BLOCK = DenseBlocks(inputs=[3], growth=2, layers=2, inner=8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: price_dense_blocks(3, size=1), "price_dense_blocks takes DenseBlocks, got 3"),
        (lambda: price_dense_blocks(BLOCK, size=0), "size must be at least 1, got 0"),
        (lambda: price_dense_blocks(BLOCK, size=1.5), "size must be a whole number of at least 1"),
        (
            lambda: price_dense_blocks(BLOCK, size=10**9),
            "costs must stay below 2^62 (64-bit integers), and may not for arrays of up to inputs "
            "3, growth 2, layers 2, inner 8 on 1000000000 pixels a side; DenseNet(...).cost has",
        ),
        (lambda: price_transitions([0], 1, size=1), "channels must be at least 1, got 0 at index"),
        (lambda: price_transitions(1, 0.5, size=1), "outputs must hold whole numbers of at least"),
        (lambda: price_transitions([1, 2], [1, 2, 3], size=1), "the arrays must broadcast"),
        (lambda: price_transitions(10**9, 10**9, size=9), "costs must stay below 2^62"),
        (lambda: compressed_channels([5, -1], 0.5), "channels must be at least 1, got -1"),
        (lambda: compressed_channels(5, 0), "compression must be a number above 0 and at most 1"),
        (lambda: compressed_channels(5, "0.5"), "compression must be a number above 0 and at most"),
    ],
)
def test_what_has_no_price(call, message):
    with pytest.raises(SpecError) as caught:
        call()
    assert str(caught.value).startswith(message)


def test_no_blocks_have_no_prices():
    none = DenseBlocks(inputs=[], growth=2, layers=2, inner=8)
    assert price_dense_blocks(none, size=3).macs.shape == (0,)
    assert price_transitions([], 4, size=3).params.shape == (0,)
    assert compressed_channels([], 0.5).shape == (0,)

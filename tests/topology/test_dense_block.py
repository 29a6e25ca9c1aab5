"""Dense blocks, one and many, against an edge list that knows no closed form."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass.errors import SpecError
from nnmass.topology import (
    Cell,
    DenseBlock,
    DenseBlocks,
    MassRule,
    network_degree,
    network_density,
    network_mass,
)

NUMBERS = st.fixed_dictionaries(
    {
        "inputs": st.integers(1, 70),
        "growth": st.integers(1, 50),
        "layers": st.integers(1, 15),
        "inner": st.one_of(st.just(0), st.integers(1, 90)),
    }
)


def edges(inputs, growth, layers, inner):
    """Widths of the nodes, and for each node the earlier nodes that it reads."""
    widths, reads, features = [inputs], [[]], [0]
    for _ in range(layers):
        if inner:
            widths.append(inner)
            reads.append(list(features))
            widths.append(growth)
            reads.append([len(widths) - 2])
        else:
            widths.append(growth)
            reads.append(list(features))
        features.append(len(widths) - 1)
    return [*widths, 10**9], [*reads, features]


def counted(**numbers):
    """Links, candidates and mass by the text of the general rule, node by node."""
    widths, reads = edges(**numbers)
    d = len(widths)
    links = sum(widths[j] for i in range(d) for j in reads[i] if j <= i - 2)
    possible = sum(widths[j] for i in range(2, d) for j in range(i - 1))
    mean = Fraction(sum(widths[:-1]), d - 1)
    return d, links, possible, Fraction(links, possible) * d * mean


@given(NUMBERS)
def test_closed_form_is_the_count(numbers):
    block = DenseBlock(**numbers)
    got = (block.depth, block.links, block.possible_links, block.exact_mass)
    assert got == counted(**numbers)
    assert block.mass == float(block.exact_mass)
    assert block.widths == tuple(edges(**numbers)[0][:-1])
    assert block.outputs == block.inputs + block.layers * block.growth
    for number in (block.links, block.possible_links, block.depth):
        assert type(number) is int


@given(NUMBERS)
def test_density(numbers):
    block = DenseBlock(**numbers)
    if block.has_bottleneck:
        assert 0 < block.density < 0.5
    else:
        assert block.density == 1
        d = block.depth
        assert block.exact_mass == Fraction(d * sum(block.widths), d - 1)


@given(st.lists(NUMBERS, min_size=1, max_size=20))
def test_arrays_are_the_blocks_one_by_one(rows):
    blocks = DenseBlocks(**{key: [row[key] for row in rows] for key in rows[0]})
    one_by_one = [DenseBlock(**row) for row in rows]
    for name in ("links", "possible_links", "outputs", "mass", "density"):
        array = getattr(blocks, name)
        assert array.tolist() == [getattr(block, name) for block in one_by_one], name
        assert array.dtype == (np.float64 if name in ("mass", "density") else np.int64)


def test_by_hand():
    """Two layers of growth 2 on 3 channels. Plain: 3, 2, 2, last; with 5 inside: 3, 5, 2, 5, 2."""
    plain = DenseBlock(inputs=3, growth=2, layers=2)
    assert (plain.links, plain.possible_links) == (3 + 3 + 2, 3 + 3 + 2)
    assert plain.exact_mass == 4 * Fraction(3 + 2 + 2, 3)
    deep = DenseBlock(inputs=3, growth=2, layers=2, inner=5)
    assert (deep.links, deep.possible_links) == (3 + 3 + 2, 3 * 4 + 5 * 3 + 2 * 2 + 5)
    assert deep.exact_mass == Fraction(8, 36) * 6 * Fraction(17, 5)


def test_arrays_broadcast():
    growth = np.array([12, 24, 32, 48])
    blocks = DenseBlocks(inputs=np.array([[16], [64]]), growth=growth, layers=6, inner=4 * growth)
    assert blocks.mass.shape == blocks.links.shape == blocks.inner.shape == (2, 4)
    alone = DenseBlocks(inputs=64, growth=32, layers=6, inner=128)
    assert alone.mass.shape == ()
    assert (
        blocks.mass[1, 2]
        == alone.mass
        == DenseBlock(inputs=64, growth=32, layers=6, inner=128).mass
    )
    none = DenseBlocks(inputs=[], growth=32, layers=6, inner=0)
    assert none.mass.shape == none.links.shape == (0,)


def test_it_is_a_cell_among_others():
    block = DenseBlock(inputs=64, growth=32, layers=6, inner=128)
    cell = Cell(8, 16, 8)
    assert network_mass([cell, block]) == float(cell.exact_mass + block.exact_mass)
    assert network_mass([block], MassRule(sum_over="all-nodes")) == block.mass
    assert network_degree([cell, block]) is network_degree([block]) is None
    assert network_density([block]) == block.density


def test_plain_data():
    data = DenseBlock(inputs=np.int64(3), growth=2, layers=2).to_dict()
    assert data == {
        "kind": "dense block",
        "inputs": 3,
        "growth": 2,
        "layers": 2,
        "inner": 0,
        "depth": 4,
        "links": 8,
        "possible_links": 8,
        "density": 1.0,
        "mass": 28 / 3,
    }
    assert {type(value) for value in data.values()} == {str, int, float}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": 0}, "DenseBlock.inputs must be at least 1, got 0"),
        ({"growth": 0}, "DenseBlock.growth must be at least 1, got 0"),
        ({"layers": 0}, "DenseBlock.layers must be at least 1, got 0"),
        ({"inner": -1}, "DenseBlock.inner must be at least 0, got -1"),
        ({"growth": 2.0}, "DenseBlock.growth must be a whole number of at least 1, got 2.0"),
        ({"layers": True}, "DenseBlock.layers must be a whole number of at least 1, got True"),
        ({"inputs": "3"}, "DenseBlock.inputs must be a whole number of at least 1, got '3'"),
    ],
)
def test_what_is_no_block(change, message):
    with pytest.raises(SpecError) as caught:
        DenseBlock(**({"inputs": 3, "growth": 2, "layers": 2} | change))
    assert str(caught.value) == message


TOO_LARGE = (
    "inputs c, growth k, layers n and inner h must keep (2c + k(n-1)) (2n+2) (c + n(h+k)) < 2^62 "
    "(64-bit integers), got up to {}, 2, 2 and 8: use DenseBlock(...).mass, which has no limit"
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": [3, 0]}, "inputs must be at least 1, got 0 at index 1"),
        ({"growth": [1.5]}, "growth must hold whole numbers of at least 1, got an array of float"),
        ({"layers": "six"}, "layers must hold whole numbers of at least 1, got 'six'"),
        ({"inner": [[-4]]}, "inner must be at least 0, got -4 at index (0, 0)"),
        ({"inner": [1, 2, 3], "layers": [1, 2]}, "the arrays must broadcast to one shape"),
        ({"inputs": [[1], [1, 2]]}, "inputs must be one number or an array of one shape"),
        ({"inputs": 10**10}, TOO_LARGE.format(10**10)),
        ({"inputs": [1, 2**63 - 1]}, TOO_LARGE.format(2**63 - 1)),
        ({"inputs": np.uint64(2**64 - 1)}, TOO_LARGE.format(2**63 - 1)),
    ],
)
def test_what_are_no_blocks(change, message):
    with pytest.raises(SpecError) as caught:
        DenseBlocks(**({"inputs": 3, "growth": 2, "layers": 2, "inner": 8} | change))
    assert str(caught.value).startswith(message)


def test_the_largest_arrays_do_not_wrap_around():
    numbers = {"inputs": 150_000, "growth": 60_000, "layers": 40, "inner": 240_000}
    block = DenseBlock(**numbers)
    assert float(DenseBlocks(**numbers).mass) == pytest.approx(block.mass, rel=1e-15)
    assert int(DenseBlocks(**numbers).possible_links) == block.possible_links


def test_a_rule_must_be_one():
    with pytest.raises(SpecError, match="a rule must be a MassRule, got 'own'"):
        DenseBlock(inputs=3, growth=2, layers=2).exact_mass_by("own")

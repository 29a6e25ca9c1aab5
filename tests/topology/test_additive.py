from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass import MassRule
from nnmass.errors import SpecError
from nnmass.topology import RELEASED, AdditiveCell

CHAINS = st.lists(st.integers(1, 300), min_size=3, max_size=7)


def mass_by_pairs(nodes: list[int], carried: int, counted: list[int]) -> Fraction:
    """Candidates as an explicit list of (node, earlier node two or more back)."""
    pairs = [(late, early) for late in range(len(nodes)) for early in range(late - 1)]
    candidates = sum(nodes[early] for _, early in pairs)
    return Fraction(carried, candidates) * sum(counted)


@given(CHAINS, st.data())
def test_mass_counts_explicit_pairs(widths, data):
    carried = data.draw(st.integers(0, widths[0]))
    cell = AdditiveCell(widths=tuple(widths), carried=carried)
    assert cell.exact_mass == mass_by_pairs(widths, carried, widths[:-1])
    assert cell.mass == float(cell.exact_mass)
    assert cell.links == carried
    assert cell.density == float(Fraction(carried, cell.possible_links))
    everywhere = MassRule(sum_over="all-nodes")
    assert cell.exact_mass_by(everywhere) == mass_by_pairs(widths, carried, widths)


@pytest.mark.parametrize("c", [1, 7, 64])
@pytest.mark.parametrize("p", [1, 9, 128])
def test_block_formulas(c, p):
    basic = AdditiveCell(widths=(c, p, p), carried=c)
    assert (basic.density, basic.mass) == (1.0, p + c)
    bottleneck = AdditiveCell(widths=(c, p, p, 4 * p), carried=c)
    assert bottleneck.exact_mass == Fraction((c + 2 * p) * c, 2 * c + p)
    inverted = AdditiveCell(widths=(c, 6 * c, 6 * c, c), carried=c)
    assert inverted.exact_mass == Fraction(13 * c, 8)


def test_a_projection_counts_as_the_rule_says():
    widths = (64, 128, 128)
    projected = AdditiveCell(widths=widths, carried=64, has_projection=True)
    identity = AdditiveCell(widths=widths, carried=64)
    without = MassRule(count_projections=False)
    assert projected.mass == identity.mass == 192
    assert projected.exact_mass_by(without) == 0
    assert projected.links_by(without) == 0
    assert identity.exact_mass_by(without) == 192


def test_ratio_one_as_three_convolutions_or_two():
    cell = AdditiveCell(widths=(24, 24, 24), carried=24, is_ratio_one=True)
    assert cell.mass == 24
    assert cell.exact_mass_by(MassRule(ratio_one="own")) == 48
    plain = AdditiveCell(widths=(24, 24, 24), carried=24)
    assert plain.mass == plain.exact_mass_by(MassRule(ratio_one="own")) == 48


def test_the_defaults_are_the_released_rule():
    spelled = MassRule(count_projections=True, ratio_one="released", sum_over="conv-inputs")
    assert MassRule() == spelled
    assert spelled == RELEASED


def test_a_cell_is_a_value():
    cell = AdditiveCell(widths=[64, np.int32(64), 64], carried=np.uint8(64))
    assert cell == AdditiveCell(widths=(64, 64, 64), carried=64)
    assert len({cell, AdditiveCell(widths=(64, 64, 64), carried=64)}) == 1
    assert json.loads(json.dumps(cell.to_dict())) == {
        "kind": "addition",
        "widths": [64, 64, 64],
        "depth": 2,
        "carried": 64,
        "has_projection": False,
        "links": 64,
        "possible_links": 64,
        "density": 1.0,
        "mass": 128.0,
    }
    with pytest.raises(AttributeError):
        cell.carried = 3


MESSAGES = [
    (
        {"widths": (64, 64), "carried": 64},
        "AdditiveCell.widths must have at least 3 nodes (the input and two convolutions), "
        "got (64, 64): over one convolution there is no skip",
    ),
    (
        {"widths": 64, "carried": 64},
        "AdditiveCell.widths must have at least 3 nodes (the input and two convolutions), "
        "got 64: over one convolution there is no skip",
    ),
    (
        {"widths": (64, 0, 64), "carried": 64},
        "a width of AdditiveCell.widths must be at least 1, got 0",
    ),
    (
        {"widths": (64, 64.0, 64), "carried": 64},
        "a width of AdditiveCell.widths must be a whole number of at least 1, got 64.0",
    ),
    (
        {"widths": (64, 64, 64), "carried": 65},
        "AdditiveCell.carried must be at most the input's 64 channels, got 65",
    ),
    (
        {"widths": (64, 64, 64), "carried": -1},
        "AdditiveCell.carried must be at least 0, got -1",
    ),
]


@pytest.mark.parametrize(("fields", "message"), MESSAGES)
def test_cell_messages(fields, message):
    with pytest.raises(SpecError) as caught:
        AdditiveCell(**fields)
    assert str(caught.value) == message


RULE_MESSAGES = [
    ({"ratio_one": "mine"}, "MassRule.ratio_one must be 'released' or 'own', got 'mine'"),
    ({"sum_over": "all"}, "MassRule.sum_over must be 'conv-inputs' or 'all-nodes', got 'all'"),
    ({"count_projections": 1}, "MassRule.count_projections must be True or False, got 1"),
    ({"count_projections": "no"}, "MassRule.count_projections must be True or False, got 'no'"),
]


@pytest.mark.parametrize(("choices", "message"), RULE_MESSAGES)
def test_rule_messages(choices, message):
    with pytest.raises(SpecError) as caught:
        MassRule(**choices)
    assert str(caught.value) == message

from __future__ import annotations

import json
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass import Cell
from nnmass.errors import SpecError

WIDTHS, DEPTHS, CAPS = st.integers(1, 9), st.integers(3, 9), st.integers(0, 70)


def list_edges(width: int, depth: int, cap: int) -> tuple[set, set]:
    """Every neuron-to-neuron edge: between neighbours, and through skips (the first ``cap``)."""
    lattice, skips = set(), set()
    for layer in range(1, depth):
        for here in range(width):
            for there in range(width):
                lattice.add(((layer - 1, there), (layer, here)))
    for layer in range(2, depth):
        candidates = [(early, channel) for early in range(layer - 1) for channel in range(width)]
        for source in candidates[:cap]:
            for here in range(width):
                skips.add((source, (layer, here)))
    return lattice, skips


@given(WIDTHS, DEPTHS, CAPS)
def test_counts_are_those_of_an_explicit_edge_list(width, depth, cap):
    cell = Cell(width, depth, cap)
    _, skips = list_edges(width, depth, cap)
    _, all_skips = list_edges(width, depth, 10**9)
    assert cell.links * width == len(skips)  # each selected channel feeds every neuron
    assert cell.possible_links * width == len(all_skips)
    assert cell.exact_mass == Fraction(len(skips) * width * depth, len(all_skips))
    assert cell.mass == float(cell.exact_mass)
    assert cell.density == len(skips) / len(all_skips)


@given(WIDTHS, DEPTHS, CAPS)
def test_average_degree_is_edges_over_nodes(width, depth, cap):
    degree = Cell(width, depth, cap).average_degree
    lattice, skips = list_edges(width, depth, cap)
    nodes = width * depth
    assert degree.exact == pytest.approx((len(lattice) + len(skips)) / nodes, rel=1e-13)
    late = [edge for edge in lattice | skips if edge[1][0] >= 2]
    assert degree.mean_fan_in == pytest.approx(len(late) / (width * (depth - 2)), rel=1e-13)


@given(WIDTHS, DEPTHS, CAPS)
def test_average_degree_equals_the_formula_in_the_mass(width, depth, cap):
    cell = Cell(width, depth, cap)
    w, d, m = width, depth, cell.exact_mass
    exact = Fraction(w * (d - 1), d) + m * (d - 1) * (d - 2) / (2 * d * d)
    assert cell.average_degree.exact == pytest.approx(float(exact), rel=1e-13)
    assert cell.average_degree.asymptotic == pytest.approx(float(w + m / 2), rel=1e-13)
    assert cell.average_degree.mean_fan_in == pytest.approx(float(w + m * (d - 1) / (2 * d)))


def gap(width: int, depth: int, cap: int) -> float:
    degree = Cell(width, depth, cap).average_degree
    return (degree.asymptotic - degree.exact) / degree.asymptotic


def test_the_gap_to_the_limit_closes_with_depth():
    gaps = [gap(8, 2**k, 8) for k in range(2, 13)]
    assert gaps == sorted(gaps, reverse=True)
    assert gap(8, 16, 1) == pytest.approx(0.076, abs=5e-4)
    assert gap(8, 512, 8) == pytest.approx(0.004, abs=5e-4)


@given(WIDTHS, DEPTHS, CAPS)
def test_links_into_sum_to_the_links(width, depth, cap):
    cell = Cell(width, depth, cap)
    into = [cell.links_into(layer) for layer in range(depth)]
    assert into[:2] == [0, 0]
    assert into == sorted(into)
    assert sum(into) == cell.links


@given(WIDTHS, DEPTHS)
def test_none_and_every_link(width, depth):
    assert Cell(width, depth, 0).mass == 0
    for cap in (width * (depth - 2), width * (depth - 2) + 1, 10**30):
        full = Cell(width, depth, cap)
        assert (full.density, full.mass) == (1.0, width * depth)
    if depth > 3 or width > 1:
        assert Cell(width, depth, width * (depth - 2) - 1).density < 1


def test_a_cell_of_any_size_stays_exact():
    width = 10**30
    assert Cell(width, 16, width).exact_mass == Fraction(2 * width * 16, 15)


def test_a_cell_is_a_value():
    cell = Cell(width=np.int8(8), depth=np.uint64(16), link_cap=np.array(1))
    assert cell == Cell(8, 16, 1)
    assert hash(cell) == hash(Cell(8, 16, 1))
    assert {type(v) for v in (cell.width, cell.depth, cell.link_cap)} == {int}
    assert pickle.loads(pickle.dumps(cell)) == cell
    with pytest.raises(AttributeError):
        cell.width = 9
    assert cell != Cell(8, 16, 2)


def test_to_dict_is_plain_data():
    data = json.loads(json.dumps(Cell(8, 16, 1).to_dict()))
    assert data.pop("average_degree") == {
        "exact": 8.375,
        "asymptotic": pytest.approx(9.0667, abs=5e-5),
        "mean_fan_in": 9.0,
    }
    assert data == {
        "kind": "concatenation",
        "width": 8,
        "depth": 16,
        "link_cap": 1,
        "links": 14,
        "possible_links": 840,
        "density": 14 / 840,
        "mass": 32 / 15,
    }


MESSAGES = [
    ((0, 16, 1), "Cell.width must be at least 1, got 0"),
    ((-3, 16, 1), "Cell.width must be at least 1, got -3"),
    (
        (8, 2, 1),
        "Cell.depth must be at least 3, got 2: with fewer layers none has an earlier layer that "
        "is not its neighbour",
    ),
    ((8, 16, -1), "Cell.link_cap must be at least 0, got -1"),
    ((8.0, 16, 1), "Cell.width must be a whole number of at least 1, got 8.0"),
    ((8, "16", 1), "Cell.depth must be a whole number of at least 3, got '16'"),
    ((8, 16, True), "Cell.link_cap must be a whole number of at least 0, got True"),
    ((8, 16, np.True_), "Cell.link_cap must be a whole number of at least 0, got np.True_"),
    ((8, 16, None), "Cell.link_cap must be a whole number of at least 0, got None"),
    (
        (np.array([8, 9]), 16, 1),
        "Cell.width must be a whole number of at least 1, got array([8, 9])",
    ),
]


@pytest.mark.parametrize(("values", "message"), MESSAGES)
def test_messages(values, message):
    with pytest.raises(SpecError) as caught:
        Cell(*values)
    assert str(caught.value) == message
    assert isinstance(caught.value, ValueError)

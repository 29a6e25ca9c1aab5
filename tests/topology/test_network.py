from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass import Cell, MassRule
from nnmass.topology import AdditiveCell, network_degree, network_density, network_mass

CELLS = st.builds(Cell, st.integers(1, 20), st.integers(3, 20), st.integers(0, 300))
SUMS = st.builds(
    lambda c, p, shortcut: AdditiveCell(widths=(c, p, p), carried=c, has_projection=shortcut),
    st.integers(1, 99),
    st.integers(1, 99),
    st.booleans(),
)
ANY = st.lists(CELLS | SUMS, min_size=1, max_size=8)


@given(ANY)
def test_masses_add_exactly(cells):
    total = sum((Fraction(cell.exact_mass) for cell in cells), Fraction(0))
    assert network_mass(cells) == float(total)
    assert network_mass(cells) == pytest.approx(sum(cell.mass for cell in cells), rel=1e-13)


@given(ANY, st.randoms(use_true_random=False))
def test_order_does_not_matter(cells, rng: random.Random):
    shuffled = rng.sample(cells, len(cells))
    assert network_mass(shuffled) == network_mass(cells)
    assert network_density(shuffled) == pytest.approx(network_density(cells), rel=1e-14)


@given(ANY)
def test_the_rule_touches_addition_cells_alone(cells):
    rule = MassRule(count_projections=False)
    kept = [cell for cell in cells if isinstance(cell, Cell) or not cell.has_projection]
    assert network_mass(cells, rule) == network_mass(kept)


def test_the_dense_cnn_of_the_paper():
    cells = [Cell(32, 13, 40), Cell(64, 13, 80), Cell(128, 13, 125)]
    assert network_mass(cells) == pytest.approx(526.1060606, abs=5e-8)
    densities = [round(cell.density, 8) for cell in cells]
    assert densities == [0.20454545, 0.20454545, 0.16276042]


@given(ANY)
def test_density_is_links_over_possible_links(cells):
    links = sum(cell.links for cell in cells)
    assert network_density(cells) == links / sum(cell.possible_links for cell in cells)
    assert 0 <= network_density(cells) <= 1


@given(st.lists(CELLS, min_size=1, max_size=6))
def test_degree_is_that_of_all_nodes_together(cells):
    edges = sum(c.width**2 * (c.depth - 1) + c.width * c.links for c in cells)
    nodes = sum(c.width * c.depth for c in cells)
    degree = network_degree(cells)
    assert degree.exact == pytest.approx(edges / nodes, rel=1e-13)
    inputs = sum(c.width * (c.width * (c.depth - 2) + c.links) for c in cells)
    neurons = sum(c.width * (c.depth - 2) for c in cells)
    assert degree.mean_fan_in == pytest.approx(inputs / neurons, rel=1e-13)
    limit = sum((c.width + c.exact_mass / 2) * c.width * c.depth for c in cells) / nodes
    assert degree.asymptotic == pytest.approx(float(limit), rel=1e-13)


def test_one_cell_is_its_own_network():
    cell = Cell(8, 16, 1)
    assert network_degree([cell]) == cell.average_degree
    assert network_mass([cell]) == cell.mass
    assert network_density([cell]) == cell.density


def test_a_plain_network():
    assert network_mass([]) == 0.0
    assert type(network_mass([])) is float
    assert network_density([]) == 0.0
    assert network_degree([]) is None


def test_addition_cells_have_no_degree():
    block = AdditiveCell(widths=(8, 8, 8), carried=8)
    assert network_degree([block]) is None
    assert network_degree([Cell(8, 16, 1), block]) is None

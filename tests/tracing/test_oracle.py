"""The brute force itself, on graphs small enough to solve on paper."""

from __future__ import annotations

from fractions import Fraction

import pytest


@pytest.fixture
def draw(oracle):
    """``draw(nodes, edges)``: nodes as (kind, width, ..), edges as (from, to, channels)."""

    def make(nodes, edges):
        graph = oracle.Graph([oracle.Node(*node) for node in nodes])
        graph.edges = {(u, v): n for u, v, n in edges}
        return oracle.solve(graph)

    return make


def only(solution):
    (answers,) = solution.cells
    (cell,) = answers
    return cell


def test_a_plain_network_has_no_cell(draw):
    solution = draw([("input", 3), ("layer", 4), ("layer", 5)], [(0, 1, 3), (1, 2, 4), (2, -1, 5)])
    assert (solution.cells, solution.depth, solution.n_nodes) == ((), 2, 3)


def test_a_bottleneck(draw):
    """64, 16, 16, 64: one identity of 64; candidates 64 + (64 + 16); mass 64 (64+16+16) / 144."""
    cell = only(
        draw(
            [("layer", 64), ("layer", 16), ("layer", 16), ("layer", 64), ("join", 64)],
            [(0, 1, 64), (1, 2, 16), (2, 3, 16), (3, 4, 64), (0, 4, 64), (4, -1, 64)],
        )
    )
    assert (cell.kind, cell.widths) == ("addition", (64, 16, 16, 64))
    assert cell.links == {(0, 3, False, 64)}
    assert cell.mass() == Fraction(64 * 96, 144)


def test_a_projection_carries_the_narrower_end(draw):
    """8, 8, 12 with a projection 8 -> 12: 8 of 8 candidates, times 8 + 8."""
    cell = only(
        draw(
            [("input", 8), ("layer", 8), ("layer", 12), ("layer", 12), ("join", 12)],
            [(0, 1, 8), (1, 2, 8), (0, 3, 8), (2, 4, 12), (3, 4, 12), (4, -1, 12)],
        )
    )
    assert (cell.widths, cell.links) == ((8, 8, 12), {(0, 2, True, 8)})
    assert (cell.mass(), cell.mass(count_projections=False)) == (16, 0)


def test_concatenation_and_its_way_back(draw):
    """Three layers of 4 in front; the last reads 3 of the first: d = 3, 3 / 4 * 3 * 4."""
    cell = only(
        draw(
            [("input", 2), ("layer", 4), ("layer", 4), ("layer", 4)],
            [(0, 1, 2), (1, 2, 4), (1, 3, 3), (2, 3, 4), (3, -1, 4)],
        )
    )
    assert (cell.kind, cell.widths, cell.mass()) == ("concatenation", (4, 4, 4), 9)


def test_the_chain_goes_back_over_plain_layers(draw):
    """As before with one more layer in front: d = 4, 3 links of 4 + 8 candidates."""
    cell = only(
        draw(
            [("input", 2), ("layer", 4), ("layer", 4), ("layer", 4), ("layer", 7)],
            [(0, 1, 2), (1, 2, 4), (2, 3, 4), (2, 4, 3), (3, 4, 4), (4, -1, 7)],
        )
    )
    assert cell.widths == (4, 4, 4, 7)
    assert cell.links == {(1, 3, False, 3)}
    assert cell.mass() == Fraction(3, 12) * 4 * 4


@pytest.mark.parametrize(("side", "widths"), [(8, (4, 4, 4, 7)), (16, (4, 4, 7))])
def test_the_way_back_stops_where_the_maps_change(draw, side, widths):
    cell = only(
        draw(
            [("input", 2), ("layer", 4, side), *[("layer", 4, 8)] * 2, ("layer", 7, 8)],
            [(0, 1, 2), (1, 2, 4), (2, 3, 4), (2, 4, 3), (3, 4, 4), (4, -1, 7)],
        )
    )
    assert cell.widths == widths


def test_depthwise_layers_melt_into_their_neighbours(draw):
    """1x1, depthwise, 1x1 make one node each: three nodes of 4, 2 links."""
    nodes, edges = [("input", 2)], []
    for start in (1, 4, 7):
        nodes += [("layer", 4, 8), ("layer", 4, 8, True), ("layer", 4, 8)]
        edges += [(start - 1, start, 4), (start, start + 1, 4), (start + 1, start + 2, 4)]
    cell = only(draw(nodes, [*edges, (3, 7, 2), (9, -1, 4)]))
    assert (cell.widths, cell.links) == ((4, 4, 4), {(0, 2, False, 2)})


def test_ties_are_all_answers(draw):
    """Two ways of one layer each, equally wide: either is the chain."""
    solution = draw(
        [("input", 2), ("layer", 4), ("layer", 4), ("join", 4)],
        [(0, 1, 2), (0, 2, 1), (1, 3, 4), (2, 3, 4), (3, -1, 4)],
    )
    (answers,) = solution.cells
    assert {cell.widths for cell in answers} == {(2, 4)}


def test_what_leads_nowhere_is_left_out(draw):
    """A gate's layer has no way to the output."""
    solution = draw(
        [("input", 2), ("layer", 4), ("layer", 1), ("layer", 4)],
        [(0, 1, 2), (1, 2, 4), (1, 3, 4), (3, -1, 4)],
    )
    assert (solution.cells, solution.n_nodes, solution.n_edges, solution.depth) == ((), 3, 2, 2)

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnmass import Cell
from nnmass.design._link_caps import CellOptions, cheapest_caps

CELLS = st.tuples(st.integers(1, 4), st.integers(3, 6), st.integers(0, 12))


def options_of(cells):
    return [CellOptions.of(width=w, depth=d, cost_per_link=c) for w, d, c in cells]


def links_by_layers(width, depth, cap):
    return sum(min(cap, width * (layer - 1)) for layer in range(2, depth))


def brute_force(cells, needed):
    """Least cost over every combination of link caps, counted layer by layer."""
    sums = {(0, 0)}
    for width, depth, cost in cells:
        own = {links_by_layers(width, depth, cap) for cap in range(width * (depth - 2) + 1)}
        sums = {(links + n, total + cost * n) for links, total in sums for n in own}
    return min((total for links, total in sums if links >= needed), default=None)


@settings(max_examples=400)
@given(st.lists(CELLS, min_size=1, max_size=4), st.data())
def test_as_cheap_as_brute_force(cells, data):
    most = sum(links_by_layers(w, d, w * d) for w, d, _ in cells)
    needed = data.draw(st.integers(0, most))
    caps = cheapest_caps(options_of(cells), needed)
    assert caps is not None
    links = [links_by_layers(w, d, cap) for (w, d, _), cap in zip(cells, caps, strict=True)]
    assert sum(links) >= needed
    cost = sum(c * n for (_, _, c), n in zip(cells, links, strict=True))
    assert cost == brute_force(cells, needed)


@pytest.mark.parametrize(
    ("cells", "needed", "cost"),
    [
        # two ways lead to the sum that is needed, the dearer one later in the table
        ([(1, 3, 9), (1, 4, 4), (2, 3, 9)], 2, 8),
        ([(1, 3, 3), (3, 4, 2), (2, 4, 3), (2, 4, 7)], 11, 24),
        ([(3, 5, 5), (2, 5, 1), (1, 5, 9)], 19, 55),
    ],
)
def test_two_ways_to_one_sum(cells, needed, cost):
    options = options_of(cells)
    assert brute_force(cells, needed) == cost
    caps = cheapest_caps(options, needed)
    found = sum(o.cost_per_link * int(o.links[cap]) for o, cap in zip(options, caps, strict=True))
    assert found == cost


@given(st.lists(CELLS, min_size=1, max_size=4))
def test_more_than_all_links_is_none(cells):
    most = sum(links_by_layers(w, d, w * d) for w, d, _ in cells)
    full = tuple(w * (d - 2) for w, d, _ in cells)
    assert cheapest_caps(options_of(cells), most) == full
    assert cheapest_caps(options_of(cells), most + 1) is None


@given(st.lists(CELLS, min_size=1, max_size=4))
def test_no_links_needed(cells):
    dear = [(w, d, c + 1) for w, d, c in cells]
    assert cheapest_caps(options_of(dear), 0) == (0,) * len(cells)


@given(st.integers(1, 9), st.integers(3, 9))
def test_options_are_the_links_of_every_cap(width, depth):
    options = CellOptions.of(width=width, depth=depth, cost_per_link=1)
    links = [Cell(width, depth, cap).links for cap in range(width * (depth - 2) + 1)]
    assert options.links.tolist() == links
    assert links == [links_by_layers(width, depth, cap) for cap in range(len(links))]
    assert (np.diff(options.links) > 0).all()
    for needed in range(links[-1] + 3):
        fits = [cap for cap, n in enumerate(links) if n >= needed]
        assert options.smallest_cap(needed) == (fits[0] if fits else None)


def test_of_several_optima_the_fewest_links_in_the_last_cell():
    cells = [(2, 4, 3)] * 3
    for needed in range(1, 18):
        caps = cheapest_caps(options_of(cells), needed)
        cost = brute_force(cells, needed)
        rivals = [
            combination
            for combination in itertools.product(range(5), repeat=3)
            if sum(links_by_layers(2, 4, cap) for cap in combination) * 3 == cost
        ]
        assert caps in rivals
        assert caps[-1] == min(rival[-1] for rival in rivals)

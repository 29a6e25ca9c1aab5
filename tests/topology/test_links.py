from __future__ import annotations

import random
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass import Cell
from nnmass.errors import SpecError
from nnmass.topology import check_wiring, draw_links

CELLS = st.builds(Cell, st.integers(1, 12), st.integers(3, 12), st.integers(0, 130))


@given(CELLS, st.integers(0, 2**70), st.integers(0, 5))
def test_links_are_distinct_ascending_and_earlier(cell, seed, cell_index):
    wiring = draw_links(cell, seed=seed, cell_index=cell_index)
    assert len(wiring) == cell.depth
    for layer, links in enumerate(wiring):
        candidates = [
            (early, channel) for early in range(layer - 1) for channel in range(cell.width)
        ]
        assert links.dtype == np.int64
        taken = [(j // cell.width, j % cell.width) for j in links.tolist()]
        assert taken == sorted(set(taken))
        assert set(taken) <= set(candidates)
        assert len(taken) == min(cell.link_cap, len(candidates))
    check_wiring(cell, wiring)


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    return float(((counts - expected) ** 2 / expected).sum())


def test_every_earlier_channel_is_hit_equally_often():
    cell, draws = Cell(width=4, depth=8, link_cap=5), 3000
    counts = [np.zeros(cell.width * max(layer - 1, 0)) for layer in range(cell.depth)]
    for seed in range(draws):
        for layer, links in enumerate(draw_links(cell, seed=seed)):
            counts[layer][links] += 1
    for layer in range(3, cell.depth):
        channels = counts[layer].size
        share = cell.link_cap / channels
        expected = np.full(channels, draws * share)
        # Drawn without replacement: the statistic is (1 - share) n / (n - 1) chi-squares of n - 1.
        statistic = chi_square(counts[layer], expected) / (1 - share) * (channels - 1) / channels
        degrees = channels - 1
        assert statistic < degrees + 5 * (2 * degrees) ** 0.5
        by_layer = counts[layer].reshape(-1, cell.width).sum(axis=1)
        assert (by_layer > 0).all()  # layer 0 among them
        np.testing.assert_allclose(by_layer / by_layer.sum(), 1 / (layer - 1), rtol=0.05)


def test_the_frequency_test_can_fail():
    expected = np.full(20, 750.0)
    skewed = expected.copy()
    skewed[:4] *= 1.25  # one layer a quarter too often
    assert chi_square(skewed, expected) > 19 + 5 * 38**0.5


def test_layers_are_drawn_independently():
    cell = Cell(width=16, depth=12, link_cap=16)
    first = draw_links(cell, seed=0)
    tail = [set(links.tolist()) for links in first[6:]]
    assert len({frozenset(links) for links in tail}) == len(tail)
    pairs = sum(len(a & b) for a, b in pairwise(tail))
    assert pairs < 16 * len(tail) * 0.5


@given(CELLS, st.integers(0, 9))
def test_same_key_same_links(cell, seed):
    first = draw_links(cell, seed=seed, cell_index=1)
    again = draw_links(cell, seed=seed, cell_index=1)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


def as_lists(wiring) -> list[list[int]]:
    return [links.tolist() for links in wiring]


def test_another_key_other_links():
    cell = Cell(width=16, depth=10, link_cap=20)
    drawn = [
        as_lists(draw_links(cell, seed=seed, cell_index=index))
        for seed in (0, 1, 2**32, 2**64)
        for index in (0, 1, 2)
    ]
    assert all(a != b for i, a in enumerate(drawn) for b in drawn[:i])


@given(CELLS, st.integers(0, 9))
def test_a_deeper_cell_keeps_the_earlier_links(cell, seed):
    deeper = Cell(cell.width, cell.depth + 3, cell.link_cap)
    assert as_lists(draw_links(deeper, seed=seed))[: cell.depth] == as_lists(
        draw_links(cell, seed=seed)
    )


@given(CELLS, st.integers(0, 9))
def test_a_higher_cap_keeps_the_links(cell, seed):
    more = Cell(cell.width, cell.depth, cell.link_cap + 1)
    for few, many in zip(draw_links(cell, seed=seed), draw_links(more, seed=seed), strict=True):
        assert set(few.tolist()) <= set(many.tolist())


PINNED = [
    (
        {"seed": 0, "cell_index": 0},
        [
            [],
            [],
            [0, 1, 2, 5, 6],
            [7, 8, 9, 10, 15],
            [0, 1, 3, 18, 19],
            [6, 9, 13, 17, 22],
            [6, 8, 14, 18, 19],
        ],
    ),
    (
        {"seed": 123456789, "cell_index": 2},
        [
            [],
            [],
            [0, 2, 3, 6, 7],
            [0, 5, 7, 9, 13],
            [6, 7, 9, 10, 15],
            [6, 8, 19, 25, 31],
            [10, 12, 17, 21, 36],
        ],
    ),
]


@pytest.mark.parametrize(("key", "links"), PINNED)
def test_links_stay_the_same_across_versions(key, links):
    assert as_lists(draw_links(Cell(width=8, depth=7, link_cap=5), **key)) == links


def test_no_global_generator_is_touched():
    torch = sys.modules.get("torch")
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    tensor = torch.get_rng_state() if torch else None
    first = as_lists(draw_links(Cell(8, 16, 20), seed=3))
    assert random.getstate() == python
    now = np.random.get_state()  # noqa: NPY002
    assert now[0] == legacy[0]
    assert now[2:] == legacy[2:]
    np.testing.assert_array_equal(now[1], legacy[1])
    if torch:
        assert torch.equal(torch.get_rng_state(), tensor)
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002
    assert as_lists(draw_links(Cell(8, 16, 20), seed=3)) == first
    random.setstate(python)
    np.random.set_state(legacy)  # noqa: NPY002


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"seed": 1.0}, "seed must be a whole number of at least 0, got 1.0"),
        ({"seed": None}, "seed must be a whole number of at least 0, got None"),
        ({"seed": 0, "cell_index": -2}, "cell_index must be at least 0, got -2"),
    ],
)
def test_key_messages(key, message):
    with pytest.raises(SpecError) as caught:
        draw_links(Cell(8, 16, 1), seed=key["seed"], cell_index=key.get("cell_index", 0))
    assert str(caught.value) == message


# --- checking a wiring

SMALL = Cell(width=2, depth=4, link_cap=3)
NONE = np.zeros(0, dtype=np.int64)
RANGE = (
    "the links of layer 3 must be distinct whole numbers in [0, 4) (the channels of the layers "
    "0 .. 1), in ascending order, got "
)


def small(last: object) -> tuple:
    return (NONE, NONE, np.array([0, 1]), np.array(last))


def test_a_good_wiring_passes():
    check_wiring(SMALL, small([0, 2, 3]))
    check_wiring(SMALL, small(np.array([1, 2, 3], np.uint8)))


@pytest.mark.parametrize(
    ("wiring", "message"),
    [
        (small([0, 2, 3])[:3], "the wiring has 3 layers, the cell 4"),
        (small([0, 2]), "layer 3 must have 3 links, got shape (2,)"),
        (small([[0, 2, 3]]), "layer 3 must have 3 links, got shape (1, 3)"),
        (small([0, 2, 2]), RANGE + "[0, 2, 2]"),
        (small([0, 2, 4]), RANGE + "[0, 2, 4]"),
        (small([-1, 2, 3]), RANGE + "[-1, 2, 3]"),
        (small([0, 3, 2]), RANGE + "[0, 3, 2]"),
        (small([0.0, 2.0, 3.0]), RANGE + "[0.0, 2.0, 3.0]"),
        ((NONE, np.array([0]), *small([0, 1, 2])[2:]), "layer 1 must have 0 links, got shape (1,)"),
    ],
)
def test_wiring_messages(wiring, message):
    with pytest.raises(SpecError) as caught:
        check_wiring(SMALL, wiring)
    assert str(caught.value) == message

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnmass.specs import DenseMLP
from nnmass.train import _packing
from nnmass.train._packing import most_networks, pack


def pairs_of(caps, *, width=8, depth=16, seeds=(0,)):
    specs = [DenseMLP(width=width, depth=depth, link_cap=cap) for cap in caps]
    return [(spec, seed) for seed in seeds for spec in specs]


def cost(pairs, packs, batch_size):
    """By definition: what each pack pads, and what each pack costs by itself."""
    depth, width = pairs[0][0].depth, pairs[0][0].width
    padded = _packing._PADDED_INPUT_US * width / 8 * max(batch_size / 100, 0.1)
    n_seeds = len({seed for _, seed in pairs})
    one = _packing._LAYER_US * depth + _packing._SEED_US * n_seeds
    links = [[pairs[place][0].cells[0].links for place in places] for places in packs]
    return sum(
        one + padded * sum(max(mine) - n for n in mine) + _packing._PAIR_US * len(mine) ** 2
        for mine in links
    )


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=25),
    st.integers(3, 20),
    st.integers(1, 4),
)
@settings(max_examples=30, deadline=None)
def test_every_network_once_and_seeds_together(caps, depth, n_seeds):
    pairs = pairs_of(caps, depth=depth, seeds=range(n_seeds))
    packs = pack(pairs, batch_size=100)
    assert sorted(place for places in packs for place in places) == list(range(len(pairs)))
    for places in packs:
        seeds = [pairs[place][1] for place in places]
        assert seeds == sorted(seeds)


@given(st.lists(st.integers(0, 48), min_size=1, max_size=7), st.sampled_from([20, 400, 4000]))
@settings(max_examples=25, deadline=None)
def test_no_other_cut_is_cheaper(caps, batch_size):
    pairs = pairs_of(caps, depth=12)
    order = sorted(range(len(caps)), key=lambda place: caps[place])
    inner = range(1, len(caps))
    best = min(
        cost(
            pairs,
            [order[a:b] for a, b in zip((0, *cut), (*cut, len(caps)), strict=True)],
            batch_size,
        )
        for size in range(len(caps))
        for cut in combinations(inner, size)
    )
    assert cost(pairs, pack(pairs, batch_size=batch_size), batch_size) == pytest.approx(best)


def test_packs_stay_small_enough_for_their_memory():
    pairs = pairs_of(range(0, 49, 2), depth=32, seeds=range(6))
    for places in pack(pairs, batch_size=100):
        widest = max((pairs[place][0] for place in places), key=lambda spec: spec.link_cap)
        assert len(places) <= most_networks(widest, batch_size=100)
    assert most_networks(DenseMLP(width=512, depth=40, link_cap=9999), batch_size=1000) == 1


def test_equal_networks_are_cut_evenly():
    sizes = [len(places) for places in pack(pairs_of([8] * 26, seeds=range(10)), batch_size=100)]
    assert sum(sizes) == 260
    assert max(sizes) - min(sizes) <= 1

"""Random networks against brute force: cells, links, masses, depth, parameters, multiply-adds."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given, note, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from nnmass import MassRule
from nnmass.tracing import trace

PROGRAMS = {"seed": st.integers(0, 2**32 - 1), "n_blocks": st.integers(1, 4)}


def links_of(cell):
    """(source, target, has_layer, channels), those between the same two nodes summed up."""
    total = Counter()
    for link in cell.link_list:
        total[link.source, link.target, link.has_layer] += link.channels
    return frozenset((*key, channels) for key, channels in total.items())


def check_cell(cell, answers):
    """``cell`` is one of ``answers``: they differ only where paths tie."""
    want = {(a.kind, a.widths, a.links, a.is_ratio_one): a for a in answers}
    got = (cell.kind, cell.widths, links_of(cell), cell.is_ratio_one)
    assert got in want
    answer = want[got]
    assert cell.mass == pytest.approx(float(answer.mass()), rel=1e-12, abs=0)
    for rule, mass in [
        (MassRule(count_projections=False), answer.mass(count_projections=False)),
        (MassRule(ratio_one="own"), answer.mass(ratio_one="own")),
    ]:
        assert float(cell.exact_mass_by(rule)) == pytest.approx(float(mass), rel=1e-12, abs=0)


def is_clear(answers):
    """The rule says what this cell is, without a word to be read in two ways."""
    return not any(answer.unclear for answer in answers)


@settings(max_examples=300)
@given(**PROGRAMS)
def test_topology_is_that_of_brute_force(random_network, seed, n_blocks):
    made = random_network(seed, n_blocks)
    note(f"code: {made.draft.code}")
    note(f"graph: {made.graph}")
    got = trace(made.net.train(bool(seed % 2)), made.draft.shape)
    assert len(got.cells) == len(made.want.cells)
    for cell, answers in zip(got.cells, made.want.cells, strict=True):
        if is_clear(answers):
            check_cell(cell, answers)
    assert got.depth == made.want.depth
    assert got.params == sum(p.numel() for p in made.net.parameters()) == made.draft.params
    assert got.macs == made.draft.macs
    assert got.input_shape == made.draft.shape


@settings(max_examples=150)
@given(**PROGRAMS)
def test_macs_are_half_of_what_torch_counts(random_network, seed, n_blocks):
    """On a real run, which also shows that the program is a network at all."""
    made = random_network(seed, n_blocks)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        made.net.eval()(torch.zeros(1, *made.draft.shape))
    assert 2 * made.draft.macs == counter.get_total_flops()
    got = trace(made.net, made.draft.shape)
    assert 2 * got.macs == got.count.flops == counter.get_total_flops()
    assert sum(got.count.by_module.values()) == got.macs


@settings(max_examples=60)
@given(**PROGRAMS)
def test_tracing_twice_gives_the_same(random_network, seed, n_blocks):
    made = random_network(seed, n_blocks)
    assert trace(made.net, made.draft.shape) == trace(made.net, made.draft.shape)


@settings(max_examples=60)
@given(**PROGRAMS)
def test_chains_name_the_layers(random_network, seed, n_blocks):
    """Where a position is one layer called as a module, the chain has its path."""
    made = random_network(seed, n_blocks)
    got = trace(made.net, made.draft.shape)
    for cell, answers in zip(got.cells, made.want.cells, strict=True):
        assert len(cell.chain) == len(cell.widths)
        if is_clear(answers) and len(answers) == 1:
            (answer,) = answers
            pairs = zip(cell.chain, answer.names, strict=True)
            assert all(path == name for path, name in pairs if name)


def test_the_random_networks_are_varied(random_network):
    """The tests above would pass on networks without cells, too."""
    tally, n_networks = Counter(), 200
    for seed in range(n_networks):
        for answers in random_network(seed, 1 + seed % 4).want.cells:
            first = min(answers, key=str)
            tally[first.kind] += 1
            tally["clear"] += is_clear(answers)
            tally["mass"] += first.mass() > 0
            tally["ratio one"] += first.is_ratio_one
            tally["projection"] += any(has_layer for _, _, has_layer, _ in first.links)
            tally["many links"] += len(first.links) > 2
            tally["long chain"] += len(first.widths) > 4
    cells = tally["addition"] + tally["concatenation"]
    assert cells > 1.5 * n_networks
    assert tally["clear"] > 0.9 * cells
    assert min(tally["addition"], tally["concatenation"], tally["mass"]) > 0.3 * cells
    for kind in ("ratio one", "projection", "many links", "long chain"):
        assert tally[kind] > 0.03 * cells, kind

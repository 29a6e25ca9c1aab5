from dataclasses import replace

import pytest

from nnmass.errors import SpecError
from nnmass.report import cell_groups, topology_diagram
from nnmass.tracing import Link, MacCount, Topology, TracedCell


def bottleneck(name, width, *, has_layer=False):
    return TracedCell(
        kind="addition",
        chain=("before", f"{name}.conv1", f"{name}.conv2", f"{name}.conv3"),
        widths=(width, 64, 64, 256),
        link_list=(Link(source=0, target=3, channels=width, has_layer=has_layer),),
    )


def network(cells):
    return Topology(
        name="made",
        input_shape=(3, 8, 8),
        cells=tuple(cells),
        params=1_934_000,
        count=MacCount(by_kind={"convolution": 2_000_000}, by_module={"": 2_000_000}),
        depth=9,
        n_nodes=12,
        n_edges=14,
    )


CELLS = [
    bottleneck("a.0", 64, has_layer=True),
    *(bottleneck(f"a.{n}", 256) for n in range(1, 9)),
    bottleneck("b.0", 64),
]


def test_equal_cells_in_a_row_are_one_group():
    assert [(group.numbers, group.times) for group in cell_groups(CELLS)] == [
        ("0", ""),
        ("1-8", "x 8"),
        ("9", ""),
    ]
    assert [group.first for group in cell_groups(CELLS)] == [0, 1, 9]
    assert cell_groups([]) == []


def test_a_projection_parts_cells_of_the_same_widths():
    cells = [bottleneck("a", 64), bottleneck("b", 64, has_layer=True)]
    assert [len(group.cells) for group in cell_groups(cells)] == [1, 1]


def test_the_place_says_what_paths_share_once():
    groups = cell_groups(CELLS)
    assert [group.place for group in groups] == [
        "a.0: conv1 .. conv3",
        "a: 1.conv1 .. 8.conv3",
        "b.0: conv1 .. conv3",
    ]
    whole = TracedCell(
        kind="concatenation", chain=("stem", "a.b", "fc"), widths=(1, 1, 1), link_list=()
    )
    assert cell_groups([whole])[0].place == "stem .. fc"
    one = TracedCell(kind="concatenation", chain=("a.b",), widths=(1,), link_list=())
    assert cell_groups([one])[0].place == "a.b"


def test_cells_that_could_not_be_followed_are_told(read):
    lost = [replace(cell, unread=(f"aten.odd in {cell.chain[1]}",)) for cell in CELLS[1:3]]
    svg = read(topology_diagram(network(lost)))
    assert svg.texts("bold") == ["cells 0-1 (x 2)"]
    assert "NN-Mass n/a" in svg.texts("title")[0]
    assert "density n/a, mass n/a" in " ".join(svg.texts("soft"))
    assert svg.texts("flags") == ["1: no mass: an operation in it could not be followed"]


def test_equal_cells_are_drawn_once(read, overlapping):
    svg = read(topology_diagram(network(CELLS)))
    assert svg.texts("bold") == ["cell 0", "cells 1-8 (x 8)", "cell 9"]
    assert len(svg.all("g", "cell")) == 3
    mass = sum(cell.mass for cell in CELLS)
    title = f"made: NN-Mass {mass:.2f}, 1.93 M parameters, 2.00 M MACs"
    assert svg.texts("title") == [title]
    assert "before -> a.1.conv3: 256 of 256 channels" in map(svg.title, svg.within("arcs", "path"))
    assert not overlapping(svg.boxes(None))


def test_fifty_blocks_stay_within_the_width(read, overlapping):
    cells = [bottleneck(f"s{n}", 64 + 8 * n) for n in range(50)]
    svg = read(topology_diagram(network(cells)))
    width, height = map(float, svg.root.get("viewBox").split()[2:])
    assert width <= 980
    assert all(left >= 0 and right <= width for left, _, right, _ in svg.boxes(None))
    assert all(bottom <= height for _, _, _, bottom in svg.boxes(None))
    assert not overlapping(svg.boxes(None))


def test_a_plain_network_has_nothing_to_draw():
    with pytest.raises(SpecError, match="no cells"):
        topology_diagram(network([]))

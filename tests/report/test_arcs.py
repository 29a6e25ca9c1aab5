import re
from collections import Counter

import pytest

from nnmass.errors import SpecError
from nnmass.report import CellDrawing, arc_diagram, cell_drawing
from nnmass.topology import Cell, draw_links
from nnmass.tracing import Link, TracedCell


def cell(widths, links=(), *, label="cell", **more):
    """A cell of concatenations; links as ``(source, target, channels)``."""
    traced = TracedCell(
        kind="concatenation",
        chain=tuple(f"layer {i}" for i in range(len(widths))),
        widths=tuple(widths),
        link_list=tuple(Link(source=s, target=t, channels=c) for s, t, c in links),
        **more,
    )
    return cell_drawing(traced, label=label)


def drawn(width, depth, link_cap, *, index=0, label="cell"):
    wiring = draw_links(Cell(width, depth, link_cap), seed=0, cell_index=index)
    counts = Counter(
        (int(channel) // width, layer) for layer, links in enumerate(wiring) for channel in links
    )
    return cell([width] * depth, [(*ends, n) for ends, n in counts.items()], label=label)


def plain(width, depth):
    return cell([width] * depth, label="plain")


@pytest.mark.parametrize(
    "cells",
    [
        [plain(16, 3)],
        [plain(16, 60)],
        [drawn(16, 3, 5)],
        [drawn(8 * 2**k, 21, 20 * (k + 1), index=k) for k in range(3)],
        [drawn(16, 60, 40, index=k) for k in range(3)],
        [drawn(4, 4 + k, 9) for k in range(12)],
    ],
)
def test_one_dot_a_layer_and_one_arc_a_skip(cells, read, overlapping):
    svg = read(arc_diagram(cells, title="net"))
    assert len(svg.within("layers", "circle")) == sum(cell.n_nodes for cell in cells)
    assert len(svg.within("arcs", "path")) == sum(len(cell.links) for cell in cells)
    assert len(svg.all("path", "chain")) == len(cells)
    width, height = map(float, svg.root.get("viewBox").split()[2:])
    assert width <= 980
    for left, top, right, bottom in svg.boxes(None):
        assert left >= 0
        assert top >= 0
        assert right <= width
        assert bottom <= height
    assert not overlapping(svg.boxes(None))


def test_titles_tell_which_layers_and_how_many_channels(read):
    drawing = cell([16] * 4, [(0, 2, 5), (0, 3, 16), (1, 3, 1)])
    svg = read(arc_diagram([drawing], title="net"))
    assert sorted(svg.title(arc) for arc in svg.within("arcs", "path")) == [
        "layer 0 -> layer 2: 5 of 16 channels",
        "layer 0 -> layer 3: 16 of 16 channels",
        "layer 1 -> layer 3: 1 of 16 channels",
    ]
    assert [svg.title(dot) for dot in svg.within("layers", "circle")] == [
        "layer 0: width 16, no channels through skips",
        "layer 1: width 16, no channels through skips",
        "layer 2: width 16, 5 channels through skips",
        "layer 3: width 16, 17 channels through skips",
    ]
    legend = " ".join(svg.texts())
    assert "depth 4, width 16" in legend
    assert "density 0.458, mass 29.33" in legend  # 22 of 16 * 3 * 2 / 2, times 4 * 16


def test_arcs_start_and_end_on_the_dots_of_their_layers(read):
    svg = read(arc_diagram([drawn(16, 9, 12)], title="net"))
    dots = [float(dot.get("cx")) for dot in svg.within("layers", "circle")]
    assert dots == sorted(dots)
    for arc in svg.within("arcs", "path"):
        source, target = map(int, re.findall(r"layer (\d+)", svg.title(arc)))
        numbers = [float(n) for n in re.findall(r"[\d.]+", arc.get("d"))]
        assert numbers[0] == pytest.approx(dots[source], abs=0.011)
        assert numbers[-2] == pytest.approx(dots[target], abs=0.011)


@pytest.mark.parametrize("depth", [5, 60])
def test_a_larger_share_is_stronger(depth, read):
    links = [(j, i, 1 + (i + j) % 16) for i in range(2, depth) for j in range(i - 1)]
    svg = read(arc_diagram([cell([16] * depth, links)], title="net"))
    pens = {}
    for arc in svg.within("arcs", "path"):
        share = int(re.search(r"(\d+) of", svg.title(arc)).group(1))
        pens[share] = float(arc.get("stroke-width")), float(arc.get("opacity"))
    widths, opacities = zip(*(pens[share] for share in sorted(pens)), strict=True)
    assert list(widths) == sorted(widths)
    assert list(opacities) == sorted(opacities)
    assert widths[0] < widths[-1]
    assert 0 < opacities[0] < opacities[-1] <= 1


def test_shares_are_of_the_source_and_projections_are_dashed(read):
    links = (
        Link(source=0, target=3, channels=64, has_layer=True),
        Link(source=1, target=3, channels=64),
    )
    traced = TracedCell(
        kind="addition", chain=("stem", "a", "b", "sum"), widths=(64, 128, 8, 256), link_list=links
    )
    svg = read(arc_diagram([cell_drawing(traced, label="c")], title="net"))
    half, full = svg.within("arcs", "path")
    assert svg.title(half) == "a -> sum: 64 of 128 channels"
    assert svg.title(full) == "stem -> sum: 64 of 64 channels, through a weight layer"
    assert float(half.get("stroke-width")) < float(full.get("stroke-width"))
    assert half.get("stroke-dasharray") is None
    assert full.get("stroke-dasharray")
    text = " ".join(svg.texts())
    assert "depth 3, widths 8..256" in text
    assert "density 0.500, mass 100.00" in text  # 128 of 2 * 64 + 128, times 64 + 128 + 8
    assert "(projection)" in text
    assert "(projection)" not in arc_diagram([cell([4] * 3, [(0, 2, 1)])], title="net")


def test_flags_are_numbered_below_and_told_to_those_who_cannot_see(read, overlapping):
    long = "a branch of 7 weight layers runs beside a chain of 9 from blocks.0 to blocks.12; " * 3
    cells = [
        cell([4] * 3, [(0, 2, 1)], flags=("nested joins",)),
        cell([4] * 3, [(0, 2, 1)]),
        cell([4] * 3, [(0, 2, 1)], flags=(long, "nested joins")),
    ]
    svg = read(arc_diagram(cells, title="net"))
    assert [t for t in svg.texts("soft") if "below" in t] == [
        "depth 3, width 4 density 0.250, mass 3.00 see 1 below",
        "depth 3, width 4 density 0.250, mass 3.00 see 2, 1 below",
    ]
    (notes,) = svg.texts("flags")
    assert notes.startswith("1: nested joins 2: a branch")
    assert svg.all("desc")[0].text.count("nested joins") == 2
    assert not overlapping(svg.boxes(None))
    width, height = map(float, svg.root.get("viewBox").split()[2:])
    assert all(right <= width and bottom <= height for _, _, right, bottom in svg.boxes(None))


@pytest.mark.parametrize(
    ("links", "message"),
    [
        ([(0, 1, 1)], "goes from node 0 to node 1: .* the 3 nodes .* two behind"),
        ([(0, 3, 1)], "goes from node 0 to node 3"),
        ([(-1, 2, 1)], "goes from node -1 to node 2"),
        ([(0, 2, 5)], "0 -> 2 of CellDrawing 'cell' must carry 0 to 4 channels, got 5"),
        ([(0, 2, -1)], "must carry 0 to 4 channels, got -1"),
    ],
)
def test_impossible_links_are_refused(links, message):
    with pytest.raises(SpecError, match=message):
        cell([4, 8, 8], links)


@pytest.mark.parametrize(
    ("names", "widths", "message"),
    [
        (("a",), (1, 2), "1 names and 2 widths"),
        ((), (), "at least one node"),
        (("a",), (0,), "CellDrawing.widths must be at least 1, got 0"),
    ],
)
def test_nodes_need_a_name_and_a_width(names, widths, message):
    with pytest.raises(SpecError, match=message):
        CellDrawing(label="c", names=names, widths=widths)


def test_no_cells_are_refused():
    with pytest.raises(SpecError, match="no cells"):
        arc_diagram([], title="net")

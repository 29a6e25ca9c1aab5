import re

import pytest

from nnmass.errors import SpecError
from nnmass.report import CellDrawing, arc_diagram
from nnmass.topology import Cell, draw_links


def drawn(width, depth, link_cap, *, index=0, label="cell"):
    counts = [[0] * depth for _ in range(depth)]
    for layer, links in enumerate(
        draw_links(Cell(width, depth, link_cap), seed=0, cell_index=index)
    ):
        for channel in links:
            counts[layer][int(channel) // width] += 1
    return CellDrawing(label, width, depth, counts)


def plain(width, depth):
    return CellDrawing("plain", width, depth, [[0] * depth] * depth)


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
    assert len(svg.within("layers", "circle")) == sum(cell.depth for cell in cells)
    skips = sum(1 for cell in cells for row in cell.link_counts for count in row if count)
    assert len(svg.within("arcs", "path")) == skips
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
    cell = CellDrawing("c", 16, 4, [[0] * 4, [0] * 4, [5, 0, 0, 0], [16, 1, 0, 0]])
    svg = read(arc_diagram([cell], title="net"))
    assert sorted(svg.title(arc) for arc in svg.within("arcs", "path")) == [
        "layer 0 -> layer 2: 5 of 16 channels",
        "layer 0 -> layer 3: 16 of 16 channels",
        "layer 1 -> layer 3: 1 of 16 channels",
    ]
    assert [svg.title(dot) for dot in svg.within("layers", "circle")] == [
        "layer 0: no channels through skips",
        "layer 1: no channels through skips",
        "layer 2: 5 channels through skips",
        "layer 3: 17 channels through skips",
    ]
    assert "density 0.458" in " ".join(svg.texts())  # 22 of 16 * 3 * 2 / 2


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
    counts = [[0] * depth for _ in range(depth)]
    for i in range(2, depth):
        for j in range(i - 1):
            counts[i][j] = 1 + (i + j) % 16
    svg = read(arc_diagram([CellDrawing("c", 16, depth, counts)], title="net"))
    pens = {}
    for arc in svg.within("arcs", "path"):
        share = int(re.search(r"(\d+) of", svg.title(arc)).group(1))
        pens[share] = float(arc.get("stroke-width")), float(arc.get("opacity"))
    widths, opacities = zip(*(pens[share] for share in sorted(pens)), strict=True)
    assert list(widths) == sorted(widths)
    assert list(opacities) == sorted(opacities)
    assert widths[0] < widths[-1]
    assert 0 < opacities[0] < opacities[-1] <= 1


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([[0] * 3] * 2, "needs 3 rows of 3"),
        ([[0] * 3, [1, 0, 0], [0] * 3], r"link_counts\[1\]\[0\] of 'c' must be 0 to 0, got 1"),
        ([[0] * 3, [0] * 3, [5, 0, 0]], r"link_counts\[2\]\[0\] of 'c' must be 0 to 4, got 5"),
        ([[0] * 3, [0] * 3, [-1, 0, 0]], "must be 0 to 4, got -1"),
    ],
)
def test_impossible_links_are_refused(counts, message):
    with pytest.raises(SpecError, match=message):
        CellDrawing("c", 4, 3, counts)


def test_no_cells_are_refused():
    with pytest.raises(SpecError, match="no cells"):
        arc_diagram([], title="net")

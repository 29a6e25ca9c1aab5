"""The cells of a description as arcs, nothing built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnmass.errors import SpecError
from nnmass.report._arcs import arc_diagram
from nnmass.report._cell_drawing import CellDrawing, cell_drawing
from nnmass.topology import Cell, draw_links

if TYPE_CHECKING:
    from nnmass.specs import Spec

_SEED = 0  # whose links are drawn


def spec_arcs(spec: Spec, *, title: str = "") -> str:
    """The cells of a spec as inline SVG; links that are drawn at random are those of seed 0.

    Args:
        spec: Of a family whose cells have a width, a depth and a link cap.
        title: Stands above; the spec unless told.

    Raises:
        SpecError: The family's cells are none of those: build and trace the network instead.

    Example:
        >>> import nnmass
        >>> spec_arcs(nnmass.parse("dense-cnn(wm=1,d=5,t=10/20)")).count("cell ")
        3
    """
    cells = [cell for cell in spec.cells if isinstance(cell, Cell)]
    if not cells:
        raise SpecError(
            f"{spec} has no cells of links that are drawn: build and trace it, and draw that"
        )
    drawings = [_drawing(cell, index) for index, cell in enumerate(cells)]
    return arc_diagram(drawings, title=title or str(spec))


def _drawing(cell: Cell, index: int) -> CellDrawing:
    from nnmass.tracing import Link, TracedCell

    links = tuple(
        Link(source=source, target=target, channels=count)
        for target, row in enumerate(link_counts(cell, index))
        for source, count in enumerate(row)
        if count
    )
    drawn = TracedCell(
        kind="concatenation",
        chain=tuple(f"layer {layer}" for layer in range(cell.depth)),
        widths=(cell.width,) * cell.depth,
        link_list=links,
    )
    return cell_drawing(drawn, label=f"cell {index}")


def link_counts(cell: Cell, cell_index: int, *, seed: int = _SEED) -> list[list[int]]:
    """For layers i and j of ``cell``, how many channels of j layer i takes through skips."""
    counts = [[0] * cell.depth for _ in range(cell.depth)]
    for layer, links in enumerate(draw_links(cell, seed=seed, cell_index=cell_index)):
        for channel in links.tolist():
            counts[layer][channel // cell.width] += 1
    return counts

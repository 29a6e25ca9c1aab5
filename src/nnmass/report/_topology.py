"""A traced network as a drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnmass.report._arcs import arc_diagram
from nnmass.report._cell_drawing import cell_drawing
from nnmass.report._cell_groups import cell_groups
from nnmass.report._numbers import format_count, format_mass

if TYPE_CHECKING:
    from nnmass.tracing import Topology


def topology_diagram(topology: Topology) -> str:
    """The cells of a traced network as inline SVG; equal cells in a row are drawn once.

    Args:
        topology: What tracing gave; at least one cell.

    Raises:
        SpecError: There is no cell.
    """
    drawings = [
        cell_drawing(
            group.cells[0],
            label=f"cells {group.numbers} ({group.times})"
            if group.times
            else f"cell {group.first}",
        )
        for group in cell_groups(topology.cells)
    ]
    params, macs = format_count(topology.params), format_count(topology.macs)
    size = f"NN-Mass {format_mass(topology.mass)}, {params} parameters, {macs} MACs"
    return arc_diagram(drawings, title=f"{topology.name}: {size}")

"""Traced networks, and the cells of one, as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnmass.report._cell_drawing import cell_remarks
from nnmass.report._cell_groups import CellGroup, cell_groups
from nnmass.report._numbers import format_count, format_density, format_mass
from nnmass.report._table import Column, Table

if TYPE_CHECKING:
    from nnmass.tracing import Topology


def topologies_table(topologies: Sequence[Topology]) -> Table:
    """One row a network: mass, with what it costs beside it."""
    columns = (
        Column("network", "left"),
        Column("NN-Mass"),
        Column("density", is_optional=True),
        Column("params"),
        Column("MACs"),
        Column("depth", is_optional=True),
        Column("cells"),
        Column("notes"),
    )
    rows = tuple(
        (
            topology.name,
            format_mass(topology.mass),
            format_density(topology.density if topology.is_read else math.nan),
            format_count(topology.params),
            format_count(topology.macs),
            str(topology.depth),
            str(len(topology.cells)),
            str(len(topology.notes) or "-"),
        )
        for topology in topologies
    )
    return Table(columns, rows)


def cell_flags(topology: Topology) -> list[str]:
    """Why the metric was not made for some cells, each reason once; rows name their ranks."""
    return list(dict.fromkeys(flag for cell in topology.cells for flag in cell_remarks(cell)))


def cells_table(topology: Topology) -> Table:
    """One row a cell, equal cells in a row taken together; flags by their rank."""
    flags = cell_flags(topology)
    columns = (
        Column("cell", "left"),
        Column("kind", "left", is_optional=True),
        Column("depth"),
        Column("widths"),
        Column("links of possible"),
        Column("density"),
        Column("NN-Mass"),
        *([Column("flag")] if flags else []),
        Column("where", "left", is_optional=True),
    )
    return Table(columns, tuple(_cell_row(group, flags) for group in cell_groups(topology.cells)))


def _cell_row(group: CellGroup, flags: Sequence[str]) -> tuple[str, ...]:
    cell = group.cells[0]
    marks = ",".join(str(flags.index(flag) + 1) for flag in cell_remarks(cell))
    return (
        f"{group.numbers} {group.times}".rstrip(),
        cell.kind.removesuffix("ition").removesuffix("enation"),
        str(cell.depth),
        _widths(cell.widths),
        f"{cell.links} of {cell.possible_links}",
        format_density(cell.density),
        format_mass(cell.mass),
        *([marks] if flags else []),
        group.place,
    )


def _widths(widths: Sequence[int]) -> str:
    """All of a few, the range of many."""
    if len(set(widths)) == 1:
        return str(widths[0])
    return "-".join(map(str, widths)) if len(widths) < 5 else f"{min(widths)}..{max(widths)}"

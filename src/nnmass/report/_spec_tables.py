"""What follows from descriptions alone, as tables: a network, and its cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnmass.report._numbers import format_count, format_density, format_mass
from nnmass.report._table import Column, Table
from nnmass.topology import AnyCell, Cell, DenseBlock, network_degree, network_density

if TYPE_CHECKING:
    from nnmass.specs import Spec


def spec_table(spec: Spec) -> Table:
    """Mass, density, degree and costs of a network in one row.

    Example:
        >>> import nnmass
        >>> spec_table(nnmass.parse("dense-mlp(w=8,d=16,t=8)")).rows[0][:3]
        ('dense-mlp(w=8,d=16,t=8)', '17.07', '0.133')
    """
    degree = network_degree(spec.cells)
    columns = ("NN-Mass", "density", "degree", "params", "MACs")
    row = (
        str(spec),
        format_mass(spec.mass),
        format_density(network_density(spec.cells)),
        f"{degree.exact:.2f}" if degree else "-",
        format_count(spec.params),
        format_count(spec.macs),
    )
    return Table((Column("network", "left"), *map(Column, columns)), (row,))


def spec_cells_table(cells: Sequence[AnyCell]) -> Table:
    """One row a cell: shape, links, density, mass, and the degree where it has one.

    Example:
        >>> spec_cells_table([Cell(width=8, depth=16, link_cap=8)]).rows
        (('0', '16', '8', '8', '112 of 840', '0.133', '17.07', '14.50'),)
    """
    names = ("cell", "depth", "width", "link cap", "links", "density", "NN-Mass", "degree")
    rows = tuple((str(index), *_row(cell)) for index, cell in enumerate(cells))
    return Table(tuple(map(Column, names)), rows)


def _row(cell: AnyCell) -> tuple[str, ...]:
    links = f"{cell.links} of {cell.possible_links}"
    numbers = (links, format_density(cell.density), format_mass(cell.mass))
    if isinstance(cell, Cell):
        shape = (str(cell.depth), str(cell.width), str(cell.link_cap))
        return (*shape, *numbers, f"{cell.average_degree.exact:.2f}")
    if isinstance(cell, DenseBlock):
        layer = f"({cell.inner}-{cell.growth})" if cell.has_bottleneck else f"{cell.growth}"
        widths = f"{cell.inputs} + {cell.layers} x {layer}"
        return (str(cell.depth), widths, "-", *numbers, "-")
    return (str(len(cell.widths) - 1), "-".join(map(str, cell.widths)), "-", *numbers, "-")

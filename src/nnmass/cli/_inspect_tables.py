"""Inspected networks as tables for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nnmass.cli._output import emit_line, emit_table

if TYPE_CHECKING:
    from nnmass.report import CellGroup
    from nnmass.tracing import Topology


def emit_networks(topologies: Sequence[Topology]) -> None:
    """One row a network: mass, with what it costs beside it."""
    from nnmass.report import Column, Table, format_count, format_density, format_mass

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
    emit_table(Table(columns, rows))


def emit_cells(topology: Topology) -> None:
    """One row a cell, equal cells in a row taken together; the flags in full below."""
    from nnmass.report import Column, Table, cell_groups, cell_remarks

    flags = list(dict.fromkeys(flag for cell in topology.cells for flag in cell_remarks(cell)))
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
    rows = tuple(_cell_row(group, flags) for group in cell_groups(topology.cells))
    emit_line()
    emit_table(Table(columns, rows))
    for rank, flag in enumerate(flags, start=1):
        emit_line(f"flag {rank}: {flag}")


def _cell_row(group: CellGroup, flags: Sequence[str]) -> tuple[str, ...]:
    from nnmass.report import cell_remarks, format_density, format_mass

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


def emit_notes(topology: Topology) -> None:
    """What a reader of the numbers must know, in full."""
    if topology.notes:
        emit_line()
    for note in topology.notes:
        emit_line(f"note: {note}")


def emit_modules(topology: Topology, *, level: int) -> None:
    """MACs by module, ``level`` levels down, in the order of the first call."""
    parts = dict[str, int]()
    for path, macs in topology.count.by_module.items():
        part = ".".join(path.split(".")[:level])
        parts[part] = parts.get(part, 0) + macs
    named = {part or "(the network itself)": macs for part, macs in parts.items()}
    _emit_shares(f"{topology.name}: MACs by module", "module", named, topology.macs)


def emit_kinds(topology: Topology) -> None:
    """Operations by kind: the headline, the others, and those without a count."""
    count, name = topology.count, topology.name
    _emit_shares(f"{name}: MACs by kind", "kind", count.by_kind, count.macs)
    if count.other:
        _emit_counts(f"{name}: other operations, not in MACs", ("kind", "results"), count.other)
    if count.uncounted:
        _emit_counts(f"{name}: not counted", ("operation", "calls"), count.uncounted)


def _emit_shares(title: str, what: str, numbers: Mapping[str, int], total: int) -> None:
    from nnmass.report import Column, Table, format_count, format_percent

    rows = tuple(
        (name, format_count(number), format_percent(number / total if total else 0.0))
        for name, number in numbers.items()
    )
    emit_line()
    emit_table(Table((Column(what, "left"), Column("MACs"), Column("share")), rows, title))


def _emit_counts(title: str, names: tuple[str, str], numbers: Mapping[str, int]) -> None:
    from nnmass.report import Column, Table, format_count

    rows = tuple((name, format_count(number)) for name, number in numbers.items())
    emit_line()
    emit_table(Table((Column(names[0], "left"), Column(names[1])), rows, title))

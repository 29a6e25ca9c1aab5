"""Inspected networks as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nnmass.cli._output import emit_line, emit_table

if TYPE_CHECKING:
    from nnmass.tracing import Topology


def emit_networks(topologies: Sequence[Topology]) -> None:
    """One row a network: mass, with what it costs beside it."""
    from nnmass.report import topologies_table

    emit_table(topologies_table(topologies))


def emit_cells(topology: Topology) -> None:
    """One row a cell, equal cells in a row taken together; the flags in full below."""
    from nnmass.report import cell_flags, cells_table

    emit_line()
    emit_table(cells_table(topology))
    for rank, flag in enumerate(cell_flags(topology), start=1):
        emit_line(f"flag {rank}: {flag}")


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

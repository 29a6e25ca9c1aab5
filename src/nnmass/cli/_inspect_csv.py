"""Inspected networks as comma-separated values, one row each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnmass.cli._inspection import Inspection

if TYPE_CHECKING:
    from nnmass.tracing import Topology

COLUMNS = (
    "name", "mass", "mass_without_projections", "log_mass", "density", "params", "macs", "depth",
    "cells", "flagged_cells", "notes", "seconds", "error",
)  # fmt: skip


def csv_text(done: Sequence[Inspection]) -> str:
    """The table, with a header; numbers at full precision, what is not known left empty."""
    from nnmass.report import Column, Table

    columns = tuple(Column(name) for name in COLUMNS)
    return Table(columns, tuple(_row(entry) for entry in done)).to_csv()


def _row(entry: Inspection) -> tuple[str, ...]:
    seconds, error = f"{entry.seconds:.4f}", str(entry.error or "")
    numbers = ("",) * 10 if entry.topology is None else _numbers(entry.topology)
    return (entry.name, *numbers, seconds, error)


def _numbers(topology: Topology) -> tuple[str, ...]:
    from nnmass.report import cell_remarks

    mass = topology.mass
    return (
        _number(mass),
        _number(topology.mass_without_projections),
        _number(math.log(mass)) if mass > 0 else "",
        _number(topology.density) if topology.is_read else "",
        str(topology.params),
        str(topology.macs),
        str(topology.depth),
        str(len(topology.cells)),
        str(sum(1 for cell in topology.cells if cell_remarks(cell))),
        " | ".join(topology.notes),
    )


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else ""

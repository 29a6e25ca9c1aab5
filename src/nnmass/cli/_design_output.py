"""Designed networks as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnmass.cli._errors import say
from nnmass.cli._output import emit_line, emit_table

if TYPE_CHECKING:
    from nnmass.cli._design_search import Designed


def emit_design(designed: Designed) -> None:
    """The table, what was proven within which limits, and what a reader must know."""
    from nnmass.report import are_short, design_table, flag_lines, front_table

    found = designed.candidates
    if designed.front is not None:
        emit_table(design_table(designed.front))
    elif designed.pareto is not None:
        emit_table(front_table(designed.pareto))
    for line in flag_lines(found):
        emit_line(line)
    if are_short([one.spec for one in found]):
        emit_line()
        for rank, one in enumerate(found, start=1):
            emit_line(f"{rank}: {one.spec}")
    emit_line()
    for line in _claims(designed):
        emit_line(line)
    for note in designed.notes:
        say(f"note: {note}")


def _claims(designed: Designed) -> list[str]:
    from nnmass.report import (
        design_claim,
        design_limits,
        front_claim,
        front_limits,
        latency_line,
    )

    lines = list[str]()
    if designed.front is not None:
        lines += [design_claim(designed.front), design_limits(designed.front)]
    elif designed.pareto is not None:
        lines += [front_claim(designed.pareto), front_limits(designed.pareto)]
    if designed.table is not None and designed.table.checks:
        lines.append(latency_line(designed.table.error))
    return [line for line in lines if line]

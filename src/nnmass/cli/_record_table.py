"""The record of a training as a table of one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnmass.cli._output import emit_table

if TYPE_CHECKING:
    from nnmass.runs import RunRecord


def emit_record(record: RunRecord) -> None:
    """Show sizes, accuracies and time."""
    from nnmass.report import record_table

    emit_table(record_table(record))

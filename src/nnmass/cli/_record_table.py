"""The record of a training as a table of one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnmass.cli._output import emit_table

if TYPE_CHECKING:
    from nnmass.runs import RunRecord


def emit_record(record: RunRecord) -> None:
    """Show sizes, accuracies and time."""
    from nnmass.report import Column, Table, format_count, format_percent

    names = ("NN-Mass", "params", "MACs", "best epoch", "validation", "test", "test, last", "time")
    row = (
        record.spec,
        "-" if record.mass is None else f"{record.mass:.2f}",
        format_count(record.params),
        format_count(record.macs),
        f"{record.best_epoch} of {record.epochs_done}",
        format_percent(record.validation_accuracy or 0.0),
        format_percent(record.test_accuracy or 0.0),
        format_percent(record.last_test_accuracy or 0.0),
        f"{record.train_seconds:.1f} s",
    )
    columns = (Column(name="network", align="left"), *(Column(name=name) for name in names))
    emit_table(Table(columns=columns, rows=(row,)))

"""One training as a page: its record and its curve."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from nnmass.report._curves import Series
from nnmass.report._document import Figure, Report, Section
from nnmass.report._figures import curves_figure
from nnmass.report._numbers import format_count, format_percent
from nnmass.report._table import Column, Table

if TYPE_CHECKING:
    from nnmass.runs import RunRecord

Curve = Sequence[Mapping[str, float]]
"""A point for each epoch, as `nnmass.runs` stores them."""


def record_table(record: RunRecord) -> Table:
    """Sizes, accuracies and time of one training, in one row."""
    names = ("NN-Mass", "params", "MACs", "best epoch", "validation", "test", "test, last", "time")
    row = (
        record.spec,
        "-" if record.mass is None else f"{record.mass:.2f}",
        format_count(record.params),
        format_count(record.macs),
        f"{'-' if record.best_epoch is None else record.best_epoch} of {record.epochs_done}",
        *map(_share, (record.validation_accuracy, record.test_accuracy, record.last_test_accuracy)),
        f"{record.train_seconds:.1f} s",
    )
    return Table((Column("network", "left"), *(Column(name) for name in names)), (row,))


def _share(accuracy: float | None) -> str:
    return format_percent(math.nan if accuracy is None else accuracy)


def report_training(record: RunRecord, curve: Curve = ()) -> Report:
    """A training, finished or not, as a page.

    Args:
        record: From `nnmass.train.train`, or of a run's folder.
        curve: Its epochs, to be drawn.
    """
    recipe = ", ".join(f"{key} {value}" for key, value in record.recipe.items())
    sizes = ", ".join(f"{count:,} {part}" for part, count in record.sizes.items())
    return Report(
        title=f"Training of {record.spec}",
        answer=_answer(record),
        sections=(
            Section("The run", figures=tuple(_figures(curve)), tables=(record_table(record),)),
        ),
        provenance={
            "data": f"{record.dataset}: {sizes}",
            "recipe": recipe,
            "seed": str(record.seed),
            **record.environment,
        },
    )


def _answer(record: RunRecord) -> str:
    if record.test_accuracy is None:
        return f"{record.spec} is still in training: {record.epochs_done} epochs are done."
    return (
        f"{record.spec} reaches {format_percent(record.test_accuracy)} on the test images of "
        f"{record.dataset}, with the weights of epoch {record.best_epoch} of {record.epochs_done}."
    )


def _figures(curve: Curve) -> Iterator[Figure]:
    points = [point for point in curve if "validation_accuracy" in point]
    if not points:
        return
    series = Series(
        "validation",
        "",
        [point["epoch"] for point in points],
        [100 * point["validation_accuracy"] for point in points],
    )
    yield curves_figure(
        [series],
        "Validation accuracy after every epoch.",
        x_label="epoch",
        y_label="validation accuracy, %",
        title="Validation accuracy",
    )

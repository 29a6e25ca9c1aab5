"""Results of a network that holds several: one for each level, and their mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from nnmass.runs import RunRecord
from nnmass.train._checkpoint import Point
from nnmass.train._objective import Figures

Results = Mapping[str, tuple[float, float]]
"""Loss and accuracy of each level by its name."""


def mean_of(results: Results) -> tuple[float, float]:
    """Mean loss and mean accuracy over the levels.

    Example:
        >>> mean_of({"full": (1.0, 0.5), "half": (2.0, 0.25)})
        (1.5, 0.375)
    """
    losses, accuracies = zip(*results.values(), strict=True)
    return sum(losses) / len(losses), sum(accuracies) / len(accuracies)


def level_figures(results: Results, part: str) -> Point:
    """The levels' own numbers for a point of the curve; none of a network without levels.

    Example:
        >>> level_figures({"half": (2.0, 0.25)}, "validation")
        {'validation_loss/half': 2.0, 'validation_accuracy/half': 0.25}
    """
    point: Point = {}
    for name, (loss, accuracy) in results.items():
        if name:
            point |= {f"{part}_loss/{name}": loss, f"{part}_accuracy/{name}": accuracy}
    return point


def with_validation(levels: Mapping[str, Figures], best: Point | None) -> dict[str, Figures]:
    """The levels with the validation accuracy of each at the best epoch."""
    return {
        name: {
            **figures,
            "validation_accuracy": best[f"validation_accuracy/{name}"] if best else None,
        }
        for name, figures in levels.items()
    }


def with_test_levels(record: RunRecord, *, best: Results, last: Results) -> RunRecord:
    """The record with the test accuracies of every level: best weights and last ones."""
    levels = {
        name: {**figures, "test_accuracy": best[name][1], "last_test_accuracy": last[name][1]}
        for name, figures in record.levels.items()
    }
    return replace(record, levels=levels)

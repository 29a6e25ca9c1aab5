"""Drawings with their numbers beside them, so that a page can show either."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnmass.report._chart import curves_chart, ranges_chart, scatter_chart
from nnmass.report._curves import Series, curves
from nnmass.report._document import Figure
from nnmass.report._ranges import Range, ranges
from nnmass.report._scatter import Point, scatter


def scatter_figure(points: Sequence[Point], caption: str, **names: Any) -> Figure:
    """`scatter` and its numbers; ``names`` are its arguments.

    Args:
        points: The marks.
        caption: What the reader should see in it.
        **names: The labels and choices of `scatter`.

    Raises:
        SpecError: As `scatter`.
    """
    return Figure(scatter(points, **names), caption, scatter_chart(points, **names))


def curves_figure(series: Sequence[Series], caption: str, **names: Any) -> Figure:
    """`curves` and its numbers; ``names`` are its arguments.

    Args:
        series: The lines.
        caption: What the reader should see in it.
        **names: The labels and choices of `curves`.

    Raises:
        SpecError: As `curves`.
    """
    return Figure(curves(series, **names), caption, curves_chart(series, **names))


def ranges_figure(rows: Sequence[Range], caption: str, **names: Any) -> Figure:
    """`ranges` and its numbers; ``names`` are its arguments.

    Args:
        rows: The intervals.
        caption: What the reader should see in it.
        **names: The labels of `ranges`.

    Raises:
        SpecError: As `ranges`.
    """
    return Figure(ranges(rows, **names), caption, ranges_chart(rows, **names))

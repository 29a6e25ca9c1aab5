"""What lies between a proven low end and a found high end, a line for each row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnmass.errors import SpecError
from nnmass.report._axis import Axis, short
from nnmass.report._fold import clean, fold
from nnmass.report._plot import LEFT, WIDTH
from nnmass.report._svg import (
    LINE_HEIGHT,
    drawing,
    element,
    escape,
    text_lines,
    text_width,
    title_of,
)

_ROW, _TOP, _BELOW = 26.0, 66.0, 54.0
_LABEL_COLUMNS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """One row: the truth lies at ``low`` or above, and at ``high`` or below.

    Attributes:
        label: Stands on the left.
        low: A finite number of at least 0; ``None`` if nothing up to any number is enough.
        high: At least ``low``; ``None`` if none was found.

    Raises:
        SpecError: A number is negative or not finite, or ``low`` lies above ``high``.
    """

    label: str
    low: float | None
    high: float | None

    def __post_init__(self) -> None:
        """Check the order."""
        given = [value for value in (self.low, self.high) if value is not None]
        if any(not (math.isfinite(value) and value >= 0) for value in given):
            raise SpecError(f"Range {self.label!r} needs finite numbers of at least 0, got {given}")
        if len(given) == 2 and given[0] > given[1]:
            raise SpecError(f"Range {self.label!r} has low {self.low} above high {self.high}")


def ranges(
    rows: Sequence[Range], *, x_label: str, title: str, low_name: str, high_name: str
) -> str:
    """Intervals of whole numbers on one logarithmic axis, as inline SVG.

    Args:
        rows: At least one with a number.
        x_label: Name and unit of x.
        title: Stands above, and names the drawing for screen readers.
        low_name: What the low end is, for the legend.
        high_name: What the high end is.

    Raises:
        SpecError: There is nothing to draw.

    Example:
        >>> row = Range(label="class 0", low=3, high=20)
        >>> svg = ranges([row], x_label="x", title="t", low_name="floor", high_name="found")
        >>> svg.count("<circle"), svg.count("<rect")
        (2, 2)
    """
    values = [v for row in rows for v in (row.low, row.high) if v is not None]
    if not values:
        raise SpecError(f"ranges got {len(rows)} rows without a number: give at least one")
    texts = [fold(clean(row.label), _LABEL_COLUMNS) for row in rows]
    left = max(LEFT, 16 + max(text_width(line) for lines in texts for line in lines))
    axis = Axis.around([max(v, 1.0) for v in values], left, WIDTH - 90, name="Range", log=True)
    heights = [max(_ROW, LINE_HEIGHT * len(lines) + 8) for lines in texts]
    bottom = _TOP + sum(heights)
    parts = [element("text", escape(title), x=4, y=24, class_="title")]
    parts += _legend(left, low_name, high_name)
    for value, label in axis.ticks():
        x = axis.position(value)
        parts.append(element("line", x1=x, x2=x, y1=_TOP - 8, y2=bottom, class_="grid"))
        parts.append(text_lines([label], x, bottom + 18, class_="soft tick-x", anchor="middle"))
    middle = (left + WIDTH - 90) / 2
    parts.append(text_lines([x_label], middle, bottom + 40, class_="axis-name", anchor="middle"))
    top = _TOP
    for row, lines, height in zip(rows, texts, heights, strict=True):
        parts += _row(row, lines, axis, left=left, middle=top + height / 2)
        top += height
    summary = "; ".join(_told(row, low_name, high_name) for row in rows)
    return drawing(parts, width=WIDTH, height=bottom + _BELOW, title=title, summary=summary)


def _legend(left: float, low_name: str, high_name: str) -> list[str]:
    second = left + 34 + text_width(low_name)
    return [
        element("circle", cx=left + 6, cy=46, r=5, class_="mark f0"),
        text_lines([low_name], left + 18, 50, class_="legend"),
        element("rect", x=second, y=41, width=10, height=10, class_="mark f1"),
        text_lines([high_name], second + 18, 50, class_="legend"),
    ]


def _row(row: Range, lines: list[str], axis: Axis, *, left: float, middle: float) -> list[str]:
    first = middle + 4 - LINE_HEIGHT * (len(lines) - 1) / 2
    parts = [text_lines(lines, left - 12, first, anchor="end")]
    low, high = (None if v is None else axis.position(max(v, 1.0)) for v in (row.low, row.high))
    if low is not None:
        end = axis.end if high is None else high
        dash: dict[str, str | float] = {"stroke_dasharray": "2 4"} if high is None else {}
        parts.append(
            element("line", x1=low, x2=end, y1=middle, y2=middle, class_="line s6", **dash)
        )
        parts.append(
            element("circle", title_of(row.label), cx=low, cy=middle, r=5, class_="mark f0")
        )
    if high is not None:
        parts.append(
            element(
                "rect", title_of(row.label), x=high - 5, y=middle - 5, width=10, height=10,
                class_="mark f1",
            )
        )  # fmt: skip
    parts.append(text_lines([_numbers(row)], axis.end + 8, middle + 4, class_="soft"))
    return parts


def _numbers(row: Range) -> str:
    low = "none" if row.low is None else short(row.low)
    return f"{low} .. {'?' if row.high is None else short(row.high)}"


def _told(row: Range, low_name: str, high_name: str) -> str:
    low = "out of reach" if row.low is None else short(row.low)
    high = "not found" if row.high is None else short(row.high)
    return f"{row.label}: {low_name} {low}, {high_name} {high}"
